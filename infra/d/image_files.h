/* Files that are copied out of an image, to be asked about it. */
#ifndef WHITTLE_IMAGE_FILES_H
#define WHITTLE_IMAGE_FILES_H

#include <stdbool.h>

struct app;
struct engine;
struct image;

/*
 * The directory that holds its passwd and group, as the image has them, which may be anything:
 * to be opened without following links. An image never changes, so they are kept for the
 * container of that key, or its test instance, until another image is asked about. NULL after
 * a message.
 */
const char *image_files(struct app *a, const char *key, bool test, const struct image *image);

/* A container of the image that never runs, to be removed by the caller; its id, or NULL
 * after a message. */
const char *image_container(const struct engine *e, const struct image *image);

#endif
