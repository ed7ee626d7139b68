#include "sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "descriptors.h"
#include "path.h"
#include "report.h"
#include "statx.h"
#include "strbuf.h"

enum { DIRENTS_SIZE = 32 * 1024, TICK_MS = 200, SHARE_EVERY = 32 };
/* What an entry is worth when work is shared: a file itself, a directory an unknown lot. */
enum { DIRECTORY_WEIGHT = 64, WORTH_SHARING = 64 };

struct sweep_directory {
	struct sweep_directory *parent;
	int fd;
	unsigned refs; /* frames and directories that hold it; atomic */
	uint64_t number;
	dev_t dev_major, dev_minor;
	bool pin;       /* its names aren't safe */
	bool self_last; /* visit it when all below it is done: its names are safe till then */
	char name[];
};

/* A directory that is being worked through: names that were read and are still to be
 * visited, each as its type, then the name with its NUL. */
struct frame {
	struct sweep_directory *directory;
	bool reading; /* there may be more names to read */
	char *names;
	size_t at, len;
};

struct sweep_worker {
	struct pool *pool;
	unsigned number;
	pthread_t thread;
	struct frame *stack;
	size_t depth, room;
	uint64_t current; /* the directory that is this thread's current one; 0: none */
	struct strbuf path;
	uint64_t path_of; /* the directory that path is of; 0: none */
	unsigned since_share;
	char dirents[DIRENTS_SIZE] __attribute__((aligned(8)));
};

struct pool {
	struct sweep *sweep;
	struct sweep_worker *worker;
	unsigned count;
	pthread_mutex_t lock;
	pthread_cond_t more, over;
	struct frame queue[SWEEP_WORKERS_MAX];
	unsigned queued, idle; /* written under lock, read without for a hint */
	bool finished;
	uint64_t directories; /* atomic */
	uid_t euid;
};

static pthread_mutex_t report_lock = PTHREAD_MUTEX_INITIALIZER;

int
inode_stat(const struct inode_at *at, struct statx *st)
{
	int fd = at->fd >= 0 ? at->fd : AT_FDCWD;
	int flags = at->fd >= 0 ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;

	return (int)syscall(SYS_statx, fd, at->fd >= 0 ? "" : at->name, flags,
	    STATX_BASIC_STATS | STATX_BTIME, st);
}

/* --- paths and messages --- */

static void
add_path(struct strbuf *b, const struct sweep_directory *f)
{
	size_t depth = 0, i;
	const struct sweep_directory *up;

	for (up = f; up->parent; up = up->parent)
		depth++;
	{
		cleanup_free const struct sweep_directory **chain =
		    xreallocarray(NULL, depth + 1, sizeof(*chain));

		for (i = depth, up = f; up->parent; up = up->parent)
			chain[--i] = up;
		for (i = 0; i < depth; i++) {
			if (i)
				strbuf_putc(b, '/');
			strbuf_puts(b, chain[i]->name);
		}
	}
}

const char *
sweep_path(const struct sweep_entry *e)
{
	struct sweep_worker *w = e->of;

	if (w->path_of != e->in->number) {
		if (w->path.len)
			strbuf_cut(&w->path, 0);
		strbuf_puts(&w->path, "");
		add_path(&w->path, e->in);
		w->path_of = e->in->number;
	}
	return w->path.s;
}

static void
complain(struct pool *p, const struct sweep_directory *f, const char *name, const char *what)
{
	struct strbuf path = STRBUF_INIT;
	int saved = errno;

	add_path(&path, f);
	if (strcmp(name, ".") != 0 || !path.len)
		strbuf_printf(&path, "%s%s", path.len ? "/" : "", name);
	pthread_mutex_lock(&report_lock);
	p->sweep->failures++;
	errno = saved;
	report("%s '%s':", what, path.s);
	pthread_mutex_unlock(&report_lock);
	strbuf_free(&path);
}

void
sweep_report(const struct sweep_entry *e, const char *what)
{
	complain(e->of->pool, e->in, e->at.name, what);
}

static void
left_alone(struct pool *p)
{
	__atomic_fetch_add(&p->sweep->mounts, 1, __ATOMIC_RELAXED);
}

static bool
stopped(const struct pool *p)
{
	return __atomic_load_n(&p->sweep->stop, __ATOMIC_RELAXED) != 0;
}

/* --- directories --- */

static int
enter(struct sweep_worker *w, const struct sweep_directory *f)
{
	if (w->current == f->number)
		return 0;
	w->current = 0;
	if (fchdir(f->fd))
		return -1;
	w->current = f->number;
	return 0;
}

static void
sweep_visit(struct sweep_worker *w, struct sweep_directory *f, struct inode_at at,
    const struct statx *st)
{
	struct sweep_entry e = {at, st, w->number, f->number, w, f};

	w->pool->sweep->visit(&e, w->pool->sweep->arg);
}

