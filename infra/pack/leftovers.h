/* What engines leave in the layers of a build, each in its own way: taken back, so that
 * the same sources make the same image with any of them. */
#ifndef PACK_LEFTOVERS_H
#define PACK_LEFTOVERS_H

#include <jansson.h>

struct image;
struct tree;

/*
 * Empty files that were mount points (/etc/resolv.conf and the like) go, as does all in
 * /dev, /proc and /sys. Those three, /etc and /run go too where they are empty, nothing
 * special, and not in the lowest layer. The working directory and the volumes of the
 * (canonical) config are there: docker makes them, podman when it starts a container. What
 * WORKDIR made is root's: BuildKit gives it to the user of that step, others don't.
 */
void tidy_leftovers(struct tree *t, const json_t *config, const struct image *image);

/* Whether a path (without a leading '/') is one of those files, or in one of those directories:
 * nothing that anybody put there. */
int is_leftover_path(const char *path);

#endif
