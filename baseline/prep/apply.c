#include "apply.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "applets_cut.h"
#include "beneath.h"
#include "busybox.h"
#include "cleanup.h"
#include "digest.h"
#include "file.h"
#include "report.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452 /* the same number on every architecture */
#endif
#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

struct applying {
	struct plan *plan;
	struct tree *tree;
	struct ledger *ledger;
	struct outcome *outcome;
	struct strbuf path, record;
	int stage;
	int layered; /* the tree is an overlay: its link counts are those of lower layers */
	int stop;    /* the ledger can't be written */
};

static const char *
path_of(struct applying *a, uint32_t i)
{
	return tree_path(a->tree, i, &a->path);
}

/* Whether what stands at a name is still what the walk saw. A directory's inode number is
 * not for ever on an overlay; what is done to directories is harmless to another one. */
static int
is_same(const struct entry *e, const struct stat *st)
{
	if ((st->st_mode & S_IFMT) != (e->mode & S_IFMT))
		return 0;
	return is_dir(e) || (st->st_dev == e->dev && st->st_ino == e->ino);
}

/* A descriptor of just that entry, which nobody can swap for another any more. */
static int
pin(struct applying *a, int dirfd, uint32_t i)
{
	const struct entry *e = &a->tree->e[i];
	cleanup_fd int fd = -1;
	struct stat st;

	if (i == TREE_ROOT)
		fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	else
		fd = openat(dirfd, tree_name(a->tree, i), O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		report("open '%s':", path_of(a, i));
		return -1;
	}
	if (!is_same(e, &st)) {
		report("'%s' was changed during the run and is left as it is", path_of(a, i));
		return -1;
	}
	return steal_fd(&fd);
}

/* The same, for reading a file. */
static int
open_file(struct applying *a, int dirfd, uint32_t i)
{
	cleanup_fd int fd = openat(dirfd, tree_name(a->tree, i),
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		report("open '%s':", path_of(a, i));
		return -1;
	}
	if (!is_same(&a->tree->e[i], &st)) {
		report("'%s' was changed during the run and is left as it is", path_of(a, i));
		return -1;
	}
	return steal_fd(&fd);
}

static int
digest_of(struct applying *a, int dirfd, uint32_t i, char hex[SHA256_HEX])
{
	cleanup_fd int fd = open_file(a, dirfd, i);

	if (fd < 0)
		return -1;
	if (sha256_fd(fd, hex)) {
		report("read '%s':", path_of(a, i));
		return -1;
	}
	return 0;
}

static int
write_record(struct applying *a)
{
	if (ledger_write(a->ledger, &a->record) == 0)
		return 0;
	report("write the ledger:");
	report("nothing further is changed");
	a->stop = 1;
	return -1;
}

/* The change that the last record is about didn't come about. */
static void
take_back(struct applying *a)
{
	if (ledger_retract(a->ledger) == 0)
		return;
	report("correct the ledger:");
	report("'%s' is in it, but was not changed; nothing further is", a->path.s);
	a->stop = 1;
}

/* A directory with something left in it can't be removed; there is no need to say so. */
static void
leave(struct applying *a, uint32_t i)
{
	uint32_t k;

	for (k = i; a->tree->e[k].remove; k = a->tree->e[k].parent)
		a->tree->e[k].remove = 0;
}

static void
remove_entry(struct applying *a, int dirfd, uint32_t i)
{
	const struct entry *e = &a->tree->e[i];
	const char *name = tree_name(a->tree, i);
	char hex[SHA256_HEX];
	struct stat st;
	int hash = is_file(e) && a->ledger->fd >= 0;

	if (hash && digest_of(a, dirfd, i, hex)) {
		leave(a, i);
		return;
	}
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) || !is_same(e, &st)) {
		report("'%s' was changed during the run and is left as it is", path_of(a, i));
		leave(a, i);
		return;
	}
	record_removal(&a->record, a->plan, i, hash ? hex : NULL);
	if (write_record(a))
		return;
	if (unlinkat(dirfd, name, is_dir(e) ? AT_REMOVEDIR : 0) == 0) {
		a->outcome->removed++;
		return;
	}
	/* A mount that the kernel was too old to tell of: the engine's, not ours. */
	if (errno != EBUSY)
		report("remove '%s':", path_of(a, i));
	path_of(a, i);
	take_back(a);
	leave(a, i);
}

