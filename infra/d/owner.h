/* Whose a container is: d touches only what it made, or was told to take over. */
#ifndef WHITTLE_OWNER_H
#define WHITTLE_OWNER_H

#include "app.h"

/* Whether a container of that name may be replaced, stopped or removed; false after a
 * message that says who made it and what to do. */
bool owner_is_d(struct app *a, const struct place *p, const struct seen *now);

/* Takes a container over that somebody else made. 0, or -1 after a message. */
int owner_adopt(struct app *a, const struct place *p, const struct seen *now);

/* The adopted one is gone. */
void owner_forget(struct app *a, const struct place *p);

#endif
