#include "convert.h"

#include <endian.h>
#include <linux/capability.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>

static const struct id_map *
half(const struct idmap *m, bool gid)
{
	return gid ? &m->gid : &m->uid;
}

static bool
forth(const struct convert *c, bool gid, uint32_t id, uint32_t *to)
{
	return c->back ? id_map_in(half(c->map, gid), id, to)
		       : id_map_out(half(c->map, gid), id, to);
}

static bool
is_there(const struct convert *c, bool gid, uint32_t id)
{
	uint32_t ignored;

	return c->back ? id_map_out(half(c->map, gid), id, &ignored)
		       : id_map_in(half(c->map, gid), id, &ignored);
}

enum verdict
convert_id(const struct convert *c, bool gid, uint32_t id, uint32_t *to)
{
	*to = id;
	if (id != c->overflow) {
		if (is_there(c, gid, id))
			return c->both && forth(c, gid, id, to) && *to != id ? UNMAPPED : KEEP;
		if (forth(c, gid, id, to))
			return CHANGE;
	}
	if (c->unmapped == UNMAPPED_KEEP)
		return KEEP;
	if (c->unmapped == UNMAPPED_FAIL)
		return UNMAPPED;
	if (c->back)
		*to = c->to;
	else
		id_map_out(half(c->map, gid), c->to, to);
	return *to == id ? KEEP : CHANGE;
}

static enum verdict
worse(enum verdict a, enum verdict b)
{
	return a > b ? a : b;
}

static uint32_t
get32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static void
put32(unsigned char *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

enum verdict
convert_acl(const struct convert *c, unsigned char *acl, size_t n, uint32_t *bad)
{
	enum { HEADER = 4, ENTRY = 8, ID = 4 };
	enum verdict worst = KEEP;
	unsigned char *p;

	if (n < HEADER || (n - HEADER) % ENTRY || get32(acl) != POSIX_ACL_XATTR_VERSION)
		return BROKEN;
	for (p = acl + HEADER; p < acl + n; p += ENTRY) {
		unsigned tag = p[0] | (unsigned)p[1] << 8;
		uint32_t id = get32(p + ID), to;
		enum verdict v;

		if (tag != ACL_USER && tag != ACL_GROUP)
			continue;
		v = convert_id(c, tag == ACL_GROUP, id, &to);
		if (v == UNMAPPED)
			*bad = id;
		if (v == CHANGE)
			put32(p + ID, to);
		worst = worse(worst, v);
	}
	return worst;
}

/* Version 2 has two sets of 32 bits each, permitted and inheritable; 3 the root id too. */
enum { V2_SIZE = 20, V3_SIZE = 24, ROOT_ID = 20 };

static void
set_revision(unsigned char *cap, uint32_t revision)
{
	put32(cap, (get32(cap) & ~(uint32_t)VFS_CAP_REVISION_MASK) | revision);
}

enum verdict
convert_capability(const struct convert *c, unsigned char *cap, size_t *n, uint32_t *bad)
{
	uint32_t revision = *n >= 4 ? get32(cap) & VFS_CAP_REVISION_MASK : 0, root, to;
	enum verdict v;

	if (revision == VFS_CAP_REVISION_1 && *n == 12)
		return KEEP; /* no kernel in use writes it, and it names no id */
	if (!(revision == VFS_CAP_REVISION_2 && *n == V2_SIZE) &&
	    !(revision == VFS_CAP_REVISION_3 && *n == V3_SIZE))
		return BROKEN;
	root = *n == V3_SIZE ? get32(cap + ROOT_ID) : 0;
	v = convert_id(c, false, root, &to);
	if (*n == V2_SIZE &&
	    ((v == UNMAPPED && !c->both) || (v == CHANGE && !forth(c, false, 0, &to))))
		return KEEP;
	if (v == UNMAPPED)
		*bad = root;
	if (v != CHANGE)
		return v;
	set_revision(cap, to ? VFS_CAP_REVISION_3 : VFS_CAP_REVISION_2);
	*n = to ? V3_SIZE : V2_SIZE;
	if (to)
		put32(cap + ROOT_ID, to);
	return CHANGE;
}

static bool
shifted_twice(const struct id_map *m, uint32_t id)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		const struct id_range *r = &m->range[i];
		int64_t once = (int64_t)id - ((int64_t)r->outside - r->inside);

		if (once >= r->outside && once - r->outside < r->count)
			return true;
	}
	return false;
}

enum id_class
classify_id(const struct idmap *m, bool gid, uint32_t id, uint32_t overflow)
{
	uint32_t ignored;

	if (id == overflow)
		return ID_FOREIGN;
	if (id_map_in(half(m, gid), id, &ignored))
		return ID_INSIDE;
	if (id_map_out(half(m, gid), id, &ignored))
		return ID_UNSHIFTED;
	return shifted_twice(half(m, gid), id) ? ID_TWICE : ID_FOREIGN;
}
