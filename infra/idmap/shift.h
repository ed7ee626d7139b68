/* A shift under way: shift.c decides, pass.c goes through the tree, replay.c through the
 * journal. */
#ifndef IDMAP_SHIFT_H
#define IDMAP_SHIFT_H

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

/* A fragile file that waits for its turn: its folder's path from the top, and its name. */
struct aside {
	char *folder, *name;
};

struct shift {
	const char *verb; /* "shift", "unshift" */
	bool dry, quiet, sync;

	struct idmap map;
	struct convert convert;

	char *path; /* of the tree, absolute, without links */
	int tree;   /* its descriptor */
	int top;    /* the same; of a file the folder that it stands in */

	int state; /* a descriptor of the folder that the journal stands in */
	int state_lock;
	char *journal_name;
	struct journal_about about; /* of the journal that this run would make */
	struct journal *journal;    /* NULL until there is one, or it is needed */
	bool replace;               /* a journal of other work stands there: put it aside */

	struct sweep sweep;
	struct worker worker[SWEEP_WORKERS_MAX + 1]; /* the last one's for fragile files */

	pthread_mutex_t aside_lock; /* of aside, asides, aside_folder and the last worker */
	struct aside aside[ASIDE_MAX];
	size_t asides;
	uint64_t aside_folder;

	bool broke;           /* there's no going on: a full disk, a change half made; atomic */
	pthread_mutex_t lock; /* of journal and what follows */
	struct strbuf examples; /* of unmapped ids */
	unsigned long unmapped; /* how many inodes have one */
	unsigned refusals;      /* how many changes failed */
};

/* Set by a signal: end soon, in good order. */
extern volatile sig_atomic_t interrupted;

/* "what 'folder/name': strerror", one at a time. */
void shift_complain(struct shift *s, const char *what, const char *folder, const char *name);

/* Adds folder/name, visible to people. */
void put_place(struct strbuf *b, const char *folder, const char *name);

struct counts shift_counts(const struct shift *s);

/* --- pass.c --- */

/* Goes through the tree and changes what is to be changed, or prints it (dry). Returns 0,
 * or -1 after a report() where it can't begin; how it went stands in *s. */
int shift_pass(struct shift *s);

/* Looks for an inode with an id that stands on both sides of the map. Returns 1 where
 * there is one, and names it. */
int shift_scan(struct shift *s);

/* --- replay.c --- */

/* An O_PATH descriptor of the folder with this path below top ("" for top itself), which
 * may be longer than PATH_MAX; no link is followed. -1 with errno. */
int open_below(int top, const char *path);

/* Finishes what a killed run left half done. Returns 0, or -1 after a report(). */
int shift_redo(struct shift *s);

/*
 * Undoes the journal's last session or all of it, and drops what was undone; the journal
 * is closed then. Returns an exit status: EXIT_NO where inodes were gone or changed by
 * others since, EXIT_TROUBLE where the undo has to be run again.
 */
int shift_undo(struct shift *s, bool all);

#endif
