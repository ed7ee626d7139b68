/* One layer of an image, as a tar archive: read strictly, names as bytes. */
#ifndef PACK_LAYER_H
#define PACK_LAYER_H

#include <stddef.h>

#include "bytes.h"

struct inode;

enum entry_kind {
	ENTRY_INODE,    /* a file, directory, link or FIFO of its own */
	ENTRY_HARDLINK, /* a further name for target */
	ENTRY_WHITEOUT, /* path in lower layers is gone */
	ENTRY_OPAQUE,   /* all that lower layers have in the directory path is gone */
};

struct layer_entry {
	enum entry_kind kind;
	char *path;          /* from the root, no '/' at either end; "" is the root itself */
	struct inode *inode; /* ENTRY_INODE */
	char *target;        /* ENTRY_HARDLINK: a path like the above */
};

/* For all layers of an image together: what is kept of an entry, its lines in two bills of
 * materials above all, takes some 5 KiB of memory, and an archive can be mostly empty files. */
enum { ENTRIES_MAX = 500000 };

struct layer {
	struct layer_entry *entry;
	size_t count;
};

/*
 * Reads a layer (OCI image specification, "Image Layer Filesystem Changeset"); inodes
 * point into tar. Times, user names and all extended attributes but security.capability
 * are left out: the first are no part of what an image is made of, and of the last docker
 * hands on no other; with user_xattrs those in user.* are taken too.
 *
 * Refused, with a report() that names what (the layer, for messages): an absolute path,
 * one with "..", a name beyond 255 or a path beyond 4095 bytes, a device node
 * outside of /dev (in there it is left out, and a report() says so), a sparse file, a path
 * twice, a link that climbs above the root, a file capability of no known version, more than
 * ENTRIES_MAX entries, a truncated or broken archive. Returns 0 or -1; the caller frees in both
 * cases.
 */
int layer_read(struct layer *l, struct bytes tar, const char *what, int user_xattrs);
void layer_free(struct layer *l);

/* Whether it is in /dev, which engines fill themselves. */
int layer_is_device_path(const char *path);

/* A path as above, from one in an archive; NULL where it is refused, then *why says for
 * what. The caller frees. */
char *clean_path(const char *raw, const char **why);

#endif
