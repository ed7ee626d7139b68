/* What pack writes: one image, as a docker-archive or as an OCI image layout. */
#ifndef PACK_OUTPUT_H
#define PACK_OUTPUT_H

#include <stdint.h>
#include <time.h>

#include "digest.h"

struct listing;
struct node;

enum output_form {
	OUTPUT_DOCKER,      /* a file: docker load, podman load */
	OUTPUT_OCI,         /* a directory: OCI image layout */
	OUTPUT_OCI_ARCHIVE, /* the same in a tar archive */
};

struct output {
	enum output_form form;
	const char *path;
	time_t epoch;
	char *partial; /* what is being written, renamed to path at the end */
	int fd;
	char diff_id[SHA256_HEX];
	uint64_t layer_size;
};

/*
 * In this order: start, layer, finish; abandon on failure at any point, after which nothing
 * is left. Each returns 0, or -1 after a report(). A path that is there is replaced, a
 * directory only if it is an OCI image layout.
 */
int output_start(struct output *o, enum output_form form, const char *path, time_t epoch);

/* Writes the layer; hashes files on the way; sets diff_id and layer_size. root is in it
 * where it isn't what everybody takes for granted (root's, 0755). */
int output_layer(struct output *o, const struct node *root, const struct listing *l);

/* tag may be NULL; id is set to the image ID: the digest of config. */
int output_finish(struct output *o, const char *config, const char *tag, char id[SHA256_HEX]);
void output_abandon(struct output *o);

#endif
