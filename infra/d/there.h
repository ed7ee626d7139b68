/* Containers that run on other hosts: on in their settings. What they are made of is here. */
#ifndef WHITTLE_THERE_H
#define WHITTLE_THERE_H

#include "app.h"

/* Brings the directory, and the image of that ID where it isn't there, to each of the hosts and
 * upgrades it there, by waves; keep_down: what is down there, and starts by itself neither,
 * stays so; due: a job there that has its data puts it off. An exit status, EXIT_PUT_OFF for
 * that. */
int there_upgrade(struct app *a, const struct place *p, const struct container *c,
    const char *image, bool force, bool keep_down, bool due);

/* A verb whose words name a container that runs elsewhere is run there: true, with *status.
 * What starts it anew brings its settings along. */
bool there_run(struct app *a, int argc, char **argv, int *status);

#endif
