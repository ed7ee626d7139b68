#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "config.h"
#include "fnv.h"
#include "path.h"
#include "statx.h"
#include "strbuf.h"
#include "times.h"
#include "who.h"

/* ---- the table: by path ---- */

static size_t
hash_of(const char *path)
{
	uint64_t h = fnv_add_string(FNV_START, path);

	return (size_t)(h ^ h >> 32);
}

static struct file **
place_of(const struct rule_state *s, const char *path)
{
	struct file **at = &s->slot[hash_of(path) & (s->slots - 1)];

	while (*at && strcmp((*at)->path, path) != 0)
		at = &(*at)->next;
	return at;
}

static void
grow_table(struct rule_state *s)
{
	size_t i, old_slots = s->slots;
	struct file **old = s->slot;

	s->slots = old_slots ? 2 * old_slots : 1;
	s->slot = xcalloc(s->slots, sizeof(*s->slot));
	for (i = 0; i < old_slots; i++) {
		struct file *f, *next;

		for (f = old[i]; f; f = next) {
			struct file **at = &s->slot[hash_of(f->path) & (s->slots - 1)];

			next = f->next;
			f->next = *at;
			*at = f;
		}
	}
	free(old);
}

static struct file *
find_or_add(struct rule_state *s, const char *path)
{
	struct file **at = s->slots ? place_of(s, path) : NULL;
	struct file *f = at ? *at : NULL;
	size_t n;

	if (f)
		return f;
	if (s->files >= s->slots) {
		grow_table(s);
		at = place_of(s, path);
	}
	n = strlen(path);
	f = xcalloc(1, sizeof(*f) + n + 1);
	memcpy(f->path, path, n);
	*at = f;
	s->files++;
	return f;
}

static void
set_pending(struct rule_state *s, struct file *f, bool pending)
{
	s->pending += pending - f->pending;
	f->pending = pending;
}

static void
remove_at(struct rule_state *s, struct file **at)
{
	struct file *f = *at;

	set_pending(s, f, false);
	*at = f->next;
	s->files--;
	free(f->search);
	free(f);
}

/* What the last scan didn't see is gone. */
static void
sweep(struct rule_state *s)
{
	size_t i;

	for (i = 0; i < s->slots; i++) {
		struct file **at = &s->slot[i];

		while (*at) {
			if ((*at)->round != s->round)
				remove_at(s, at);
			else
				at = &(*at)->next;
		}
	}
}

void
rule_state_init(struct rule_state *s, const struct rule *r)
{
	*s = (struct rule_state){.rule = r,
	    .dirty = true,
	    .state = r->skip ? STATE_SKIP : STATE_PENDING,
	    .findings = RULE_NOT_SCANNED,
	    .integrity = r->integrity || r->is_sidecar ? RULE_UNVERIFIED : 0,
	    .next = NEVER,
	    .since = now_ns()};
}

void
rule_state_free(struct rule_state *s)
{
	s->round++;
	sweep(s);
	free(s->slot);
	free(s->trouble);
	free(s->integrity_message);
	*s = (struct rule_state){0};
}

/* ---- looking ---- */

/* 1 or 0, or -1 with errno. */
static int
has_entries(int rootfd, const char *path)
{
	cleanup_fd int fd = open_in_root(rootfd, path, O_RDONLY | O_DIRECTORY, 0);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (!dir)
		return -1;
	steal_fd(&fd);
	while ((errno = 0, d = readdir(dir)))
		if (!is_dots(d->d_name))
			return 1;
	return errno ? -1 : 0;
}

