#include "change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"
#include "strbuf.h"

static const char *const xattr_name[XATTR_KINDS] = {
    "system.posix_acl_access", "system.posix_acl_default", "security.capability"};

enum { SET_ID_BITS = S_ISUID | S_ISGID };

/* An O_PATH descriptor as a path, for the calls that take no such descriptor. */
struct proc_path {
	char text[32];
};

static const char *
proc_path(const struct inode_at *at, struct proc_path *p)
{
	snprintf(p->text, sizeof(p->text), "/proc/self/fd/%d", at->fd);
	return p->text;
}

static ssize_t
get_xattr(const struct inode_at *at, const char *name, void *value, size_t n)
{
	struct proc_path p;

	return at->fd >= 0 ? getxattr(proc_path(at, &p), name, value, n)
			   : lgetxattr(at->name, name, value, n);
}

static int
set_xattr(const struct inode_at *at, const char *name, const struct journal_value *v)
{
	struct proc_path p;

	return at->fd >= 0 ? setxattr(proc_path(at, &p), name, v->bytes, v->n, 0)
			   : lsetxattr(at->name, name, v->bytes, v->n, 0);
}

static int
set_owner(const struct inode_at *at, uid_t uid, gid_t gid)
{
	return at->fd >= 0 ? fchownat(at->fd, "", uid, gid, AT_EMPTY_PATH)
			   : lchown(at->name, uid, gid);
}

static int
set_mode(const struct inode_at *at, mode_t mode)
{
	struct proc_path p;

	return chmod(at->fd >= 0 ? proc_path(at, &p) : at->name, mode & 07777);
}

/* --- planning --- */

void
change_room_free(struct change_room *r)
{
	size_t i;

	free(r->list);
	for (i = 0; i < XATTR_KINDS; i++) {
		free(r->value[0][i]);
		free(r->value[1][i]);
	}
}

static bool
still_has_its_name(const struct inode_at *at, const struct statx *st)
{
	struct inode_at named = {-1, at->name, false};
	struct statx now;

	return inode_stat(&named, &now) == 0 && now.stx_ino == st->stx_ino &&
	       now.stx_dev_major == st->stx_dev_major && now.stx_dev_minor == st->stx_dev_minor;
}

/*
 * The names of the attributes, in room->list. By the bare name even where the inode is
 * pinned, since that is so much quicker; if it was the name of another inode meanwhile,
 * through the pin. Somebody who swaps names twice in this moment can still make us see no
 * attributes, and loses those of a file of their own.
 */
static ssize_t
list_xattrs(const struct inode_at *at, const struct statx *st, struct change_room *r)
{
	bool by_name = !at->elsewhere;
	struct proc_path p;
	ssize_t n;

	for (;;) {
		if (!r->list_size)
			r->list = xmalloc(r->list_size = 1024);
		n = by_name ? llistxattr(at->name, r->list, r->list_size)
			    : listxattr(proc_path(at, &p), r->list, r->list_size);
		if (by_name && at->fd >= 0 && !still_has_its_name(at, st)) {
			by_name = false;
			continue;
		}
		if (n >= 0)
			return n;
		if (errno == ENOTSUP || errno == ENOENT)
			return 0;
		if (errno != ERANGE)
			return -1;
		r->list = xrealloc(r->list, r->list_size *= 4);
	}
}

/* One value, into both old and new, with some room to grow. Returns its size, 0 where it
 * is gone, -1. */
static ssize_t
read_value(const struct inode_at *at, size_t kind, struct change_room *r)
{
	for (;;) {
		ssize_t n;

		if (!r->value_size[kind])
			r->value_size[kind] = 256;
		r->value[0][kind] = xrealloc(r->value[0][kind], r->value_size[kind]);
		r->value[1][kind] = xrealloc(r->value[1][kind], r->value_size[kind]);
		n = get_xattr(at, xattr_name[kind], r->value[0][kind], r->value_size[kind]);
		if (n >= 0) {
			memcpy(r->value[1][kind], r->value[0][kind], (size_t)n);
			return n;
		}
		if (errno == ENODATA)
			return 0;
		if (errno != ERANGE)
			return -1;
		r->value_size[kind] *= 4;
	}
}

static int
plan_value(const struct convert *c, const struct inode_at *at, size_t kind,
    struct change_room *r, struct journal_entry *e, uint32_t *bad)
{
	ssize_t n = read_value(at, kind, r);
	size_t new_n = (size_t)n;
	enum verdict v;

