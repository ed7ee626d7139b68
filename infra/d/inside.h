/* Reaching into containers. */
#ifndef WHITTLE_INSIDE_H
#define WHITTLE_INSIDE_H

#include "app.h"

/* A container that runs: its description may be NULL. EXIT_YES, EXIT_NO after "doesn't
 * run", EXIT_TROUBLE after a message. */
int running(struct app *a, const struct place *p, struct container *c, struct seen *now);

/*
 * Rootless podman's containers belong to ids that only its user namespace may touch: runs
 * this very command again inside it. Returns false where that isn't needed, else true
 * with *status.
 */
bool again_unshared(struct app *a, int argc, char **argv, int *status);

#endif
