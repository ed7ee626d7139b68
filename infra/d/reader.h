/* What the readers of settings.yaml's values (values_*.c) are made of. */
#ifndef WHITTLE_READER_H
#define WHITTLE_READER_H

#include <stdbool.h>
#include <stdint.h>

struct container;
struct node;
struct settings;
struct words;

struct reader {
	struct settings *s;
	struct container *c;
};

/* Takes a node, checks it and sets its part of the container: 0, or -1 after
 * settings_error(). An empty node empties that part. */
typedef int take(struct reader *r, const struct node *n);

/* Calls one for the node, or for each of the list that it is; for none if it is empty. */
int each_value(struct reader *r, const struct node *n, take *one);

/* Nothing written, or null. */
bool is_empty(const struct node *n);

/* The scalar's text, in the pool. */
int text_value(struct reader *r, const struct node *n, const char **out);

/* An error that says what is wanted instead; -1. */
int wrong_value(struct reader *r, const struct node *n, const char *want);

/* A word that must be one of some, with the nearest in the message. */
int known_word(struct reader *r, const struct node *n, const char *what, const char *word,
    const char *const *known);
bool among(const char *word, const char *const *known);

/* Adds what a command is made of: a list as it is, a line cut as a shell would. */
int take_words(struct reader *r, const struct node *n, struct words *out);

/* ---- maps ---- */

/* Whether it is a map with none but the known keys, which `want` names for people. */
int known_map(
    struct reader *r, const struct node *n, const char *const *known, const char *want);

/* A key's value; *out is left alone where the key isn't there. */
int text_in(struct reader *r, const struct node *map, const char *key, const char **out);
int duration_in(struct reader *r, const struct node *map, const char *key, int64_t *ms);
int integer_in(struct reader *r, const struct node *map, const char *key, int64_t min,
    int64_t max, int64_t *out);

/* ---- names and paths ---- */

/* A name that both engines take for a container, a network, a volume. */
bool is_name(const char *s);

/* Engines read mounts as fields between commas. */
bool is_mount_path(const char *s);

/* Has a part "..". */
bool climbs(const char *path);

/* A path inside the container: absolute, without "..". *path is left without a slash at its
 * end and without doubled ones. */
int take_target(struct reader *r, const struct node *n, const char **path);

#endif
