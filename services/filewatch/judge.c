#include "judge.h"

#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "search.h"
#include "strbuf.h"
#include "text.h"
#include "times.h"

static void
earlier(int64_t *next, int64_t when)
{
	if (when < *next)
		*next = when;
}

/* An instant far ahead of every clock is never. */
static int64_t
after(int64_t mtime, int64_t ms)
{
	int64_t when;

	if (__builtin_mul_overflow(ms, NS_PER_MS, &when) ||
	    __builtin_add_overflow(when, mtime, &when))
		return NEVER;
	return when;
}

static uint32_t
judge_age(const struct rule *r, const struct facts *f, int64_t now, int64_t *next)
{
	uint32_t found = 0;
	int64_t due;

	if (r->max_age == NOT_SET && r->min_age == NOT_SET)
		return 0;
	if (f->mtime > now && f->mtime - now > FUTURE_TOLERANCE) {
		earlier(next, f->mtime - FUTURE_TOLERANCE);
		return FINDING_FUTURE;
	}
	if (r->max_age != NOT_SET) {
		due = after(f->mtime, r->max_age);
		if (now > due)
			found |= FINDING_TOO_OLD;
		else if (due != NEVER)
			earlier(next, due + 1);
	}
	if (r->min_age != NOT_SET) {
		due = after(f->mtime, r->min_age);
		if (now < due) {
			found |= FINDING_TOO_NEW;
			earlier(next, due);
		}
	}
	return found;
}

static bool
wants_regular_file(const struct rule *r)
{
	return r->empty == EMPTY_FILE || r->not_found || r->found || r->size.set;
}

static bool
is_right_kind(const struct rule *r, const struct facts *f)
{
	if (r->empty == EMPTY_DIR)
		return S_ISDIR(f->mode);
	return !wants_regular_file(r) || S_ISREG(f->mode);
}

static uint32_t
judge_content(const struct rule *r, const struct facts *f, const struct search *s)
{
	uint32_t found = 0;

	if (r->empty == EMPTY_DIR)
		return f->dir_has_entries ? FINDING_NOT_EMPTY : 0;
	if (r->empty == EMPTY_FILE && f->size > 0)
		found |= FINDING_NOT_EMPTY;
	if (r->size.set && (f->size < r->size.min || f->size > r->size.max))
		found |= FINDING_SIZE;
	if (!r->not_found && !r->found)
		return found;
	if (f->search_error || f->obstacle || !s)
		return found | FINDING_UNREADABLE;
	if (r->not_found && s->not_found.hit >= 0)
		found |= FINDING_TEXT;
	if (r->found && s->found.done && s->found.hit < 0)
		found |= FINDING_NO_TEXT;
	if (search_is_pending(s, r))
		found |= FINDING_PENDING;
	return found;
}

static uint32_t
judge_owner_and_mode(const struct rule *r, const struct facts *f)
{
	uint32_t found = 0;
	int32_t mode = (int32_t)(f->mode & 07777);

	if ((r->uid != NOT_SET && r->uid != f->uid) || (r->gid != NOT_SET && r->gid != f->gid))
		found |= FINDING_OWNER;
	if ((r->mode != NOT_SET && mode != r->mode) ||
	    (r->mode_max != NOT_SET && (mode & ~r->mode_max)))
		found |= FINDING_MODE;
	return found;
}

uint32_t
judge(const struct rule *r, const struct facts *f, const struct search *search, int64_t now,
    int64_t *next)
{
	uint32_t found;

	*next = NEVER;
	if (f->error)
		return FINDING_UNREADABLE;
	found = judge_age(r, f, now, next) | judge_owner_and_mode(r, f) |
		(f->unlinked ? FINDING_STALE : 0);
	if (!is_right_kind(r, f))
		return found | FINDING_KIND;
	return found | judge_content(r, f, search);
}

/* ---- in words ---- */

