/* What comes with a file that is kept, although no program names it. */
#ifndef PREP_FAMILIES_H
#define PREP_FAMILIES_H

#include "closure.h"

/* Keeps what comes with an entry: by a table of triggers, each with its reason. */
void families_of(struct closure *c, uint32_t i, const char *path);

#endif
