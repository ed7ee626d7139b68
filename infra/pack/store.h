/* What is kept about images, outside of them: STATE/images/NAME/IMAGEID/. */
#ifndef PACK_STORE_H
#define PACK_STORE_H

#include <stddef.h>

#include "bytes.h"
#include "digest.h"

/* The files of such a directory. */
#define STORE_CONFIG     "config.json"
#define STORE_LEDGER     "ledger.jsonl"
#define STORE_CDX        "sbom.cdx.json"
#define STORE_SPDX       "sbom.spdx.json"
#define STORE_MANIFEST   "manifest.mtree"
#define STORE_ORIGIN     "origin.json"
#define STORE_PASSWD     "passwd"
#define STORE_GROUP      "group"
#define STORE_PROVENANCE "provenance.json"
#define STORE_REGISTRY   "registry.json"

struct store_file {
	const char *name;
	struct bytes data;
};

/* The state directory: given, else WHITTLE_STATE, else /var/lib/whittle for root and
 * ${XDG_STATE_HOME:-~/.local/state}/whittle for others. free(3) it. */
char *store_root(const char *given);

/* The directory of an image; nothing is looked up. free(3) it. */
char *store_directory(const char *root, const char *name, const char *id);

/*
 * Writes files into an image's directory. A directory that isn't there appears whole; in one
 * that is there each file is replaced as a whole. Returns 0, or -1 after a report().
 */
int store_put(const char *root, const char *name, const char *id, const struct store_file *file,
    size_t count);

/* The directory of an image ID, whatever its name is; NULL where there is none. free(3) it. */
char *store_find(const char *root, const char *id);

/* Calls visit for every image that is kept, sorted by name and ID, until it returns not 0,
 * which is handed on. */
int store_each(const char *root,
    int (*visit)(const char *directory, const char *name, const char *id, void *arg),
    void *arg);

/* Writes a file as a whole or not at all, mode 0644. Returns 0, or -1 after a report(). */
int write_whole(const char *path, const void *bytes, size_t n);

#endif
