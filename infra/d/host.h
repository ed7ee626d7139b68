/* The host's settings: where the containers' directories, the engine, state and volumes are. */
#ifndef WHITTLE_HOST_H
#define WHITTLE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "container.h"
#include "fleet.h"
#include "notifiers.h"
#include "pool.h"
#include "settings.h"
#include "subnet.h"

/* Where services of Docker Swarm's are run. */
struct swarm_access {
	const char *docker;   /* DOCKER_HOST of a manager; NULL: docker's own choice */
	const char *registry; /* where nodes pull from, HOST[:PORT]/PATH; NULL: none */
	bool plain;           /* it is spoken to without TLS */
};

/* The cluster where Deployments are run. */
struct kube_access {
	const char *context, *namespace; /* NULL: kubectl's own choice */
	const char *registry;            /* as a swarm's */
	bool plain;
};

struct host {
	const char *project;      /* the project's directory; NULL: there is none */
	struct words files;       /* the settings files that were read */
	struct words directories; /* the directories that hold containers' directories */
	const char *engine;       /* the command: infra/engine, or podman or docker itself */
	const char *state;        /* $WHITTLE_STATE/d */
	const char *vol_base;
	const char *repo1, *repo2;
	const char *toolkit;    /* image for d debug */
	const char *base;       /* the base image's directory; NULL: none */
	const char *verify_key; /* the public key for require_signature; NULL: none */
	struct words hook;
	struct notifiers notifiers;
	struct fleet fleet; /* the other hosts */
	struct swarm_access swarm;
	struct kube_access kube;
	struct pairs variables; /* what ${NAME} in containers' settings stands for */
	const char *subnets_text;
	struct subnet_range subnets; /* for networks of containers' own; each 0: the engine's */
	int64_t keep, parallel;
	struct layer defaults[2]; /* for every container */
	struct settings settings[2];
};

/*
 * Reads the project's etc/settings.yaml, then ~/.config/whittle/settings.yaml, then
 * WHITTLE_ variables, a later one winning; WHITTLE_SETTINGS names one file to read instead
 * of the two. Returns 0, or -1 after messages.
 */
int host_load(struct host *h);

/* The script that knows how the engine is run on this host: the project's, or beside this
 * program. NULL: there is none. */
const char *host_engine_script(const struct host *h);

/* One container's directory. */
struct place {
	const char *name;                           /* the directory's */
	const char *directory;                      /* its path */
	bool settings, makefile, dockerfile, tests; /* which files it has */
	bool brought; /* by another host, which builds and tests it */
};

struct places {
	struct place *v;
	size_t n;
};

/* Every container's directory, by name. Of two with one name the first counts; the other is
 * added to duplicates. How many directories of them couldn't be read, after a message each. */
int host_places(const struct host *h, struct places *all, struct words *duplicates);

/*
 * The description of what stands in a directory. flags: words "--KEY", "VALUE" of a command
 * line, or NULL. text: settings to read instead of the directory's file, or NULL.
 * Returns 0, or -1 after messages.
 */
int host_container(const struct host *h, const struct place *p, bool test,
    const struct words *flags, const char *text, struct container *out);

/* Whether this is the host that a wave is for. */
bool wave_is_here(const struct container *c);

#endif