static void
visit_directory(struct sweep_worker *w, struct sweep_directory *f)
{
	struct inode_at at = {-1, ".", false};
	struct statx st;

	if (enter(w, f) || inode_stat(&at, &st))
		complain(w->pool, f, ".", "look at");
	else
		sweep_visit(w, f, at, &st);
}

/* Nobody but this user may rename anything in it; a group's write bit is also the mask of
 * all that an ACL grants. */
static bool
names_are_safe(const struct pool *p, const struct statx *st)
{
	return st->stx_uid == p->euid && !(st->stx_mode & 022);
}

/* Lets go of a directory, and of those above that nobody else holds. */
static void
release(struct sweep_worker *w, struct sweep_directory *f)
{
	while (f && __atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL) == 0) {
		struct sweep_directory *up = f->parent;

		if (f->self_last && !stopped(w->pool))
			visit_directory(w, f);
		close(f->fd);
		free(f);
		f = up;
	}
}

static void
push(struct sweep_worker *w, const struct frame *frame)
{
	if (w->depth == w->room) {
		w->room = w->room ? w->room * 2 : 64;
		w->stack = xreallocarray(w->stack, w->room, sizeof(*w->stack));
	}
	w->stack[w->depth++] = *frame;
}

static int
open_directory(int dirfd, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dirfd, name, flags | O_NOATIME);

	return fd < 0 && errno == EPERM ? openat(dirfd, name, flags) : fd;
}