/* fchmod(2) doesn't take an O_PATH descriptor; before Linux 6.6 /proc helps. */
static int
chmod_pinned(int fd, mode_t mode)
{
	char proc[32];

	if (syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOSYS && errno != EPERM)
		return -1;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	return chmod(proc, mode);
}

static int
strip_capability(struct applying *a, int dirfd, uint32_t i)
{
	cleanup_fd int fd = open_file(a, dirfd, i);

	if (fd < 0)
		return -1;
	/* None left: another name of the file came first, or chown(2) took it away. */
	return fremovexattr(fd, "security.capability") && errno != ENODATA ? -1 : 0;
}

/* What was changed is what was there for the next record of the same entry. */
static void
change_owner(struct applying *a, int fd, uint32_t i)
{
	struct entry *e = &a->tree->e[i];

	record_owner(&a->record, a->plan, i);
	if (write_record(a))
		return;
	if (fchownat(fd, "", e->new_uid, e->new_gid, AT_EMPTY_PATH) == 0) {
		a->outcome->owners++;
		e->uid = e->new_uid;
		e->gid = e->new_gid;
		return;
	}
	report("change the owner of '%s':", path_of(a, i));
	take_back(a);
}

static void
change_mode(struct applying *a, int dirfd, int fd, uint32_t i)
{
	struct entry *e = &a->tree->e[i];

	record_mode(&a->record, a->plan, i);
	if (write_record(a))
		return;
	if (chmod_pinned(fd, e->new_mode)) {
		report("change the mode of '%s':", path_of(a, i));
		take_back(a);
		return;
	}
	if (e->strip && strip_capability(a, dirfd, i)) {
		report("remove the capabilities of '%s':", path_of(a, i));
		/* The record is of both or of neither. */
		if (chmod_pinned(fd, e->mode & 07777) == 0)
			take_back(a);
		return;
	}
	a->outcome->modes++;
	e->mode = (e->mode & S_IFMT) | e->new_mode;
	if (e->strip)
		e->capability = 0;
}

/* A file's mode and owner belong to all its names, also to those in other trees. */
static int
is_linked_outside(struct applying *a, uint32_t i)
{
	const struct entry *e = &a->tree->e[i];
	const uint32_t *names;
	uint32_t n = tree_names_of(a->tree, i, &names);

	return !is_dir(e) && !a->layered && e->nlink > (n ? n : 1);
}

static void
change_entry(struct applying *a, int dirfd, uint32_t i)
{
	const struct entry *e = &a->tree->e[i];
	cleanup_fd int fd = -1;

	if (e->spared) {
		record_spared(&a->record, a->plan, i);
		if (write_record(a))
			return;
	}
	if (!e->chown && !e->chmod)
		return;
	if (is_linked_outside(a, i)) {
		report("'%s' has a hard link outside of the tree and is left as it is",
		    path_of(a, i));
		return;
	}
	fd = pin(a, dirfd, i);
	if (fd < 0)
		return;
	/* The owner first: chown(2) takes bits of the mode away. */
	if (e->chown)
		change_owner(a, fd, i);
	if (e->chmod && !a->stop)
		change_mode(a, dirfd, fd, i);
}

static const struct edit *
edit_of(const struct plan *p, uint32_t i)
{
	size_t k;

	for (k = 0; p->edits[k].entry != i; k++)
		;
	return &p->edits[k];
}

static void
edit_entry(struct applying *a, int dirfd, uint32_t i)
{
	const struct edit *edit = edit_of(a->plan, i);
	const char *name = tree_name(a->tree, i);
	cleanup_free char *temporary = xasprintf(".%s.prep", name);
	cleanup_fd int fd = open_file(a, dirfd, i);
	struct stat st;
	struct new_file new = {.bytes = edit->text.s, .n = edit->text.len, .like = &st};
	char hex[SHA256_HEX];

	if (fd < 0)
		return;
	/* All of the one file that is open, whatever its name leads to by now. */
	if (sha256_fd(fd, hex) || fstat(fd, &st)) {
		report("read '%s':", path_of(a, i));
		return;
	}
	if (file_create(dirfd, temporary, &new)) {
		report("write '%s':", path_of(a, i));
		return;
	}
	record_edit(&a->record, a->plan, i, edit, hex);
	if (write_record(a)) {
		unlinkat(dirfd, temporary, 0);
		return;
	}
	if (file_put(dirfd, temporary, name) == 0) {
		a->outcome->edits++;
		return;
	}
	report("replace '%s':", path_of(a, i));
	take_back(a);
}

