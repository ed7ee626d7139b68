/* The mounts that a path depends on, so that only those rules are looked at again for which
 * something was mounted or unmounted. */
#ifndef FILEWATCH_MOUNTS_H
#define FILEWATCH_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mounts {
	struct mount {
		char *path;
		uint64_t id;
	} * mount;
	size_t count;
};

/* From an open /proc/PID/mountinfo (proc(5)); nothing where it can't be read. */
void mounts_read(struct mounts *m, int fd);
void mounts_free(struct mounts *m);

/* Another number when something was mounted on the way to a directory, in it, or below. */
uint64_t mounts_around(const struct mounts *m, const char *directory);

#endif