static bool
is_mount(const struct sweep_directory *parent, const struct statx *st)
{
	if (st->stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
		return st->stx_attributes & STATX_ATTR_MOUNT_ROOT;
	return S_ISDIR(st->stx_mode) && (st->stx_dev_major != parent->dev_major ||
					    st->stx_dev_minor != parent->dev_minor);
}

static struct sweep_directory *
new_directory(struct pool *p, struct sweep_directory *parent, const char *name, int fd,
    const struct statx *st)
{
	size_t len = strlen(name) + 1;
	struct sweep_directory *f = xcalloc(1, sizeof(*f) + len);

	memcpy(f->name, name, len);
	f->fd = fd;
	f->refs = 1;
	f->number = __atomic_add_fetch(&p->directories, 1, __ATOMIC_RELAXED);
	f->dev_major = st->stx_dev_major;
	f->dev_minor = st->stx_dev_minor;
	f->parent = parent;
	if (parent)
		__atomic_add_fetch(&parent->refs, 1, __ATOMIC_RELAXED);
	return f;
}

/*
 * Begins with a directory. Its own turn comes before its entries' or after them, whichever
 * keeps its names safe meanwhile: root's directory stays root's as long as names are used.
 */
static void
begin_directory(struct sweep_worker *w, struct sweep_directory *parent, const char *name,
    int fd, const struct statx *st)
{
	struct pool *p = w->pool;
	struct sweep_directory *f = new_directory(p, parent, name, fd, st);
	struct inode_at at = {-1, ".", false};
	struct statx now;

	push(w, &(struct frame){.directory = f, .reading = true});
	if (!p->sweep->pin) {
		visit_directory(w, f);
	} else if (names_are_safe(p, st)) {
		f->self_last = true;
	} else {
		visit_directory(w, f);
		f->pin = enter(w, f) || inode_stat(&at, &now) || !names_are_safe(p, &now);
	}
}

/* One name in a directory that isn't swept itself. */
static void
begin_only(struct sweep_worker *w, int fd, const struct statx *st)
{
	struct pool *p = w->pool;
	struct frame frame = {
	    .directory = new_directory(p, NULL, "", fd, st), .len = 2 + strlen(p->sweep->only)};

	frame.directory->pin = p->sweep->pin && !names_are_safe(p, st);
	frame.names = xmalloc(frame.len);
	frame.names[0] = DT_UNKNOWN;
	memcpy(frame.names + 1, p->sweep->only, frame.len - 1);
	push(w, &frame);
}

static void
do_subdirectory(struct sweep_worker *w, struct sweep_directory *f, const char *name)
{
	cleanup_fd int fd = open_directory(f->fd, name);
	struct inode_at at = {fd, name, false};
	struct statx st;

	if (fd < 0) {
		/* gone since it was read, or no directory any more: as if it had never been */
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			complain(w->pool, f, name, "open");
		return;
	}
	if (inode_stat(&at, &st)) {
		complain(w->pool, f, name, "look at");
		return;
	}
	if (is_mount(f, &st) && !w->pool->sweep->cross_mounts)
		left_alone(w->pool);
	else
		begin_directory(w, f, name, steal_fd(&fd), &st);
}

static void
do_entry(
    struct sweep_worker *w, struct sweep_directory *f, unsigned char type, const char *name)
{
	cleanup_fd int fd = -1;
	struct inode_at at = {-1, name, false};
	struct statx st;

	if (type == DT_DIR) {
		do_subdirectory(w, f, name);
		return;
	}
	if (enter(w, f)) {
		complain(w->pool, f, ".", "enter");
		return;
	}
	if (f->pin)
		at.fd = fd = open(name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if ((f->pin && fd < 0) || inode_stat(&at, &st)) {
		if (errno != ENOENT)
			complain(w->pool, f, name, "look at");
		return;
	}
	if (S_ISDIR(st.stx_mode))
		do_subdirectory(w, f, name);
	else if (is_mount(f, &st) && !w->pool->sweep->cross_mounts && !w->pool->sweep->only)
		left_alone(w->pool);
	else
		sweep_visit(w, f, at, &st);
}

/* Reads the next names. */
static void
read_names(struct sweep_worker *w, struct frame *frame)
{
	long n = syscall(SYS_getdents64, frame->directory->fd, w->dirents, sizeof(w->dirents)),
	     at;
	size_t len = 0;

	free(frame->names);
	frame->names = NULL;
	frame->at = frame->len = 0;
	if (n <= 0) {
		if (n < 0 && errno != ENOENT) /* removed meanwhile */
			complain(w->pool, frame->directory, ".", "read");
		frame->reading = false;
		return;
	}
	frame->names = xmalloc((size_t)n);
	for (at = 0; at < n;) {
		const struct dirent *d = (const struct dirent *)(w->dirents + at);

		if (!is_dots(d->d_name)) {
			size_t name = strlen(d->d_name) + 1;

			frame->names[len++] = (char)d->d_type;
			memcpy(frame->names + len, d->d_name, name);
			len += name;
		}
		at += d->d_reclen;
	}
	frame->len = len;
}

/* --- sharing work --- */

static size_t
weight(const struct frame *frame, size_t at)
{
	return frame->names[at] == DT_DIR ? DIRECTORY_WEIGHT : 1;
}

/* Where the second half of a frame's names begins, by weight; its end where that is not
 * worth the trouble. */
static size_t
second_half(const struct frame *frame)
{
	size_t at, all = 0, first = 0;

	for (at = frame->at; at < frame->len; at += 2 + strlen(frame->names + at + 1))
		all += weight(frame, at);
	if (all < WORTH_SHARING)
		return frame->len;
	for (at = frame->at; first + weight(frame, at) <= all / 2;
	     at += 2 + strlen(frame->names + at + 1))
		first += weight(frame, at);
	return at;
}

/* A number that is written under the lock and read without. */
static void
add(unsigned *n, int by)
{
	__atomic_store_n(n, *n + (unsigned)by, __ATOMIC_RELAXED);
}

/* Gives the largest piece of work that waits here, that is one high up in the tree. */
static void
share(struct sweep_worker *w)
{
	struct pool *p = w->pool;
	size_t i, half;

	for (i = 0; i < w->depth; i++) {
		struct frame *mine = &w->stack[i], given = {.directory = mine->directory};

		half = second_half(mine);
		/* The last one that this worker has is its own. */
		if (half == mine->len || (i + 1 == w->depth && half == mine->at))
			continue;
		given.len = mine->len - half;
		given.names = xmalloc(given.len);
		memcpy(given.names, mine->names + half, given.len);
		mine->len = half;
		__atomic_add_fetch(&mine->directory->refs, 1, __ATOMIC_RELAXED);
		pthread_mutex_lock(&p->lock);
		if (p->queued < SWEEP_WORKERS_MAX) {
			p->queue[p->queued] = given;
			add(&p->queued, 1);
			pthread_cond_signal(&p->more);
			given.directory = NULL;
		}
		pthread_mutex_unlock(&p->lock);
		if (given.directory) /* no room after all */
			push(w, &given);
		return;
	}
}

static bool
others_are_idle(const struct pool *p)
{
	return __atomic_load_n(&p->idle, __ATOMIC_RELAXED) >
	       __atomic_load_n(&p->queued, __ATOMIC_RELAXED);
}

/* Waits for a frame. Returns false when all is done. */
static bool
fetch(struct sweep_worker *w)
{
	struct pool *p = w->pool;
	bool got = false;

	pthread_mutex_lock(&p->lock);
	add(&p->idle, 1);
	while (!p->finished && !p->queued) {
		if (p->idle == p->count) {
			p->finished = true;
			pthread_cond_broadcast(&p->more);
			pthread_cond_signal(&p->over);
		} else {
			pthread_cond_wait(&p->more, &p->lock);
		}
	}
	if (p->queued) {
		add(&p->idle, -1);
		add(&p->queued, -1);
		push(w, &p->queue[p->queued]);
		got = true;
	}
	pthread_mutex_unlock(&p->lock);
	return got;
}

/* --- workers --- */

static void
pop(struct sweep_worker *w)
{
	struct frame frame = w->stack[--w->depth];

	free(frame.names);
	release(w, frame.directory);
}

static void
step(struct sweep_worker *w)
{
	struct frame *frame = &w->stack[w->depth - 1];

	if (stopped(w->pool)) {
		pop(w);
	} else if (frame->at < frame->len) {
		/* It may push a frame, which moves the stack, but no names. */
		const char *entry = frame->names + frame->at;

		frame->at += 2 + strlen(entry + 1);
		do_entry(w, frame->directory, (unsigned char)*entry, entry + 1);
	} else if (frame->reading) {
		read_names(w, frame);
	} else {
		pop(w);
	}
}

static void *
work(void *arg)
{
	struct sweep_worker *w = arg;

	while (w->depth || fetch(w)) {
		step(w);
		if (++w->since_share >= SHARE_EVERY && others_are_idle(w->pool)) {
			w->since_share = 0;
			share(w);
		}
	}
	return NULL;
}

static void *
start_worker(void *arg)
{
	struct sweep_worker *w = arg;

	/* A current directory of this thread's own. Without it (a strict seccomp profile) the
	 * first worker still has the process's for itself, and does all the work. */
	if (unshare(CLONE_FS) && w->number > 0) {
		pthread_mutex_lock(&w->pool->lock);
		w->pool->count--;
		if (w->pool->idle == w->pool->count)
			pthread_cond_broadcast(&w->pool->more);
		pthread_mutex_unlock(&w->pool->lock);
		return NULL;
	}
	return work(w);
}

static unsigned
cores(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);

	return n < 1 ? 1 : n > SWEEP_WORKERS_MAX ? SWEEP_WORKERS_MAX : (unsigned)n;
}

static void
wait_until_over(struct pool *p)
{
	struct timespec t;

	pthread_mutex_lock(&p->lock);
	while (!p->finished) {
		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_nsec += TICK_MS * 1000000L;
		t.tv_sec += t.tv_nsec / 1000000000;
		t.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&p->over, &p->lock, &t);
		if (!p->finished && p->sweep->tick) {
			pthread_mutex_unlock(&p->lock);
			p->sweep->tick(p->sweep->arg);
			pthread_mutex_lock(&p->lock);
		}
	}
	pthread_mutex_unlock(&p->lock);
}

