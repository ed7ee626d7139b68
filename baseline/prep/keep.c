#include "keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "report.h"
#include "strbuf.h"

enum { FILE_MAX = 16 * 1024 * 1024 };

void
keep_free(struct keep *k)
{
	size_t i;

	for (i = 0; i < k->count; i++) {
		free(k->line[i].path);
		free(k->line[i].reason);
		free(k->line[i].text);
		free(k->line[i].before);
	}
	free(k->line);
	free(k->after);
	free(k->name);
	memset(k, 0, sizeof(*k));
}

/* A literal character that is special in patterns is written as '?', which matches it. */
void
keep_put_path(struct strbuf *b, const char *path)
{
	size_t n = strlen(path), len;

	while (n > 0) {
		unsigned char c = (unsigned char)*path;

		len = utf8_sequence(path, n);
		if (strchr("*?[]\\", c))
			strbuf_putc(b, '?');
		else if (c <= ' ' || c == '#' || c == 0x7f || len == 0)
			strbuf_printf(b, "\\%03o", c);
		else
			strbuf_add(b, path, len);
		len = len ? len : 1;
		path += len;
		n -= len;
	}
}

static int
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Undoes \ooo. Returns NULL, or what is wrong. */
static const char *
unescape(const char *s, size_t n, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned value = 0, k;

		if (s[i] != '\\') {
			strbuf_putc(out, s[i]);
			continue;
		}
		for (k = 1; k <= 3; k++) {
			if (i + k >= n || s[i + k] < '0' || s[i + k] > '7')
				return "a backslash must be followed by three octal digits";
			value = value * 8 + (unsigned)(s[i + k] - '0');
		}
		if (value == 0 || value > 255 || value == '/')
			return "a file name can't contain that byte";
		strbuf_putc(out, (char)value);
		i += 3;
	}
	return NULL;
}

static int
has_dots(const char *path)
{
	const char *at;

	for (at = path; (at = strstr(at, "/..")); at++)
		if (at[3] == '/' || at[3] == '\0')
			return 1;
	return 0;
}

static const char *
take_path(struct keep_line *l, const char *s, size_t n)
{
	struct strbuf b = STRBUF_INIT;
	const char *why;

	l->text = xstrndup(s, n);
	if (n > 0 && *s == '!') {
		l->not_this = 1;
		s++;
		n--;
	}
	why = unescape(s, n, &b);
	l->path = strbuf_steal(&b);
	n = strlen(l->path);
	if (why)
		return why;
	if (*l->path != '/')
		return "the path must begin with '/'";
	if (has_dots(l->path))
		return "the path must not contain '..'";
	if (n >= 3 && strcmp(l->path + n - 3, "/**") == 0) {
		l->below = 1;
		n -= 3;
	} else if (n > 1 && l->path[n - 1] == '/') {
		l->directory = 1;
		n--;
	}
	l->path[n] = '\0';
	if (strstr(l->path, "**"))
		return "'**' is allowed only at the end, as '/**'";
	if (n == 0)
		return "this is the whole tree";
	l->pattern = strpbrk(l->path, "*?[") != NULL;
	return NULL;
}

static const char *
take_line(struct keep *k, const char *s, size_t n, size_t number, struct strbuf *comments)
{
	static const char tests[] = "# tests: ";
	struct keep_line l = {.line = number};
	const char *why;
	size_t path;

	while (n > 0 && (is_blank(s[n - 1]) || s[n - 1] == '\r'))
		n--;
	while (n > 0 && is_blank(*s)) {
		s++;
		n--;
	}
	if (n > strlen(tests) && memcmp(s, tests, strlen(tests)) == 0) {
		k->tests = strtoul(s + strlen(tests), NULL, 10);
		return NULL;
	}
	if (n > 0 && *s == '#') {
		strbuf_add(comments, s, n);
		strbuf_putc(comments, '\n');
	}
	if (n == 0 || *s == '#')
		return NULL;
	for (path = 0; path < n && !is_blank(s[path]); path++)
		;
	why = take_path(&l, s, path);
	s += path;
	n -= path;
	while (n > 0 && is_blank(*s)) {
		s++;
		n--;
	}
	if (!why && n > 0 && *s != '#')
		why = "after the path only '#' and a reason may follow (write a blank in a "
		      "path as "
		      "\\040)";
	while (n > 0 && (*s == '#' || is_blank(*s))) {
		s++;
		n--;
	}
	l.reason = xstrndup(s, n);
	l.before = strbuf_steal(comments);
	k->line = xreallocarray(k->line, k->count + 1, sizeof(*k->line));
	k->line[k->count++] = l;
	return why;
}

int
keep_parse(struct keep *k, const char *file, const char *bytes, size_t n)
{
	const char *end = bytes + n, *stop;
	struct strbuf comments = STRBUF_INIT;
	size_t number = 0;
	int bad = 0;

	memset(k, 0, sizeof(*k));
	k->name = xstrdup(file);
	for (; bytes < end; bytes = stop + 1) {
		const char *why;

		number++;
		stop = memchr(bytes, '\n', (size_t)(end - bytes));
		stop = stop ? stop : end;
		why = memchr(bytes, '\0', (size_t)(stop - bytes))
			  ? "contains a NUL byte"
			  : take_line(k, bytes, (size_t)(stop - bytes), number, &comments);
		if (why) {
			report("%s:%zu: %s", file, number, why);
			bad = 1;
		}
	}
	k->after = strbuf_steal(&comments);
	return bad ? -1 : 0;
}

int
keep_read(struct keep *k, int fd, const char *file)
{
	struct strbuf b = STRBUF_INIT;
	int status = -1;

	memset(k, 0, sizeof(*k));
	if (file_read(fd, FILE_MAX, &b))
		report("read '%s':", file);
	else
		status = keep_parse(k, file, b.s ? b.s : "", b.len);
	strbuf_free(&b);
	return status;
}
