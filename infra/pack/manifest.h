/* The image's integrity manifest, mtree(5): every path with type, mode, owner, and size and
 * SHA-256 or a link's target. */
#ifndef PACK_MANIFEST_H
#define PACK_MANIFEST_H

#include "bytes.h"
#include "strbuf.h"

struct listing;
struct node;

/* "#mtree", then a line for the root and each item, in the listing's order; names as
 * mtree(5) escapes them. */
void manifest_write(struct strbuf *b, const struct node *root, const struct listing *l);

struct manifest_entry {
	char *path;    /* "/etc/passwd", "/" */
	char type[8];  /* file, dir, link, fifo */
	unsigned mode; /* permissions */
	unsigned long uid, gid;
	unsigned long nlink; /* files: names that they have in the image */
	unsigned long long size;
	char sha256[65]; /* "" where it isn't a file */
	char *target;    /* NULL where it isn't a link */
	char *xattrs;    /* "NAME=HEX…", "" where there are none */
};

struct manifest {
	struct manifest_entry *entry; /* sorted by path */
	size_t count;
};

/* Reads what manifest_write() wrote. Refused with a report() that names what and the line:
 * any line of another shape. Returns 0 or -1; the caller frees in both cases. */
int manifest_parse(struct manifest *m, struct bytes text, const char *what);
void manifest_free(struct manifest *m);
const struct manifest_entry *manifest_find(const struct manifest *m, const char *path);

#endif
