/* Software bills of materials: what is in the image, for people's and scanners' eyes. Both
 * are a function of the image's content alone; neither names the image ID, since the image's
 * labels hold their digests. */
#ifndef PACK_SBOM_H
#define PACK_SBOM_H

#include <time.h>

struct listing;
struct parts;

struct sbom {
	const char *name; /* the image's */
	const char
	    *compiler; /* what its own programs were compiled with; NULL where not known */
	time_t epoch;
	const struct parts *parts;
	const struct listing *listing; /* files that are hashed already */
};

/* CycloneDX 1.5 and SPDX 2.3, both as JSON. free(3) them. */
char *sbom_cyclonedx(const struct sbom *s);
char *sbom_spdx(const struct sbom *s);

/* The property of a CycloneDX bill's metadata that says the compiler. */
#define SBOM_COMPILER "whittle:compiler"

/* The project's version, which make knows. */
#ifndef PACK_VERSION
#define PACK_VERSION "0"
#endif

#endif
