/* What a user namespace makes of user and group ids: maps, and the ways to write one. */
#ifndef WHITTLE_IDMAP_H
#define WHITTLE_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf;

enum {
	IDMAP_RANGES_MAX = 340 /* as many as the kernel takes, user_namespaces(7) */
};

/* The ids inside … inside + count - 1 are outside … outside + count - 1 on the host. No
 * range holds 2^32-1: that is "no id" to chown(2). */
struct id_range {
	uint32_t inside, outside, count;
};

/* In the order given. No two ranges share an id, neither inside nor outside. */
struct id_map {
	struct id_range *range;
	size_t count;
};

struct idmap {
	struct id_map uid, gid;
};

#define IDMAP_INIT                                                                             \
	{                                                                                      \
		{NULL, 0},                                                                     \
		{                                                                              \
			NULL, 0                                                                \
		}                                                                              \
	}

void idmap_free(struct idmap *m);

/*
 * Adds a range. Returns 0, or -1 with errno: EINVAL for a count of 0, ERANGE beyond
 * 2^32-2, EEXIST where an id inside or outside is in the map already, E2BIG for more
 * than IDMAP_RANGES_MAX.
 */
int id_map_add(struct id_map *m, uint32_t inside, uint32_t outside, uint32_t count);

/* The id on the other side. Return false where the map doesn't hold it. */
bool id_map_out(const struct id_map *m, uint32_t inside, uint32_t *outside);
bool id_map_in(const struct id_map *m, uint32_t outside, uint32_t *inside);

/* How many ids the map holds. */
uint64_t id_map_size(const struct id_map *m);

/* The first id that stands on both sides for two different users or groups, so that a
 * file's owner alone can't tell whether it was shifted. Returns false where there is none. */
bool id_map_overlaps(const struct id_map *m, uint32_t *id);

/*
 * A map through another: inner's outside is outer's inside, as with rootless podman's
 * --uidmap. Fills *out, which is empty before. Returns 0, or -1 with errno: ENOENT where
 * outer lacks an id of inner (the kernel refuses such a map too), else as id_map_add.
 */
int id_map_through(const struct id_map *inner, const struct id_map *outer, struct id_map *out);

/* The map where every id is itself: no user namespace. */
void idmap_identity(struct idmap *m);
bool idmap_is_identity(const struct idmap *m);

/* The same ids go to the same ids, however it was cut into ranges. */
bool idmap_equal(const struct idmap *a, const struct idmap *b);

/*
 * Adds what text says: [u:|g:|b:]INSIDE:OUTSIDE:COUNT, several with ',' between them;
 * b, for both users and groups, is what is meant where nothing stands there.
 * Returns 0, or -1 with the reason added to why; m may then hold a part of it.
 */
int idmap_parse(struct idmap *m, const char *text, struct strbuf *why);

/* The same for the n bytes of a /proc/PID/uid_map or gid_map, into one of both maps. */
int id_map_parse_proc(struct id_map *m, const char *text, size_t n, struct strbuf *why);

/* Adds the map in the words of idmap_parse: "b:0:100000:65536", or u: and g: where users
 * and groups differ. */
void idmap_format(const struct idmap *m, struct strbuf *out);

#endif
