/* Containers that live in another one's namespaces: they go and come with it. Their locks
 * must be held. */
#ifndef WHITTLE_SHARING_H
#define WHITTLE_SHARING_H

#include "app.h"

/* The names of containers that live in this one's namespaces: those that run, and those
 * that only stand in the way of its removal. 0, or -1 after a message. */
int sharing_with(
    struct app *a, const struct place *p, struct words *running, struct words *stopped);

/* Stops and removes a container whose namespaces are about to go; noted on disk where it is
 * to be started again. 0, or -1 after a message. */
int sharing_stop(struct app *a, const char *name, bool again);

/* Whether it was stopped so and not started since; and that it needn't be. */
bool sharing_pending(const struct host *h, const char *name);
int sharing_done(const struct host *h, const char *name);

#endif
