/* The plan applied, with the ledger beside it. */
#ifndef PREP_APPLY_H
#define PREP_APPLY_H

#include "ledger.h"
#include "plan.h"

struct outcome {
	unsigned long removed, modes, owners, edits;
};

/*
 * Does what the plan says, in its stages. What can't be done is reported and the rest
 * goes on; but no further where the ledger can't be written.
 */
void apply_plan(struct plan *p, struct ledger *l, struct outcome *o);

#endif
