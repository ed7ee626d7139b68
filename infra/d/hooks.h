/* Commands of the user's own at certain points of a replacement, each of which may refuse. */
#ifndef WHITTLE_HOOKS_H
#define WHITTLE_HOOKS_H

#include "app.h"

/*
 * Runs what the settings have for that point, inside the container with that id or on the host.
 * verb is what d is about to do. Returns 0, also where there is nothing to run, or -1 with the
 * reason: it failed or took too long.
 */
int hook_run(struct app *a, const struct container *c, enum hook_point point, const char *id,
    const char *verb, const char **why);

/* "before_stop (inside): flush --all", for people; NULL where there is none. */
const char *hook_text(const struct container *c, enum hook_point point);

#endif
