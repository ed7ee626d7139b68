/* Where upstreams publish what they have: etc/upstreams, and the lists that it names. */
#ifndef PACK_UPSTREAM_H
#define PACK_UPSTREAM_H

#include <stddef.h>

#include "bytes.h"
#include "digest.h"

struct pins;

struct upstream {
	char *name;
	char *list;      /* address of the list */
	char *pattern;   /* what stands in it for a release, "busybox-{VERSION}.tar.bz2"; or
			  * "yaml:FLAVOR" for Alpine's latest-releases.yaml */
	char *address;   /* of a release's file */
	char *signature; /* what is added to the address for its signature; NULL: none */
};

/* Releases that are known and not wanted: from BELOW on, for that reason. */
struct hold {
	char *name;
	char *below;
	char *reason;
};

struct upstreams {
	struct upstream *line;
	size_t count;
	char *
	    *security; /* addresses of Alpine's security database, a list for each repository */
	size_t securities;
	struct hold *hold;
	size_t holds;
};

/* Lines "NAME LIST PATTERN ADDRESS SIGNATURE" (SIGNATURE "-" for none), and "@security
 * ADDRESS", of which there may be several, and "@hold NAME VERSION REASON": releases from that
 * version on aren't wanted. Refused with a report(): anything else. Returns 0 or -1; the caller
 * frees in both cases. */
int upstreams_parse(struct upstreams *u, struct bytes text, const char *what);
void upstreams_free(struct upstreams *u);
const struct upstream *upstreams_find(const struct upstreams *u, const char *name);
/* NULL: whatever is the newest is wanted. */
const struct hold *upstreams_hold(const struct upstreams *u, const char *name);

/* The pins and the upstreams from their files. As above. */
int upstreams_read(
    const char *lock, const char *upstreams, struct pins *p, struct upstreams *u);

/* {VERSION} and {SERIES} (its first two numbers) in a text filled in. free(3) it. */
char *fill_in(const char *text, const char *version);

struct lists {
	const char *cache; /* directory of saved copies */
	int offline;       /* only these */
};

/*
 * The text of a list, fetched by curl and saved, or its saved copy where it can't be fetched
 * (said by a note) or isn't to be. NULL after a report(). free(3) it.
 */
char *list_text(const struct lists *l, const char *address, size_t *n);

/* Fetches a file to path, as a whole or not at all. Returns 0, or -1 after a report(). */
int fetch_to(const char *address, const char *path);

struct release {
	char *version;
	char sha256[SHA256_HEX]; /* "" where the list doesn't say */
	int held;                /* there is one that is held */
};

/* The newest release in a list: of all versions that pattern finds the highest, pre-releases
 * left out, and those from hold's on (NULL: none). Returns 0, with a version of NULL where all
 * that there is is held, or -1 after a report(). release_free() it in both cases. */
int newest_release(const struct upstream *u, const struct hold *hold, const char *text,
    size_t n, struct release *r);
void release_free(struct release *r);

#endif
