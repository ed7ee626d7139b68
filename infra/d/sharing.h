/* Containers that live in another one's namespaces: they go and come with it. */
#ifndef WHITTLE_SHARING_H
#define WHITTLE_SHARING_H

#include "app.h"

/* The names of containers that live in this one's namespaces: those that run, and those
 * that only stand in the way of its removal. */
void sharing_with(
    struct app *a, const struct place *p, struct words *running, struct words *stopped);

/* Stops and removes a container whose namespaces are about to go. */
void stop_for_another(struct app *a, const char *name);

#endif
