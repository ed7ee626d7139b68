/* Composition files. */
#ifndef WHITTLE_IMPORT_COMPOSE_H
#define WHITTLE_IMPORT_COMPOSE_H

#include "import_set.h"

/*
 * Every service of a compose file, by name in messages as file says. Variables are put in from
 * the environment and from the file .env beside it. 0, or -1 after a message.
 */
int import_compose(struct import *im, const char *file, const char *bytes, size_t n);

#endif
