/* The other hosts: hosts in the host's settings. */
#ifndef WHITTLE_FLEET_H
#define WHITTLE_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "container.h"
#include "pool.h"

struct settings;

struct fleet_host {
	const char *name;
	const char *ssh;      /* as ssh(1) takes it: [USER@]HOST */
	struct words options; /* further arguments of ssh's */
	const char *state;    /* WHITTLE_STATE there; NULL: what d finds there by itself */
	const char *engine;   /* WHITTLE_ENGINE there; NULL: the same */
	struct words labels;
	int64_t wave;         /* a change goes to those of a lower one before */
	struct pairs env;     /* further variables for d there */
	const char *registry; /* by which images go there, HOST[:PORT]/PATH; NULL: by ssh */
	bool plain;           /* it is spoken to without TLS */
};

struct fleet {
	struct fleet_host *v;
	size_t n;
};

/* Reads the key hosts of a settings file. Wrong values are counted in s->errors; a host of a
 * name that there is already is replaced. */
void fleet_read(struct settings *s, struct fleet *out);

/* The one of that name; NULL where there is none. */
const struct fleet_host *fleet_host(const struct fleet *f, const char *name);

/* Those that a name or a label means, NULL: all, by their waves and then in the order in which
 * they are written; false where it is neither. */
bool fleet_pick(const struct fleet *f, const char *word, struct fleet *out);

#endif
