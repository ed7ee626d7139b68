/* Sources that we build ourselves: the pins in etc/sources.lock, and what is known about
 * them beyond that. */
#ifndef PACK_SOURCES_H
#define PACK_SOURCES_H

#include <stddef.h>

#include "bytes.h"

/* One line of sources.lock: NAME VERSION SHA256 ORIGIN; and in an image's
 * lock, for a fallback, the pinned VERSION that it replaces. */
struct pin {
	char *name, *version, *sha256, *origin;
	char *instead_of; /* NULL where the pinned version was taken */
};

struct pins {
	struct pin *pin; /* in the file's order */
	size_t count;
};

/* Refused with a report() that names what and the line: a line of another shape. Returns 0
 * or -1; the caller frees in both cases. */
int pins_parse(struct pins *p, struct bytes text, const char *what);
void pins_free(struct pins *p);

/* The first pin of a name, and of a version where that isn't NULL; NULL where none. */
const struct pin *pins_find(const struct pins *p, const char *name, const char *version);

/* What vulnerability lists call it ("vendor:product"), and its licence in SPDX's words;
 * NULL where we don't know it. */
const char *source_cpe(const char *name);
const char *source_license(const char *name);

/* A line of a container's "sources" file: PATTERN NAME [NAME...]: files at paths that match
 * (fnmatch(3), from the root) are what the first source makes, linked with the others. */
struct claim {
	char *pattern;
	char **name;
	size_t names;
};

struct claims {
	struct claim *claim;
	size_t count;
};

int claims_parse(struct claims *c, struct bytes text, const char *what);
void claims_free(struct claims *c);
const struct claim *claims_find(const struct claims *c, const char *path);

#endif
