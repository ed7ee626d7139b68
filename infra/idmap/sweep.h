/*
 * A walk over a tree by all cores, for trees that may be hostile and of any size: memory
 * grows with the depth, never with the number of files.
 *
 * Each worker has a current directory of its own, so that a file is reached by its bare name
 * and no path is followed. A name alone is safe where nobody but this user can rename
 * anything in the directory; elsewhere an inode is pinned by an O_PATH descriptor first.
 */
#ifndef IDMAP_SWEEP_H
#define IDMAP_SWEEP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* An inode at hand: pinned by fd, or, where that is -1, name in the current directory. */
struct inode_at {
	int fd;
	const char *name;
	bool elsewhere; /* pinned, and name isn't one in the current directory */
};

/* statx(2) of the inode itself, never of a link's target. */
int inode_stat(const struct inode_at *at, struct statx *st);

struct sweep_worker;
struct sweep_directory;

struct sweep_entry {
	struct inode_at at; /* its name is "." for the directory itself */
	const struct statx *st;
	unsigned worker;    /* which one calls, from 0 */
	uint64_t directory; /* the directory's number in this sweep, from 1 */
	struct sweep_worker *of;
	struct sweep_directory *in;
};

/* The directory's path from the top, "" for the top; it lives as long as the visit. */
const char *sweep_path(const struct sweep_entry *e);

struct sweep {
	unsigned workers;  /* 0: as many as there are cores; then how many there were */
	bool pin;          /* inodes will be changed: pin them where a name isn't safe */
	bool cross_mounts; /* go into what is mounted below; default: leave it alone */
	const char *only;  /* not the directory, but this one name in it */
	/* Called for every name but directories' in their parents, and once for every
	 * directory; by several threads at once. */
	void (*visit)(const struct sweep_entry *e, void *arg);
	/* Called every 200 ms by the thread that waits, if set. */
	void (*tick)(void *arg);
	void *arg;
	int stop;               /* set it (atomically) to end early */
	unsigned long mounts;   /* how many were left alone */
	unsigned long failures; /* how many things couldn't be read; each was reported */
};

enum { SWEEP_WORKERS_MAX = 64 };

/*
 * Opens what stands at the path, which is absolute and without links, to be swept: a directory,
 * or for anything else the directory that it stands in, and s->only its name, a part of path.
 * Returns a descriptor, or -1 with errno.
 */
int sweep_open(struct sweep *s, const char *path);

/* Sweeps the directory rootfd. Returns 0, or -1 with errno where it can't even begin. */
int sweep_tree(struct sweep *s, int rootfd);

/* report() from several threads: one at a time. */
void sweep_report(const struct sweep_entry *e, const char *what);

#endif
