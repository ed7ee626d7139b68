/* Which containers a verb's words mean. */
#ifndef WHITTLE_SELECT_H
#define WHITTLE_SELECT_H

#include "app.h"

/* The container that a word begins the name of; NULL after a message. */
const struct place *pick(struct app *a, const char *spec);

/* All that the words name, every one where there is none. -1 after a message. */
int pick_all(struct app *a, int argc, char **argv, struct places *out);

/* For verbs that take one container and no options: NULL with *status set after a message. */
const struct place *pick_only(struct app *a, int argc, char **argv, int *status);

/* Runs one() for each container that the words name, one at least; the worst exit status. */
int each_named(
    struct app *a, int argc, char **argv, int (*one)(struct app *, const struct place *));

/* The one of exactly that name; NULL where there is none. */
const struct place *place_find(const struct app *a, const char *name);

#endif
