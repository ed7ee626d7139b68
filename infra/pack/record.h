/* What is kept about one image, found by whatever it is called. */
#ifndef PACK_RECORD_H
#define PACK_RECORD_H

#include <jansson.h>
#include <stddef.h>

#include "digest.h"
#include "manifest.h"

struct record {
	char *directory; /* STATE/images/NAME/ID */
	char *name;
	char id[SHA256_HEX];
	json_t *config; /* its digest is id: checked */
};

/*
 * Opens the record of an image: a 64-digit ID (with or without "sha256:"), a name known to
 * the engine ("filewatch" is localhost/whittle/filewatch:latest, "filewatch:live" …), or an
 * image archive (a path with a '/' that is a file). state as for store_root().
 * Returns 0, -1 after a report(), or RECORD_CHANGED after one where the config that is kept
 * isn't the image's. The caller closes in any case.
 */
enum { RECORD_CHANGED = -2 };
int record_open(struct record *r, const char *image, const char *state);
void record_close(struct record *r);

/* The path of a file of it. free(3) it. */
char *record_path(const struct record *r, const char *file);

/* Reads one of its files whole, *text NULL where it isn't there; the digest must be that of
 * the label, if key isn't NULL. Returns 0, or -1 after a report(). free(3) the text. */
int record_text(
    const struct record *r, const char *file, const char *key, char **text, size_t *n);

/* The same as JSON, and the manifest. *json is NULL where the file isn't there. */
int record_json(const struct record *r, const char *file, const char *key, json_t **json);
int record_manifest(const struct record *r, struct manifest *m);

/* A file whole; NULL with errno. *n is its size; a NUL follows. */
char *read_whole(const char *path, size_t *n);

#endif
