/* Starting and stopping one container, as other verbs do it too. */
#ifndef WHITTLE_LIFE_H
#define WHITTLE_LIFE_H

#include "app.h"

enum up_how {
	UP_PLAIN,
	UP_RESTART,   /* anew, though it runs */
	UP_DEPENDENT, /* for another's sake: its lock is waited for */
};

/* Starts it, what it needs first. An exit status. */
int up_one(struct app *a, const struct place *p, enum up_how how);

/* The same with a description that isn't just the settings'. */
int up_described(struct app *a, const struct place *p, struct container *c, enum up_how how);

/* Stops it, those that share its namespaces first. An exit status. */
int down_one(struct app *a, const struct place *p);

/* Starts what a replacement stopped for another's sake, once no lock is held. Returns
 * status, or EXIT_NO where that was EXIT_YES and one couldn't be started. */
int start_pending(struct app *a, int status);

#endif