/* O_NONBLOCK: a FIFO that took the file's place in between must not hold us. */
static int
open_regular(int rootfd, const char *path, struct stat *st)
{
	cleanup_fd int fd = open_in_root(rootfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

	if (fd < 0 || fstat(fd, st))
		return -1;
	if (!S_ISREG(st->st_mode)) {
		errno = ESTALE;
		return -1;
	}
	return steal_fd(&fd);
}

static void
search_failed(struct rule_state *s, struct file *f, int error)
{
	f->facts.search_error = error;
	free(f->search);
	f->search = NULL;
	set_pending(s, f, false);
}

/* Returns whether there is something to read. */
static bool
begin_search(struct rule_state *s, struct file *f, int fd, const struct stat *st)
{
	f->facts.obstacle = search_obstacle(fd);
	if (f->facts.obstacle) {
		search_failed(s, f, 0);
		return false;
	}
	if (!f->search)
		f->search = xcalloc(1, sizeof(*f->search));
	f->facts.search_error = 0;
	set_pending(s, f, search_begin(f->search, s->rule, fd, st));
	return f->pending;
}

static void
look_for_text(struct rule_state *s, struct file *f, int rootfd, const struct stat *st)
{
	cleanup_fd int fd = -1;
	struct stat now;

	if (f->search && search_is_current(f->search, st))
		return;
	fd = open_regular(rootfd, f->path, &now);
	if (fd < 0) {
		search_failed(s, f, errno);
		return;
	}
	begin_search(s, f, fd, &now);
}

/* A file that is a mount of its own stays the one that it was when a new one is renamed to its
 * name, as editors do. Some file systems count no links at all: a mount's root tells. */
static bool
is_unlinked_mount(int rootfd, const char *path, const struct stat *st)
{
	cleanup_fd int fd = -1;
	struct statx x;

	if (!S_ISREG(st->st_mode) || st->st_nlink > 0)
		return false;
	fd = open_in_root(rootfd, path, O_PATH, 0);
	return fd >= 0 && syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_NLINK, &x) == 0 &&
	       x.stx_nlink == 0 && x.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

static void
take_facts(struct file *f, const struct rule *r, const struct stat *st, bool is_link, int error)
{
	struct facts *now = &f->facts;

	now->error = error;
	if (error)
		return;
	now->mode = st->st_mode;
	now->uid = st->st_uid;
	now->gid = st->st_gid;
	now->size = st->st_size;
	now->mtime = ns_of(&st->st_mtim);
	now->dev = st->st_dev;
	now->ino = st->st_ino;
	f->watch_itself =
	    is_link || (S_ISDIR(st->st_mode) ? r->empty == EMPTY_DIR : st->st_nlink > 1);
}

static struct file *
take_file(struct rule_state *s, int rootfd, const char *path, const struct stat *st,
    bool is_link, int error)
{
	struct file *f = find_or_add(s, path);
	const struct rule *r = s->rule;

	take_facts(f, r, st, is_link, error);
	f->round = s->round;
	s->dirty = true;
	if (error) {
		set_pending(s, f, false);
		return f;
	}
	f->facts.unlinked = is_unlinked_mount(rootfd, path, st);
	if (r->empty == EMPTY_DIR && S_ISDIR(st->st_mode)) {
		int answer = has_entries(rootfd, path);

		f->facts.error = answer < 0 ? errno : 0;
		f->facts.dir_has_entries = answer > 0;
	}
	if ((r->not_found || r->found) && S_ISREG(st->st_mode))
		look_for_text(s, f, rootfd, st);
	return f;
}

struct scanning {
	struct rule_state *s;
	int rootfd;
	const struct rule_watcher *also;
};

static void
scan_file(void *arg, const char *path, const struct stat *st, bool is_link, int error)
{
	struct scanning *x = arg;
	struct file *f = take_file(x->s, x->rootfd, path, st, is_link, error);

	if (x->also)
		x->also->file(x->also->arg, f);
}

static void
scan_directory(void *arg, const char *path, const struct stat *st)
{
	struct scanning *x = arg;

	if (x->also)
		x->also->directory(x->also->arg, path, st);
}

static void
scan_trouble(void *arg, const char *path, int error)
{
	struct scanning *x = arg;

	if (!x->s->trouble)
		x->s->trouble = xasprintf("can't read directory %s: %s", path, strerror(error));
}

void
rule_scan(
    struct rule_state *s, const struct config *c, int rootfd, const struct rule_watcher *also)
{
	static const struct scan_visitor visitor = {scan_file, scan_directory, scan_trouble};
	struct scanning x = {s, rootfd, also};

	s->round++;
	s->dirty = true;
	free(s->trouble);
	s->trouble = NULL;
	if (!s->rule->skip && !s->rule->is_sidecar)
		scan_rule(rootfd, c, s->rule, &visitor, &x);
	sweep(s);
	s->scanned = true;
}

struct file *
rule_look(struct rule_state *s, int rootfd, const char *path)
{
	struct stat st;
	bool is_link;
	int error = look_at(rootfd, path, &st, &is_link);

	if (error == ENOENT || error == ENOTDIR) {
		struct file **at = s->slots ? place_of(s, path) : NULL;

		if (at && *at) {
			remove_at(s, at);
			s->dirty = true;
		}
		return NULL;
	}
	if (!s->rule->pattern.direct && !error &&
	    S_ISDIR(st.st_mode) != (s->rule->empty == EMPTY_DIR))
		return NULL;
	return take_file(s, rootfd, path, &st, is_link, error);
}

static int64_t
search_file(struct rule_state *s, struct file *f, int rootfd, int64_t budget)
{
	struct stat st;
	cleanup_fd int fd = open_regular(rootfd, f->path, &st);
	int64_t done;

	s->dirty = true;
	if (fd < 0) {
		search_failed(s, f, errno);
		return 0;
	}
	if (!begin_search(s, f, fd, &st))
		return 0;
	done = search_step(f->search, s->rule, fd, budget);
	if (done < 0) {
		search_failed(s, f, errno);
		return 0;
	}
	set_pending(s, f, search_is_pending(f->search, s->rule));
	return done;
}

int64_t
rule_search(struct rule_state *s, int rootfd, int64_t budget)
{
	size_t i;
	struct file *f;

	for (i = 0; i < s->slots && s->pending && budget > 0; i++)
		for (f = s->slot[i]; f && budget > 0; f = f->next)
			if (f->pending)
				budget -= search_file(s, f, rootfd, budget);
	return budget;
}

/* ---- judging ---- */

enum { CLOCK_TIME_S = 900 };
#define CLOCK_LOOK (INT64_C(10) * NS_PER_S)

bool
clock_is_trusted(void)
{
	struct timex t = {0};

	return adjtimex(&t) != TIME_ERROR || clock_ns(CLOCK_BOOTTIME) > CLOCK_TIME_S * NS_PER_S;
}

static uint32_t
judge_whole(const struct rule_state *s)
{
	const struct rule *r = s->rule;
	int64_t files = (int64_t)s->files;
	uint32_t found = s->integrity;

	if (!s->scanned)
		return RULE_NOT_SCANNED;
	if (s->trouble)
		found |= RULE_TROUBLE;
	if (r->count.set && (files < r->count.min || files > r->count.max))
		found |= RULE_COUNT;
	if (files == 0 && !r->count.set && !r->missing_ok)
		found |= RULE_NO_MATCH;
	return found;
}

/* Whether what is wrong since bad_since counts, and if not yet, when it will. */
static bool
is_beyond_grace(const struct rule *r, int64_t bad_since, int64_t now, int64_t *next)
{
	int64_t due;

	if (r->grace == NOT_SET)
		return true;
	due = bad_since + r->grace * NS_PER_MS;
	if (now >= due)
		return true;
	if (due < *next)
		*next = due;
	return false;
}

static void
worse(enum state *state, enum state other)
{
	if (other < *state)
		*state = other;
}

/* Until its clock was set, a machine without one that runs on thinks that it is earlier. */
static void
doubt_clock(uint32_t *findings, int64_t now, int64_t *next)
{
	if (!(*findings & FINDING_FUTURE) || clock_is_trusted())
		return;
	*findings = (*findings & ~(uint32_t)FINDING_FUTURE) | FINDING_CLOCK;
	if (now + CLOCK_LOOK < *next)
		*next = now + CLOCK_LOOK;
}

static enum state
judge_files(struct rule_state *s, int64_t now)
{
	enum state state = STATE_OK;
	size_t i;
	struct file *f;

	for (i = 0; i < s->slots; i++)
		for (f = s->slot[i]; f; f = f->next) {
			int64_t next;

			f->findings = judge(s->rule, &f->facts, f->search, now, &next);
			doubt_clock(&f->findings, now, &next);
			if (next < s->next)
				s->next = next;
			if (!f->facts.error && (s->oldest == 0 || f->facts.mtime < s->oldest))
				s->oldest = f->facts.mtime;
			if (!f->findings) {
				f->bad_since = 0;
				continue;
			}
			s->bad++;
			if (!(f->findings & ~(uint32_t)FINDINGS_WAIT)) {
				worse(&state, STATE_PENDING);
				continue;
			}
			if (!f->bad_since)
				f->bad_since = now;
			worse(&state, is_beyond_grace(s->rule, f->bad_since, now, &s->next)
					  ? STATE_FAIL
					  : STATE_GRACE);
		}
	return state;
}

static enum state
judge_rule(struct rule_state *s, int64_t now)
{
	s->findings = judge_whole(s);
	if (s->findings == 0 || s->findings & RULE_NOT_SCANNED)
		s->bad_since = 0;
	if (s->findings == 0)
		return STATE_OK;
	if (s->findings == RULE_NOT_SCANNED || s->findings == RULE_UNVERIFIED)
		return STATE_PENDING;
	if (!s->bad_since)
		s->bad_since = now;
	return is_beyond_grace(s->rule, s->bad_since, now, &s->next) ? STATE_FAIL : STATE_GRACE;
}

/* The oldest goes where there is no more room. */
static void
note_spell(struct history *h, enum state state, int64_t from)
{
	if (h->n == SPELLS_MAX)
		memmove(h->spell, h->spell + 1, --h->n * sizeof(*h->spell));
	h->spell[h->n++] = (struct spell){from, state};
}

bool
rule_judge(struct rule_state *s, int64_t now)
{
	struct rule_state before = *s;
	enum state state;

	s->dirty = false;
	if (s->rule->skip) {
		s->findings = 0;
		return false;
	}
	s->next = NEVER;
	s->oldest = 0;
	s->bad = 0;
	state = judge_files(s, now);
	worse(&state, judge_rule(s, now));
	s->state = state;
	if (state != before.state) {
		note_spell(&s->past, before.state, before.since);
		s->since = now;
	}
	return state != before.state || s->findings != before.findings ||
	       s->bad != before.bad || s->oldest != before.oldest || s->bad > 0;
}

/* ---- reporting ---- */

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct bad_file *)a)->path, ((const struct bad_file *)b)->path);
}

