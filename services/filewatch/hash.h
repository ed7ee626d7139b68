/* Digests of files, with a limit to how fast they are read. */
#ifndef FILEWATCH_HASH_H
#define FILEWATCH_HASH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Shared by all threads that read. */
struct throttle {
	pthread_mutex_t lock;
	int64_t rate;              /* bytes a second, 0: no limit */
	int64_t free_at;           /* monotonic ns */
	_Atomic bool stop;         /* whoever reads gives up with ECANCELED */
	_Atomic uint64_t bytes;    /* read so far */
	_Atomic uint64_t progress; /* grows with everything that is done */
};

void throttle_init(struct throttle *t, int64_t rate);

enum hash_kind { HASH_MD5, HASH_SHA256 };
enum { HASH_BYTES_MAX = 32, HASH_BUFFER = 128 * 1024 };

/* Of a regular file, from its beginning; size is what fstat(2) says, which spares a last read
 * that brings nothing. buffer has HASH_BUFFER bytes. Returns how many bytes there were, or -1
 * with errno. */
int64_t hash_fd(int fd, enum hash_kind kind, int64_t size, struct throttle *t, void *buffer,
    unsigned char out[HASH_BYTES_MAX]);

#endif
