/* The rule carve: removes what the list of kept files neither names nor needs. */
#ifndef PREP_CARVE_H
#define PREP_CARVE_H

#include "closure.h"
#include "ledger.h"
#include "plan.h"

/* Passes. Does nothing without a list. */
void carve(struct plan *p);

/* Writes one line for everything that is kept, and why. Returns 0, or -1 with errno. */
int carve_record(struct plan *p, struct ledger *l);

void carve_free(struct plan *p);

#endif
