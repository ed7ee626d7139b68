/* Which container needs which, over all of them. */
#ifndef WHITTLE_NEEDS_H
#define WHITTLE_NEEDS_H

#include "app.h"

/* 0, or -1 after a message about such a cycle. */
int needs_check(struct app *a, const char *name);

/*
 * Those whose namespaces it shares, and those that share its own, by way of others too;
 * each before those that need it.
 */
void needs_owners(struct app *a, const char *name, struct words *out);
void needs_sharers(struct app *a, const char *name, struct words *out);

/* Sorts names so that each comes before those that need it: the one order in which locks
 * are taken. */
void needs_sort(struct app *a, struct words *names);

#endif
