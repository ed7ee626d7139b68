/* A root file system's tree in memory: one walk fills it, every pass marks in it what it
 * would remove or change. */
#ifndef PREP_TREE_H
#define PREP_TREE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "strbuf.h"

enum { NO_ENTRY = UINT32_MAX, TREE_ROOT = 0 };

/* An entry's place is its index: a directory stands before all that is below it, and these
 * are the entries from its own index + 1 to its end. */
struct entry {
	uint32_t parent, end;
	uint32_t name;       /* where it stands in the tree's text, as the next two */
	uint32_t target;     /* of a link; else 0 */
	uint32_t capability; /* of a file: hex; 0 for none */
	uint32_t depth;
	dev_t dev;
	ino_t ino;
	off_t size;
	mode_t mode;
	nlink_t nlink;
	uid_t uid;
	gid_t gid;
	dev_t rdev;

	unsigned mount : 1;      /* something is mounted here: not ours to change */
	unsigned account : 1;    /* passwd and the like: edited, never removed */
	unsigned system : 1;     /* a system directory, or below one */
	unsigned sbin : 1;       /* below /sbin or /usr/sbin */
	unsigned late : 2;       /* the stage in which it is applied, see plan.h */
	unsigned work_below : 4; /* one bit a stage: something below has work in it */
	unsigned strip : 1;      /* new_mode comes without the capability */
	unsigned keep : 1;       /* the image starts it, or it is needed for that */

	/* The plan: number of the pass that wants it, 0 for none. A directory that is unwanted
	 * still stays where something in it does: remove says what comes of it. */
	uint8_t unwanted, remove, chmod, chown, edit;
	uint8_t spared;  /* the pass that would have removed what is kept */
	mode_t new_mode; /* permission bits */
	uid_t new_uid;
	gid_t new_gid;
};

struct tree {
	int fd; /* the root's, O_PATH or better; the caller's */
	struct entry *e;
	uint32_t count, cap;
	struct strbuf text;
	uint32_t *names; /* a hash table of (directory, name); 0 for an empty slot */
	uint32_t names_size;
	uint32_t *linked; /* entries of files with several names, a file's side by side */
	uint32_t linked_count;
	const char *mounts; /* what is mounted at run time: paths with commas or blanks between;
			     * NULL for none; the caller's */
	char *const *mount; /* the same, one path each */
	size_t mount_count;
};

/* Walks the tree; a directory in it that can't be read is reported and empty. Returns 0, or
 * -1 after a report(). The caller frees in both cases. */
int tree_read(struct tree *t, int rootfd);
void tree_free(struct tree *t);

const char *tree_name(const struct tree *t, uint32_t i);
const char *tree_target(const struct tree *t, uint32_t i);

/* The path from the root, beginning with '/'. Replaces what stands in b. */
const char *tree_path(const struct tree *t, uint32_t i, struct strbuf *b);

/* The entry of that name in a directory, NO_ENTRY where there is none. */
uint32_t tree_child(const struct tree *t, uint32_t directory, const char *name);

/*
 * What a path names, as a process with this root would find it from the directory from; the
 * last part is followed where it is a link and follow is set. An entry that the plan
 * removes isn't there. Returns NO_ENTRY with errno ENOENT, ENOTDIR or ELOOP, or with
 * EXDEV where the path leads into what this tree doesn't show: a mount, one of those at run
 * time, or /dev, /proc and /sys, which the kernel and the engine fill.
 */
uint32_t tree_resolve(const struct tree *t, uint32_t from, const char *path, int follow);

/* The same, and link is called for each link that is followed on the way. */
uint32_t tree_resolve_by(const struct tree *t, uint32_t from, const char *path, int follow,
    void (*link)(uint32_t i, void *arg), void *arg);

/*
 * Calls found for every entry whose path fits pattern. '*', '?' and [] may stand in any
 * part; a part without them is followed where it is a link, the last one isn't.
 */
void tree_glob(
    const struct tree *t, const char *pattern, void (*found)(uint32_t i, void *arg), void *arg);

/* Opens a file to be read, if it is still the one that the walk saw. Returns a descriptor,
 * or -1 after a report(). */
int tree_open(const struct tree *t, uint32_t i);

/* The names of i's file within the tree: a slice of t->linked; 0 where it has but one. */
uint32_t tree_names_of(const struct tree *t, uint32_t i, const uint32_t **names);

static inline int
is_dir(const struct entry *e)
{
	return S_ISDIR(e->mode);
}

static inline int
is_file(const struct entry *e)
{
	return S_ISREG(e->mode);
}

static inline int
is_link(const struct entry *e)
{
	return S_ISLNK(e->mode);
}

#endif
