/* Memory that lives as long as the program, and lists of words made of it. d runs for
 * seconds: settings, names and arguments are never given back. */
#ifndef WHITTLE_POOL_H
#define WHITTLE_POOL_H

#include <stdbool.h>
#include <stddef.h>

void *pool_zero(size_t n, size_t size);

/* Gives all of it back: for who does the same thing a million times, a fuzzer. */
void pool_drop(void);

char *pool_dup(const char *s); /* NULL for NULL */
char *pool_dupn(const char *s, size_t n);
char *pool_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A list of strings; w[n] is NULL once anything was added. All zero is an empty list. */
struct words {
	char **w;
	size_t n, cap;
};

void words_add(struct words *l, const char *s);
void words_addf(struct words *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void words_add_all(struct words *l, const struct words *more);
bool words_have(const struct words *l, const char *s);
void words_sort(struct words *l);

/*
 * Cuts a line into words as a shell would, without expanding anything: blanks separate,
 * '…' and "…" and \ quote. Returns 0, or -1 where a quote isn't closed.
 */
int words_split(struct words *l, const char *line);

/* One line that a shell reads back as these words. */
struct strbuf;
void words_quote(const struct words *l, struct strbuf *out);
const char *words_line(const struct words *l);

/* The place of one more in a list that has members v and n. */
#define GROW(list)                                                                             \
	((list).v = grow_list((list).v, (list).n, sizeof(*(list).v)), &(list).v[(list).n++])

/* Room for one more than n. The old array stays as it is. */
void *grow_list(void *old, size_t n, size_t size);

#endif
