/* One verb for many containers: what they need first, then wave by wave, in parallel. */
#ifndef WHITTLE_SCHEDULE_H
#define WHITTLE_SCHEDULE_H

#include "app.h"

enum pick_which { PICK_ALL, PICK_AUTOSTART, PICK_RUNNING, PICK_BUILDABLE, PICK_TESTABLE };

/*
 * Runs "d VERB NAME" for each, at most host.parallel at once. A container waits for those
 * that it needs, or is built from; where one of these fails, it is left out. Waves only
 * set the order. "down" goes the other way round. Shows what is under way on a terminal,
 * a line for each that ended, the end of the output of what failed, and a summary.
 * Returns EXIT_YES, EXIT_NO where one failed or was left out, EXIT_TROUBLE.
 */
int schedule_verb(struct app *a, const char *verb, enum pick_which which);

#endif
