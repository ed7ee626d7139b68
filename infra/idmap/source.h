/* Where a map comes from, as --map and the options beside it say. */
#ifndef IDMAP_SOURCE_H
#define IDMAP_SOURCE_H

#include <getopt.h>
#include <stdbool.h>

#include "accounts.h"
#include "idmap.h"
#include "userns.h"

enum { SOURCE_RANGES_MAX = 64, OPTION_USER = 256, OPTION_UIDMAP, OPTION_GIDMAP, OPTION_OWN };

struct source {
	const char *map;  /* --map; NULL where it wasn't given */
	const char *user; /* --user: whose rootless podman */
	const char *root; /* --root: where etc/ is; NULL: the host's */
	const char *uidmap[SOURCE_RANGES_MAX + 1], *gidmap[SOURCE_RANGES_MAX + 1];
	unsigned uidmaps, gidmaps;
};

/* For the verbs' getopt_long() calls; options of their own are from OPTION_OWN on. */
#define SOURCE_SHORT "m:R:h"
#define SOURCE_LONG                                                                            \
	{"map", required_argument, NULL, 'm'}, {"root", required_argument, NULL, 'R'},         \
	    {"user", required_argument, NULL, OPTION_USER},                                    \
	    {"uidmap", required_argument, NULL, OPTION_UIDMAP},                                \
	    {"gidmap", required_argument, NULL, OPTION_GIDMAP},                                \
	{                                                                                      \
		"help", no_argument, NULL, 'h'                                                 \
	}

/* Takes an option of these. Returns false where it is none; -h is one, and ends the
 * program. */
bool source_option(struct source *s, int option, char *argument, const char *verb);

/* A descriptor of the directory that etc/ stands in. Ends the program on trouble. */
int source_root(const struct source *s);

/*
 * The map. Where --map wasn't given, that of a container that asks for nothing: a user's
 * rootless podman's, or for root docker's where it has userns-remap. Returns 0, or -1
 * after a report().
 */
int source_map(const struct source *s, struct idmap *m);

/* --- containers --- */

struct container {
	const char *name;
	bool docker;  /* else podman */
	long pid;     /* 0: it doesn't run */
	char *user;   /* what its processes run as, as the image says: "", "33", "www:www" */
	char *idmaps; /* podman's .HostConfig.IDMappings in JSON; docker's userns mode */
};

/* Asks the engine. Returns 0, or -1 after a report(). */
int container_find(const char *name, struct container *c);
void container_free(struct container *c);
int container_map(const struct container *c, const struct userns_files *f, struct idmap *m);

/* A container of an image that never runs, to be looked into and removed; its name is its
 * own then. Returns 0, or -1 after a report(). */
int container_of_image(const char *image, struct container *c);
void container_remove(struct container *c);

/* A file of a container's, running or not, as accounts. Returns 0, or -1 where it has none. */
int container_accounts(const struct container *c, const char *path, struct accounts *a);

#endif