void
rule_report(const struct rule_state *s, struct rule_status *out)
{
	size_t i, n = 0;
	struct file *f;

	*out = (struct rule_status){.rule = s->rule,
	    .state = s->state,
	    .since = s->since,
	    .findings = s->findings,
	    .files = s->files,
	    .bad = s->bad,
	    .oldest = s->oldest,
	    .past = s->past};
	if (s->findings & RULE_TROUBLE)
		out->trouble = xstrdup(s->trouble);
	else if (s->findings & RULE_INTEGRITY && s->integrity_message)
		out->trouble = xstrdup(s->integrity_message);
	if (s->bad == 0)
		return;
	out->shown = xcalloc(s->bad < SHOWN_MAX ? s->bad : SHOWN_MAX, sizeof(*out->shown));
	for (i = 0; i < s->slots && n < SHOWN_MAX; i++)
		for (f = s->slot[i]; f && n < SHOWN_MAX; f = f->next)
			if (f->findings)
				out->shown[n++] = (struct bad_file){
				    xstrdup(f->path), f->facts, f->findings, f->bad_since};
	who_read();
	for (i = 0; i < n; i++) {
		struct facts *facts = &out->shown[i].facts;

		if (!facts->error)
			facts->writer = who_wrote(facts->dev, facts->ino, facts->mtime);
	}
	qsort(out->shown, n, sizeof(*out->shown), by_path);
	out->shown_count = n;
}
