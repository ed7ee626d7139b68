/* Capabilities that a program file of an image wants when it is run, capabilities(7). */
#ifndef WHITTLE_FILE_CAPS_H
#define WHITTLE_FILE_CAPS_H

#include <stddef.h>

#include "pool.h"

struct app;
struct container;
struct image;

/*
 * Those of the program that the container starts: the kernel refuses to run it without them.
 * Names as in settings.yaml. 0, or -1 after a message; a program that isn't found has none.
 */
int file_caps_wanted(
    struct app *a, const struct container *c, const struct image *image, struct words *out);

/* Those that the settings don't give, as "NET_RAW, CHOWN"; "" where there are none; NULL after
 * a message. */
const char *file_caps_missing(
    struct app *a, const struct container *c, const struct image *image);

#endif