static void
describe_age(
    struct strbuf *b, const struct rule *r, const struct facts *f, uint32_t one, int64_t now)
{
	if (one == FINDING_FUTURE || one == FINDING_CLOCK) {
		strbuf_puts(b, "modified ");
		put_duration(b, (f->mtime - now) / NS_PER_MS);
		strbuf_puts(b, " in the future");
		if (one == FINDING_CLOCK)
			strbuf_puts(b, ", and this machine's clock may not be set yet");
		return;
	}
	put_duration(b, (now - f->mtime) / NS_PER_MS);
	strbuf_printf(b, " old, at %s ", one == FINDING_TOO_OLD ? "most" : "least");
	put_duration(b, one == FINDING_TOO_OLD ? r->max_age : r->min_age);
}

static void
describe_needle(struct strbuf *b, const char *what, const struct needle *n)
{
	const char *quote = n->is_regex ? "/" : "'";

	strbuf_printf(b, "%s %s%s%s", what, quote, n->text, quote);
}

static void
describe_size(struct strbuf *b, const struct rule *r, const struct facts *f)
{
	bool small = f->size < r->size.min;

	put_size(b, f->size);
	strbuf_puts(b, small ? ", at least " : ", at most ");
	put_size(b, small ? r->size.min : r->size.max);
}

static void
describe_owner(struct strbuf *b, const struct rule *r, const struct facts *f)
{
	strbuf_printf(b, "owner %u:%u, not ", f->uid, f->gid);
	if (r->uid != NOT_SET)
		strbuf_printf(b, "%lld", (long long)r->uid);
	if (r->gid != NOT_SET)
		strbuf_printf(b, ":%lld", (long long)r->gid);
}

static void
describe_mode(struct strbuf *b, const struct rule *r, const struct facts *f)
{
	if (r->mode != NOT_SET)
		strbuf_printf(b, "mode %04o, not %04o", f->mode & 07777, (unsigned)r->mode);
	else
		strbuf_printf(
		    b, "mode %04o, at most %04o", f->mode & 07777, (unsigned)r->mode_max);
}

static const char *
kind_of(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "a regular file";
	case S_IFDIR:
		return "a directory";
	case S_IFLNK:
		return "a symbolic link";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	default:
		return "a device";
	}
}

static void
describe_one(
    struct strbuf *b, const struct rule *r, const struct facts *f, uint32_t one, int64_t now)
{
	switch (one) {
	case FINDING_UNREADABLE:
		if (!f->error && f->obstacle)
			strbuf_printf(b, "can't be searched for text: %s", f->obstacle);
		else
			strbuf_printf(b, "can't be read: %s",
			    strerror(f->error ? f->error : f->search_error));
		break;
	case FINDING_STALE:
		strbuf_puts(b,
		    "stale: another file has taken its place where it is mounted from; "
		    "mount its directory, or restart the container after such a change");
		break;
	case FINDING_TOO_OLD:
	case FINDING_TOO_NEW:
	case FINDING_FUTURE:
	case FINDING_CLOCK:
		describe_age(b, r, f, one, now);
		break;
	case FINDING_NOT_EMPTY:
		strbuf_puts(b, "not empty");
		break;
	case FINDING_KIND:
		strbuf_printf(b, "%s, not %s", kind_of(f->mode),
		    r->empty == EMPTY_DIR ? "a directory" : "a regular file");
		break;
	case FINDING_TEXT:
		describe_needle(b, "has", r->not_found);
		break;
	case FINDING_NO_TEXT:
		describe_needle(b, "lacks", r->found);
		break;
	case FINDING_SIZE:
		describe_size(b, r, f);
		break;
	case FINDING_OWNER:
		describe_owner(b, r, f);
		break;
	case FINDING_MODE:
		describe_mode(b, r, f);
		break;
	case FINDING_PENDING:
		strbuf_puts(b, "still being read");
		break;
	default:
		break;
	}
}

void
judge_describe(struct strbuf *b, const struct rule *r, const struct facts *f, uint32_t findings,
    int64_t now)
{
	const char *between = "";
	uint32_t one;

	for (one = 1; one < FINDINGS_END; one <<= 1) {
		if (!(findings & one))
			continue;
		strbuf_puts(b, between);
		describe_one(b, r, f, one, now);
		between = "; ";
	}
}
