#include "pass.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "report.h"
#include "shift_state.h"

enum { SET_ID_BITS = S_ISUID | S_ISGID };

static void
stop(struct shift *s)
{
	__atomic_store_n(&s->sweep.stop, 1, __ATOMIC_RELAXED);
}

/* There's no going on. */
static void
break_off(struct shift *s)
{
	__atomic_store_n(&s->broke, true, __ATOMIC_RELAXED);
	stop(s);
}

static bool
broke(const struct shift *s)
{
	return __atomic_load_n(&s->broke, __ATOMIC_RELAXED);
}

static void
show_progress(void *arg)
{
	struct shift *s = arg;
	struct counts c;

	if (interrupted)
		stop(s);
	if (s->quiet || !isatty(STDERR_FILENO))
		return;
	c = shift_counts(s);
	fprintf(stderr, "\r%s: %lu seen, %lu changed\033[K", s->verb, c.seen, c.changed);
}

/* --- the journal --- */

/* Makes or reopens it, when the first inode is to be changed and not before: a run that
 * finds nothing to do leaves the last one's way back alone. */
static struct journal *
need_journal(struct shift *s)
{
	struct journal *j;

	pthread_mutex_lock(&s->lock);
	if (s->replace) {
		cleanup_free char *before = xasprintf("%s.before", s->journal_name);

		journal_close(s->journal);
		s->journal = NULL;
		s->replace = false;
		renameat(s->state, s->journal_name, s->state, before);
	}
	if (!s->journal) {
		s->journal = journal_create(s->state, s->journal_name, &s->about);
		if (!s->journal)
			report("create journal '%s':", s->journal_name);
	} else if (journal_state(s->journal) == JOURNAL_DONE) {
		journal_begin_session(s->journal);
	}
	j = s->journal;
	pthread_mutex_unlock(&s->lock);
	return j;
}

static int
record(struct shift *s, struct worker *w, uint64_t directory, const char *path,
    const struct journal_entry *e)
{
	struct journal *j;

	if (!w->writer && (j = need_journal(s)))
		w->writer = journal_begin(j);
	if (w->writer && journal_add(w->writer, directory, path, e) == 0)
		return 0;
	if (w->writer)
		shift_complain(s, "record in the journal", path, e->name);
	break_off(s);
	return -1;
}

/* --- what may come of an inode --- */

/* One thread counts, another one reads for the progress line. */
static void
bump(unsigned long *n)
{
	__atomic_store_n(n, *n + 1, __ATOMIC_RELAXED);
}

static void
count_change(struct counts *c, const struct journal_entry *e)
{
	bump(&c->changed);
	if (e->new_value[XATTR_ACCESS].bytes || e->new_value[XATTR_DEFAULT].bytes)
		bump(&c->acls);
	if (e->new_value[XATTR_CAPABILITY].bytes)
		bump(&c->capabilities);
	if (e->fragile && e->mode & SET_ID_BITS)
		bump(&c->set_ids);
}

/* One inode that is immutable is no reason to leave the rest; a file system that is full,
 * or a change that stands half made, is. */
static void
take_failure(
    struct shift *s, enum change_result result, const char *directory, const char *name)
{
	int error = errno;

	if (result == CHANGE_REFUSED && error == ENOENT)
		return; /* gone: as if it had never been */
	shift_complain(s, "change", directory, name);
	pthread_mutex_lock(&s->lock);
	s->refusals++;
	if (result == CHANGE_HALF || (error != EPERM && error != EBADMSG) ||
	    s->refusals > REFUSALS_MAX)
		break_off(s);
	pthread_mutex_unlock(&s->lock);
}

static void
take_unmapped(struct shift *s, const char *directory, const char *name, uint32_t id)
{
	pthread_mutex_lock(&s->lock);
	if (s->unmapped++ < EXAMPLES_MAX) {
		strbuf_printf(&s->examples, "  %u  ", id);
		put_place(&s->examples, directory, name);
		strbuf_putc(&s->examples, '\n');
	}
	pthread_mutex_unlock(&s->lock);
	/* A dry run goes on, to count them all. */
	if (!s->dry)
		stop(s);
}

