/* A container's description as files for something other than d to run it by. */
#ifndef WHITTLE_EXPORT_H
#define WHITTLE_EXPORT_H

#include "export_set.h"

/* Fills x->files. */
void export_all(struct export *x);

#endif
