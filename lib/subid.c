#include "subid.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "strbuf.h"

enum { FILE_MAX = 16 * 1024 * 1024 };

static bool
number(const char *p, size_t n, uint32_t *out)
{
	uint64_t got = 0;
	size_t i;

	for (i = 0; i < n && p[i] >= '0' && p[i] <= '9' && got <= UINT32_MAX; i++)
		got = got * 10 + (uint64_t)(p[i] - '0');
	*out = (uint32_t)got;
	return n > 0 && i == n && got <= UINT32_MAX;
}

/* What is wrong with a line; NULL, and *e filled, where it is fine. */
static const char *
parse_line(const char *line, size_t n, struct subid *e)
{
	const char *end = line + n;
	const char *first = memchr(line, ':', n);
	const char *count = first ? memchr(first + 1, ':', (size_t)(end - first - 1)) : NULL;

	if (!count || memchr(count + 1, ':', (size_t)(end - count - 1)))
		return "want OWNER:FIRST:COUNT";
	if (first == line)
		return "no owner";
	if (memchr(line, '\0', n))
		return "a NUL byte";
	if (!number(first + 1, (size_t)(count - first - 1), &e->first) ||
	    !number(count + 1, (size_t)(end - count - 1), &e->count))
		return "want FIRST and COUNT as decimal numbers";
	if (e->count == 0)
		return "a range of no ids";
	if (subid_end(e) > UINT32_MAX)
		return "an id beyond 4294967294";
	e->owner = xstrndup(line, (size_t)(first - line));
	return NULL;
}

size_t
subids_parse(struct subids *s, const char *text, size_t n,
    void (*bad)(size_t line, const char *what, void *arg), void *arg)
{
	const char *p = text, *end = text + n;
	size_t wrong = 0, line;

	for (line = 1; p < end; line++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((nl ? nl : end) - p);
		struct subid e = {.line = line};
		const char *what = NULL;

		if (len && *p != '#' && !(what = parse_line(p, len, &e))) {
			s->entry = xreallocarray(s->entry, s->count + 1, sizeof(*s->entry));
			s->entry[s->count++] = e;
		}
		if (what) {
			wrong++;
			if (bad)
				bad(line, what, arg);
		}
		p += len + 1;
	}
	return wrong;
}

long
subids_read(
    struct subids *s, int fd, void (*bad)(size_t line, const char *what, void *arg), void *arg)
{
	struct strbuf text = STRBUF_INIT;
	long wrong = -1;

	if (file_read(fd, FILE_MAX, &text) == 0)
		wrong = text.s ? (long)subids_parse(s, text.s, text.len, bad, arg) : 0;
	strbuf_free(&text);
	return wrong;
}

void
subids_free(struct subids *s)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		free(s->entry[i].owner);
	free(s->entry);
	*s = (struct subids){NULL, 0};
}
