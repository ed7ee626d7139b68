/* What a path in an image stands for: hard links share one. */
#ifndef PACK_INODE_H
#define PACK_INODE_H

#include <stdint.h>
#include <sys/types.h>

#include "bytes.h"

struct xattr {
	char *name;
	unsigned char *value;
	size_t size;
};

struct inode {
	unsigned refs;
	mode_t mode; /* type and permissions, as st_mode */
	uid_t uid;
	gid_t gid;
	struct bytes data;    /* regular: in the archive's mapping */
	char *target;         /* symbolic link */
	struct xattr *xattrs; /* sorted by name */
	size_t xattr_count;
	int hashed; /* regular: the next two are known */
	unsigned char sha256[32];
	unsigned char sha1[20]; /* SPDX asks for it */
};

/* New ones have one reference. */
struct inode *inode_new(mode_t mode, uid_t uid, gid_t gid);
struct inode *inode_share(struct inode *i);
void inode_release(struct inode *i);

/* Keeps the attributes sorted. */
void inode_add_xattr(struct inode *i, const char *name, const void *value, size_t size);
const struct xattr *inode_xattr(const struct inode *i, const char *name);

/* sha256 and sha1 of a regular file, computed once. */
void inode_hash(struct inode *i);

/* "file", "dir", "link", "fifo": the words of mtree(5). */
const char *inode_type(const struct inode *i);

#endif
