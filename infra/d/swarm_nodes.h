/* d on the nodes of a swarm, for what only the host of a container can tell. */
#ifndef WHITTLE_SWARM_NODES_H
#define WHITTLE_SWARM_NODES_H

#include <jansson.h>

#include "swarm_see.h"

/* Runs d with these words, and a copy's container ID behind them, on the node of each copy that
 * runs: by ssh on the host that is named like the node or has its address, or here. What d
 * prints has to be a JSON list; each object of it gets the node's name as "node". Returns all
 * in one list; *trouble: one couldn't be asked, after a message. */
json_t *swarm_nodes_ask(
    struct app *a, const struct swarm_service *s, const struct words *words, bool *trouble);

#endif
