/* The files of an image's archive, or of an OCI image layout that is a directory, by name. */
#ifndef PACK_MEMBERS_H
#define PACK_MEMBERS_H

#include <stddef.h>

#include "bytes.h"

struct members {
	const char *file; /* the archive's name, or the directory's */
	struct bytes map; /* of the archive */
	void *member;     /* a tree, tsearch(3) */
	size_t count;
};

/* Returns 0, or -1 after a report(): no sound tar archive, a name that leads out of it or is
 * there twice. The caller frees in both cases. */
int members_read(struct members *m, const char *file);
void members_free(struct members *m);

/* The content of a member, links within the archive followed: 0, or -1 where there is none. */
int members_find(const struct members *m, const char *name, struct bytes *data);

#endif
