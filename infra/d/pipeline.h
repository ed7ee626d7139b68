/* A container's image, by way of its directory's make. */
#ifndef WHITTLE_PIPELINE_H
#define WHITTLE_PIPELINE_H

#include "app.h"

/*
 * Runs make in the directory with one or several targets, its output in a log that *log then
 * names; shown as it comes where `loud` is set. Returns make's exit status, -1 after a
 * message.
 */
int pipeline_make(struct app *a, const struct place *p, const char *const *targets, bool loud,
    const char **log);

/* What a stamp says of a key, such as "image"; NULL where it says nothing. */
const char *stamped(const struct place *p, const char *stamp, const char *key);

#endif
