/*
 * Copies of a container's data, $WHITTLE_STATE/d/NAME/snapshots.json: each belongs to the
 * generation that had left the data so. They stand beside it, in a directory
 * ".whittle-snapshots" that only its owner may enter, so that the file system can share what
 * didn't change. A record is written before there is a copy and stays until there is none, so
 * that a kill leaves nothing unknown; all that is here can be done again.
 */
#ifndef WHITTLE_SNAPSHOTS_H
#define WHITTLE_SNAPSHOTS_H

#include "app.h"

struct snapshot {
	const char *id, *time, *why;
	int generation;
	bool whole; /* false: it was cut off */
};

struct snapshots {
	struct snapshot *v; /* oldest first */
	size_t n;
};

int snapshots_read(const struct host *h, const char *name, struct snapshots *out);

/* The last whole one of a generation; NULL where there is none. */
const char *snapshot_of(const struct host *h, const char *name, int generation);

/* The locks of those of its jobs that have its data in containers of their own. */
struct jobs_held {
	int *fd;
	size_t n;
};

/* Keeps these from running until jobs_let_go(). One that runs is waited for as long as
 * WHITTLE_WAIT says; -1 where it still does then, with *why. */
int jobs_hold(
    struct app *a, const struct container *c, struct jobs_held *out, const char **why);
void jobs_let_go(struct jobs_held *held);

/* Copies the data as it is; nothing may write to it. 0, or -1 after a message. */
int snapshot_take(struct app *a, const struct container *c, const char *id, const char *why);

/*
 * Puts a snapshot's data back. What was there becomes the snapshot `displaced`. Where a run
 * was cut off, the same call goes on. 0, or -1 after a message.
 */
int snapshot_restore(
    struct app *a, const char *name, const char *id, const char *displaced, const char *why);

/*
 * Removes those of generations that are gone, what was cut off, and all but the latest:
 * one of each earlier generation, `keep` of the current one. 0, or -1 after a message.
 */
int snapshots_prune(struct app *a, const char *name, int64_t keep);

/* What a snapshot's files take on the disk, and how much of that no other one shares; bytes.
 * A file system that shares blocks may need less than either. -1 after a message. */
int snapshot_space(struct app *a, const char *name, const char *id, unsigned long long *all,
    unsigned long long *own);

/* ---- for backups ---- */

/* The sources of a snapshot and the paths of their copies, which are there until
 * snapshot_copies_end(), to be called in any case. 0, or -1 after a message. */
int snapshot_copies(const struct host *h, const char *name, const char *id,
    struct words *sources, struct words *copies);
int snapshot_copies_end(const char *id, const struct words *sources);

/*
 * A snapshot that comes from elsewhere: it is written below snapshot_draft(id) of the directory
 * that snapshot_import_at() opens for each source, then it is one, or nothing is left of it.
 */
int snapshot_import_begin(
    struct app *a, const char *name, const char *id, const struct words *sources);
int snapshot_import_at(const char *source, const char *id);
const char *snapshot_draft(const char *id);
int snapshot_import_end(struct app *a, const char *name, const char *id);
int snapshot_import_drop(struct app *a, const char *name, const char *id);

/* What "d snapshot --part" does, for rootless podman's user inside its namespace. */
int snapshot_part(
    struct app *a, const char *verb, const char *source, const char *id, const char *other);

#endif
