/* What an inode's ids become: owner, group, those in ACLs and in file capabilities. No
 * system call here; bytes in, bytes out. */
#ifndef IDMAP_CONVERT_H
#define IDMAP_CONVERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "idmap.h"

enum unmapped { UNMAPPED_FAIL, UNMAPPED_KEEP, UNMAPPED_TO };

/* A direction through a map, and what to do with ids that the map doesn't hold. */
struct convert {
	const struct idmap *map;
	bool back; /* from outside to inside */
	enum unmapped unmapped;
	uint32_t to;       /* UNMAPPED_TO: the id inside; the map must hold it */
	uint32_t overflow; /* the id that stands for ids nobody here can name; 2^32-1: none */
	bool both;         /* UNMAPPED is also an id that is on both sides of the map */
};

/* What is to happen to an id, an ACL, a capability; of several, the worst one. */
enum verdict {
	KEEP,     /* it is where it should be, or is kept by choice */
	CHANGE,   /* the new value is given */
	UNMAPPED, /* it stops the work (UNMAPPED_FAIL) */
	BROKEN,   /* bytes that are no ACL or capability of a known version */
};

enum verdict convert_id(const struct convert *c, bool gid, uint32_t id, uint32_t *to);

/* An ACL as in system.posix_acl_access and _default, in place; acl(5). bad is set to the
 * id that is unmapped. */
enum verdict convert_acl(const struct convert *c, unsigned char *acl, size_t n, uint32_t *bad);

enum { CAPABILITY_MAX = 24 };

/*
 * security.capability, capabilities(7): of version 3 the root id is converted. Version 2
 * is what root's files carry on the host: it becomes version 3 with the id of root
 * outside, and comes back as version 2. Where the map doesn't hold 0, it stays.
 * cap has room for CAPABILITY_MAX bytes; *n is its length before and after.
 */
enum verdict convert_capability(
    const struct convert *c, unsigned char *cap, size_t *n, uint32_t *bad);

/* Where an id stands, seen from a map. */
enum id_class {
	ID_INSIDE,    /* the map's outside holds it: right for the container */
	ID_UNSHIFTED, /* the map's inside holds it */
	ID_TWICE,     /* as if it had been shifted two times */
	ID_FOREIGN,   /* none of these */
};

enum id_class classify_id(const struct idmap *m, bool gid, uint32_t id, uint32_t overflow);

#endif
