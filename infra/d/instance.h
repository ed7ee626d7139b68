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

/* How it differs from what the settings say; all may be 0. */
struct instance_wish {
	const struct words *flags; /* of a command line */
	const struct words *cmd;   /* instead of its own */
	const char *image;         /* an id or name instead of the one that repo and tag name */
	pid_t owner; /* whom it is for: once that is gone, any later d removes it */
	bool wait;   /* until it is ready, also where it has no readiness to speak of */
	/* Puts data where its mounts say, or changes these. 0, or -1 after a message. */
	int (*fill)(struct app *a, struct container *c, void *arg);
	void *arg;
};

/* Starts one, with those that it shares namespaces with. An exit status; nothing is left on
 * failure. */
int instance_start(
    struct app *a, const struct place *p, const struct instance_wish *w, struct instance *out);

/* Runs a command about it in the container's directory, then removes it. The command's status,
 * or -1 after a message. */
int instance_around(
    struct app *a, const struct place *p, const struct words *cmd, const struct instance *i);

/* The words of a command that runs a file of tests in the container's directory. 0, or -1
 * after a message, also where it has none. */
int bats_words(const struct app *a, const struct place *p, const char *file, struct words *out);

/* Removes it with its network and volumes. An exit status. */
int instance_stop(struct app *a, const struct place *p);

/* The same, as verbs use them. */
int instance_start_one(struct app *a, const struct place *p);
int instance_stop_one(struct app *a, const struct place *p);

/* Removes those whose owner is gone. */
void instances_sweep(struct app *a);

/* "INSTANCE_NAME=…" lines for a shell about it: name, id, addresses, ports, volumes. */
void instance_print(const struct instance *i);

#endif
