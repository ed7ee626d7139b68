/* Starting and stopping one container, as other verbs do it too. */
#ifndef WHITTLE_LIFE_H
#define WHITTLE_LIFE_H

#include "app.h"

enum up_how {
	UP_PLAIN,
	UP_RESTART,   /* anew, though it runs */
	UP_DEPENDENT, /* for another's sake: its lock is waited for */
};

/* Takes its lock and recovers what an earlier run left. The descriptor, or -1 after a
 * message. */
int lock_container(struct app *a, const struct place *p, bool for_another);

/* Starts it, what it needs first. An exit status. */
int up_one(struct app *a, const struct place *p, enum up_how how);

/* The same under its lock, with a description that isn't just the settings'. */
int up_described(struct app *a, const struct place *p, struct container *c, enum up_how how);

/* Stops it, those that share its namespaces first. An exit status. */
int down_one(struct app *a, const struct place *p);

/* Starts what a replacement stopped for another's sake. No lock may be held. */
void start_pending(struct app *a);

#endif
