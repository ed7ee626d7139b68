/* The result that everything is served from: made by the watcher, then never changed. */
#ifndef FILEWATCH_STATUS_H
#define FILEWATCH_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "judge.h"

struct config;
struct rule;
struct strbuf;

/* In the order of the table: what needs a person comes first. */
enum state { STATE_FAIL, STATE_PENDING, STATE_GRACE, STATE_OK, STATE_SKIP, STATES };

/* How changes come to be known. */
enum how { HOW_EVENTS = 1, HOW_POLL = 2, HOW_BOTH = 3 };

enum { SHOWN_MAX = 20 };

/* What can be wrong with a rule as a whole. */
enum rule_finding {
	RULE_NOT_SCANNED = 1 << 0,
	RULE_NO_MATCH = 1 << 1,
	RULE_COUNT = 1 << 2,
	RULE_TROUBLE = 1 << 3, /* a directory can't be read */
	RULE_INTEGRITY = 1 << 4,
	RULE_UNVERIFIED = 1 << 5, /* integrity wasn't checked yet */
};

/* Times in a state that are over, the oldest first; as many as a day with trouble has. */
enum { SPELLS_MAX = 48 };

struct spell {
	int64_t from; /* ns */
	enum state state;
};

struct history {
	struct spell spell[SPELLS_MAX];
	size_t n;
};

struct bad_file {
	char *path;
	struct facts facts;
	uint32_t findings;
	int64_t since; /* ns */
};

struct rule_status {
	const struct rule *rule;
	enum state state;
	enum how how;
	int64_t since;     /* ns: in this state since */
	uint32_t findings; /* rule_finding */
	size_t files;      /* that match */
	size_t bad;        /* of them */
	int64_t oldest;    /* mtime of the oldest match in ns, 0: none */
	struct history past;
	char *trouble; /* for RULE_TROUBLE and RULE_INTEGRITY, NULL */
	struct bad_file *shown;
	size_t shown_count;
};

struct status {
	struct config *config;
	uint64_t generation;
	int64_t changed; /* ns: when a rule came to its state last */
	struct rule_status *rule;
	size_t rules;
	size_t by_state[STATES];
	int references;
};

const char *state_name(enum state s);
const char *how_name(enum how h);

/* Nothing needs a person. */
bool status_is_ok(const struct status *s);

/* Counts the states, and when the last of them changed; for when all rules are filled in. */
void status_finish(struct status *s);
struct status *status_hold(struct status *s);
void status_drop(struct status *s);

void rule_status_clear(struct rule_status *r);

/* A rule's state in words: "2 of 12 files: …"; empty where all is well. */
void status_describe(struct strbuf *b, const struct rule_status *r, int64_t now);

/* Pointers to the rules in the order of the table. The caller frees. */
const struct rule_status **status_sorted(const struct status *s);

#endif
