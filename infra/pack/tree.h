/* An image's file system in memory: layers applied one upon the other. */
#ifndef PACK_TREE_H
#define PACK_TREE_H

#include <stddef.h>
#include <sys/types.h>

struct inode;
struct layer;
struct strbuf;

struct node {
	struct node *parent; /* NULL for the root */
	char *name;          /* "" for the root */
	struct inode *inode;
	void *children;       /* tsearch(3) tree of nodes by name */
	size_t layer;         /* which one had it last; 0 is the lowest */
	size_t born;          /* which one had it first, of those without a gap */
	unsigned implied : 1; /* a directory that no layer has an entry for */
};

/* A path that a layer had and a later one hasn't. */
struct gone {
	char *path;
	struct inode *inode;
	size_t layer; /* had it last */
	size_t by;    /* removed it */
};

struct tree {
	struct node *root;
	struct gone *gone;
	size_t gone_count;
	size_t entries;   /* of all layers that were applied */
	const char *what; /* the archive, for messages */
};

void tree_init(struct tree *t, const char *what);
void tree_free(struct tree *t);

/*
 * Applies a layer: whiteouts first, since they speak of lower layers, then its entries in
 * order. Refused with a report(): a path through anything but a directory, a hard link to what
 * isn't there or is a directory, more than ENTRIES_MAX entries in all. Returns 0 or -1.
 */
int tree_apply(struct tree *t, const struct layer *l, size_t index);

/* The node at a path without '/' at its ends; NULL where there is none. Links aren't
 * followed. */
struct node *tree_find(const struct tree *t, const char *path);

/* The same with links followed as a process in a container would; NULL also for a loop. */
struct node *tree_resolve(const struct tree *t, const char *path);

/* Puts an empty directory at path where nothing is, its parents too: 0755, root's. */
void tree_make_directory(struct tree *t, const char *path, size_t layer);

/* Puts an inode at a path, over what may be there; its directory must be there. */
void tree_put(struct tree *t, const char *path, struct inode *inode);

/* Takes a path out, without a trace in gone[]. */
void tree_drop(struct tree *t, struct node *n);

/* What became of a path that is gone: its last entry in gone[], NULL. */
const struct gone *tree_gone(const struct tree *t, const char *path);

/*
 * Every node but the root, sorted by path in byte order, a directory's path ending in '/' as
 * it will stand in a tar archive (so that a directory comes before what is in it).
 */
struct item {
	char *path; /* with that '/' */
	struct node *node;
	const char *first; /* hard links: the path of the first of them, NULL for that one */
	unsigned names;    /* how many the inode has in the listing */
};

struct listing {
	struct item *item;
	size_t count;
};

void tree_list(const struct tree *t, struct listing *l);
void listing_free(struct listing *l);
const struct item *listing_find(const struct listing *l, const char *path);

/* Adds a node's path, without '/' at its ends. */
void node_path(const struct node *n, struct strbuf *b);

/* Calls visit for each child, in byte order of names. visit may drop that child. */
void node_each(struct node *n, void (*visit)(struct node *child, void *arg), void *arg);

#endif
