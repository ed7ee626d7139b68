/* A verb on several hosts, and what those missed that couldn't be reached. */
#ifndef WHITTLE_WAVES_H
#define WHITTLE_WAVES_H

#include "app.h"
#include "far.h"

/* What has to be there before the verb: an answer other than yes is that host's. */
typedef struct far_answer waves_before(
    struct app *a, const struct fleet_host *h, const void *arg);

/*
 * A question goes to all at once. What changes something goes to the first that is reached
 * alone, then to the others of its wave, then to the next wave; where one fails the waves
 * behind it are left alone. A "no" of what otherwise only asks is a finding, no failure. Who
 * can't be reached is passed over, and has it to be done: these words, or those of missed.
 * before and missed may be NULL. The worst exit status.
 */
int waves_run(struct app *a, const struct fleet *some, const struct words *words,
    waves_before *before, const void *arg, const struct words *missed);

/* The first word of what is missed where the rest is a verb on this host, which brings what
 * belongs to it. */
extern const char missed_here[];

/* By its name or an alias; NULL: there is none. */
const struct verb *verb_named(const struct app *a, const char *word);

/* Whether a verb with its options changes anything. */
bool verb_changes(const struct app *a, const struct words *words);

/* A host that wasn't reached has it to be done; one that did it no longer, nor what it undoes:
 * who was stopped since isn't started by what was missed before. */
enum missed_what { MISSED, DONE, STILL };
enum missed_what missed_what(const struct far_answer *answer);
void missed_note(struct app *a, const struct fleet_host *h, const struct words *words,
    enum missed_what what);

/* Nothing is to be done there any more; a damaged file of it is put aside. 0, or -1 after a
 * message. */
int missed_forget(struct app *a, const struct fleet_host *h);

/* Prints what they missed; false where that is nothing. */
bool missed_tell(struct app *a, const struct fleet *some);

/* What one missed, in the order in which it did. 0, or -1 after a message. */
struct words_list {
	struct words *v;
	size_t n;
};
int missed_by(struct app *a, const struct fleet_host *h, struct words_list *all);

/* Text from a host that somebody else may rule, so that it doesn't drive this one's terminal.
 */
const char *visible(const char *s);

#endif
