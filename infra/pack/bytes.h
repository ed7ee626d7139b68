/* A stretch of memory that somebody else holds. */
#ifndef PACK_BYTES_H
#define PACK_BYTES_H

#include <stddef.h>

struct bytes {
	const unsigned char *p;
	size_t n;
};

/* What is to be done before a signal ends the program (SIGBUS for a file that was cut short;
 * whoever sets it sees to others): only what signal-safety(7) allows. NULL: nothing. */
extern void (*bytes_on_sigbus)(void);

/*
 * Maps a file to read it in place; an empty one is NULL and 0. Should the file be cut short
 * while it is mapped, the program ends with a message and EXIT_TROUBLE.
 * Returns 0, or -1 with errno (EISDIR, EINVAL: not a regular file).
 */
int bytes_map(struct bytes *b, const char *path);
int bytes_map_fd(struct bytes *b, int fd);
void bytes_unmap(struct bytes *b);

/* A copy that a NUL follows. free(3) it. */
char *bytes_text(struct bytes b);

#endif
