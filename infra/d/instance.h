/* Test instances: a container of :latest beside production, with its test settings. */
#ifndef WHITTLE_INSTANCE_H
#define WHITTLE_INSTANCE_H

#include "app.h"

struct instance {
	struct container c;
	struct image image;
	struct seen seen;
	const char *volumes; /* its temporary base */
};

/*
 * Starts one, with those that it shares namespaces with. flags: of a command line, may be
 * NULL. cmd: instead of its own, may be NULL. image: an id or name instead of the one that
 * repo and tag name; NULL: that. owner: the process that it is for; when that is gone, any
 * later d removes the instance (0: nobody). Waits until it is ready unless it has no
 * readiness to speak of and `wait` isn't set. An exit status; nothing is left on failure.
 */
int instance_start(struct app *a, const struct place *p, const struct words *flags,
    const struct words *cmd, const char *image, pid_t owner, bool wait, struct instance *out);

/* Removes it with its network and volumes. An exit status. */
int instance_stop(struct app *a, const struct place *p);

/* The same, as verbs use them. */
int instance_start_one(struct app *a, const struct place *p);
int instance_stop_one(struct app *a, const struct place *p);

/* Removes those whose owner is gone. */
void instances_sweep(struct app *a);

/* "INSTANCE_NAME=…" lines for a shell about it: name, id, addresses, ports, volumes. */
void instance_print(const struct instance *i);
/* The same as environment variables INSTANCE_…. */
void instance_export(const struct instance *i);

#endif
