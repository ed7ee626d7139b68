/* Capabilities that a program file of an image wants when it is run, capabilities(7). */
#ifndef WHITTLE_FILE_CAPS_H
#define WHITTLE_FILE_CAPS_H

#include <stddef.h>

#include "pool.h"

struct app;
struct container;
struct image;

/* Those that the settings don't give, as "NET_RAW, CHOWN"; "" where there are none; NULL after
 * a message. */
const char *file_caps_missing(
    struct app *a, const struct container *c, const struct image *image);

#endif
