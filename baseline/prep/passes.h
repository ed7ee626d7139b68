/* What prep does, as a table. */
#ifndef PREP_PASSES_H
#define PREP_PASSES_H

#include "plan.h"

extern const struct pass passes[];
extern const size_t passes_count;

#endif
