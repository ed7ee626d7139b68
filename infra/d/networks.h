/* The networks that a container joins. */
#ifndef WHITTLE_NETWORKS_H
#define WHITTLE_NETWORKS_H

#include "pool.h"

struct app;
struct container;

/* The arguments that make the first one. subnet NULL: the engine's choice. */
void network_args(struct words *out, const struct container *c, const char *subnet);

/*
 * Makes those that aren't there. A network of its own gets a small subnet of the host's range
 * that none of the host's routes covers: the engines' own pools end at some thirty networks.
 * One that is there with another subnet than the settings ask for is made anew where nothing
 * uses it. 0, or -1 after a message.
 */
int network_ensure(struct app *a, const struct container *c);

/* Whether the first network, if it is there, has the subnet of the settings, which must name
 * one. 0, or -1 after a message. */
int network_check(struct app *a, const struct container *c);

/* Its subnets, as the engine writes them. 0, or -1 after a message. */
int network_subnets(struct app *a, const char *name, struct words *subnets);

/* The arguments that join a container to a further network. */
struct joined_network;
void network_join_args(
    struct words *out, const struct joined_network *n, const char *container);

/* Joins a new container to its further networks, where it couldn't be created in all of them.
 * 0, or -1 after a message. */
int network_join(struct app *a, const struct container *c, const char *id);

#endif
