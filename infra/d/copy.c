#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "report.h"
#include "signals.h"
#include "strbuf.h"
#include "walk.h"

enum {
	SUBVOLUME_INODE = 256, /* BTRFS_FIRST_FREE_OBJECTID: every subvolume's root */
	ATTRIBUTES_MAX = 65536,
	CHUNK = 1 << 20,
};

/* ZFSCTL_INO_ROOT */
static const ino_t zfs_control_inode = 0xffffffffffff;

/* A file that has more names, and the first that was met. */
struct name_of {
	dev_t dev;
	ino_t ino;
	char *path;
};

struct copying {
	int *to, *earlier; /* by depth: the copy's directories, an earlier copy's or -1 */
	size_t levels;     /* how many of them are open */
	size_t cap;
	void *names; /* tsearch(3) */
	bool no_clone, cloned, failed;
};

/* ---- attributes ---- */

bool
attribute_is_policy(const char *name)
{
	return strcmp(name, "security.selinux") == 0;
}

static int
copy_attributes_of(int from, int to)
{
	cleanup_free char *names = xmalloc(ATTRIBUTES_MAX), *value = xmalloc(ATTRIBUTES_MAX);
	ssize_t n = flistxattr(from, names, ATTRIBUTES_MAX), len;

	if (n < 0)
		return errno == ENOTSUP ? 0 : -1;
	for (const char *p = names; p < names + n; p += strlen(p) + 1) {
		len = fgetxattr(from, p, value, ATTRIBUTES_MAX);
		if (len < 0 && errno == ENODATA)
			continue;
		if (len < 0 ||
		    (fsetxattr(to, p, value, (size_t)len, 0) && !attribute_is_policy(p)))
			return -1;
	}
	return 0;
}

static bool
same_attributes(int a, int b)
{
	cleanup_free char *names = xmalloc(ATTRIBUTES_MAX), *other = xmalloc(ATTRIBUTES_MAX);
	cleanup_free char *value = xmalloc(ATTRIBUTES_MAX), *second = xmalloc(ATTRIBUTES_MAX);
	ssize_t n = flistxattr(a, names, ATTRIBUTES_MAX), len;

	if (flistxattr(b, other, ATTRIBUTES_MAX) != n)
		return false;
	for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		len = fgetxattr(a, p, value, ATTRIBUTES_MAX);
		if (len < 0 || fgetxattr(b, p, second, ATTRIBUTES_MAX) != len ||
		    memcmp(value, second, (size_t)len) != 0)
			return false;
	}
	return true;
}

/* In this order: chown takes setuid bits and capabilities away, and all of it sets times. */
static int
copy_status(int from, int to, const struct stat *st)
{
	const struct timespec times[] = {st->st_atim, st->st_mtim};

	return fchown(to, st->st_uid, st->st_gid) ||
		       (from >= 0 && copy_attributes_of(from, to)) ||
		       fchmod(to, st->st_mode & 07777) || futimens(to, times)
		   ? -1
		   : 0;
}

