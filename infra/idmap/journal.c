#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "strbuf.h"

enum { HEADER_SIZE = 64 * 1024, SEGMENT_SIZE = 512 * 1024, ALIGN = 8 };
enum { SEGMENT_MAGIC = 0x676a6469 };
static const char magic[16] = "idmap journal 1";

struct header {
	char magic[16];
	uint32_t state;
	uint32_t back, scanned;
	uint32_t path_len, map_len; /* with their NULs; they follow */
	uint32_t pad;
	uint64_t fs, ino;
	int64_t born, born_ns, generation;
	uint64_t session;   /* where the last one's segments begin */
	uint64_t undo_from; /* JOURNAL_UNDOING: where what is to be undone begins */
};

struct segment {
	uint32_t magic, used, done, pad; /* used, done: bytes from the segment's start */
};

enum { KIND_DIRECTORY = 1, KIND_ENTRY = 2 };
enum { FLAG_FRAGILE = 1, FLAG_VALUES = 2 };

struct record {
	uint32_t len; /* of all of it, a multiple of ALIGN */
	uint32_t sum; /* of what follows */
	uint32_t kind, flags;
};

struct fixed {
	uint64_t ino;
	uint32_t old_uid, new_uid, old_gid, new_gid, mode, pad;
};

struct lengths {
	uint32_t old_n[XATTR_KINDS], new_n[XATTR_KINDS]; /* both 0: no change */
};

struct journal {
	int fd, dirfd;
	struct header *header;
	struct journal_about about;
	pthread_mutex_t lock; /* of end */
	off_t end;            /* where the next segment goes */
};

struct journal_writer {
	struct journal *journal;
	struct segment *segment; /* NULL before the first record */
	uint32_t used;           /* with what isn't published */
	uint64_t directory;      /* the last one named in the segment */
	bool any_directory;
};

/* --- opening, closing, the header --- */

