#include "verify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "digest.h"
#include "hash.h"
#include "path.h"
#include "strbuf.h"
#include "times.h"
#include "walk.h"

enum {
	THREADS_MAX = 16,
	TRIES = 3,
	TRY_AGAIN_NS = 50000000,
	BATCH_JOBS = 64,
	BATCH_PATHS = 16 * 1024,
	BATCHES_MAX = 8, /* waiting for a thread */
};

/* Two changes within this time may leave the same stamp on a file, so that what was read
 * in between is not known for good. */
#define STAMP_GRAIN (20 * NS_PER_MS)

struct job {
	struct entry now; /* its path stands in the batch */
	const struct entry *was;
};

/* Files to be read, handed over many at a time: a lock for each would cost as much as
 * reading a small file. */
struct batch {
	struct job job[BATCH_JOBS];
	size_t count, used;
	char path[BATCH_PATHS];
};

struct survey {
	struct comparison *c;
	const char *prefix; /* of the tree that is being walked, "" for "/" */
	struct strbuf path; /* of the entry at hand */
	bool *seen;         /* of the baseline's entries */
	char **blind;       /* directories that can't be read: what is in them isn't gone */
	size_t blinds;
	struct batch *filling;
	pthread_mutex_t lock; /* for all that follows */
	pthread_cond_t changed;
	struct batch *waiting[BATCHES_MAX];
	size_t first, count;
	bool over;
};

/* ---- differences ---- */

static void
add_difference(struct survey *s, struct difference d)
{
	struct comparison *c = s->c;

	pthread_mutex_lock(&s->lock);
	if (c->count % 64 == 0)
		c->difference =
		    xreallocarray(c->difference, c->count + 64, sizeof(*c->difference));
	c->difference[c->count++] = d;
	pthread_mutex_unlock(&s->lock);
}

static bool
same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static unsigned
what_differs(const struct entry *was, const struct entry *now)
{
	unsigned what = 0, known = was->known & now->known;

	if (was->known & WHAT_TYPE && (was->mode & S_IFMT) != (now->mode & S_IFMT))
		return WHAT_TYPE;
	if ((was->mode & 07777) != (now->mode & 07777))
		what |= WHAT_MODE;
	if (was->uid != now->uid)
		what |= WHAT_UID;
	if (was->gid != now->gid)
		what |= WHAT_GID;
	if (was->size != now->size)
		what |= WHAT_SIZE;
	if (memcmp(was->sha256, now->sha256, DIGEST_BYTES) != 0)
		what |= WHAT_SHA256;
	if (!same_text(was->link, now->link))
		what |= WHAT_LINK;
	if (was->caps_len != now->caps_len || memcmp(was->caps, now->caps, was->caps_len) != 0)
		what |= WHAT_CAPS;
	return what & known;
}

/* Returns true where it is as it should be. */
static bool
conclude(struct survey *s, const struct entry *now, const struct entry *was)
{
	struct difference d = {DIFFERENCE_ADDED, 0, 0, *now, was};

	if (was) {
		d.kind = DIFFERENCE_CHANGED;
		d.what = what_differs(was, now);
		if (d.what == 0)
			return true;
	}
	d.now = entry_copy(now);
	add_difference(s, d);
	return false;
}

static void
note_trouble(struct survey *s, const char *path, const struct entry *was, int error)
{
	const struct entry now = {.path = xstrdup(path)};

	add_difference(s, (struct difference){DIFFERENCE_UNREADABLE, 0, error, now, was});
}

/* ---- content ---- */

static bool
same_stamps(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && ns_of(&a->st_mtim) == ns_of(&b->st_mtim) &&
	       ns_of(&a->st_ctim) == ns_of(&b->st_ctim);
}

