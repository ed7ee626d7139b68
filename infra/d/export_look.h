/* What is known of one container beside its settings, for other engines to run it. */
#ifndef WHITTLE_EXPORT_LOOK_H
#define WHITTLE_EXPORT_LOOK_H

#include "app.h"
#include "export_set.h"

/* Fills what follows from i->c and i->facts: who runs, volumes, devices, the seccomp profile, a
 * health check where there is none. 0, or -1 after a message. */
int export_look(struct app *a, enum target to, struct export_item *i);

/* Pushes an image with its record to REGISTRY/KEY:TAG; by what digest it is known there, or
 * NULL after a message. plain: without TLS. */
const char *export_push(struct app *a, const struct container *c, const char *image,
    const char *registry, bool plain);

#endif
