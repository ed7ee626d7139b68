/*
 * Putting a new container in an old one's place, as a transaction: whatever fails, or
 * whoever kills it, in the end there is the new one or the old one, never neither.
 *
 * The journal (state's journal.json) names the step that is about to be done and what a
 * way back needs. Its steps: build, test, create, swap, stop, start, wait, promote, finish.
 * Up to and with wait the way is back to the old container, from promote on it is forward.
 */
#ifndef WHITTLE_REPLACE_H
#define WHITTLE_REPLACE_H

#include <jansson.h>
#include <stdbool.h>

#include "app.h"

struct journal {
	struct app *a;
	const struct place *place;
	const char *id;
	json_t *o;
};

struct replacement {
	const char *verb; /* for journal and history: "upgrade", "restart", "up", "back" */
	const struct place *place;
	struct container *want;
	struct image image;   /* what is started, by its id */
	const char *settings; /* the text that want came from */
	int generation;       /* that it goes back to; 0: a new one */
	bool keep_failed;     /* what isn't ready stays, where nothing ran before */
	/* Moves the tags; NULL: they stay. 0, or -1 after a message. */
	int (*promote)(struct journal *j, const struct replacement *r);
};

/* Begins; -1 after a message. The container's lock must be held, by whoever begins. */
int journal_begin(struct app *a, const struct place *p, const char *verb, struct journal *out);
int journal_step(struct journal *j, const char *step);
int journal_set(struct journal *j, const char *key, json_t *value);
int journal_end(struct journal *j);

/* Ends it where nothing was put in place yet: a tag that a pull moved is moved back. */
int journal_drop(struct journal *j);

/* Does it all, from create to finish. The journal is over afterwards unless the old state
 * couldn't be had again. Returns EXIT_YES, EXIT_NO (failed, all is as it was), or
 * EXIT_TROUBLE. why gets the reason. */
int replace(struct journal *j, struct replacement *r, const char **why);

/* Finishes or undoes what an earlier run left; its lock must be held. 0, or -1 after a
 * message where that can't be had. */
int recover(struct app *a, const struct place *p);

/* The same for every container whose lock is free, before a verb. 0 or -1. */
int recover_all(struct app *a);

/* One line about a step: "  START     filewatch"; on standard error once an answer is to
 * go to standard output. */
void say_on_stderr(void);
void say(const char *step, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
