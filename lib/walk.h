/* Walking a tree that may be hostile, by directory descriptors. */
#ifndef WHITTLE_WALK_H
#define WHITTLE_WALK_H

#include <stddef.h>
#include <sys/stat.h>

/* Each level takes a piece of the stack: whoever makes trees without end must not end us.
 * No path leads as deep as this (PATH_MAX). */
enum { WALK_DEEPEST = 4096 };

/* One entry, as the visitor sees it. All of it is the walk's and lives until the
 * visitor returns. */
struct walk_entry {
	int dirfd;        /* the directory that it stands in; -1 for the root itself */
	const char *name; /* its name there; "." for the root, with dirfd the root's own */
	const char *path; /* from the root, starting with '/'; "/" for the root */
	size_t path_len;
	size_t depth;   /* 0 for the root */
	struct stat st; /* of the entry itself, never of a link's target */
	int is_mount; /* something is mounted here, a directory or a file; not said of the root
		       */
};

enum walk_action {
	WALK_GO,   /* on, and into it where it is a directory */
	WALK_SKIP, /* on, but not into this directory */
	WALK_STOP, /* end the walk; walk_tree returns 1 */
};

struct walk_options {
	unsigned cross_mounts : 1; /* go into directories that are mounts; default: don't */
	unsigned sorted : 1;       /* entries of a directory in byte order of their names */
	unsigned chdir : 1;        /* fchdir(2) to the directory before its entries are visited,
				    * so that calls that know no dirfd (lgetxattr(2)) work
				    * on the bare name; the caller's directory is restored */
	/* A directory that can't be read: errno says why. Default: report(). Both end the
	 * walk's way into that directory only. */
	void (*trouble)(const char *path, void *arg);
	/* Called after a directory's entries, if set. e is as for the visit. */
	void (*leave)(const struct walk_entry *e, void *arg);
};

/*
 * Visits rootfd and all below it, a directory before its entries. Directories are opened with
 * O_NOFOLLOW and compared with what was seen (device, inode), so that a path swapped
 * during the walk is not entered (reported as trouble with errno ESTALE). A mount point
 * is visited but, unless cross_mounts is set, not entered; nor is a directory at the depth
 * WALK_DEEPEST (trouble with errno ENAMETOOLONG).
 * Descriptors in use: one for each level; as long as the walk takes, this process may have as
 * many as its hard limit says.
 *
 * Returns 0, 1 where the visitor said WALK_STOP, or -1 with errno where the root itself
 * can't be read.
 */
int walk_tree(int rootfd, const struct walk_options *options,
    enum walk_action (*visit)(const struct walk_entry *e, void *arg), void *arg);

#endif
