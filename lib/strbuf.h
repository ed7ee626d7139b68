/* A string that grows. Running out of memory ends the program (abort after a message):
 * no caller here could do better. */
#ifndef WHITTLE_STRBUF_H
#define WHITTLE_STRBUF_H

#include <stdarg.h>
#include <stddef.h>

struct strbuf {
	char *s;    /* always NUL-terminated once anything was added; NULL before */
	size_t len; /* bytes, without the NUL */
	size_t cap;
};

#define STRBUF_INIT                                                                            \
	{                                                                                      \
		NULL, 0, 0                                                                     \
	}

void strbuf_add(struct strbuf *b, const void *bytes, size_t n);
void strbuf_puts(struct strbuf *b, const char *s);
void strbuf_putc(struct strbuf *b, char c);
void strbuf_printf(struct strbuf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* Cuts to len bytes, which must not be more than there are. Keeps the memory. */
void strbuf_cut(struct strbuf *b, size_t len);

/* The string itself, never NULL; the buffer is empty afterwards. free(3) it. */
char *strbuf_steal(struct strbuf *b);
void strbuf_free(struct strbuf *b);

/*
 * Text from a hostile source for people's eyes: control bytes, DEL, backslash and bytes
 * that aren't valid UTF-8 come out as \ooo.
 */
void strbuf_put_visible(struct strbuf *b, const char *s, size_t n);

/*
 * A JSON string with its quotes (RFC 8259). Bytes that aren't valid UTF-8 become U+FFFD;
 * returns 1 where that happened, so that the caller can add the exact bytes as hex
 * beside it, else 0.
 */
int strbuf_put_json(struct strbuf *b, const char *s, size_t n);

/* "KEY":"VALUE", and where VALUE isn't valid UTF-8 also "KEY_hex":"…" with its bytes. */
void strbuf_put_json_member(struct strbuf *b, const char *key, const char *value);

/* The number of bytes of the valid UTF-8 sequence at s, 0 where there is none. */
size_t utf8_sequence(const char *s, size_t n);

/* malloc(3) and friends that end the program instead of returning NULL. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
