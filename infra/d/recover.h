/* Finishing or undoing what a run that was killed left. */
#ifndef WHITTLE_RECOVER_H
#define WHITTLE_RECOVER_H

#include "app.h"

/* One container's; its lock must be held. 0, or -1 after a message where that isn't possible.
 */
int recover(struct app *a, const struct place *p);

/* The same for every container whose lock is free. 0 or -1. */
int recover_all(struct app *a);

/* Names of those that wait for that; or a line to standard error for each. */
void recover_left(struct app *a, struct words *out);
void recover_tell(struct app *a);

#endif
