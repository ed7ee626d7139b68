/* A shift under way, which shift.c decides about, pass.c carries through the tree and replay.c
 * through the journal. */
#ifndef IDMAP_SHIFT_STATE_H
#define IDMAP_SHIFT_STATE_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "change.h"
#include "convert.h"
#include "idmap.h"
#include "journal.h"
#include "strbuf.h"
#include "sweep.h"

enum { ASIDE_MAX = 256, EXAMPLES_MAX = 5, REFUSALS_MAX = 20 };

/* Counted by each worker for itself, added up for people. */
struct counts {
	unsigned long seen, changed, acls, capabilities, set_ids;
} __attribute__((aligned(64)));

struct worker {
	struct counts counts;
	struct change_room room;
	struct journal_writer *writer; /* NULL until it changes something */
};

/* A fragile file that waits for its turn: its directory's path from the top, and its name. */
struct aside {
	char *directory, *name;
};

struct shift {
	const char *verb; /* "shift", "unshift" */
	bool dry, quiet, sync;

	struct idmap map;
	struct convert convert;

	char *path; /* of the tree, absolute, without links */
	int tree;   /* its descriptor */
	int top;    /* the same; of a file the directory that it stands in */

	int state; /* a descriptor of the directory that the journal stands in */
	int state_lock;
	char *journal_name;
	struct journal_about about; /* of the journal that this run would make */
	struct journal *journal;    /* NULL until there is one, or it is needed */
	bool replace;               /* a journal of other work stands there: put it aside */

	struct sweep sweep;
	struct worker worker[SWEEP_WORKERS_MAX + 1]; /* the last one's for fragile files */

	pthread_mutex_t aside_lock; /* of aside, asides, aside_directory and the last worker */
	struct aside aside[ASIDE_MAX];
	size_t asides;
	uint64_t aside_directory;

	bool broke;           /* there's no going on: a full disk, a change half made; atomic */
	pthread_mutex_t lock; /* of journal and what follows */
	struct strbuf examples; /* of unmapped ids */
	unsigned long unmapped; /* how many inodes have one */
	unsigned refusals;      /* how many changes failed */
};

/* Set by a signal: end soon, in good order. */
extern volatile sig_atomic_t interrupted;

/* "what 'directory/name': strerror", one at a time. */
void shift_complain(struct shift *s, const char *what, const char *directory, const char *name);

/* Adds directory/name, visible to people. */
void put_place(struct strbuf *b, const char *directory, const char *name);

struct counts shift_counts(const struct shift *s);

#endif
