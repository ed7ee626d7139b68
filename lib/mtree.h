/* Names as mtree(5) escapes them: a byte that would mean something there is "\ooo". Files
 * themselves are read by libarchive, but where each line must be of one exact shape and an
 * error must name it: libarchive tells neither lines nor which keywords one had. */
#ifndef WHITTLE_MTREE_H
#define WHITTLE_MTREE_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf;

/* Adds the name with blanks, controls, bytes above 0x7e and \ # = * ? [ escaped. */
void mtree_put_name(struct strbuf *out, const char *name);

/* The n bytes at s with each "\ooo" of \001 to \377 as the byte; a backslash before anything
 * else stays one. The caller frees. */
char *mtree_unescape(const char *s, size_t n);

/* Each backslash of the n bytes at s begins such a "\ooo". */
bool mtree_is_escaped(const char *s, size_t n);

#endif
