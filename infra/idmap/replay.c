#include "replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "report.h"
#include "shift_state.h"

struct replay {
	struct shift *shift;
	bool back;
	int fd;          /* of the last entry's directory, -1 where it can't be opened */
	char *directory; /* its path; NULL: none yet */
	unsigned long made, gone, others;
	bool failed;
};

static int
enter_directory(struct replay *r, const char *directory)
{
	if (!r->directory || strcmp(r->directory, directory) != 0) {
		if (r->fd >= 0)
			close(r->fd);
		free(r->directory);
		r->directory = xstrdup(directory);
		r->fd = open_directory_below(r->shift->top, directory);
	}
	return r->fd;
}

/*
 * A fragile file that was written since gets its owner, not its bits: they would be given
 * to contents that nobody gave them to.
 */
static void
distrust_contents(struct replay *r, const struct statx *st, struct journal_entry *e)
{
	if (!e->fragile ||
	    (st->stx_mtime.tv_sec == e->mtime && st->stx_mtime.tv_nsec == e->mtime_ns))
		return;
	e->fragile = false;
	e->old_value[XATTR_CAPABILITY].bytes = NULL;
	e->new_value[XATTR_CAPABILITY].bytes = NULL;
	errno = ETXTBSY;
	shift_complain(r->shift, "written since, left without its setuid bits and capabilities",
	    r->directory, e->name);
}

/* The file that was cut off in the midst of its change isn't where it was: no name leads to
 * it, so that nobody can say whether it lost anything. */
static void
tell_of_lost_file(struct replay *r, const char *directory, const struct journal_entry *e)
{
	if (r->back || !e->fragile)
		return;
	errno = ENOENT;
	shift_complain(r->shift,
	    "was under way, and may lack its setuid bits or capability now, wherever it is",
	    directory, e->name);
}

static int
replay_entry(const char *directory, const struct journal_entry *recorded, void *arg)
{
	struct replay *r = arg;
	struct journal_entry e = *recorded;
	int dir = enter_directory(r, directory);
	cleanup_fd int fd = -1;
	struct inode_at at;
	struct statx st;

	/* A file may be called upon by another of its names. */
	if (r->shift->sweep.only)
		e.name = r->shift->sweep.only;
	if (dir >= 0)
		fd = openat(dir, e.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	at = (struct inode_at){fd, e.name, true};
	if (fd < 0 || inode_stat(&at, &st)) {
		r->gone++;
		tell_of_lost_file(r, directory, &e);
		return 0;
	}
	if (!change_is_about(&st, &e)) {
		r->others++;
		tell_of_lost_file(r, directory, &e);
		return 0;
	}
	distrust_contents(r, &st, &e);
	if (change_make(&at, &st, &e, r->back) == CHANGE_MADE) {
		r->made++;
		return 0;
	}
	shift_complain(r->shift, r->back ? "undo" : "finish", directory, e.name);
	r->failed = true;
	/* What was half done must be finished; an undo gets as far as it can. */
	return r->back ? 0 : 1;
}

static int
run_replay(struct replay *r, enum journal_which which)
{
	int got = journal_replay(r->shift->journal, which, replay_entry, r), saved = errno;

	if (r->fd >= 0)
		close(r->fd);
	free(r->directory);
	errno = saved;
	return got;
}

int
shift_redo(struct shift *s)
{
	struct replay r = {.shift = s, .fd = -1};
	int got = run_replay(&r, JOURNAL_PENDING);

	if (got < 0 && errno != EBADMSG)
		report("read journal '%s':", s->journal_name);
	/* What a power failure took can't be finished; the walk that follows does the rest. */
	return got == 0 || (got < 0 && errno == EBADMSG) ? 0 : -1;
}

/* The work before this one can be undone again. */
static void
drop_journal(struct shift *s)
{
	cleanup_free char *before = xasprintf("%s.before", s->journal_name);

	journal_close(s->journal);
	s->journal = NULL;
	if (renameat(s->state, before, s->state, s->journal_name))
		unlinkat(s->state, s->journal_name, 0);
}

int
shift_undo(struct shift *s, bool all)
{
	struct replay r = {.shift = s, .back = true, .fd = -1};
	int got;

	if (journal_state(s->journal) != JOURNAL_UNDOING)
		journal_begin_undo(s->journal, all);
	got = run_replay(&r, JOURNAL_UNDO);
	if (got < 0 && errno != EBADMSG) {
		report("read journal '%s':", s->journal_name);
		r.failed = true;
	}
	if (r.failed)
		return EXIT_TROUBLE;
	if (got < 0) {
		report("the journal has lost records, probably in a power failure: what they "
		       "are about isn't undone; idmap check shows it");
		r.gone++;
	}
	got = journal_end_undo(s->journal);
	if (got < 0) {
		report("shorten journal '%s':", s->journal_name);
		return EXIT_TROUBLE;
	}
	if (got)
		drop_journal(s);
	if (r.gone)
		report("%lu inodes are no longer where they were: not undone", r.gone);
	if (r.others)
		report("%lu inodes were changed by others since: left as they are", r.others);
	return r.gone || r.others ? EXIT_NO : EXIT_YES;
}
