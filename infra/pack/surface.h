/* What an intruder finds in an image, in figures: as it is, and as it was before prep. */
#ifndef PACK_SURFACE_H
#define PACK_SURFACE_H

#include <jansson.h>

#include "bytes.h"
#include "manifest.h"

struct surface {
	double bytes;        /* hard links share theirs */
	unsigned long files; /* and links; not directories */
	unsigned long
	    programs; /* files that can be executed; not libraries and languages' modules */
	unsigned long packages; /* a distribution's, that any file is of */
	unsigned long setuid;   /* setuid or setgid programs, and those with capabilities */
	unsigned long shells;   /* programs and links by the name of a shell */
	unsigned long vulnerabilities;
};

struct surfaces {
	struct surface before, after;
	int carved;  /* whether a list said what stays */
	int tracked; /* whether vulnerabilities were counted */
};

/*
 * Of an image's manifest, CycloneDX SBOM and ledger, all of which pack wrote; name is the
 * image's: what its base's prep did isn't counted. tracker: as tracker_read() has it, or NULL.
 * Returns 0, or -1 after a report().
 */
int surfaces_of(struct surfaces *s, const char *name, const struct manifest *m,
    const json_t *sbom, struct bytes ledger, const json_t *tracker);

#endif