static void
print_plan(const char *directory, const struct journal_entry *e)
{
	struct strbuf line = STRBUF_INIT;

	strbuf_printf(&line, "%u:%u -> %u:%u", e->old_uid, e->old_gid, e->new_uid, e->new_gid);
	if (e->new_value[XATTR_ACCESS].bytes)
		strbuf_puts(&line, ", ACL");
	if (e->new_value[XATTR_DEFAULT].bytes)
		strbuf_puts(&line, ", default ACL");
	if (e->new_value[XATTR_CAPABILITY].bytes)
		strbuf_puts(&line, ", capability");
	if (e->fragile && e->mode & SET_ID_BITS)
		strbuf_puts(&line, ", mode kept");
	strbuf_puts(&line, "  ");
	put_place(&line, directory, e->name);
	strbuf_putc(&line, '\n');
	fwrite(line.s, 1, line.len, stdout);
	strbuf_free(&line);
}

/* --- fragile files ---
 *
 * A kill between the change of owner and the return of the bits would lose them, were they
 * not in the journal. These files are set aside and done in batches by one thread at a
 * time: another one that meets the same file under another name mustn't see it in between.
 * With --sync a batch is on the disk before any of its files is touched. */

struct planned {
	struct inode_at at;
	struct journal_entry entry;
	struct change_room room;
};

