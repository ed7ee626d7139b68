/* Strict settings in YAML 1.1 (libyaml): a tree of nodes with their places in the file,
 * and the checks that every program's schema is made of. */
#ifndef WHITTLE_SETTINGS_H
#define WHITTLE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	size_t line, column; /* from 1 */
	char *text;          /* scalar: its value, NUL-terminated, no NUL inside */
	bool quoted;         /* scalar: written in quotes or as a block, so surely a string */
	size_t count;        /* list, map: how many */
	struct node **item;  /* list: elements; map: values */
	struct node **key;   /* map: keys, all scalars, no two the same */
};

struct settings {
	char *file;        /* its name in messages */
	struct node *root; /* NULL for an empty document */
	unsigned errors;   /* how many settings_error() counted */
};

/*
 * Reads one document. Refused, each with one message "FILE:LINE:COLUMN: what, and what
 * to do": bad YAML, a second document, an alias, anchor or tag, a duplicate key, a key that
 * isn't a scalar, a NUL byte, more than 1 MiB, more than 32 levels.
 * Returns 0, or -1 after a report(). The caller frees in both cases.
 */
int settings_read(struct settings *s, const char *file);
int settings_parse(struct settings *s, const char *name, const char *bytes, size_t n);
void settings_free(struct settings *s);

/* One message "FILE:LINE:COLUMN: …" through report(), counted. node NULL: FILE alone. */
void settings_error(struct settings *s, const struct node *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The value of a key in a map; NULL where there is none (or node isn't a map). */
const struct node *settings_get(const struct node *map, const char *key);

/*
 * An error for each key of map that known (NULL-terminated) doesn't hold, naming the
 * nearest known one where a person may have meant it. prefix (such as "test_", or NULL)
 * may stand before a known key.
 */
void settings_known(
    struct settings *s, const struct node *map, const char *const *known, const char *prefix);

/* A scalar as what is asked for. Return 0, or -1 after settings_error(). */
int settings_string(struct settings *s, const struct node *n, const char **out);
int settings_bool(
    struct settings *s, const struct node *n, bool *out); /* true/false/yes/no/on/off/1/0 */
int settings_integer(
    struct settings *s, const struct node *n, int64_t min, int64_t max, int64_t *out);
/* "90", "90s", "2h", "1d12h", "1w"; units ms s m h d w, each once, largest first. Milliseconds.
 */
int settings_duration(struct settings *s, const struct node *n, int64_t *ms);
/* "512", "64k", "1.5m", "2g", also "KiB"; powers of 1024. Bytes. */
int settings_size(struct settings *s, const struct node *n, int64_t *bytes);

/* The parsers behind these, for command lines. Return 0, or -1 with errno EINVAL, ERANGE. */
int parse_duration(const char *text, int64_t *ms);
int parse_size(const char *text, int64_t *bytes);

/* The word of known (NULL-terminated) nearest to word by edit distance; NULL where none
 * is near enough to be a typing error. */
const char *nearest_word(const char *word, const char *const *known);

/* Whether both say the same, keys and items in the same order; NULL is the same as NULL alone.
 */
int settings_same(const struct node *a, const struct node *b);

#endif
