/* Containers that live in another one's namespaces: they go and come with it. Their locks
 * must be held. */
#ifndef WHITTLE_SHARING_H
#define WHITTLE_SHARING_H

#include "app.h"

/* The names of containers that live in this one's namespaces: those that run, and those
 * that only stand in the way of its removal. 0, or -1 after a message. */
int sharing_with(
    struct app *a, const struct place *p, struct words *running, struct words *stopped);

enum sharing_again {
	SHARING_STAYS, /* stopped; it didn't run before */
	SHARING_BACK,  /* it is to be started again */
	SHARING_WITH   /* the same, as long as the other still runs: d down stops both */
};

/* Stops and removes a container whose namespaces, another's, are about to go; noted on disk
 * where it is to be started again. 0, or -1 after a message. */
int sharing_stop(struct app *a, const char *name, const char *other, enum sharing_again again);

/* Whether it was stopped so and not started since; whether it is still to be started, 1, 0, or
 * -1 where that can't be told; and that it needn't be. */
bool sharing_pending(const struct host *h, const char *name);
int sharing_wanted(struct app *a, const char *name);
int sharing_done(const struct host *h, const char *name);

#endif
