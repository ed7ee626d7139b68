#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "descriptors.h"
#include "path.h"
#include "report.h"
#include "statx.h"
#include "strbuf.h"

struct walk {
	const struct walk_options *options;
	enum walk_action (*visit)(const struct walk_entry *e, void *arg);
	void *arg;
	struct strbuf path; /* of the entry at hand, without the root's leading "/" doubled */
	/* What getdents64(2) fills. readdir(3) would ask the kernel three things more about
	 * each directory, and in musl with a small buffer. */
	union {
		struct dirent align;
		char bytes[32768];
	} buffer;
};

/* The names in a directory, all of them read before the first one is visited. */
struct names {
	struct strbuf text;
	size_t count, cap;
	size_t *at; /* where each begins in text */
	const char **name;
};

static void
trouble(struct walk *w, const char *path, int error)
{
	errno = error;
	if (w->options->trouble)
		w->options->trouble(path, w->arg);
	else
		report("read '%s':", path);
}

/* A merge sort: a walk with musl's qsort(3) takes a tenth longer. */
static void
sort_names(const char **name, size_t n, const char **spare)
{
	size_t half = n / 2, i, left, right;

	if (n < 2)
		return;
	sort_names(name, half, spare);
	sort_names(name + half, n - half, spare);
	memcpy(spare, name, half * sizeof(*name));
	for (i = left = 0, right = half; left < half; i++)
		name[i] = right < n && strcmp(name[right], spare[left]) < 0 ? name[right++]
									    : spare[left++];
}

static void
add_name(struct names *n, const char *name)
{
	if (is_dots(name))
		return;
	if (n->count == n->cap) {
		n->cap = n->cap ? 2 * n->cap : 64;
		n->at = xreallocarray(n->at, n->cap, sizeof(*n->at));
	}
	n->at[n->count++] = n->text.len;
	strbuf_add(&n->text, name, strlen(name) + 1);
}

/* Returns 0, or -1 with errno and what was read until then. */
static int
read_names(struct walk *w, int fd, struct names *n)
{
	ssize_t got, k;
	size_t i;

	*n = (struct names){.text = STRBUF_INIT};
	while ((got = syscall(SYS_getdents64, fd, &w->buffer, sizeof(w->buffer))) > 0)
		for (k = 0; k < got;) {
			struct dirent *d = (void *)(w->buffer.bytes + k);

			add_name(n, d->d_name);
			k += d->d_reclen;
		}
	/* half as much again to sort in */
	n->name = xreallocarray(NULL, n->count + n->count / 2, sizeof(*n->name));
	for (i = 0; i < n->count; i++)
		n->name[i] = n->text.s + n->at[i];
	if (w->options->sorted)
		sort_names(n->name, n->count, n->name + n->count);
	return got < 0 ? -1 : 0;
}

static void
free_names(struct names *n)
{
	strbuf_free(&n->text);
	free(n->at);
	free(n->name);
}

static int walk_directory(struct walk *w, const struct walk_entry *directory, int fd);

static void
stat_from_statx(struct stat *st, const struct statx *x)
{
	*st = (struct stat){
	    .st_dev = makedev(x->stx_dev_major, x->stx_dev_minor),
	    .st_ino = x->stx_ino,
	    .st_mode = x->stx_mode,
	    .st_nlink = x->stx_nlink,
	    .st_uid = x->stx_uid,
	    .st_gid = x->stx_gid,
	    .st_rdev = makedev(x->stx_rdev_major, x->stx_rdev_minor),
	    .st_size = (off_t)x->stx_size,
	    .st_blksize = (blksize_t)x->stx_blksize,
	    .st_blocks = (blkcnt_t)x->stx_blocks,
	    .st_atim = {.tv_sec = x->stx_atime.tv_sec, .tv_nsec = x->stx_atime.tv_nsec},
	    .st_mtim = {.tv_sec = x->stx_mtime.tv_sec, .tv_nsec = x->stx_mtime.tv_nsec},
	    .st_ctim = {.tv_sec = x->stx_ctime.tv_sec, .tv_nsec = x->stx_ctime.tv_nsec},
	};
}

/*
 * fstatat(2), and whether something is mounted there. A device number doesn't tell: a
 * bind mount from the same file system has its directory's, and on an overlay a plain file
 * may have another. statx(2) says it since Linux 5.8; before, and where a seccomp
 * profile knows no statx, another device on a directory has to do.
 */
