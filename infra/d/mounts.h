/*
 * The file systems that a container's data is on. A database that starts before its disk is
 * mounted finds an empty directory and begins anew; so d remembers, at each start, which mount
 * a source was on, and starts nothing while that one isn't mounted.
 */
#ifndef WHITTLE_MOUNTS_H
#define WHITTLE_MOUNTS_H

#include "app.h"

/* The sources on the host of all its mounts and vols, absolute, each once. */
void mounts_sources(const struct container *c, struct words *out);

/* Whether something is mounted at exactly that path. */
bool mounts_at(const char *path);

/* Whether every mount that needs_mount names is there, waited for as long as it says; without
 * needs_mount, every one that it was on. 0, or -1 after a message. */
int mounts_check(struct app *a, const struct container *c);

/* What its sources are on now is what counts from here on. 0, or -1 after a message. */
int mounts_remember(struct app *a, const struct container *c);

#endif
