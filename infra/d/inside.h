/* Reaching into containers, and starting them otherwise than their settings say. */
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

/* Options of a verb, and --KEY VALUE for every key of settings.yaml behind them. */
enum { KEYS_MAX = 64, OWN_MAX = 8 };
struct key_options {
	const char *value[KEYS_MAX];
	struct option_of option[OWN_MAX + KEYS_MAX + 1];
};

/* k must stay where it is while its options are in use. */
void key_options(struct key_options *k, const struct option_of *own);

/* Words "--KEY", "VALUE" of those that were given. */
void keys_given(const struct key_options *k, struct words *flags);

#endif
