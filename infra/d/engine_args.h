/* From a description to the arguments of podman or docker. */
#ifndef WHITTLE_ENGINE_ARGS_H
#define WHITTLE_ENGINE_ARGS_H

#include <stdbool.h>

#include "container.h"
#include "pool.h"

struct engine;
struct identity;
struct image;

/* What is said of one start, beside what the settings say. */
struct start {
	const char *verb;           /* "create", or "run" */
	const char *name;           /* NULL: the description's */
	const char *image;          /* what to run: an id, or a reference */
	const struct image *facts;  /* what is known of that image; NULL: nothing */
	const struct identity *who; /* NULL: not known */
	struct pairs volumes;       /* of the engine's: path inside and name */
	const char *secrets;        /* their directory on the host; NULL: none */
	const struct container
	    *settings_of;        /* whose settings a label tells of; NULL: its own */
	const char *role;        /* labels; NULL: a service or a test */
	const char *transaction; /* NULL: without */
	const char *owner;
	bool detach, interactive, terminal; /* -d, -i, -t */
	bool shell;                         /* /bin/sh instead of what the image starts */
	const struct words *cmd;            /* instead of cmd and extra_init; NULL: those */
};

/* Why this engine can't do what is wanted, on one line; NULL where it can. */
const char *engine_refusal(const struct engine *e, const struct container *c);

/* Everything behind the engine's own name. */
void engine_args(struct words *out, const struct engine *e, const struct container *c,
    const struct start *s);

#endif
