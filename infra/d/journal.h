/*
 * A transaction's journal, $WHITTLE_STATE/d/NAME/journal.json: the step that is about to be
 * done, and what a way back needs. Steps: begin, build, test, create, swap, stop, data, start,
 * wait, promote, finish; where the new container starts beside the old one: create, start,
 * wait, move, promote, finish. Before promote the way is back to the old container, from there
 * on it is forward.
 */
#ifndef WHITTLE_JOURNAL_H
#define WHITTLE_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>

#include "app.h"

struct journal {
	struct app *a;
	const struct place *place;
	const char *id;
	json_t *o;
};

/* Begins; -1 after a message. The container's lock must be held, by whoever begins. */
int journal_begin(struct app *a, const struct place *p, const char *verb, struct journal *out);

/* Reads what an earlier run left. 1, 0 where there is none, -1 after a message. */
int journal_open(struct app *a, const struct place *p, struct journal *out);

bool journal_is_there(const struct host *h, const char *name);

/* Whether what is under way, or was cut off, puts the data back where it fails. */
bool journal_may_restore(const struct host *h, const char *name);

int journal_step(struct journal *j, const char *step);
int journal_set(struct journal *j, const char *key, json_t *value);
int journal_end(struct journal *j);

/* Lets go of it; the file stays for a later run. */
void journal_close(struct journal *j);

/* A text that isn't empty; NULL where there is none. */
const char *journal_text(const struct journal *j, const char *key);
bool journal_true(const struct journal *j, const char *key);

#endif
