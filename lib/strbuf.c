#include "strbuf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void
out_of_memory(void)
{
	static const char text[] = "out of memory\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) {
		/* the exit status says it as well */
	}
	_exit(2);
}

void *
xrealloc(void *p, size_t n)
{
	void *got = realloc(p, n ? n : 1);

	if (!got)
		out_of_memory();
	return got;
}

void *
xmalloc(size_t n)
{
	return xrealloc(NULL, n);
}

void *
xreallocarray(void *p, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size)
		out_of_memory();
	return xrealloc(p, n * size);
}

void *
xcalloc(size_t n, size_t size)
{
	void *got = calloc(n ? n : 1, size ? size : 1);

	if (!got)
		out_of_memory();
	return got;
}

char *
xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *got = xmalloc(len + 1);

	memcpy(got, s, len);
	got[len] = '\0';
	return got;
}

char *
xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *
xasprintf(const char *fmt, ...)
{
	struct strbuf b = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	return strbuf_steal(&b);
}

/* Makes room for n more bytes and a NUL. */
static void
grow(struct strbuf *b, size_t n)
{
	size_t want, cap;

	if (n >= SIZE_MAX / 2 - b->len)
		out_of_memory();
	want = b->len + n + 1;
	if (want <= b->cap)
		return;
	cap = b->cap ? b->cap : 64;
	while (cap < want)
		cap *= 2;
	b->s = xrealloc(b->s, cap);
	b->cap = cap;
}

void
strbuf_add(struct strbuf *b, const void *bytes, size_t n)
{
	grow(b, n);
	if (n)
		memcpy(b->s + b->len, bytes, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void
strbuf_puts(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

void
strbuf_putc(struct strbuf *b, char c)
{
	grow(b, 1);
	b->s[b->len++] = c;
	b->s[b->len] = '\0';
}

void
strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	grow(b, 64);
	n = vsnprintf(b->s + b->len, b->cap - b->len, fmt, ap);
	if (n < 0)
		n = 0;
	if ((size_t)n >= b->cap - b->len) {
		grow(b, (size_t)n);
		n = vsnprintf(b->s + b->len, b->cap - b->len, fmt, again);
	}
	va_end(again);
	b->len += n > 0 ? (size_t)n : 0;
	b->s[b->len] = '\0';
}

void
strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(b, fmt, ap);
	va_end(ap);
}

void
strbuf_cut(struct strbuf *b, size_t len)
{
	if (len < b->len) {
		b->len = len;
		b->s[len] = '\0';
	}
}

char *
strbuf_steal(struct strbuf *b)
{
	char *s;

	grow(b, 0);
	s = b->s;
	s[b->len] = '\0';
	*b = (struct strbuf)STRBUF_INIT;
	return s;
}

void
strbuf_free(struct strbuf *b)
{
	free(b->s);
	*b = (struct strbuf)STRBUF_INIT;
}

/* The table of well-formed byte sequences: Unicode 15, table 3-7. */
size_t
utf8_sequence(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xbf;
	size_t len, i;

	if (n == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (len > n)
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (i = 2; i < len; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return len;
}

/* C1 control characters (U+0080 to U+009F) drive terminals as well. */
static int
is_control(const char *s, size_t len)
{
	unsigned char c = (unsigned char)s[0];

	if (len == 1)
		return c < 0x20 || c == 0x7f;
	return len == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0;
}

void
strbuf_put_visible(struct strbuf *b, const char *s, size_t n)
{
	size_t i, k, len;

	for (i = 0; i < n; i += len) {
		len = utf8_sequence(s + i, n - i);
		if (len && !is_control(s + i, len) && s[i] != '\\') {
			strbuf_add(b, s + i, len);
			continue;
		}
		len = len ? len : 1;
		for (k = 0; k < len; k++)
			strbuf_printf(b, "\\%03o", (unsigned char)s[i + k]);
	}
}

int
strbuf_put_json(struct strbuf *b, const char *s, size_t n)
{
	size_t i, len;
	int lossy = 0;

	strbuf_putc(b, '"');
	for (i = 0; i < n; i += len) {
		unsigned char c = (unsigned char)s[i];

		len = utf8_sequence(s + i, n - i);
		if (len == 0) {
			strbuf_puts(b, "\xef\xbf\xbd");
			lossy = 1;
			len = 1;
		} else if (c == '"' || c == '\\') {
			strbuf_putc(b, '\\');
			strbuf_putc(b, (char)c);
		} else if (len == 1 && (c < 0x20 || c == 0x7f)) {
			strbuf_printf(b, "\\u%04x", c);
		} else {
			strbuf_add(b, s + i, len);
		}
	}
	strbuf_putc(b, '"');
	return lossy;
}

void
strbuf_put_json_member(struct strbuf *b, const char *key, const char *value)
{
	size_t i, n = strlen(value);

	strbuf_put_json(b, key, strlen(key));
	strbuf_putc(b, ':');
	if (!strbuf_put_json(b, value, n))
		return;
	strbuf_printf(b, ",\"%s_hex\":\"", key);
	for (i = 0; i < n; i++)
		strbuf_printf(b, "%02x", (unsigned char)value[i]);
	strbuf_putc(b, '"');
}