/* ---- a file ---- */

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* The earlier copy's file where nothing says that it has changed: one more name for it. */
static bool
link_earlier(
    int earlier, const char *name, int file, const struct stat *st, int to, const char *as)
{
	cleanup_fd int fd = -1;
	struct stat was;

	if (earlier < 0)
		return false;
	fd = openat(earlier, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 && fstat(fd, &was) == 0 && S_ISREG(was.st_mode) &&
	       was.st_size == st->st_size && was.st_uid == st->st_uid &&
	       was.st_gid == st->st_gid && was.st_mode == st->st_mode &&
	       same_time(was.st_mtim, st->st_mtim) && same_attributes(file, fd) &&
	       linkat(earlier, name, to, as, 0) == 0;
}

static int
copy_range(int from, int to, off_t at, off_t end, char *chunk)
{
	while (at < end) {
		size_t want = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
		ssize_t n = pread(from, chunk, want, at);

		if (interrupted)
			errno = EINTR;
		if (n < 0 || interrupted || pwrite_all(to, chunk, (size_t)n, at))
			return -1;
		if (n == 0) /* it was cut meanwhile */
			break;
		at += n;
	}
	return 0;
}

static int
copy_bytes(int from, int to, off_t size)
{
	cleanup_free char *chunk = xmalloc(CHUNK);
	off_t at = 0, end;

	while (at < size) {
		at = lseek(from, at, SEEK_DATA);
		if (at < 0 && errno == ENXIO)
			break; /* a hole up to its end */
		if (at < 0)
			return -1;
		end = lseek(from, at, SEEK_HOLE);
		if (end < 0 || copy_range(from, to, at, end, chunk))
			return -1;
		at = end;
	}
	return ftruncate(to, size);
}

static int
copy_data(struct copying *c, int from, int to, off_t size)
{
	if (!c->no_clone && ioctl(to, FICLONE, from) == 0) {
		c->cloned = true;
		return 0;
	}
	c->no_clone = true;
	return copy_bytes(from, to, size);
}

static int
copy_file(struct copying *c, int from, const char *name, const struct stat *seen, int to,
    const char *as, int earlier)
{
	cleanup_fd int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	cleanup_fd int out = -1;
	struct stat st;

	if (in < 0 || fstat(in, &st))
		return -1;
	if (st.st_ino != seen->st_ino || st.st_dev != seen->st_dev) {
		errno = ESTALE;
		return -1;
	}
	if (link_earlier(earlier, name, in, &st, to, as))
		return 0;
	out = openat(to, as, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return out < 0 || copy_data(c, in, out, st.st_size) || copy_status(in, out, &st) ? -1
											 : 0;
}

/* ---- what else there is ---- */

static int
copy_link(int from, const char *name, const struct stat *st, int to, const char *as)
{
	const struct timespec times[] = {st->st_atim, st->st_mtim};
	char target[4096];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return -1;
	target[n] = '\0';
	return symlinkat(target, to, as) ||
		       fchownat(to, as, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) ||
		       utimensat(to, as, times, AT_SYMLINK_NOFOLLOW)
		   ? -1
		   : 0;
}

static int
copy_special(const struct stat *st, int to, const char *as)
{
	const struct timespec times[] = {st->st_atim, st->st_mtim};

	/* chmod(2) by name: there is no descriptor, and nobody else gets here. */
	return mknodat(to, as, (st->st_mode & S_IFMT) | 0600, st->st_rdev) ||
		       fchownat(to, as, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) ||
		       fchmodat(to, as, st->st_mode & 07777, 0) ||
		       utimensat(to, as, times, AT_SYMLINK_NOFOLLOW)
		   ? -1
		   : 0;
}

static int
by_inode(const void *a, const void *b)
{
	const struct name_of *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino == y->ino ? 0 : x->ino < y->ino ? -1 : 1;
}

/* Where the file was copied already; NULL, and remembered, where this is its first name. */
static const char *
first_name(struct copying *c, const struct walk_entry *e)
{
	struct name_of key = {e->st.st_dev, e->st.st_ino, NULL}, *new;
	struct name_of **found = tfind(&key, &c->names, by_inode);

	if (found)
		return (*found)->path;
	new = xmalloc(sizeof(*new));
	*new = key;
	new->path = xstrdup(e->path + 1);
	tsearch(new, &c->names, by_inode);
	return NULL;
}

static void
free_name(void *p)
{
	struct name_of *n = p;

	free(n->path);
	free(n);
}

/* ---- a tree ---- */

static void
push_level(struct copying *c, int to, int earlier)
{
	if (c->levels == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 16;
		c->to = xreallocarray(c->to, c->cap, sizeof(*c->to));
		c->earlier = xreallocarray(c->earlier, c->cap, sizeof(*c->earlier));
	}
	c->to[c->levels] = to;
	c->earlier[c->levels++] = earlier;
}

static void
pop_level(struct copying *c)
{
	c->levels--;
	close(c->to[c->levels]);
	if (c->earlier[c->levels] >= 0)
		close(c->earlier[c->levels]);
}

static int
enter_directory(struct copying *c, const struct walk_entry *e)
{
	int above = c->to[e->depth - 1], was = c->earlier[e->depth - 1], to;

	if (mkdirat(above, e->name, 0700))
		return -1;
	to = openat(above, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return -1;
	push_level(c, to,
	    was < 0 ? -1
		    : openat(was, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	return 0;
}

static int
copy_one(struct copying *c, const struct walk_entry *e)
{
	int to = c->to[e->depth - 1];
	const char *first;

	if (S_ISDIR(e->st.st_mode))
		return enter_directory(c, e);
	if (e->st.st_nlink > 1 && (first = first_name(c, e)))
		return linkat(c->to[0], first, to, e->name, 0);
	if (S_ISREG(e->st.st_mode))
		return copy_file(
		    c, e->dirfd, e->name, &e->st, to, e->name, c->earlier[e->depth - 1]);
	if (S_ISLNK(e->st.st_mode))
		return copy_link(e->dirfd, e->name, &e->st, to, e->name);
	return copy_special(&e->st, to, e->name);
}

/* What a dataset with snapdir=visible shows of its snapshots is no part of its files. */
static bool
is_zfs_control(const struct walk_entry *e)
{
	return e->depth == 1 && e->st.st_ino == zfs_control_inode &&
	       strcmp(e->name, ".zfs") == 0;
}

static enum walk_action
visit(const struct walk_entry *e, void *arg)
{
	struct copying *c = arg;

	if (c->failed)
		return WALK_STOP;
	if (e->depth == 0)
		return WALK_GO;
	if (e->is_mount || is_zfs_control(e))
		return WALK_SKIP;
	if (interrupted)
		errno = EINTR;
	if (interrupted || copy_one(c, e)) {
		report("copy '%s':", e->path + 1);
		c->failed = true;
		return WALK_STOP;
	}
	return WALK_GO;
}

static void
leave(const struct walk_entry *e, void *arg)
{
	struct copying *c = arg;
	cleanup_fd int from = -1;

	if (c->failed || e->depth == 0)
		return;
	from = openat(e->dirfd, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0 || copy_status(from, c->to[e->depth], &e->st)) {
		report("copy '%s':", e->path + 1);
		c->failed = true;
	}
	pop_level(c);
}

static void
trouble(const char *path, void *arg)
{
	struct copying *c = arg;

	report("read '%s':", path);
	c->failed = true;
}

/* All below `from`, and its own attributes, to the directory that `to` is open on. */
static int
copy_tree(struct copying *c, int from, int to, int earlier)
{
	const struct walk_options o = {.leave = leave, .trouble = trouble};
	struct stat st;

	push_level(c, dup(to), earlier < 0 ? -1 : dup(earlier));
	if (walk_tree(from, &o, visit, c) < 0) {
		report("read a directory to be copied:");
		c->failed = true;
	}
	while (c->levels)
		pop_level(c);
	if (!c->failed && (fstat(from, &st) || copy_status(from, to, &st))) {
		report("copy a directory's attributes:");
		c->failed = true;
	}
	tdestroy(c->names, free_name);
	free(c->to);
	free(c->earlier);
	return c->failed ? -1 : 0;
}

static bool
is_subvolume(int fd)
{
	struct statfs fs;
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && st.st_ino == SUBVOLUME_INODE &&
	       fstatfs(fd, &fs) == 0 && fs.f_type == BTRFS_SUPER_MAGIC;
}

static bool
snapshot_subvolume(int fd, int to, const char *as, bool fixed)
{
	struct btrfs_ioctl_vol_args_v2 args = {
	    .fd = fd, .flags = fixed ? BTRFS_SUBVOL_RDONLY : 0};

	if (!is_subvolume(fd) || strlen(as) >= sizeof(args.name))
		return false;
	strcpy(args.name, as);
	return ioctl(to, BTRFS_IOC_SNAP_CREATE_V2, &args) == 0;
}

static int
copy_directory(struct copying *c, int fd, int to, const char *as, int earlier)
{
	cleanup_fd int new = -1;

	if (mkdirat(to, as, 0700) == 0)
		new = openat(to, as, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (new < 0) {
		report("create '%s':", as);
		return -1;
	}
	if (copy_tree(c, fd, new, earlier))
		return -1;
	if (syncfs(new)) {
		report("write '%s' to the disk:", as);
		return -1;
	}
	return 0;
}

int
copy_entry(int from, const char *name, int to, const char *as, int earlier, bool fixed,
    enum copied_how *how)
{
	struct copying c = {0};
	cleanup_fd int fd = openat(from, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), directory = -1;
	struct stat st;
	int bad;

	if (fd < 0 || fstat(fd, &st)) {
		report("open '%s':", name);
		return -1;
	}
	if (S_ISDIR(st.st_mode)) {
		directory = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		*how = SNAPSHOT;
		if (directory >= 0 && snapshot_subvolume(directory, to, as, fixed))
			return 0;
		bad = directory < 0 ? -1 : copy_directory(&c, directory, to, as, earlier);
		if (directory < 0)
			report("open '%s':", name);
	} else {
		bad = S_ISREG(st.st_mode) ? copy_file(&c, from, name, &st, to, as, -1)
					  : (errno = EINVAL, -1);
		if (bad)
			report("copy '%s':", name);
		else
			bad = syncfs(to);
	}
	*how = c.cloned ? CLONED : COPIED;
	return bad ? -1 : 0;
}

int
copy_contents(int from, int to, enum copied_how *how)
{
	struct copying c = {0};
	int bad = copy_tree(&c, from, to, -1) || syncfs(to);

	*how = c.cloned ? CLONED : COPIED;
	return bad ? -1 : 0;
}

/* ---- removing ---- */

static enum walk_action
unlink_file(const struct walk_entry *e, void *arg)
{
	bool *failed = arg;

	if (is_zfs_control(e))
		return WALK_SKIP;
	if (!S_ISDIR(e->st.st_mode) && unlinkat(e->dirfd, e->name, 0)) {
		report("remove '%s':", e->path + 1);
		*failed = true;
	}
	return WALK_GO;
}

static void
remove_directory(const struct walk_entry *e, void *arg)
{
	bool *failed = arg;

	if (e->depth && unlinkat(e->dirfd, e->name, AT_REMOVEDIR)) {
		report("remove '%s':", e->path + 1);
		*failed = true;
	}
}

int
remove_contents(int at)
{
	struct walk_options o = {.leave = remove_directory};
	bool failed = false;

	if (walk_tree(at, &o, unlink_file, &failed) < 0) {
		report("read a directory to be removed:");
		failed = true;
	}
	return failed ? -1 : 0;
}

/* Only root removes a subvolume as one, but where it is mounted with user_subvol_rm_allowed.
 * Its owner may write to a read-only one again, and once it is empty it goes as a directory
 * does. */
static void
let_write(int subvolume)
{
	uint64_t flags = 0;

	if (ioctl(subvolume, BTRFS_IOC_SUBVOL_GETFLAGS, &flags) == 0 &&
	    (flags & BTRFS_SUBVOL_RDONLY)) {
		flags &= ~(uint64_t)BTRFS_SUBVOL_RDONLY;
		ioctl(subvolume, BTRFS_IOC_SUBVOL_SETFLAGS, &flags);
	}
}

int
remove_entry(int at, const char *name)
{
	struct btrfs_ioctl_vol_args args = {0};
	cleanup_fd int fd = -1;

	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return 0;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && is_subvolume(fd) && strlen(name) < sizeof(args.name)) {
		strcpy(args.name, name);
		if (ioctl(at, BTRFS_IOC_SNAP_DESTROY, &args) == 0)
			return 0;
		let_write(fd);
	}
	if (fd >= 0 && remove_contents(fd))
		return -1;
	if (fd < 0 || unlinkat(at, name, AT_REMOVEDIR)) {
		report("remove '%s':", name);
		return -1;
	}
	return 0;
}