static int
stat_entry(const struct walk_entry *directory, struct walk_entry *e)
{
	const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
	struct statx x;

	if (syscall(SYS_statx, e->dirfd, e->name, flags, STATX_BASIC_STATS, &x) == 0) {
		stat_from_statx(&e->st, &x);
		if (x.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) {
			e->is_mount = (x.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
			return 0;
		}
	} else if (errno != ENOSYS && errno != EPERM) {
		return -1;
	} else if (fstatat(e->dirfd, e->name, &e->st, flags)) {
		return -1;
	}
	e->is_mount = S_ISDIR(e->st.st_mode) && e->st.st_dev != directory->st.st_dev;
	return 0;
}

/* The directory's own descriptor, proven to be the directory that was visited. */
static int
open_directory(const struct walk_entry *e)
{
	cleanup_fd int fd =
	    openat(e->dirfd, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st))
		return -1;
	if (st.st_dev != e->st.st_dev || st.st_ino != e->st.st_ino) {
		errno = ESTALE;
		return -1;
	}
	return steal_fd(&fd);
}

static int
visit_entry(struct walk *w, const struct walk_entry *directory, int fd, const char *name)
{
	size_t before = w->path.len;
	struct walk_entry e = {.dirfd = fd, .name = name, .depth = directory->depth + 1};
	int sub, stop = 0;

	if (before > 1)
		strbuf_putc(&w->path, '/');
	strbuf_puts(&w->path, name);
	e.path = w->path.s;
	e.path_len = w->path.len;
	if (stat_entry(directory, &e)) {
		/* gone between readdir and here: as if it had never been */
		if (errno != ENOENT)
			trouble(w, e.path, errno);
		goto out;
	}
	switch (w->visit(&e, w->arg)) {
	case WALK_STOP:
		stop = 1;
		goto out;
	case WALK_SKIP:
		goto out;
	case WALK_GO:
		break;
	}
	if (!S_ISDIR(e.st.st_mode))
		goto out;
	if (e.is_mount && !w->options->cross_mounts)
		goto out;
	sub = -1;
	if (e.depth >= WALK_DEEPEST)
		errno = ENAMETOOLONG;
	else
		sub = open_directory(&e);
	if (sub < 0) {
		trouble(w, e.path, errno);
		goto out;
	}
	stop = walk_directory(w, &e, sub);
	if (w->options->chdir && fchdir(fd))
		stop = 1;
out:
	strbuf_cut(&w->path, before);
	return stop;
}

/* Takes fd over. Returns 1 where the walk is to stop. */
static int
walk_directory(struct walk *w, const struct walk_entry *directory, int directory_fd)
{
	cleanup_fd int fd = directory_fd;
	struct names names;
	int stop = 0;
	size_t i;

	if (w->options->chdir && fchdir(fd)) {
		trouble(w, directory->path, errno);
		return 0;
	}
	if (read_names(w, fd, &names))
		trouble(w, directory->path, errno);
	for (i = 0; i < names.count && !stop; i++)
		stop = visit_entry(w, directory, fd, names.name[i]);
	free_names(&names);
	if (!stop && w->options->leave) {
		struct walk_entry left = *directory;

		left.path = w->path.s; /* the buffer may have moved */
		w->options->leave(&left, w->arg);
	}
	return stop;
}

int
walk_tree(int rootfd, const struct walk_options *options,
    enum walk_action (*visit)(const struct walk_entry *e, void *arg), void *arg)
{
	static const struct walk_options none;
	struct walk w = {.options = options ? options : &none, .visit = visit, .arg = arg};
	cleanup_fd int back = -1;
	struct walk_entry root = {.dirfd = rootfd, .name = "."};
	struct rlimit was;
	int fd, stop, raised;

	if (w.options->chdir && (back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -1;
	if (fstat(rootfd, &root.st))
		return -1;
	fd = openat(rootfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	strbuf_puts(&w.path, "/");
	root.path = w.path.s;
	root.path_len = w.path.len;
	/* A visitor that copies takes two more a level. */
	raised = descriptors_raise(&was) == 0;
	switch (visit(&root, arg)) {
	case WALK_GO:
		stop = walk_directory(&w, &root, fd);
		break;
	case WALK_STOP:
		stop = 1;
		close(fd);
		break;
	default:
		stop = 0;
		close(fd);
	}
	if (raised)
		setrlimit(RLIMIT_NOFILE, &was);
	strbuf_free(&w.path);
	if (back >= 0 && fchdir(back))
		return -1;
	return stop;
}
