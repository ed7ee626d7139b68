#include "search.h"

#include <errno.h>
#include <regex.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "fnv.h"
#include "times.h"

/* A regular expression sees at most this much of a line at once. */
enum { WINDOW = 128 * 1024, MARK = 64 };

static char window[WINDOW + 1];

/* Fills buf as far as the file goes. Returns bytes, or -1 with errno. */
static int64_t
read_at(int fd, char *buf, size_t n, int64_t pos)
{
	size_t got = 0;

	while (got < n) {
		ssize_t k = pread(fd, buf + got, n - got, pos + (int64_t)got);

		if (k < 0 && errno != EINTR)
			return -1;
		if (k == 0)
			break;
		if (k > 0)
			got += (size_t)k;
	}
	return (int64_t)got;
}

/* Tells one file's bytes from another's, not more. */
static uint64_t
mark_of(int fd, int64_t from, int64_t to)
{
	char bytes[MARK];
	int64_t n;

	if (from < 0)
		from = 0;
	n = read_at(fd, bytes, (size_t)(to - from), from);
	return n == to - from ? fnv_add(FNV_START, bytes, (size_t)n) : 0;
}

static uint64_t
head_of(const struct search *s, int fd)
{
	return mark_of(fd, 0, s->end < MARK ? s->end : MARK);
}

static uint64_t
tail_of(const struct search *s, int fd)
{
	return mark_of(fd, s->end - MARK, s->end);
}

/* UTF-16 without its mark: of ASCII every other byte is a NUL. */
static bool
looks_like_utf16(const char *bytes, int64_t n)
{
	int64_t even = 0, odd = 0;

	for (int64_t i = 0; i < n; i++)
		*(i % 2 ? &odd : &even) += bytes[i] == '\0';
	return n >= 8 && ((even == 0 && odd == n / 2) || (odd == 0 && even == (n + 1) / 2));
}

const char *
search_obstacle(int fd)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *what;
	} known[] = {
	    {"\xff\xfe", 2, "it is UTF-16"},
	    {"\xfe\xff", 2, "it is UTF-16"},
	    {"\x1f\x8b", 2, "it is compressed (gzip)"},
	    {"BZh", 3, "it is compressed (bzip2)"},
	    {"\xfd"
	     "7zXZ",
		5, "it is compressed (xz)"},
	    {"\x28\xb5\x2f\xfd", 4, "it is compressed (zstd)"},
	    {"\x04\x22\x4d\x18", 4, "it is compressed (lz4)"},
	};
	char bytes[MARK];
	int64_t n = read_at(fd, bytes, sizeof(bytes), 0);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (n >= (int64_t)known[i].n && memcmp(bytes, known[i].bytes, known[i].n) == 0)
			return known[i].what;
	return looks_like_utf16(bytes, n) ? "it is UTF-16" : NULL;
}

static void
start_over(struct search *s)
{
	*s = (struct search){.not_found = {.hit = -1}, .found = {.hit = -1}, .begun = true};
}

/* What was searched still stands before what came since. */
static bool
only_grew(const struct search *s, int fd, const struct stat *st)
{
	return st->st_size > s->seen_size && st->st_size >= s->end &&
	       head_of(s, fd) == s->head && tail_of(s, fd) == s->tail;
}

/* A hit in a line that wasn't complete counts only if it stands in the complete line. */
static void
resume(struct cursor *c)
{
	if (c->hit >= 0 && c->hit < c->pos)
		return;
	c->hit = -1;
	c->done = false;
}

static bool
is_same_file(const struct search *s, const struct stat *st)
{
	return s->begun && s->dev == st->st_dev && s->ino == st->st_ino;
}

bool
search_is_current(const struct search *s, const struct stat *st)
{
	return is_same_file(s, st) && s->seen_size == st->st_size &&
	       s->mtime == ns_of(&st->st_mtim) && s->ctime == ns_of(&st->st_ctim);
}

