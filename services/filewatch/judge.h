/* Whether a file is as its rule says, and until when. Nothing here looks at files. */
#ifndef FILEWATCH_JUDGE_H
#define FILEWATCH_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "who.h"

struct rule;
struct search;
struct strbuf;

/* What a look at a file brought. */
struct facts {
	int error;     /* errno of a look that failed; then nothing else holds */
	uint32_t mode; /* st_mode */
	uint32_t uid, gid;
	int64_t size, mtime; /* ns */
	uint64_t dev, ino;
	struct writer writer; /* filled in when it is told of */
	int search_error;     /* errno of a search that failed */
	const char
	    *obstacle; /* why text can't be looked for in it, see search_obstacle(); NULL */
	bool unlinked; /* a file that is mounted, and that has no name where it comes from */
	bool dir_has_entries;
};

/* What can be wrong with a file; a set of bits. */
enum finding {
	FINDING_UNREADABLE = 1 << 0,
	FINDING_TOO_OLD = 1 << 1,
	FINDING_TOO_NEW = 1 << 2,
	FINDING_FUTURE = 1 << 3,
	FINDING_NOT_EMPTY = 1 << 4,
	FINDING_KIND = 1 << 5, /* a directory where a file is meant, and the like */
	FINDING_TEXT = 1 << 6,
	FINDING_NO_TEXT = 1 << 7,
	FINDING_SIZE = 1 << 8,
	FINDING_OWNER = 1 << 9,
	FINDING_MODE = 1 << 10,
	FINDING_PENDING = 1 << 11, /* not all of it was looked at yet */
	FINDING_STALE =
	    1 << 12, /* another file has taken its place, where it is mounted from */
	FINDING_CLOCK = 1 << 13, /* a time in the future, by a clock that may not be set yet */
	FINDINGS_END = 1 << 14,
};

/* A clock may differ this much from that of the machine which wrote the file. */
#define FUTURE_TOLERANCE INT64_C(10000000000)
#define NEVER            INT64_MAX

/* These say that nothing is known yet, not that something is wrong. */
#define FINDINGS_WAIT (FINDING_PENDING | FINDING_CLOCK)

/* search is NULL where the rule looks for no text. *next: when another answer comes by
 * time alone, in ns since 1970, or NEVER. */
uint32_t judge(const struct rule *r, const struct facts *f, const struct search *search,
    int64_t now, int64_t *next);

/* The findings in words: "3 h old, at most 2 h; mode 0666, not 0644". */
void judge_describe(struct strbuf *b, const struct rule *r, const struct facts *f,
    uint32_t findings, int64_t now);

#endif
