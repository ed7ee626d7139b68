/* Writing what is newer into a container's files: Dockerfile, settings.yaml, packages.lock. */
#ifndef WHITTLE_BUMP_H
#define WHITTLE_BUMP_H

#include <jansson.h>

#include "outdated.h"

/*
 * Rewrites tags and digests, each file whole or not at all and nothing else in it, and prints
 * what it changes; packages.lock by infra/packages. What has no digest to rewrite is pulled.
 * dry: only prints. Returns 0, also where there is nothing to do; -1 after a message, and then
 * the files are as they were.
 */
int bump(struct app *a, const struct place *p, const struct findings *f, bool dry);

/*
 * The files as they are, and putting them back, each that is still as it was written: what a
 * person has changed since stays. written may be NULL: then each. 0, or -1 after a message.
 */
json_t *bump_save(const struct place *p);
int bump_restore(const json_t *saved, const json_t *written);

#endif
