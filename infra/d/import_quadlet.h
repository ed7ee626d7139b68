/* Units of podman's Quadlet as the command lines that they stand for. */
#ifndef WHITTLE_IMPORT_QUADLET_H
#define WHITTLE_IMPORT_QUADLET_H

#include "import_set.h"

/*
 * One .container unit, named in messages as file says; beside is the directory where .image
 * units stand. 0, or -1 after a message.
 */
int import_quadlet(struct import *im, const char *file, const char *text, const char *beside);

#endif
