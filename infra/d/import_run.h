/* Command lines of podman run and docker run in compose's words. */
#ifndef WHITTLE_IMPORT_RUN_H
#define WHITTLE_IMPORT_RUN_H

#include <jansson.h>
#include <stdbool.h>

#include "pool.h"

/*
 * The words behind "podman run". *name gets the container's name, or what the image's leads to.
 * Returns a service, or NULL after a message: an option that isn't known, since it can't be
 * told whether a value follows.
 */
json_t *import_run(const struct words *words, const char **name);

/* Whether a word is an option that is known here. */
bool import_run_knows(const char *word);

#endif