/* A further name of a program that was cut under its first one: a link to the new file. */
static int
link_beside(struct applying *a, int dirfd, const char *temporary, uint32_t first)
{
	struct strbuf path = STRBUF_INIT;
	cleanup_fd int fd = open_no_links(
	    a->tree->fd, tree_path(a->tree, first, &path), O_PATH | O_NOFOLLOW, 0);
	char proc[32];

	strbuf_free(&path);
	if (fd < 0 || (unlinkat(dirfd, temporary, 0) && errno != ENOENT))
		return -1;
	if (linkat(fd, "", dirfd, temporary, AT_EMPTY_PATH) == 0)
		return 0;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, proc, dirfd, temporary, AT_SYMLINK_FOLLOW);
}

static void
cut_entry(struct applying *a, int dirfd, uint32_t i)
{
	struct busybox *busybox = busybox_of(a->plan, i);
	const char *name = tree_name(a->tree, i);
	cleanup_free char *temporary = xasprintf(".%s.prep", name);
	cleanup_fd int fd = open_file(a, dirfd, i);
	char hex[SHA256_HEX];
	int failed;

	if (fd < 0)
		return;
	failed = sha256_fd(fd, hex);
	if (!failed)
		failed = busybox->renewed == NO_ENTRY
			     ? applets_write(&busybox->applets, dirfd, temporary, fd)
			     : link_beside(a, dirfd, temporary, busybox->renewed);
	if (failed) {
		report("write '%s':", path_of(a, i));
		return;
	}
	record_cut(&a->record, a->plan, i, busybox, hex);
	if (write_record(a)) {
		unlinkat(dirfd, temporary, 0);
		return;
	}
	if (file_put(dirfd, temporary, name) == 0) {
		a->outcome->edits++;
		if (busybox->renewed == NO_ENTRY)
			busybox->renewed = i;
		return;
	}
	report("replace '%s':", path_of(a, i));
	take_back(a);
}

static void
apply_entry(struct applying *a, int dirfd, uint32_t i)
{
	const struct entry *e = &a->tree->e[i];

	if ((int)e->late != a->stage)
		return;
	if (e->remove) {
		remove_entry(a, dirfd, i);
		return;
	}
	change_entry(a, dirfd, i);
	if (e->edit && !a->stop && busybox_of(a->plan, i))
		cut_entry(a, dirfd, i);
	else if (e->edit && !a->stop)
		edit_entry(a, dirfd, i);
}

static void
apply_below(struct applying *a, int fd, uint32_t directory)
{
	struct tree *t = a->tree;
	uint32_t i;

	for (i = directory + 1; i < t->e[directory].end && !a->stop; i = t->e[i].end) {
		if (t->e[i].work_below & 1u << a->stage) {
			cleanup_fd int below = openat(
			    fd, tree_name(t, i), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			if (below < 0) {
				report("open '%s':", path_of(a, i));
				leave(a, i);
				continue;
			}
			apply_below(a, below, i);
		}
		if (!a->stop)
			apply_entry(a, fd, i);
	}
}

void
apply_plan(struct plan *p, struct ledger *l, struct outcome *o)
{
	struct applying a = {.plan = p, .tree = p->tree, .ledger = l, .outcome = o};
	struct statfs fs;

	memset(o, 0, sizeof(*o));
	a.layered = fstatfs(p->tree->fd, &fs) == 0 &&
		    (fs.f_type == OVERLAYFS_SUPER_MAGIC || fs.f_type == FUSE_SUPER_MAGIC);
	for (a.stage = 0; a.stage < STAGES && !a.stop; a.stage++) {
		apply_below(&a, p->tree->fd, TREE_ROOT);
		if (!a.stop)
			apply_entry(&a, p->tree->fd, TREE_ROOT);
	}
	strbuf_free(&a.path);
	strbuf_free(&a.record);
}