	if (n <= 0)
		return n < 0 ? -1 : KEEP;
	v = kind == XATTR_CAPABILITY ? convert_capability(c, r->value[1][kind], &new_n, bad)
				     : convert_acl(c, r->value[1][kind], new_n, bad);
	/* A capability that stays is lost with the owner's change, and given again. */
	if (v == CHANGE || (v == KEEP && kind == XATTR_CAPABILITY)) {
		e->old_value[kind] = (struct journal_value){r->value[0][kind], (size_t)n};
		e->new_value[kind] = (struct journal_value){r->value[1][kind], new_n};
	}
	return (int)v;
}

static int
plan_xattrs(const struct convert *c, const struct inode_at *at, const struct statx *st,
    struct change_room *r, struct journal_entry *e, uint32_t *bad)
{
	ssize_t n = list_xattrs(at, st, r), i;
	int worst = KEEP;
	size_t kind;

	if (n < 0)
		return -1;
	for (i = 0; i < n; i += (ssize_t)strlen(r->list + i) + 1) {
		for (kind = 0; kind < XATTR_KINDS; kind++) {
			int v;

			if (strcmp(r->list + i, xattr_name[kind]) != 0)
				continue;
			v = plan_value(c, at, kind, r, e, bad);
			if (v < 0)
				return -1;
			worst = v > worst ? v : worst;
		}
	}
	return worst;
}

int
change_plan(const struct convert *c, const struct inode_at *at, const struct statx *st,
    struct change_room *room, struct journal_entry *e, uint32_t *bad)
{
	enum verdict owner, group;
	int values = KEEP;
	bool moves;

	*e = (struct journal_entry){.name = at->name,
	    .ino = st->stx_ino,
	    .old_uid = st->stx_uid,
	    .old_gid = st->stx_gid,
	    .mode = st->stx_mode,
	    .mtime = st->stx_mtime.tv_sec,
	    .mtime_ns = st->stx_mtime.tv_nsec};
	owner = convert_id(c, false, e->old_uid, &e->new_uid);
	group = convert_id(c, true, e->old_gid, &e->new_gid);
	if (owner == UNMAPPED || group == UNMAPPED) {
		*bad = owner == UNMAPPED ? e->old_uid : e->old_gid;
		return UNMAPPED;
	}
	if (!S_ISLNK(st->stx_mode))
		values = plan_xattrs(c, at, st, room, e, bad);
	if (values < 0 || values == UNMAPPED || values == BROKEN)
		return values;
	moves = owner == CHANGE || group == CHANGE;
	e->fragile = moves && !S_ISDIR(e->mode) && !S_ISLNK(e->mode) &&
		     (e->mode & SET_ID_BITS || e->old_value[XATTR_CAPABILITY].bytes);
	return moves || values == CHANGE ? CHANGE : KEEP;
}

/* --- making --- */

bool
change_is_about(const struct statx *st, const struct journal_entry *e)
{
	return st->stx_ino == e->ino && ((st->stx_mode ^ e->mode) & S_IFMT) == 0 &&
	       ((st->stx_uid == e->old_uid && st->stx_gid == e->old_gid) ||
		   (st->stx_uid == e->new_uid && st->stx_gid == e->new_gid));
}

enum change_result
change_make(
    const struct inode_at *at, const struct statx *st, const struct journal_entry *e, bool back)
{
	const struct journal_value *value = back ? e->old_value : e->new_value;
	uid_t uid = back ? e->old_uid : e->new_uid;
	gid_t gid = back ? e->old_gid : e->new_gid;
	size_t i;

	if ((st->stx_uid != uid || st->stx_gid != gid) && set_owner(at, uid, gid))
		return CHANGE_REFUSED;
	for (i = XATTR_ACCESS; i <= XATTR_DEFAULT; i++)
		if (value[i].bytes && set_xattr(at, xattr_name[i], &value[i]))
			return CHANGE_HALF;
	/* In this order: what takes the bits away comes before what gives them back. */
	if (e->fragile && e->mode & SET_ID_BITS && set_mode(at, e->mode))
		return CHANGE_HALF;
	if (value[XATTR_CAPABILITY].bytes &&
	    set_xattr(at, xattr_name[XATTR_CAPABILITY], &value[XATTR_CAPABILITY]))
		return CHANGE_HALF;
	return CHANGE_MADE;
}

/* The number that a file begins with, after skip others. */
static unsigned long
number_in(const char *path, unsigned skip)
{
	cleanup_file FILE *f = fopen(path, "re");
	unsigned long n = 0;
	unsigned i;

	for (i = 0; f && i <= skip; i++)
		if (fscanf(f, "%lu", &n) != 1)
			return 0;
	return n;
}

uint32_t
overflow_id(void)
{
	if (number_in("/proc/self/uid_map", 2) == UINT32_MAX)
		return UINT32_MAX;
	return (uint32_t)number_in("/proc/sys/kernel/overflowuid", 0);
}
