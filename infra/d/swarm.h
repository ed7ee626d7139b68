/* A container as a service of Docker Swarm's: brought there, watched until it has converged or
 * gone back. What it is made of is export_compose.h's stack file, as d export writes it. */
#ifndef WHITTLE_SWARM_H
#define WHITTLE_SWARM_H

#include "roll.h"

/* Brings it there and waits. The journal gets what swarm_look() needs. */
enum roll_end swarm_deploy(struct journal *j, struct roll *r);

/* How far what an earlier run brought there has come; ROLL_OPEN: not to its end. */
enum roll_end swarm_look(struct journal *j, struct roll *r);

/* Ends all copies; the service stays. An exit status. */
int swarm_stop(struct app *a, const struct container *c);

/* What there is to do for it, given the image that is live, NULL: none. NULL: nothing. */
const char *swarm_todo(struct app *a, const struct container *c, const struct image *live);

#endif
