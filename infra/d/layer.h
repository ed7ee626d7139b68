/* The layers of a running container's root, as the kernel has them mounted. */
#ifndef WHITTLE_LAYER_H
#define WHITTLE_LAYER_H

#include <stdbool.h>
#include <stddef.h>

#include "pool.h"

struct seen;

struct layers {
	const char *upper;  /* what the container wrote */
	struct words lower; /* the image, topmost first */
	bool read_only;     /* how the root is mounted inside */
	bool userxattr;     /* the overlay's own marks are user.overlay.*, not trusted.* */
};

/* From /proc/PID/mountinfo; where a FUSE overlay hides it, from what the engine says.
 * Returns 0, or -1 where there is no overlay. */
int layers_of(const struct seen *now, struct layers *out);

/* The same from the text of a mountinfo. */
int layers_parse(const char *mountinfo, struct layers *out);

/* Whether an absolute path matches a pattern: '*' and '?' as in a shell, within a part of
 * the path; '**' over parts; "[…]" classes. A "**" behind the last slash means the directory
 * before it as well. */
bool path_matches(const char *pattern, const char *path);

#endif