/* Plans a file afresh, pinned. Returns 0 where there is something to do. */
static int
plan_aside(struct shift *s, const struct aside *a, struct planned *p)
{
	cleanup_fd int directory = open_directory_below(s->top, a->directory);
	struct statx st;
	uint32_t bad;

	p->at = (struct inode_at){-1, a->name, true};
	if (directory >= 0)
		p->at.fd = openat(directory, a->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (p->at.fd < 0 || inode_stat(&p->at, &st))
		return -1;
	return change_plan(&s->convert, &p->at, &st, &p->room, &p->entry, &bad) == CHANGE ? 0
											  : -1;
}

static void
make_aside(struct shift *s, const struct planned *p, const struct aside *a)
{
	enum change_result r;
	struct statx now;

	/* It may have had its turn under another name a moment ago; once more is no harm. */
	if (inode_stat(&p->at, &now))
		return;
	r = change_make(&p->at, &now, &p->entry, false);
	if (r != CHANGE_MADE)
		take_failure(s, r, a->directory, a->name);
	else if (now.stx_uid != p->entry.new_uid || now.stx_gid != p->entry.new_gid)
		count_change(&s->worker[SWEEP_WORKERS_MAX].counts, &p->entry);
}

static int
record_asides(struct shift *s, struct planned *plan)
{
	struct worker *w = &s->worker[SWEEP_WORKERS_MAX];
	size_t i;

	for (i = 0; i < s->asides; i++) {
		const struct aside *a = &s->aside[i];

		if (!plan[i].entry.name)
			continue;
		if (record(s, w, ++s->aside_directory, a->directory, &plan[i].entry))
			return -1;
	}
	if (!w->writer)
		return 0;
	journal_publish(w->writer);
	if (!s->sync || journal_sync(w->writer) == 0)
		return 0;
	report("write journal '%s':", s->journal_name);
	break_off(s);
	return -1;
}

static void
forget_asides(struct shift *s, struct planned *plan)
{
	size_t i;

	for (i = 0; i < s->asides; i++) {
		if (plan[i].at.fd >= 0)
			close(plan[i].at.fd);
		change_room_free(&plan[i].room);
		free(s->aside[i].directory);
		free(s->aside[i].name);
	}
	s->asides = 0;
}

/* Under aside_lock. */
static void
do_asides(struct shift *s)
{
	cleanup_free struct planned *plan = xcalloc(ASIDE_MAX, sizeof(*plan));
	struct worker *w = &s->worker[SWEEP_WORKERS_MAX];
	size_t i;

	for (i = 0; i < s->asides; i++)
		if (plan_aside(s, &s->aside[i], &plan[i]))
			plan[i].entry.name = NULL;
	if (record_asides(s, plan) == 0)
		for (i = 0; i < s->asides && !broke(s); i++)
			if (plan[i].entry.name)
				make_aside(s, &plan[i], &s->aside[i]);
	if (w->writer && !broke(s))
		journal_settle(w->writer);
	forget_asides(s, plan);
}

static void
set_aside(struct shift *s, const char *directory, const char *name)
{
	pthread_mutex_lock(&s->aside_lock);
	s->aside[s->asides++] = (struct aside){xstrdup(directory), xstrdup(name)};
	if (s->asides == ASIDE_MAX)
		do_asides(s);
	pthread_mutex_unlock(&s->aside_lock);
}

/* --- all others --- */

static void
change(struct shift *s, struct worker *w, const struct sweep_entry *e,
    const struct journal_entry *entry)
{
	enum change_result r;

	if (record(s, w, e->directory, sweep_path(e), entry))
		return;
	journal_publish(w->writer);
	r = change_make(&e->at, e->st, entry, false);
	if (r != CHANGE_MADE)
		take_failure(s, r, sweep_path(e), e->at.name);
	else
		count_change(&w->counts, entry);
	if (r != CHANGE_HALF)
		journal_settle(w->writer);
}

static void
pass_visit(const struct sweep_entry *e, void *arg)
{
	struct shift *s = arg;
	struct worker *w = &s->worker[e->worker];
	struct journal_entry entry;
	uint32_t bad;

	bump(&w->counts.seen);
	switch (change_plan(&s->convert, &e->at, e->st, &w->room, &entry, &bad)) {
	case KEEP:
		return;
	case UNMAPPED:
		take_unmapped(s, sweep_path(e), e->at.name, bad);
		return;
	case BROKEN:
		errno = EBADMSG; /* "Bad message" */
				 /* fall through */
	default:
		take_failure(s, CHANGE_REFUSED, sweep_path(e), e->at.name);
		return;
	case CHANGE:
		break;
	}
	if (s->dry) {
		print_plan(sweep_path(e), &entry);
		count_change(&w->counts, &entry);
	} else if (entry.fragile) {
		set_aside(s, sweep_path(e), e->at.name);
	} else {
		change(s, w, e, &entry);
	}
}

static void
end_workers(struct shift *s)
{
	size_t i;

	for (i = 0; i <= SWEEP_WORKERS_MAX; i++) {
		struct worker *w = &s->worker[i];

		journal_end(w->writer);
		w->writer = NULL;
		change_room_free(&w->room);
		memset(&w->room, 0, sizeof(w->room));
	}
}

int
shift_pass(struct shift *s)
{
	s->sweep.pin = !s->dry;
	s->sweep.visit = pass_visit;
	s->sweep.tick = show_progress;
	s->sweep.arg = s;
	if (s->dry)
		s->sweep.workers = 1; /* lines in the order of the tree */
	if (sweep_tree(&s->sweep, s->top)) {
		report("read '%s':", s->path);
		return -1;
	}
	if (!broke(s) && !s->unmapped && !interrupted)
		do_asides(s);
	end_workers(s);
	if (!s->quiet && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	return 0;
}

/* --- ids on both sides --- */

static void
scan(const struct sweep_entry *e, void *arg)
{
	struct shift *s = arg;
	struct convert both = {.map = &s->map,
	    .back = s->convert.back,
	    .unmapped = UNMAPPED_KEEP,
	    .overflow = s->convert.overflow,
	    .both = true};
	struct journal_entry ignored;
	uint32_t id;
	int v = change_plan(&both, &e->at, e->st, &s->worker[e->worker].room, &ignored, &id);

	if (v == UNMAPPED)
		take_unmapped(s, sweep_path(e), e->at.name, id);
	if (v == BROKEN)
		errno = EBADMSG;
	if ((v < 0 && errno != ENOENT) || v == BROKEN)
		sweep_report(e, "read");
}

int
shift_scan(struct shift *s)
{
	struct sweep sweep = {.visit = scan,
	    .arg = s,
	    .cross_mounts = s->sweep.cross_mounts,
	    .only = s->sweep.only};
	bool dry = s->dry;
	int bad;

	s->dry = true; /* count them all */
	bad = sweep_tree(&sweep, s->top);
	s->dry = dry;
	end_workers(s);
	if (bad)
		report("read '%s':", s->path);
	return bad || sweep.failures ? -1 : s->unmapped > 0;
}
