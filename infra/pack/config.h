/* The image's config: what podman and docker say in different words, said in one. */
#ifndef PACK_CONFIG_H
#define PACK_CONFIG_H

#include <jansson.h>
#include <time.h>

/*
 * The canonical form of a config (OCI image specification, with docker's health check):
 * what a container is run with, and nothing of how, when and by whom it was built. Empty
 * members go, ports have their protocol, labels of engines and our own (whittle.*) go.
 * No layers yet. NULL after a report() where it has no architecture or system, or a member
 * of the wrong type.
 */
json_t *config_canonical(const json_t *in, const char *what);

/* Adds what makes it an image: its one layer, the date, one line of history. */
void config_finish(json_t *config, const char *diff_id, time_t epoch);

void config_label(json_t *config, const char *key, const char *value);

/* The value of a label in any config; NULL where there is none. */
const char *config_get_label(const json_t *config, const char *key);

/* "2023-11-14T22:13:20Z" */
void format_time(time_t t, char out[32]);

/* The labels that whittle writes. */
#define LABEL_IMAGE    "whittle.image"
#define LABEL_BASE     "whittle.base"
#define LABEL_CDX      "whittle.sbom.cyclonedx"
#define LABEL_SPDX     "whittle.sbom.spdx"
#define LABEL_LEDGER   "whittle.ledger"
#define LABEL_MANIFEST "whittle.manifest"

/* And that of a record on its own: the image ID that it is about. */
#define LABEL_RECORD_OF "whittle.record-of"

#endif