static void
take_stat(struct entry *e, const struct stat *st)
{
	e->mode = st->st_mode;
	e->uid = st->st_uid;
	e->gid = st->st_gid;
	e->size = st->st_size;
	e->known = WHAT_TYPE | WHAT_MODE | WHAT_UID | WHAT_GID;
	if (S_ISREG(st->st_mode))
		e->known |= WHAT_SIZE;
	if (S_ISLNK(st->st_mode))
		e->known &= ~(unsigned)WHAT_MODE;
}

static void
take_caps(struct entry *e, int fd)
{
	ssize_t n = fgetxattr(fd, "security.capability", e->caps, sizeof(e->caps));

	e->caps_len = n > 0 ? (unsigned char)n : 0;
	if (n >= 0 || errno == ENODATA || errno == ENOTSUP)
		e->known |= WHAT_CAPS;
}

/* Opens, reads, and makes sure that nobody wrote meanwhile. Returns 0 or an errno; EAGAIN:
 * somebody did; -1: it isn't a regular file any more. */
static int
read_once(struct survey *s, struct entry *e, void *buffer, struct stat *after)
{
	/* O_NONBLOCK: it may have become a FIFO. */
	cleanup_fd int fd =
	    open_no_links(s->c->rootfd, e->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat before;
	int64_t n;

	if (fd < 0 || fstat(fd, &before))
		return errno;
	if (!S_ISREG(before.st_mode)) {
		take_stat(e, &before);
		return -1;
	}
	n = hash_fd(fd, HASH_SHA256, before.st_size, s->c->throttle, buffer, e->sha256);
	if (n < 0 || fstat(fd, after))
		return errno;
	if (n != after->st_size || !same_stamps(&before, after))
		return EAGAIN;
	take_stat(e, after);
	e->known |= WHAT_SHA256;
	take_caps(e, fd);
	return 0;
}

static struct memory *
memory_of(const struct survey *s, const struct entry *was)
{
	return s->c->memory && was ? &s->c->memory[was - s->c->baseline->entry] : NULL;
}

static void
remember(struct memory *m, const struct stat *st, int64_t begun, bool good)
{
	int64_t ctime = ns_of(&st->st_ctim);

	if (m)
		*m = (struct memory){ns_of(&st->st_mtim), ctime, st->st_size, st->st_dev,
		    st->st_ino, good && begun - ctime > STAMP_GRAIN};
}

static void
do_job(struct survey *s, struct job *j, void *buffer)
{
	int tries, error = EAGAIN;
	struct stat st;
	int64_t begun = 0;

	for (tries = 0; tries < TRIES && error == EAGAIN; tries++) {
		if (tries)
			nanosleep(&(struct timespec){0, TRY_AGAIN_NS}, NULL);
		begun = now_ns();
		error = read_once(s, &j->now, buffer, &st);
	}
	if (error == 0) {
		remember(memory_of(s, j->was), &st, begun, conclude(s, &j->now, j->was));
		return;
	}
	if (error == -1) {
		conclude(s, &j->now, j->was);
		return;
	}
	if (error == EAGAIN)
		add_difference(s, (struct difference){
				      DIFFERENCE_UNSTABLE, 0, 0, entry_copy(&j->now), j->was});
	else if (error == ENOENT && j->was)
		add_difference(s,
		    (struct difference){DIFFERENCE_REMOVED, 0, 0, entry_copy(&j->now), j->was});
	else if (error != ENOENT && error != ECANCELED)
		note_trouble(s, j->now.path, j->was, error);
}

static struct batch *
take_batch(struct survey *s)
{
	struct batch *b = NULL;

	pthread_mutex_lock(&s->lock);
	while (s->count == 0 && !s->over)
		pthread_cond_wait(&s->changed, &s->lock);
	if (s->count) {
		b = s->waiting[s->first];
		s->first = (s->first + 1) % BATCHES_MAX;
		if (s->count-- == BATCHES_MAX)
			pthread_cond_broadcast(&s->changed);
	}
	pthread_mutex_unlock(&s->lock);
	return b;
}

static void *
work(void *arg)
{
	struct survey *s = arg;
	cleanup_free void *buffer = xmalloc(HASH_BUFFER);
	struct batch *b;
	size_t i;

	while ((b = take_batch(s))) {
		for (i = 0; i < b->count; i++)
			do_job(s, &b->job[i], buffer);
		free(b);
	}
	return NULL;
}

/* What was gathered goes to the threads. */
static void
hand_over(struct survey *s)
{
	if (!s->filling)
		return;
	pthread_mutex_lock(&s->lock);
	while (s->count == BATCHES_MAX)
		pthread_cond_wait(&s->changed, &s->lock);
	s->waiting[(s->first + s->count++) % BATCHES_MAX] = s->filling;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	s->filling = NULL;
}

static void
put_job(struct survey *s, const char *path, const struct stat *st, const struct entry *was)
{
	size_t n = strlen(path) + 1;
	struct batch *b = s->filling;
	struct job *j;

	if (n > PATH_MAX) {
		note_trouble(s, path, was, ENAMETOOLONG);
		return;
	}
	if (b && (b->count == BATCH_JOBS || b->used + n > BATCH_PATHS))
		hand_over(s);
	if (!s->filling)
		s->filling = xcalloc(1, sizeof(*s->filling));
	b = s->filling;
	j = &b->job[b->count++];
	j->was = was;
	j->now.path = memcpy(b->path + b->used, path, n);
	b->used += n;
	take_stat(&j->now, st);
	/* A large file is work enough, and should begin at once. */
	if (st->st_size > HASH_BUFFER)
		hand_over(s);
}

/* ---- the tree ---- */

static bool
is_remembered(const struct memory *m, const struct stat *st)
{
	return m && m->good && m->mtime == ns_of(&st->st_mtim) &&
	       m->ctime == ns_of(&st->st_ctim) && m->size == st->st_size &&
	       m->dev == st->st_dev && m->ino == st->st_ino;
}

static void
look_at_entry(struct survey *s, int dirfd, const char *name, const char *path,
    const struct stat *st, bool is_mount)
{
	const struct baseline *b = s->c->baseline;
	const struct entry *was = baseline_find(b, path);
	struct entry now = {.path = (char *)(uintptr_t)path};
	char target[PATH_MAX];
	ssize_t n;

	s->c->throttle->progress++;
	if (was)
		s->seen[was - b->entry] = true;
	if (is_mount || (S_ISREG(st->st_mode) && is_remembered(memory_of(s, was), st)))
		return;
	if (S_ISREG(st->st_mode)) {
		put_job(s, path, st, was);
		return;
	}
	take_stat(&now, st);
	if (S_ISLNK(st->st_mode) &&
	    (n = readlinkat(dirfd, name, target, sizeof(target) - 1)) >= 0) {
		target[n] = '\0';
		now.link = target;
		now.known |= WHAT_LINK;
	}
	conclude(s, &now, was);
}

/* Of what a walk met below the tree that it is in. */
static const char *
path_of(struct survey *s, const char *below)
{
	strbuf_cut(&s->path, 0);
	strbuf_puts(&s->path, s->prefix);
	if (strcmp(below, "/") != 0)
		strbuf_puts(&s->path, below);
	else if (s->path.len == 0)
		strbuf_putc(&s->path, '/');
	return s->path.s;
}

static enum walk_action
verify_visit(const struct walk_entry *e, void *arg)
{
	struct survey *s = arg;
	const char *path = path_of(s, e->path);

	if (s->c->throttle->stop)
		return WALK_STOP;
	if (baseline_is_excluded(s->c->baseline, path))
		return WALK_SKIP;
	look_at_entry(s, e->dirfd, e->name, path, &e->st, e->is_mount);
	/* What is mounted over something that the baseline knows stands in its place. */
	return e->is_mount && !baseline_has_below(s->c->baseline, path) ? WALK_SKIP : WALK_GO;
}

static void
blind_spot(struct survey *s, const char *path, int error)
{
	note_trouble(s, path, baseline_find(s->c->baseline, path), error);
	s->blind = xreallocarray(s->blind, s->blinds + 1, sizeof(*s->blind));
	s->blind[s->blinds++] = xstrdup(path);
}

static void
trouble(const char *path, void *arg)
{
	struct survey *s = arg;
	int error = errno;

	/* A directory that is gone is no trouble: what the baseline knows of it is unseen. */
	if (error != ENOENT)
		blind_spot(s, path_of(s, path), error);
}

static int
look_below(struct survey *s, const char *path)
{
	static const struct walk_options options = {.cross_mounts = 1, .trouble = trouble};
	cleanup_fd int fd = open_no_links(s->c->rootfd, path, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0) {
		if (errno != ENOENT)
			blind_spot(s, path, errno);
		return 0;
	}
	s->prefix = strcmp(path, "/") == 0 ? "" : path;
	return walk_tree(fd, &options, verify_visit, s) < 0 ? -1 : 0;
}

/* The last name of a path, and the directory that it stands in. */
static int
open_parent(int rootfd, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *parent = xstrndup(path, slash == path ? 1 : (size_t)(slash - path));

	*name = slash + 1;
	return open_no_links(rootfd, parent, O_PATH | O_DIRECTORY, 0);
}

static int
look_at_path(struct survey *s, const char *path, bool must_exist)
{
	const char *name;
	cleanup_fd int parent = -1;
	struct stat st;

	if (strcmp(path, "/") == 0)
		return look_below(s, path);
	parent = open_parent(s->c->rootfd, path, &name);
	if (parent < 0 || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW)) {
		if (must_exist || (errno != ENOENT && errno != ENOTDIR && errno != ELOOP))
			blind_spot(s, path, errno);
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return look_below(s, path);
	if (!baseline_is_excluded(s->c->baseline, path))
		look_at_entry(s, parent, name, path, &st, false);
	return 0;
}

/* A directory of the baseline stands for all below it, so entries below are met on the way. */
static int
look_at_baseline(struct survey *s)
{
	const struct baseline *b = s->c->baseline;
	const char *above = NULL;
	size_t i;

	for (i = 0; i < b->count; i++) {
		const struct entry *e = &b->entry[i];

		if (above && path_below(above, e->path))
			continue;
		if (look_at_path(s, e->path, false))
			return -1;
		above = S_ISDIR(e->mode) ? e->path : NULL;
	}
	return 0;
}

static int
look_at_all(struct survey *s)
{
	const char *const *p;

	if (!s->c->path)
		return look_at_baseline(s);
	for (p = s->c->path; *p; p++)
		if (look_at_path(s, *p, true))
			return -1;
	return 0;
}

static bool
is_out_of_sight(const struct survey *s, const char *path)
{
	size_t i;

	for (i = 0; i < s->blinds; i++)
		if (path_below(s->blind[i], path))
			return true;
	return false;
}

static void
add_removed(struct survey *s)
{
	const struct baseline *b = s->c->baseline;
	size_t i;

	for (i = 0; i < b->count; i++) {
		const struct entry *e = &b->entry[i];
		const struct entry path_alone = {.path = e->path};

		if (s->seen[i] || is_out_of_sight(s, e->path) ||
		    baseline_is_excluded(b, e->path))
			continue;
		add_difference(s,
		    (struct difference){DIFFERENCE_REMOVED, 0, 0, entry_copy(&path_alone), e});
	}
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(
	    ((const struct difference *)a)->now.path, ((const struct difference *)b)->now.path);
}

static unsigned
allowed_cpus(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	n = CPU_COUNT(&set);
	return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (unsigned)n;
}

int
compare(struct comparison *c)
{
	struct survey *s = xcalloc(1, sizeof(*s));
	pthread_t thread[THREADS_MAX];
	unsigned i, wanted = c->threads ? c->threads : allowed_cpus(), started = 0;
	int status;

	s->c = c;
	s->prefix = "";
	s->seen = xcalloc(c->baseline->count, sizeof(*s->seen));
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	while (started < wanted && pthread_create(&thread[started], NULL, work, s) == 0)
		started++;
	errno = EAGAIN;
	status = started ? look_at_all(s) : -1;
	if (status == 0 && !c->path && !c->throttle->stop)
		add_removed(s);
	if (started)
		hand_over(s);
	pthread_mutex_lock(&s->lock);
	s->over = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	for (i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
	if (c->throttle->stop) {
		status = -1;
		errno = ECANCELED;
	}
	if (c->count)
		qsort(c->difference, c->count, sizeof(*c->difference), by_path);
	for (i = 0; i < s->blinds; i++)
		free(s->blind[i]);
	free(s->blind);
	free(s->filling);
	free(s->seen);
	strbuf_free(&s->path);
	free(s);
	return status;
}

void
comparison_free(struct comparison *c)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		entry_free(&c->difference[i].now);
	free(c->difference);
	c->difference = NULL;
	c->count = 0;
}

static bool
is_mismatch(const struct difference *d)
{
	return d->kind <= DIFFERENCE_CHANGED;
}

void
comparison_count(const struct comparison *c, size_t *mismatches, size_t *unknown)
{
	size_t i;

	*mismatches = *unknown = 0;
	for (i = 0; i < c->count; i++)
		++*(is_mismatch(&c->difference[i]) ? mismatches : unknown);
}

/* ---- in words ---- */

static const char *
kind_name(enum difference_kind kind)
{
	static const char *const name[] = {
	    "added", "removed", "changed", "unreadable", "unstable"};

	return name[kind];
}

static void
put_caps(struct strbuf *b, const struct entry *e)
{
	char hex[2 * CAPS_MAX + 1];

	hex_of(e->caps, e->caps_len, hex);
	strbuf_puts(b, e->caps_len ? hex : "none");
}

static void
describe_one(struct strbuf *b, const struct difference *d, unsigned what)
{
	const struct entry *now = &d->now, *was = d->was;

	switch (what) {
	case WHAT_TYPE:
		strbuf_printf(b, "type %s, not %s", entry_type(now), entry_type(was));
		break;
	case WHAT_MODE:
		strbuf_printf(b, "mode %04o, not %04o", (unsigned)now->mode & 07777,
		    (unsigned)was->mode & 07777);
		break;
	case WHAT_UID:
		strbuf_printf(
		    b, "user %lu, not %lu", (unsigned long)now->uid, (unsigned long)was->uid);
		break;
	case WHAT_GID:
		strbuf_printf(
		    b, "group %lu, not %lu", (unsigned long)now->gid, (unsigned long)was->gid);
		break;
	case WHAT_SIZE:
		strbuf_printf(b, "size %" PRId64 ", not %" PRId64, now->size, was->size);
		break;
	case WHAT_SHA256:
		strbuf_puts(b, "content");
		break;
	case WHAT_LINK:
		strbuf_printf(b, "link to %s, not %s", now->link, was->link);
		break;
	case WHAT_CAPS:
		strbuf_puts(b, "capabilities ");
		put_caps(b, now);
		strbuf_puts(b, ", not ");
		put_caps(b, was);
		break;
	default:
		break;
	}
}

void
difference_describe(struct strbuf *b, const struct difference *d)
{
	const char *between = ": ";
	unsigned what;

	strbuf_printf(b, "%s %s", kind_name(d->kind), d->now.path);
	for (what = 1; what & WHAT_ALL; what <<= 1) {
		if (!(d->what & what))
			continue;
		strbuf_puts(b, between);
		describe_one(b, d, what);
		between = "; ";
	}
	if (d->kind == DIFFERENCE_UNREADABLE)
		strbuf_printf(b, ": %s", strerror(d->error));
	if (d->kind == DIFFERENCE_UNSTABLE)
		strbuf_puts(b, ": changes while it is read");
}

static void
entry_json(struct strbuf *b, const struct entry *e)
{
	char hex[2 * DIGEST_BYTES + 1];

	strbuf_printf(b, "{\"type\":\"%s\"", entry_type(e));
	if (e->known & WHAT_MODE)
		strbuf_printf(b, ",\"mode\":\"%04o\"", (unsigned)e->mode & 07777);
	if (e->known & WHAT_UID)
		strbuf_printf(b, ",\"uid\":%lu", (unsigned long)e->uid);
	if (e->known & WHAT_GID)
		strbuf_printf(b, ",\"gid\":%lu", (unsigned long)e->gid);
	if (e->known & WHAT_SIZE)
		strbuf_printf(b, ",\"size\":%" PRId64, e->size);
	if (e->known & WHAT_SHA256) {
		hex_of(e->sha256, DIGEST_BYTES, hex);
		strbuf_printf(b, ",\"sha256\":\"%s\"", hex);
	}
	if (e->link) {
		strbuf_putc(b, ',');
		strbuf_put_json_member(b, "link", e->link);
	}
	if (e->caps_len) {
		strbuf_puts(b, ",\"capabilities\":\"");
		put_caps(b, e);
		strbuf_putc(b, '"');
	}
	strbuf_putc(b, '}');
}

void
difference_json(struct strbuf *b, const struct difference *d)
{
	static const char *const name[] = {
	    "type", "mode", "uid", "gid", "size", "sha256", "link", "capabilities"};
	const char *between = "";
	size_t i;

	strbuf_printf(b, "{\"kind\":\"%s\",", kind_name(d->kind));
	strbuf_put_json_member(b, "path", d->now.path);
	if (d->what) {
		strbuf_puts(b, ",\"differs\":[");
		for (i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
			if (!(d->what >> i & 1))
				continue;
			strbuf_printf(b, "%s\"%s\"", between, name[i]);
			between = ",";
		}
		strbuf_putc(b, ']');
	}
	if (d->kind == DIFFERENCE_UNREADABLE) {
		strbuf_putc(b, ',');
		strbuf_put_json_member(b, "error", strerror(d->error));
	}
	if (d->was && is_mismatch(d)) {
		strbuf_puts(b, ",\"was\":");
		entry_json(b, d->was);
	}
	if (d->kind == DIFFERENCE_ADDED || d->kind == DIFFERENCE_CHANGED) {
		strbuf_puts(b, ",\"now\":");
		entry_json(b, &d->now);
	}
	strbuf_putc(b, '}');
}

void
comparison_id(const struct comparison *c, char id[17])
{
	struct strbuf all = STRBUF_INIT;
	char hex[SHA256_HEX];
	size_t i;

	for (i = 0; i < c->count; i++)
		if (is_mismatch(&c->difference[i])) {
			difference_json(&all, &c->difference[i]);
			strbuf_putc(&all, '\n');
		}
	sha256_bytes(all.s ? all.s : "", all.len, hex);
	memcpy(id, hex, 16);
	id[16] = '\0';
	strbuf_free(&all);
}

void
comparison_accept(const struct comparison *c, struct baseline *out)
{
	const struct baseline *b = c->baseline;
	size_t i, next = 0;

	*out = (struct baseline){0};
	for (i = 0; i < b->excludes; i++)
		baseline_exclude(out, b->exclude_text[i]);
	/* Both lists are sorted: the differences are met in the entries' order. */
	for (i = 0; i < b->count; i++) {
		struct entry e;

		while (next < c->count &&
		       strcmp(c->difference[next].now.path, b->entry[i].path) < 0)
			next++;
		if (next < c->count && c->difference[next].was == &b->entry[i] &&
		    is_mismatch(&c->difference[next]))
			continue;
		e = entry_copy(&b->entry[i]);
		baseline_add(out, &e);
	}
	for (i = 0; i < c->count; i++) {
		const struct difference *d = &c->difference[i];
		struct entry e;

		if (d->kind != DIFFERENCE_ADDED && d->kind != DIFFERENCE_CHANGED)
			continue;
		e = entry_copy(&d->now);
		baseline_add(out, &e);
	}
	baseline_sort(out);
}
