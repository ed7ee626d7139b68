/* What an image that others are built on says of itself, inside: its bill of materials and
 * ledger in /var/lib/whittle/base. Who builds on it needs nothing but the image; pack takes
 * them out of the new one. */
#ifndef PACK_BASE_H
#define PACK_BASE_H

#include <jansson.h>

#include "bytes.h"

struct tree;

struct base {
	json_t *sbom;        /* CycloneDX, NULL where the base says nothing */
	struct bytes ledger; /* in the archive */
};

/* Returns 0, or -1 after a report() where what is there isn't what base_put() put. */
int base_take(struct tree *t, struct base *b);
void base_free(struct base *b);

/* The texts must live as long as the tree. */
void base_put(struct tree *t, struct bytes sbom, struct bytes ledger);

#endif
