/* Commands of a container that are run now and then. */
#ifndef WHITTLE_JOBS_H
#define WHITTLE_JOBS_H

#include <time.h>

#include "app.h"

/* Its job of that name; NULL after a message. */
const struct job_spec *job_find(const struct container *c, const char *name);

/* When it ran last, 0 for never; noted as now where it is new and nothing is known of it, so
 * that its first time is the next one. */
time_t job_last(struct app *a, const struct container *c, const struct job_spec *job);
void job_note_new(struct app *a, const struct container *c, const struct job_spec *job);

/*
 * Runs it and waits for its end; never twice at once. only_due: it isn't run where another d
 * has just done so. An exit status: EXIT_NO where it failed, took too long, or runs already.
 */
int job_run(struct app *a, const struct place *p, struct container *c,
    const struct job_spec *job, bool only_due);

/* Those that have its data in containers of their own: as these settings say, and what runs so
 * by others, which has another name by now, or none. */
void jobs_fresh(struct app *a, const struct container *c, struct words *names);

/* Ends what jobs left behind whose d was killed. */
void jobs_sweep(struct app *a);

#endif
