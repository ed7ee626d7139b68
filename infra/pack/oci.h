/* An OCI image layout (image-layout.md, image-index.md of its specification). */
#ifndef PACK_OCI_H
#define PACK_OCI_H

#include <jansson.h>

struct members;

/*
 * The image that index.json names, as docker's manifest.json says it: [{"Config": …, "Layers":
 * […]}] with names of members. Of several architectures this machine's. NULL after a report():
 * several images, none for this machine, a part whose digest differs, a layer that is kept
 * elsewhere, a manifest of schema 1.
 */
json_t *oci_manifest(const struct members *m);

/* Whether a manifest can't be packed: of schema 1, or with layers kept elsewhere. Then a
 * report() has said so. */
int oci_refused(const json_t *manifest, const char *file, const char *name);

#endif
