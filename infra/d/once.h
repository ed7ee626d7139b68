/* A container beside the service, once: with its volumes, its network and its limits. */
#ifndef WHITTLE_ONCE_H
#define WHITTLE_ONCE_H

#include "app.h"
#include "engine_args.h"

struct once {
	struct container c;
	struct image image;
	struct start start; /* cmd, shell, terminal … are the caller's to set before */
	struct words args;  /* of the engine */
};

/*
 * Makes ready what it needs, and its arguments: a name of its own that ends in suffix, no
 * published ports of the service's, no fixed address, removed when it ends. flags: of a command
 * line, may be NULL; image: an id, NULL: the one that a start would take. 0, or -1 after a
 * message. once_end() removes what is left of it afterwards.
 */
int once_prepare(struct app *a, const struct place *p, const struct words *flags,
    const char *image, const char *suffix, struct once *out);
void once_end(struct app *a, const char *name);

#endif
