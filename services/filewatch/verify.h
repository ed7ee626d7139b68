/* A tree compared with its baseline. */
#ifndef FILEWATCH_VERIFY_H
#define FILEWATCH_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "baseline.h"

struct strbuf;
struct throttle;

enum difference_kind {
	DIFFERENCE_ADDED,
	DIFFERENCE_REMOVED,
	DIFFERENCE_CHANGED,
	DIFFERENCE_UNREADABLE, /* nothing is known about it: not a mismatch */
	DIFFERENCE_UNSTABLE,   /* it changes while it is read, again and again */
};

struct difference {
	enum difference_kind kind;
	unsigned what;    /* of a changed one: enum what */
	int error;        /* of an unreadable one: errno */
	struct entry now; /* as found; of a removed one, and where nothing is known: the path */
	const struct entry *was; /* in the baseline; NULL: not in it */
};

/* What an earlier comparison knows of an entry: while its stat data stay the same, its
 * content is taken to be the same. */
struct memory {
	int64_t mtime, ctime, size;
	uint64_t dev, ino;
	bool good;
};

struct comparison {
	const struct baseline *baseline;
	int rootfd;
	const char *const *path; /* what to look at, NULL-terminated; NULL: what the baseline
				  * holds, and all below its directories */
	unsigned threads;        /* 0: as many as there are CPUs for us */
	struct throttle *throttle;
	struct memory *memory; /* one for each entry of the baseline, NULL: none */

	struct difference *difference; /* the result, sorted by path */
	size_t count;
};

/* Fills in the differences. Mount points themselves aren't compared, and a directory isn't
 * entered where something is mounted on it that the baseline knows nothing of. Returns 0, or -1
 * with errno where nothing could be compared or the throttle's stop was set. */
int compare(struct comparison *c);
void comparison_free(struct comparison *c);

/* How many there are of mismatches, and of what couldn't be looked at. */
void comparison_count(const struct comparison *c, size_t *mismatches, size_t *unknown);

/* "changed /etc/passwd: mode 0600, not 0644; content", without a newline. */
void difference_describe(struct strbuf *b, const struct difference *d);
void difference_json(struct strbuf *b, const struct difference *d);

/* Names the mismatches as a whole: 16 hex digits, the same for the same. */
void comparison_id(const struct comparison *c, char id[17]);

/* The baseline as it is once all mismatches are taken over. */
void comparison_accept(const struct comparison *c, struct baseline *out);

#endif
