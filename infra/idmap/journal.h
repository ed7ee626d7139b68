/*
 * What a shift did, so that it can be finished after a kill and undone. A file that is
 * mapped into memory and only grows: what was stored in it is there after kill -9, with
 * no system call for each record; what must outlast a power failure is synced first.
 *
 * It is a header and segments, each written by one thread: records up to "used" are
 * valid, those up to "done" were carried out. Between the two stands what a killed run
 * may or may not have done, to be done (again). Records are physical: old and new values.
 */
#ifndef IDMAP_JOURNAL_H
#define IDMAP_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum journal_state {
	JOURNAL_RUNNING = 1, /* a shift is under way, or was killed */
	JOURNAL_DONE,        /* it came to its end: kept for undo */
	JOURNAL_UNDOING,     /* an undo is under way, or was killed */
};

/* Whose work it is. */
struct journal_about {
	uint64_t fs, ino;      /* the tree's top, */
	int64_t born, born_ns; /* and when it was made, */
	int64_t generation;    /* the inode number's; all 0 where the file system doesn't say */
	bool back;             /* unshift */
	bool scanned;          /* no inode had an id that is on both sides of the map */
	const char *path;      /* of the top, absolute */
	const char *map;       /* as idmap_format has it */
};

/* Extended attributes that hold ids. */
enum { XATTR_ACCESS, XATTR_DEFAULT, XATTR_CAPABILITY, XATTR_KINDS };

struct journal_value {
	const unsigned char *bytes; /* NULL: nothing to change */
	size_t n;
};

/* One inode. */
struct journal_entry {
	const char *name; /* in its directory; "." for the directory itself */
	uint64_t ino;
	uid_t old_uid, new_uid;
	gid_t old_gid, new_gid;
	mode_t mode;             /* type and bits, which stay */
	bool fragile;            /* the owner's change takes mode bits or a capability away */
	int64_t mtime, mtime_ns; /* of a fragile one: was it written since? */
	struct journal_value old_value[XATTR_KINDS], new_value[XATTR_KINDS];
};

struct journal;
struct journal_writer;

/*
 * Opens the file name in the directory dirfd. Returns NULL with errno: that of openat(2), or
 * EBADMSG where it is no journal of a version known here.
 */
struct journal *journal_open(int dirfd, const char *name);

/* A new one in state JOURNAL_RUNNING, in the place of one that may be there. */
struct journal *journal_create(int dirfd, const char *name, const struct journal_about *about);

void journal_close(struct journal *j);
enum journal_state journal_state(const struct journal *j);
const struct journal_about *journal_about(const struct journal *j);

/*
 * A session is one run of the same work, with what is needed to finish it; a journal that
 * was created has begun its first. Ending it: JOURNAL_DONE. Beginning another one after
 * that adds to the journal: JOURNAL_RUNNING.
 */
void journal_begin_session(struct journal *j);
void journal_end_session(struct journal *j);

/*
 * JOURNAL_UNDOING: of the last session, or of all. When it is done, what was undone is
 * dropped. Returns 1 where that is everything, so that the file may be deleted; 0 where
 * earlier sessions remain; -1 with errno where it can't be dropped: then nothing is lost, and
 * undoing again does no harm.
 */
void journal_begin_undo(struct journal *j, bool all);
int journal_end_undo(struct journal *j);

/*
 * A thread's way to write. Records added count once published: then they may be carried
 * out; settled, they were. Ending a writer does neither.
 */
struct journal_writer *journal_begin(struct journal *j);
void journal_end(struct journal_writer *w);

/*
 * Adds an inode in the directory with this path from the top ("" for the top) and this
 * number, which no other directory has while the writer lives. Returns 0, or -1 with errno
 * (ENOSPC, EFBIG for a path beyond reason); nothing was added then.
 */
int journal_add(struct journal_writer *w, uint64_t directory, const char *path,
    const struct journal_entry *e);
void journal_publish(struct journal_writer *w);
void journal_settle(struct journal_writer *w);

/* Puts all that was published by this writer on the disk. Returns 0, or -1 with errno. */
int journal_sync(struct journal_writer *w);

enum journal_which {
	JOURNAL_PENDING, /* published, not settled, oldest first; they are settled then */
	JOURNAL_UNDO,    /* what is to be undone, the youngest segment first */
};

/*
 * Calls visit for each entry. Returns 0; the visitor's value as soon as it isn't 0; or -1
 * with errno: EBADMSG where records were lost (a power failure), after all others were
 * visited.
 */
int journal_replay(struct journal *j, enum journal_which which,
    int (*visit)(const char *directory, const struct journal_entry *e, void *arg), void *arg);

#endif
