/* What a Dockerfile starts from. */
#ifndef WHITTLE_BASES_H
#define WHITTLE_BASES_H

#include "app.h"

/* Names of containers whose images the Dockerfile starts from, or of the base's directory. */
void base_names(const struct app *a, const struct place *p, struct words *out);

#endif
