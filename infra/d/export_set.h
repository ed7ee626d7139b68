/* What is exported, and the parts that several targets are made of. */
#ifndef WHITTLE_EXPORT_SET_H
#define WHITTLE_EXPORT_SET_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "container.h"
#include "identity.h"
#include "pool.h"

struct image;

enum target { TO_QUADLET, TO_COMPOSE, TO_KUBE, TO_SWARM, TARGETS };
extern const char *const target_names[TARGETS + 1];

/* One container, and what is known of it beside its settings. */
struct export_item {
	const struct container *c;
	const char *image;          /* the reference to run, by digest */
	const char *image_name;     /* what it is called here, for people */
	const char *auto_update;    /* Quadlet's AutoUpdate; NULL: none */
	const struct image *facts;  /* NULL: the image isn't here */
	const struct identity *who; /* NULL: not known */
	struct pairs volumes;       /* of the engine's: path inside and name */
	int64_t *uid, *gid;         /* of vols, as the host's numbers; -1: not known */
	struct words devices;       /* those that mount_devices' patterns find now */
	const char *seccomp_text;   /* the profile's bytes; NULL: none, or unreadable */
	size_t seccomp_len;
	struct words probe; /* asks what ready asks, by the image's own program; else empty */
	/* What a swarm has already, for d itself: its secrets' names there in the order of the
	 * settings, none: NAME-SECRET; mounts' paths inside and the configs that hold the
	 * files; labels of the service, notes of a pod. */
	struct words secrets;
	struct pairs configs, labels;
	/* Behind the names of what pods read, so that those of another version keep theirs;
	 * NULL: nothing. */
	const char *version;
};

struct export_file {
	const char *path; /* relative to the export's directory */
	const char *bytes;
	size_t n;
	mode_t mode;
};

struct export
{
	enum target to;
	const char *dir; /* where the files will stand, absolute; NULL: nowhere */
	LIST_OF(export_item) items;
	LIST_OF(export_file) files; /* what comes out */
};

/* The one of that name among those that are exported; NULL where there is none. */
const struct export_item *export_item(const struct export *x, const char *key);

/* A file of the export; bytes are in the pool. */
void export_add(struct export *x, const char *path, const char *bytes, size_t n, mode_t mode);
void export_add_yaml(
    struct export *x, const char *path, const char *head, json_t *const *docs, size_t n);

/* Sets a member; nothing where the value is an empty list or object. */
void export_put(json_t *o, const char *key, json_t *value);

/* Those that have a value, each as the target writes a string. */
json_t *export_map(const struct pairs *list, json_t *(*text)(const char *));

/* Where a vol is on the host. */
const char *export_vol_source(const struct container *c, const struct volume *v);

/* Where the seccomp profile will stand; "unconfined"; NULL: the engine's. */
const char *export_seccomp_path(const struct export *x, const struct export_item *i);

/* Who runs, as "UID:GID" where it is known; NULL: the image's user. And further groups. */
const char *export_user(const struct export_item *i);
const struct words *export_groups(const struct export_item *i);

/* What the target's store calls a secret. */
const char *export_secret_name(const struct export_item *i, size_t k);

/* The config that stands for a mount of that path; NULL: none does. */
const char *export_config(const struct export_item *i, const char *target);

/* Whether it has paths or volumes of one host: data that is where it is. */
bool export_has_places(const struct export_item *i);

/* cmd and extra_init in one. */
void export_command(const struct container *c, struct words *out);

#endif