static int
run_workers(struct pool *p)
{
	unsigned wanted = p->count; /* workers that can't work take themselves off the count */
	unsigned started = 0, i;
	int error = 0;

	for (i = 0; i < wanted; i++) {
		error = pthread_create(&p->worker[i].thread, NULL, start_worker, &p->worker[i]);
		if (error)
			break;
		started++;
	}
	if (started < wanted) {
		pthread_mutex_lock(&p->lock);
		p->count -= wanted - started;
		if (!started)
			p->finished = true;
		pthread_cond_broadcast(&p->more);
		pthread_mutex_unlock(&p->lock);
	}
	wait_until_over(p);
	for (i = 0; i < started; i++)
		pthread_join(p->worker[i].thread, NULL);
	p->sweep->workers = started;
	errno = error;
	return started ? 0 : -1;
}

int
sweep_open(struct sweep *s, const char *path)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = open(path, flags);

	s->only = NULL;
	if (fd < 0 && errno == ENOTDIR) {
		const char *slash = strrchr(path, '/');
		cleanup_free char *directory =
		    xstrndup(path, slash == path ? 1 : (size_t)(slash - path));

		s->only = slash + 1;
		fd = open(directory, flags);
	}
	return fd;
}

int
sweep_tree(struct sweep *s, int rootfd)
{
	struct pool p = {.sweep = s,
	    .count = s->workers ? s->workers : cores(),
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .more = PTHREAD_COND_INITIALIZER,
	    .over = PTHREAD_COND_INITIALIZER,
	    .euid = geteuid()};
	cleanup_fd int top = open_directory(rootfd, "."), back = -1;
	struct inode_at at = {top, ".", false};
	struct statx st;
	unsigned count = p.count, i;
	int status;

	if (top < 0 || inode_stat(&at, &st))
		return -1;
	if ((back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -1;
	descriptors_raise(NULL);
	p.worker = xcalloc(p.count, sizeof(*p.worker));
	for (i = 0; i < p.count; i++) {
		p.worker[i].pool = &p;
		p.worker[i].number = i;
	}
	if (s->only)
		begin_only(&p.worker[0], steal_fd(&top), &st);
	else
		begin_directory(&p.worker[0], NULL, "", steal_fd(&top), &st);
	status = run_workers(&p);
	for (i = 0; i < count; i++) {
		free(p.worker[i].stack);
		strbuf_free(&p.worker[i].path);
	}
	free(p.worker);
	return fchdir(back) ? -1 : status;
}
