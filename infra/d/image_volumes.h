/* Directories that an image declares as volumes and no setting mounts. An engine gives each
 * new container an empty one; here what was written there goes along from one container to
 * the next. */
#ifndef WHITTLE_IMAGE_VOLUMES_H
#define WHITTLE_IMAGE_VOLUMES_H

#include "pool.h"

struct app;
struct container;
struct image;
struct pairs;

/* Those paths of the image's that nothing is mounted on. */
void image_volumes_open(
    const struct container *c, const struct image *image, struct words *paths);

/*
 * The engine's volume for each of them: the one that the container which is replaced has
 * (old, its id; NULL: none), also where it has no name of its own; else the one that was used
 * the last time; else NAME-PATH, which is made. A test instance gets none: its own are thrown
 * away. Pairs of path and volume; 0, or -1 after a message.
 */
int image_volumes_carry(struct app *a, const struct container *c, const struct image *image,
    const char *old, struct pairs *out);

/* The volume that such a path had the last time, or would get. */
const char *image_volume_name(struct app *a, const struct container *c, const char *path);

#endif
