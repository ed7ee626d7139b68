/*
 * Which image a container engine means. The image ID is the digest of an image's config: the
 * same wherever the image is. podman and docker's own store call an image by it. docker's
 * containerd store calls it by the digest of a manifest or of an index, which depends on how
 * the layers were compressed; here that is its local ID. Both are digests of content, so
 * what was found out once stays true: a symbolic link STATE/image-ids/LOCAL -> ID.
 */
#ifndef WHITTLE_IMAGEID_H
#define WHITTLE_IMAGEID_H

#include <stdbool.h>

#include "digest.h"

/* 64 digits, with or without "sha256:": 0 and the digits, else -1. */
int imageid_parse(const char *text, char hex[SHA256_HEX]);

/* Whether it is known which image a local ID means, and which. */
bool imageid_known(const char *state, const char *local, char id[SHA256_HEX]);

/* Keeps it. Returns 0, or -1 with errno. */
int imageid_note(const char *state, const char *local, const char *id);

/* The local IDs that are known to mean an image: at most max of them, how many there are. */
unsigned imageid_locals(
    const char *state, const char *id, unsigned max, char (*local)[SHA256_HEX]);

struct engine;

/* The image ID, "sha256:…", of the engine's own, with or without "sha256:". One whose image ID
 * can't be found out any more stays what it is. free(3) it. */
char *imageid_of(const struct engine *e, const char *own);

/* What the engine calls the image of an ID, "sha256:…"; any other word stays what it is, and so
 * does any where e->pack isn't set. free(3) it. */
char *imageid_own(const struct engine *e, const char *id);

#endif
