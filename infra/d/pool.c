#include "pool.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

struct block {
	struct block *next;
	_Alignas(max_align_t) char bytes[];
};

/* All blocks hang here, so that a leak checker sees that they are meant to stay. */
static struct block *blocks;

void *
pool_zero(size_t n, size_t size)
{
	struct block *b;

	if (size && n > (SIZE_MAX - sizeof(*b)) / size)
		abort();
	b = xcalloc(1, sizeof(*b) + n * size);
	b->next = blocks;
	blocks = b;
	return b->bytes;
}

void
pool_drop(void)
{
	while (blocks) {
		struct block *next = blocks->next;

		free(blocks);
		blocks = next;
	}
}

char *
pool_dupn(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *got = pool_zero(len + 1, 1);

	memcpy(got, s, len);
	return got;
}

char *
pool_dup(const char *s)
{
	return s ? pool_dupn(s, strlen(s)) : NULL;
}

char *
pool_printf(const char *fmt, ...)
{
	struct strbuf b = STRBUF_INIT;
	char most[256], *got;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(most, sizeof(most), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(most))
		return pool_dupn(most, (size_t)n);
	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	got = pool_dupn(b.s ? b.s : "", b.len);
	strbuf_free(&b);
	return got;
}

void *
grow_list(void *old, size_t n, size_t size)
{
	void *got;

	if (n & (n - 1)) /* room for the next power of two */
		return old;
	got = pool_zero(n ? n * 2 : 1, size);
	if (n)
		memcpy(got, old, n * size);
	return got;
}

static void
push(struct words *l, char *s)
{
	if (l->n + 2 > l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 8;
		char **w = pool_zero(cap, sizeof(*w));

		if (l->n)
			memcpy(w, l->w, l->n * sizeof(*w));
		l->w = w;
		l->cap = cap;
	}
	l->w[l->n++] = s;
	l->w[l->n] = NULL;
}

void
words_add(struct words *l, const char *s)
{
	push(l, pool_dup(s));
}

void
words_addf(struct words *l, const char *fmt, ...)
{
	struct strbuf b = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	push(l, pool_dupn(b.s ? b.s : "", b.len));
	strbuf_free(&b);
}

void
words_add_all(struct words *l, const struct words *more)
{
	for (size_t i = 0; i < more->n; i++)
		push(l, more->w[i]);
}

bool
words_have(const struct words *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->w[i], s) == 0)
			return true;
	return false;
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
words_sort(struct words *l)
{
	if (l->n)
		qsort(l->w, l->n, sizeof(*l->w), by_bytes);
}

/* The word that begins at *p, which is left behind it. Returns -1 for an open quote. */
static int
next_word(const char **p, struct strbuf *word)
{
	char quote = 0;

	for (; **p; (*p)++) {
		char c = **p;

		if (quote) {
			if (c == quote)
				quote = 0;
			else if (c == '\\' && quote == '"' &&
				 ((*p)[1] == '"' || (*p)[1] == '\\'))
				strbuf_putc(word, *++*p);
			else
				strbuf_putc(word, c);
		} else if (c == '\'' || c == '"') {
			quote = c;
		} else if (c == '\\' && (*p)[1]) {
			strbuf_putc(word, *++*p);
		} else if (strchr(" \t\n", c)) {
			break;
		} else {
			strbuf_putc(word, c);
		}
	}
	return quote ? -1 : 0;
}

int
words_split(struct words *l, const char *line)
{
	for (;;) {
		struct strbuf word = STRBUF_INIT;
		int bad;

		line += strspn(line, " \t\n");
		if (!*line)
			return 0;
		bad = next_word(&line, &word);
		if (!bad)
			words_add(l, word.s ? word.s : "");
		strbuf_free(&word);
		if (bad)
			return -1;
	}
}

static bool
is_plain(const char *s)
{
	return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789_-./:=,@%+")] == '\0';
}

void
words_quote(const struct words *l, struct strbuf *out)
{
	for (size_t i = 0; i < l->n; i++) {
		const char *s = l->w[i];

		if (i)
			strbuf_putc(out, ' ');
		if (is_plain(s)) {
			strbuf_puts(out, s);
			continue;
		}
		strbuf_putc(out, '\'');
		for (; *s; s++) {
			if (*s == '\'')
				strbuf_puts(out, "'\\''");
			else
				strbuf_putc(out, *s);
		}
		strbuf_putc(out, '\'');
	}
}

const char *
words_line(const struct words *l)
{
	struct strbuf b = STRBUF_INIT;
	const char *got;

	words_quote(l, &b);
	got = pool_dup(b.s ? b.s : "");
	strbuf_free(&b);
	return got;
}
