/* Secrets and configs in Docker Swarm's own store. None ever changes there: a new value is a
 * new one, with a name of its own. */
#ifndef WHITTLE_SWARM_STORE_H
#define WHITTLE_SWARM_STORE_H

#include "app.h"
#include "export_set.h"

/* Names them, by what they hold now: i->secrets and, for files of mount_ro, i->configs. 0, or
 * -1 after a message. */
int swarm_store_name(struct app *a, struct export_item *i);

/* Only the secrets. */
int swarm_store_secrets(struct app *a, struct export_item *i);

/* Makes those that the swarm hasn't. 0, or -1 after a message. */
int swarm_store_fill(struct app *a, const struct export_item *i);

/* Removes those of a container that no service uses any more. */
void swarm_store_tidy(struct app *a, const struct container *c);

#endif
