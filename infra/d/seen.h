/* What podman and docker tell of containers and images, in one shape. */
#ifndef WHITTLE_SEEN_H
#define WHITTLE_SEEN_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "container.h"
#include "pool.h"

struct seen {
	const char *id, *name;
	const char *image;  /* "sha256:…" */
	const char *state;  /* "running", "exited", "created" … */
	const char *health; /* "healthy", "unhealthy", "starting"; NULL: no health check */
	struct words check; /* its health check, as exec takes it */
	bool running;
	pid_t pid;
	int exit_code, restarts;
	time_t started, created;
	struct words ips;
	struct words ports; /* "127.0.0.1:8080->80/tcp" */
	struct words networks;
	struct pairs volumes; /* of the engine's: path inside and name */
	const char *upper;    /* the overlay's upper directory; NULL: the engine doesn't say */
	/* Labels that d gave it; NULL where it was another. */
	const char *key, *role, *digest, *transaction, *owner;
	const char *maker; /* who else made it, in words; NULL: nobody that leaves a label */
};

struct seen_list {
	struct seen *v;
	size_t n;
};

struct image {
	const char *id;       /* "sha256:…" */
	const char *user;     /* only engine_image() knows this and health */
	struct words volumes; /* the paths that it declares as such; only engine_image() */
	struct words command; /* its entry point, else its command; the same */
	const char *path;     /* PATH in its environment, NULL: not said; the same */
	bool health;
	time_t created;
	const char *size; /* for people; only engine_images() knows */
	struct words tags;
};

struct images {
	struct image *v;
	size_t n;
};

#endif
