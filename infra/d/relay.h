/*
 * What stands before a container whose settings say "swap: beside": a small container of its
 * own that has its ports, its address and its aliases, and passes connections on to the address
 * in $WHITTLE_STATE/d/NAME/relay/address. The service's own container has an address of its own
 * in the same network, one of the last ones, so that it keeps it when the engine starts it
 * anew.
 */
#ifndef WHITTLE_RELAY_H
#define WHITTLE_RELAY_H

#include <stdbool.h>
#include <sys/types.h>

#include "journal.h"

struct seen;
struct start;

const char *relay_name(const char *container);

/* The service's own container: what is the relay's is taken from it. address NULL: not known.
 */
void relay_service(const struct container *c, const char *address, struct container *out);

/*
 * For replace.c, in this order. All return 0, or -1 after a message, and do nothing where
 *neither what runs nor what is wanted has a relay.
 *
 * relay_note: what there is; whether the new container can start beside the old one goes into
 *	the journal as "beside".
 * relay_address: an address for the new one, and what is to be started, in *service.
 * relay_shares: whether it may have the volumes that come from its image.
 * relay_aside, relay_begin: where not beside: the old relay goes, a new one comes.
 * relay_move: what comes goes to the new one.
 * relay_leave, relay_back: the same undone, before and after the old one is there again.
 * relay_finish: what is left of an old one goes.
 */
int relay_note(struct journal *j, const struct container *c, bool may);
int relay_address(struct journal *j, const struct container *c, struct container *service);
int relay_shares(const struct container *c, const struct start *s);
int relay_aside(struct journal *j);
int relay_begin(struct journal *j, const struct container *c);
int relay_move(struct journal *j);
int relay_leave(struct journal *j);
int relay_back(struct journal *j);
int relay_finish(struct journal *j);

/* Until nothing is under way with the process's container any more, no longer than its settings
 * say. */
void relay_drain(struct journal *j, pid_t pid);

/* When its service stops. 0, or -1 after a message. */
int relay_remove(struct app *a, const struct place *p, const struct container *c);

#endif
