/* Docker's compose.yaml, and the stack file of Docker Swarm. */
#ifndef WHITTLE_EXPORT_COMPOSE_H
#define WHITTLE_EXPORT_COMPOSE_H

struct export;

void export_compose(struct export *x);
void export_swarm(struct export *x);

#endif