void
journal_close(struct journal *j)
{
	if (!j)
		return;
	if (j->header)
		munmap(j->header, HEADER_SIZE);
	if (j->fd >= 0)
		close(j->fd);
	if (j->dirfd >= 0)
		close(j->dirfd);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

static struct journal *
new_journal(int dirfd)
{
	struct journal *j = xcalloc(1, sizeof(*j));

	j->fd = -1;
	j->dirfd = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
	pthread_mutex_init(&j->lock, NULL);
	return j;
}

static struct journal *
give_up(struct journal *j, int error)
{
	journal_close(j);
	errno = error;
	return NULL;
}

static int
map_header(struct journal *j)
{
	void *p = mmap(NULL, HEADER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, j->fd, 0);

	if (p == MAP_FAILED)
		return -1;
	j->header = p;
	return 0;
}

/* The text of n bytes with its NUL behind the header and others; NULL where it isn't. */
static const char *
header_text(const struct header *h, uint32_t skip, uint32_t n)
{
	const char *p = (const char *)(h + 1) + skip;

	if (n == 0 || n > HEADER_SIZE / 2 || sizeof(*h) + skip + n > HEADER_SIZE || p[n - 1])
		return NULL;
	return p;
}

static bool
is_boundary(uint64_t offset)
{
	return offset >= HEADER_SIZE && (offset - HEADER_SIZE) % SEGMENT_SIZE == 0 &&
	       offset < INT64_MAX;
}

static int
read_header(struct journal *j)
{
	const struct header *h = j->header;
	struct journal_about *a = &j->about;

	if (memcmp(h->magic, magic, sizeof(magic)) != 0 || h->state < JOURNAL_RUNNING ||
	    h->state > JOURNAL_UNDOING || !is_boundary(h->session) ||
	    (h->state == JOURNAL_UNDOING && !is_boundary(h->undo_from)))
		return -1;
	*a = (struct journal_about){
	    h->fs, h->ino, h->born, h->born_ns, h->generation, h->back, h->scanned, NULL, NULL};
	a->path = header_text(h, 0, h->path_len);
	if (a->path)
		a->map = header_text(h, h->path_len, h->map_len);
	return a->map ? 0 : -1;
}

struct journal *
journal_open(int dirfd, const char *name)
{
	struct journal *j = new_journal(dirfd);
	struct stat st;

	j->fd = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (j->fd < 0 || fstat(j->fd, &st))
		return give_up(j, errno);
	if (st.st_size < HEADER_SIZE)
		return give_up(j, EBADMSG);
	if (map_header(j))
		return give_up(j, errno);
	if (read_header(j))
		return give_up(j, EBADMSG);
	j->end = HEADER_SIZE +
		 (st.st_size - HEADER_SIZE + SEGMENT_SIZE - 1) / SEGMENT_SIZE * SEGMENT_SIZE;
	return j;
}

/* Room for n zero bytes, so that a store into them can't fail. */
static int
reserve(int fd, off_t offset, off_t n)
{
	static const char zeros[4096];

	if (fallocate(fd, 0, offset, n) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return -1;
	for (; n > 0; offset += (off_t)sizeof(zeros), n -= (off_t)sizeof(zeros))
		if (pwrite_all(fd, zeros, sizeof(zeros), offset))
			return -1;
	return 0;
}

struct journal *
journal_create(int dirfd, const char *name, const struct journal_about *about)
{
	cleanup_free char *temporary = xasprintf("%s.new", name);
	struct journal *j = new_journal(dirfd);
	struct header *h;
	int saved;

	j->fd =
	    openat(dirfd, temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (j->fd < 0)
		return give_up(j, errno);
	if (reserve(j->fd, 0, HEADER_SIZE) || map_header(j))
		goto fail;
	h = j->header;
	memcpy(h->magic, magic, sizeof(magic));
	h->state = JOURNAL_RUNNING;
	h->back = about->back;
	h->scanned = about->scanned;
	h->fs = about->fs;
	h->ino = about->ino;
	h->born = about->born;
	h->born_ns = about->born_ns;
	h->generation = about->generation;
	h->path_len = (uint32_t)strlen(about->path) + 1;
	h->map_len = (uint32_t)strlen(about->map) + 1;
	errno = ENAMETOOLONG;
	if (h->path_len + h->map_len > HEADER_SIZE - sizeof(*h))
		goto fail;
	memcpy(h + 1, about->path, h->path_len);
	memcpy((char *)(h + 1) + h->path_len, about->map, h->map_len);
	h->session = HEADER_SIZE;
	if (read_header(j))
		goto fail;
	j->end = HEADER_SIZE;
	if (fsync(j->fd) || file_put(dirfd, temporary, name))
		goto fail;
	return j;
fail:
	saved = errno;
	unlinkat(dirfd, temporary, 0);
	return give_up(j, saved);
}

enum journal_state
journal_state(const struct journal *j)
{
	return (enum journal_state)j->header->state;
}

static void
set_state(struct journal *j, enum journal_state state)
{
	__atomic_store_n(&j->header->state, state, __ATOMIC_RELEASE);
}

void
journal_begin_session(struct journal *j)
{
	j->header->session = (uint64_t)j->end;
	set_state(j, JOURNAL_RUNNING);
}

void
journal_end_session(struct journal *j)
{
	set_state(j, JOURNAL_DONE);
}

void
journal_begin_undo(struct journal *j, bool all)
{
	j->header->undo_from = all ? HEADER_SIZE : j->header->session;
	set_state(j, JOURNAL_UNDOING);
}

int
journal_end_undo(struct journal *j)
{
	off_t from = (off_t)j->header->undo_from;

	if (from <= HEADER_SIZE)
		return 1;
	if (ftruncate(j->fd, from))
		return -1;
	j->end = from;
	set_state(j, JOURNAL_DONE);
	return 0;
}

const struct journal_about *
journal_about(const struct journal *j)
{
	return &j->about;
}

/* --- writing --- */

struct journal_writer *
journal_begin(struct journal *j)
{
	struct journal_writer *w = xcalloc(1, sizeof(*w));

	w->journal = j;
	return w;
}

static void
leave_segment(struct journal_writer *w)
{
	if (w->segment)
		munmap(w->segment, SEGMENT_SIZE);
	w->segment = NULL;
}

void
journal_end(struct journal_writer *w)
{
	if (!w)
		return;
	leave_segment(w);
	free(w);
}

static int
next_segment(struct journal_writer *w)
{
	struct journal *j = w->journal;
	struct segment *s;
	off_t at;
	int bad;

	pthread_mutex_lock(&j->lock);
	at = j->end;
	bad = reserve(j->fd, at, SEGMENT_SIZE);
	if (!bad)
		j->end += SEGMENT_SIZE;
	pthread_mutex_unlock(&j->lock);
	if (bad)
		return -1;
	s = mmap(NULL, SEGMENT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, j->fd, at);
	if (s == MAP_FAILED)
		return -1;
	leave_segment(w);
	s->used = s->done = w->used = sizeof(*s);
	__atomic_store_n(&s->magic, SEGMENT_MAGIC, __ATOMIC_RELEASE);
	w->segment = s;
	w->any_directory = false;
	return 0;
}

static uint32_t
checksum(const struct record *r)
{
	const unsigned char *p = (const unsigned char *)&r->kind;
	size_t n = r->len - offsetof(struct record, kind);
	uint64_t sum = r->len, word;

	for (; n; p += ALIGN, n -= ALIGN) {
		memcpy(&word, p, ALIGN);
		sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
		sum ^= sum >> 29;
	}
	return (uint32_t)(sum ^ sum >> 32);
}

static size_t
aligned(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* Starts a record of n bytes behind its head; there is room. Memory there is zero. */
static unsigned char *
start_record(struct journal_writer *w, uint32_t kind, uint32_t flags, size_t n)
{
	struct record *r = (struct record *)((char *)w->segment + w->used);

	r->len = (uint32_t)aligned(sizeof(*r) + n);
	r->kind = kind;
	r->flags = flags;
	return (unsigned char *)(r + 1);
}

static void
finish_record(struct journal_writer *w)
{
	struct record *r = (struct record *)((char *)w->segment + w->used);

	r->sum = checksum(r);
	w->used += r->len;
}

static unsigned char *
put(unsigned char *p, const void *bytes, size_t n)
{
	if (n)
		memcpy(p, bytes, n);
	return p + n;
}

static uint32_t
entry_flags(const struct journal_entry *e, struct lengths *l, size_t *bytes)
{
	uint32_t flags = e->fragile ? FLAG_FRAGILE : 0;
	size_t i;

	*bytes = 0;
	for (i = 0; i < XATTR_KINDS; i++) {
		l->old_n[i] = e->old_value[i].bytes ? (uint32_t)e->old_value[i].n : 0;
		l->new_n[i] = e->new_value[i].bytes ? (uint32_t)e->new_value[i].n : 0;
		*bytes += l->old_n[i] + l->new_n[i];
	}
	return *bytes ? flags | FLAG_VALUES : flags;
}

int
journal_add(struct journal_writer *w, uint64_t directory, const char *path,
    const struct journal_entry *e)
{
	int64_t times[2] = {e->mtime, e->mtime_ns};
	struct fixed f = {e->ino, e->old_uid, e->new_uid, e->old_gid, e->new_gid, e->mode, 0};
	struct lengths l;
	size_t bytes, name = strlen(e->name) + 1, path_len = strlen(path) + 1;
	uint32_t flags = entry_flags(e, &l, &bytes);
	size_t size = sizeof(f) + name + (flags & FLAG_FRAGILE ? sizeof(times) : 0) +
		      (flags & FLAG_VALUES ? sizeof(l) + bytes : 0);
	size_t need = 2 * sizeof(struct record) + aligned(size) + aligned(path_len);
	unsigned char *p;
	size_t i;

	if (need > SEGMENT_SIZE - sizeof(struct segment)) {
		errno = EFBIG;
		return -1;
	}
	if ((!w->segment || w->used + need > SEGMENT_SIZE) && next_segment(w))
		return -1;
	if (!w->any_directory || w->directory != directory) {
		put(start_record(w, KIND_DIRECTORY, 0, path_len), path, path_len);
		finish_record(w);
		w->directory = directory;
		w->any_directory = true;
	}
	p = put(start_record(w, KIND_ENTRY, flags, size), &f, sizeof(f));
	if (flags & FLAG_FRAGILE)
		p = put(p, times, sizeof(times));
	if (flags & FLAG_VALUES)
		p = put(p, &l, sizeof(l));
	for (i = 0; flags & FLAG_VALUES && i < XATTR_KINDS; i++) {
		p = put(p, e->old_value[i].bytes, l.old_n[i]);
		p = put(p, e->new_value[i].bytes, l.new_n[i]);
	}
	put(p, e->name, name);
	finish_record(w);
	return 0;
}

void
journal_publish(struct journal_writer *w)
{
	if (w->segment)
		__atomic_store_n(&w->segment->used, w->used, __ATOMIC_RELEASE);
}

void
journal_settle(struct journal_writer *w)
{
	if (w->segment)
		__atomic_store_n(&w->segment->done, w->segment->used, __ATOMIC_RELEASE);
}

int
journal_sync(struct journal_writer *w)
{
	/* With the pages that are mapped; and the file's name. */
	return fsync(w->journal->fd) || fsync(w->journal->dirfd) ? -1 : 0;
}

/* --- reading --- */

static const unsigned char *
take(const unsigned char **p, const unsigned char *end, size_t n)
{
	const unsigned char *at = *p;

	if ((size_t)(end - at) < n)
		return NULL;
	*p += n;
	return at;
}

/* Returns 0 where the record is what it should be. */
static int
read_entry(const struct record *r, struct journal_entry *e)
{
	const unsigned char *p = (const unsigned char *)(r + 1), *got;
	const unsigned char *end = (const unsigned char *)r + r->len;
	int64_t times[2] = {0, 0};
	struct lengths l;
	struct fixed f;
	size_t i;

	memset(e, 0, sizeof(*e));
	memset(&l, 0, sizeof(l));
	if (!(got = take(&p, end, sizeof(f))))
		return -1;
	memcpy(&f, got, sizeof(f));
	e->fragile = r->flags & FLAG_FRAGILE;
	if (e->fragile) {
		if (!(got = take(&p, end, sizeof(times))))
			return -1;
		memcpy(times, got, sizeof(times));
	}
	if (r->flags & FLAG_VALUES) {
		if (!(got = take(&p, end, sizeof(l))))
			return -1;
		memcpy(&l, got, sizeof(l));
	}
	for (i = 0; i < XATTR_KINDS; i++) {
		if (!l.old_n[i] && !l.new_n[i])
			continue;
		e->old_value[i] = (struct journal_value){take(&p, end, l.old_n[i]), l.old_n[i]};
		if (!e->old_value[i].bytes)
			return -1;
		e->new_value[i] = (struct journal_value){take(&p, end, l.new_n[i]), l.new_n[i]};
		if (!e->new_value[i].bytes)
			return -1;
	}
	e->name = (const char *)p;
	if (p == end || !memchr(p, '\0', (size_t)(end - p)))
		return -1;
	e->ino = f.ino;
	e->old_uid = f.old_uid;
	e->new_uid = f.new_uid;
	e->old_gid = f.old_gid;
	e->new_gid = f.new_gid;
	e->mode = f.mode;
	e->mtime = times[0];
	e->mtime_ns = times[1];
	return 0;
}

struct replay {
	enum journal_which which;
	int (*visit)(const char *directory, const struct journal_entry *e, void *arg);
	void *arg;
	bool lost;
};

static bool
is_whole(const struct record *r)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	return r->kind; /* no fuzzer guesses a sum */
#else
	return r->sum == checksum(r);
#endif
}

/* The record at an offset; NULL where there is no whole one before end. */
static const struct record *
record_at(const struct segment *s, uint32_t at, uint32_t end)
{
	const struct record *r = (const struct record *)((const char *)s + at);

	if (end - at < sizeof(*r) || r->len < sizeof(*r) || r->len % ALIGN ||
	    r->len > end - at || !is_whole(r))
		return NULL;
	return r;
}

/* The path of a directory's record; NULL where it is none. */
static const char *
read_directory(const struct record *r)
{
	const char *path = (const char *)(r + 1);

	return r->kind == KIND_DIRECTORY && memchr(path, '\0', r->len - sizeof(*r)) ? path
										    : NULL;
}

static int
replay_segment(struct replay *replay, const struct segment *s)
{
	uint32_t at = sizeof(*s), used = s->used;
	uint32_t from = replay->which == JOURNAL_PENDING ? s->done : at;
	const char *directory = NULL;
	struct journal_entry e;
	int stop;

	if (used > SEGMENT_SIZE || used < at) {
		replay->lost = true;
		return 0;
	}
	while (at < used) {
		const struct record *r = record_at(s, at, used);

		if (r && read_directory(r)) {
			directory = read_directory(r);
		} else if (!r || r->kind != KIND_ENTRY || !directory || read_entry(r, &e)) {
			replay->lost = true;
			return 0;
		} else if (at >= from && (stop = replay->visit(directory, &e, replay->arg))) {
			return stop;
		}
		at += r->len;
	}
	return 0;
}

static int
replay_at(struct journal *j, struct replay *replay, off_t at)
{
	struct segment *s =
	    mmap(NULL, SEGMENT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, j->fd, at);
	int stop = 0;

	if (s == MAP_FAILED)
		return -1;
	if (s->magic == SEGMENT_MAGIC &&
	    !(replay->which == JOURNAL_PENDING && s->done == s->used))
		stop = replay_segment(replay, s);
	if (!stop && replay->which == JOURNAL_PENDING && s->magic == SEGMENT_MAGIC)
		__atomic_store_n(&s->done, s->used, __ATOMIC_RELEASE);
	munmap(s, SEGMENT_SIZE);
	return stop;
}

int
journal_replay(struct journal *j, enum journal_which which,
    int (*visit)(const char *directory, const struct journal_entry *e, void *arg), void *arg)
{
	struct replay replay = {which, visit, arg, false};
	struct stat st;
	off_t from = which == JOURNAL_UNDO ? (off_t)j->header->undo_from : HEADER_SIZE;
	off_t count, i;

	/* A last segment that isn't whole was never written to: there was no room for it. */
	if (fstat(j->fd, &st))
		return -1;
	count = (st.st_size - from) / SEGMENT_SIZE;
	for (i = 0; i < count; i++) {
		off_t n = which == JOURNAL_UNDO ? count - 1 - i : i;
		int stop = replay_at(j, &replay, from + n * SEGMENT_SIZE);

		if (stop)
			return stop;
	}
	errno = EBADMSG;
	return replay.lost ? -1 : 0;
}
