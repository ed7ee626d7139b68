/* A new image in the old one's place. */
#ifndef WHITTLE_UPGRADE_H
#define WHITTLE_UPGRADE_H

#include "app.h"

enum { EXIT_PUT_OFF = 75 };

/*
 * Builds, tests, puts in place, promotes. force: a quarantined image too, and though
 * nothing changed. keep_down: what doesn't run and isn't started by itself is promoted,
 * not started. given: that image, which was built and tested elsewhere; NULL: none. What runs
 * on other hosts is promoted here and brought to them. due: a job that has its data puts it
 * off. An exit status, EXIT_PUT_OFF for that.
 */
int upgrade_one(struct app *a, const struct place *p, bool force, bool keep_down, bool due,
    const char *given);

#endif