bool
search_begin(struct search *s, const struct rule *r, int fd, const struct stat *st)
{
	int64_t mtime = ns_of(&st->st_mtim), ctime = ns_of(&st->st_ctim);
	bool same_file = s->begun && s->dev == st->st_dev && s->ino == st->st_ino;
	bool unchanged =
	    same_file && s->seen_size == st->st_size && s->mtime == mtime && s->ctime == ctime;

	if (unchanged)
		return search_is_pending(s, r);
	if (same_file && only_grew(s, fd, st)) {
		resume(&s->not_found);
		resume(&s->found);
	} else {
		start_over(s);
	}
	s->dev = st->st_dev;
	s->ino = st->st_ino;
	s->seen_size = st->st_size;
	s->mtime = ns_of(&st->st_mtim);
	s->ctime = ns_of(&st->st_ctim);
	return search_is_pending(s, r);
}

bool
search_is_pending(const struct search *s, const struct rule *r)
{
	return (r->not_found && !s->not_found.done) || (r->found && !s->found.done);
}

/* Returns where in the window the text begins, or -1; *used says what needs no second look. */
static int64_t
find_text(const struct needle *n, int64_t len, int64_t *used)
{
	char *hit = memmem(window, (size_t)len, n->text, n->len);

	*used = len >= (int64_t)n->len ? len - (int64_t)n->len + 1 : 0;
	return hit ? hit - window : -1;
}

static bool
matches(const struct needle *n, char *line, size_t len, int flags)
{
	char after = line[len];
	bool yes;

	/* regexec() ends at a NUL, and text must not hide behind one. */
	for (char *p = line; (p = memchr(p, '\0', (size_t)(line + len - p)));)
		*p = '\1';
	line[len] = '\0';
	yes = regexec(n->regex, line, 0, NULL, flags) == 0;
	line[len] = after;
	return yes;
}

static int64_t
find_regex(const struct needle *n, struct cursor *c, int64_t len, bool at_end, int64_t *used)
{
	int64_t start = 0;

	while (start < len) {
		char *newline = memchr(window + start, '\n', (size_t)(len - start));
		bool whole_window = !newline && start == 0 && !at_end;
		int flags = (start == 0 && c->mid_line ? REG_NOTBOL : 0) |
			    (whole_window ? REG_NOTEOL : 0);
		int64_t line = newline ? newline - window - start : len - start;

		/* A line's end on Windows, and in logs of what came from there. */
		if (line > 0 && !whole_window && window[start + line - 1] == '\r')
			line--;
		if ((newline || at_end || whole_window) &&
		    matches(n, window + start, (size_t)line, flags))
			return start;
		if (whole_window) {
			/* A line longer than the window: on by half of it, so that what lies
			 * across the edge is seen in one piece. */
			c->mid_line = true;
			*used = len / 2;
			return -1;
		}
		if (!newline)
			break;
		c->mid_line = false;
		start = newline - window + 1;
	}
	*used = start;
	return -1;
}

static int64_t
cursor_step(struct search *s, struct cursor *c, const struct needle *n, int fd, int64_t budget)
{
	int64_t total = 0;

	while (!c->done && total < budget) {
		int64_t used = 0, hit, len = read_at(fd, window, WINDOW, c->pos);
		bool at_end = len < WINDOW, mid_line = c->mid_line;

		if (len < 0)
			return -1;
		hit = n->is_regex ? find_regex(n, c, len, at_end, &used)
				  : find_text(n, len, &used);
		total += len;
		if (c->pos + len > s->end)
			s->end = c->pos + len;
		if (hit >= 0) {
			c->hit = c->pos + hit;
			c->mid_line = mid_line;
		} else {
			c->pos += used;
		}
		c->done = hit >= 0 || at_end;
	}
	return total;
}

int64_t
search_step(struct search *s, const struct rule *r, int fd, int64_t budget)
{
	int64_t one = 0, two = 0;

	if (r->not_found)
		one = cursor_step(s, &s->not_found, r->not_found, fd, budget);
	if (one >= 0 && r->found)
		two = cursor_step(s, &s->found, r->found, fd, budget - one);
	if (one < 0 || two < 0)
		return -1;
	s->head = head_of(s, fd);
	s->tail = tail_of(s, fd);
	return one + two;
}
