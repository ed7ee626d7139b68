/* What verbs mean for a container that a swarm or a Kubernetes cluster runs. */
#ifndef WHITTLE_CLUSTER_VERBS_H
#define WHITTLE_CLUSTER_VERBS_H

#include "app.h"

/* Runs the verb, or says that it means nothing there: true, with *status. false: it is as for
 * any container, up to its replacement. */
bool cluster_verb(struct app *a, const struct container *c, int argc, char **argv, int *status);

#endif
