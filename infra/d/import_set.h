/* What is imported: settings of containers as they come out of compose files, units and command
 * lines, and what can't be taken over. */
#ifndef WHITTLE_IMPORT_SET_H
#define WHITTLE_IMPORT_SET_H

#include <jansson.h>

#include "container.h"
#include "import_env.h"
#include "pool.h"

struct import_item {
	const char *name;  /* the directory's */
	json_t *settings;  /* as settings.yaml has them */
	const char *image; /* NULL: it is built */
	json_t *build; /* {"context": DIR, "dockerfile": FILE, "args": {…}}; NULL: it isn't */
};

/* Something that isn't taken over, or not as it was. */
struct import_note {
	const char *name, *key, *why;
};

struct import {
	const char *only;     /* the one service of a composition; NULL: all of them */
	const char *dir;      /* what relative paths are relative to */
	const char *project;  /* the network that a composition's services share by default */
	const char *vol_base; /* where volumes that several share are */
	const char *registry; /* for images that name none; NULL: they stay so */
	struct import_fill fill; /* how a composition's variables are put in */
	bool started;            /* by d new, at once: nothing that runs on the host is taken */
	LIST_OF(import_item) items;
	LIST_OF(import_note) notes;
};

void import_note(struct import *im, const char *name, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Adds one service of a composition, in compose's words; services and command lines of other
 * kinds are brought into these words before. all: the whole file, for what several services
 * share; NULL for a service that stands alone.
 */
void import_service(
    struct import *im, const char *name, const json_t *service, const json_t *all);

/* A map, or a list of NAME=VALUE words, as a map; a name without "=" has null. A new reference.
 */
json_t *import_map(const json_t *value);

#endif
