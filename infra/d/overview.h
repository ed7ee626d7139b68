/* What there is to say about each container at once: as the engine has it, and whether that is
 * what is meant. */
#ifndef WHITTLE_OVERVIEW_H
#define WHITTLE_OVERVIEW_H

#include <stdint.h>
#include <time.h>

#include "app.h"

struct overview {
	const struct place *place;
	const struct container
	    *c;                   /* NULL: its settings are wrong; then there is only a state */
	const struct seen *now;   /* NULL: there is no such container */
	const struct seen *front; /* what listens for it: itself, or its relay */
	const struct image *live; /* what would be started; NULL: none */
	time_t live_since;
	const char *state;  /* the engine's; "-", "settings?", "changing", "cut off" */
	const char *health; /* NULL: it isn't known */
	enum { LIVE_YES, LIVE_NO, LIVE_NONE, LIVE_DOWN } is_live; /* whether that runs */
	int64_t memory;                                           /* bytes; -1: not known */
	/* It is as it should be; it runs, and something else would be started now; it should
	 * run, or isn't well; nobody asks for it. */
	enum { MOOD_GOOD, MOOD_WARN, MOOD_BAD, MOOD_PLAIN } mood;
};

extern const char *const live_words[];

/* Of every container; their number, or -1 after a message. */
int overview_all(struct app *a, struct overview **out);

#endif
