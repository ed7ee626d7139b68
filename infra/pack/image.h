/* An image archive as `docker save` and `podman save` write it: docker's form, an OCI image
 * layout, or both in one; or such a layout as a directory. */
#ifndef PACK_IMAGE_H
#define PACK_IMAGE_H

#include <jansson.h>
#include <stddef.h>

#include "bytes.h"
#include "digest.h"
#include "members.h"

struct image_layer {
	struct bytes tar;         /* not compressed */
	struct bytes unpacked;    /* set where tar had to be unpacked: our own mapping */
	char diff_id[SHA256_HEX]; /* of tar, verified */
};

struct image {
	const char *file;
	struct members members;
	struct bytes config_bytes;
	char id[SHA256_HEX]; /* of config_bytes: the image ID */
	json_t *config;
	json_t *tags; /* array of strings, NULL */
	struct image_layer *layer;
	size_t layers;
};

/*
 * Opens an archive and verifies that each layer has the digest that the config names. Layers
 * may be compressed by gzip or zstd; of several architectures this machine's is taken.
 * Refused with a report(): anything else than one image, layers that don't match, parts that
 * aren't there, layers that are kept elsewhere, schema 1, a config of more than 16 MiB, a
 * compressed layer that unpacks to more than a hundred times its size and 64 MiB. Returns 0 or
 * -1; the caller closes in both cases.
 */
int image_open(struct image *i, const char *file);
/* The same without its layers, whose content isn't read. */
int image_open_config(struct image *i, const char *file);
void image_close(struct image *i);

#endif
