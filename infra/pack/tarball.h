/* Writing tar archives, the same bytes for the same entries for ever: what an image ID is
 * made of must not change with a library's version. */
#ifndef PACK_TARBALL_H
#define PACK_TARBALL_H

#include <nettle/sha2.h>
#include <stdint.h>
#include <time.h>

#include "bytes.h"
#include "digest.h"

struct inode;

struct tarball {
	int fd;
	int error; /* errno of the first write that failed, 0 */
	uint64_t written;
	struct sha256_ctx sum;
	size_t buffered;
	unsigned char buffer[256 * 1024];
};

/* Starts at the descriptor's offset. */
void tarball_start(struct tarball *t, int fd);

/*
 * One entry in ustar form, with a pax header before it only where a value doesn't fit:
 * a name beyond 100 bytes (and not to be split) or not ASCII, an id beyond 2097151, 8 GiB,
 * extended attributes. No user names. hard_link: the entry is a further name for that path.
 */
void tarball_add(struct tarball *t, const char *path, const struct inode *i,
    const char *hard_link, time_t mtime);

/* A plain file: mode 0644, owner 0. */
void tarball_add_file(struct tarball *t, const char *path, struct bytes data, time_t mtime);

/* The two blocks at the end; hex is the digest of all since the start. Returns 0, or -1 with
 * errno where any write failed. */
int tarball_end(struct tarball *t, char hex[SHA256_HEX]);

enum { TAR_BLOCK = 512 };

/* The header of a plain file of that size, for one whose content is written first. */
void tarball_header(
    unsigned char block[TAR_BLOCK], const char *path, uint64_t size, time_t mtime);

/* Bytes that fill size up to whole blocks. */
size_t tar_padding(uint64_t size);

#endif
