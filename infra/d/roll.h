/* Bringing a container to an engine that replaces it by itself: what is asked of one, and what
 * comes of it. */
#ifndef WHITTLE_ROLL_H
#define WHITTLE_ROLL_H

#include "export_set.h"
#include "journal.h"

enum roll_end {
	ROLL_SAME,    /* it ran so already */
	ROLL_DONE,    /* it runs everywhere */
	ROLL_BACK,    /* it didn't, and what was before runs again, or none where none was */
	ROLL_OPEN,    /* it goes on, nobody waits: interrupted, or it can't be asked */
	ROLL_REFUSED, /* nothing was begun; after a message */
};

struct roll {
	const struct container *c;
	const struct image *image;
	bool again; /* every copy is replaced, though nothing changed */

	/* What comes out of it. */
	const char *why;   /* in words */
	bool image_failed; /* copies of it ran and ended, or were never healthy */
};

/* Whether nodes can get the image: by a digest that its settings name, or from this registry.
 * false after a message; where is the key of the host's settings. */
bool roll_reachable(
    const struct journal *j, const struct roll *r, const char *where, const char *registry);

/* Pushes it there unless its settings name a digest; what nodes pull it by. NULL after a
 * message.
 */
const char *roll_image(struct app *a, const struct roll *r, const char *registry, bool plain);

/* For plan, where it isn't the live image that runs: got is what was seen, -1 unknown, 0
 * nothing, 1 a service or Deployment of that image's ID, "" another's. */
const char *roll_todo(
    const struct container *c, const struct image *live, int got, const char *image_id);

/* What settings mean on a host and not there is said; -1 after a message where one of these
 * secures and rollout's lossy doesn't name it. */
int roll_losses(enum target to, const struct export_item *i);

#endif
