/* Software bills of materials: what is in the image, for people's and scanners' eyes. Both
 * are a function of the image's content alone; neither names the image ID, since the image's
 * labels hold their digests. */
#ifndef PACK_SBOM_H
#define PACK_SBOM_H

#include <jansson.h>
#include <time.h>

struct listing;
struct parts;

struct sbom {
	const char *name; /* the image's */
	time_t epoch;
	const struct parts *parts;
	const struct listing *listing; /* files that are hashed already */
};

/* CycloneDX 1.5 and SPDX 2.3, both as JSON. free(3) them. */
char *sbom_cyclonedx(const struct sbom *s);
char *sbom_spdx(const struct sbom *s);

/* What a component of CycloneDX says by a property of its own; "" where there is none. */
const char *sbom_property(const json_t *component, const char *name);

/*
 * Dumps a document whose member key is to name it: a "urn:uuid:…" of the digest of all the
 * rest (RFC 9562, version 8). Takes the document over; free(3) the text.
 */
char *dump_named(json_t *document, const char *key);

/* The project's version, which make knows. */
#ifndef PACK_VERSION
#define PACK_VERSION "0"
#endif

#endif
