#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "settings.h"

static const int64_t MS_MAX = INT64_C(366) * 24 * 3600 * 1000;

bool
is_empty(const struct node *n)
{
	if (n->kind != NODE_SCALAR)
		return n->count == 0;
	return !*n->text ||
	       (!n->quoted && (strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0));
}

bool
is_name(const char *s)
{
	static const char first[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t len = strlen(s);

	return len > 0 && len <= 128 && strchr(first, *s) &&
	       s[strspn(
		   s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] ==
		   '\0';
}

/* Both engines read mounts as fields between commas. */
bool
is_mount_path(const char *s)
{
	for (const char *p = s; *p; p++)
		if (*p == ',' || *p == '"' || (unsigned char)*p < ' ')
			return false;
	return true;
}

bool
climbs(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (p[2] == '/' || !p[2]))
			return true;
	return false;
}

/* A path inside the container. */
int
take_target(struct reader *r, const struct node *n, const char **target)
{
	const char *path = *target;
	char *plain;
	size_t len = 0;

	if (*path != '/' || climbs(path) || !is_mount_path(path)) {
		settings_error(r->s, n,
		    "'%s' is no path inside a container: want an absolute one without '..', "
		    "commas or quotes",
		    path);
		return -1;
	}
	plain = pool_dup(path);
	for (const char *p = path; *p; p++)
		if (*p != '/' || (p[1] && p[1] != '/'))
			plain[len++] = *p;
	plain[len ? len : 1] = '\0';
	*target = plain;
	return 0;
}

/* Calls one for the node, or for each of the list that it is; for none if it is empty. */
int
each_value(struct reader *r, const struct node *n, take *one)
{
	int bad = 0;

	if (n->kind == NODE_LIST) {
		for (size_t i = 0; i < n->count; i++)
			bad |= one(r, n->item[i]);
		return bad;
	}
	return is_empty(n) ? 0 : one(r, n);
}

/* The scalar's text, in the pool. */
int
text_value(struct reader *r, const struct node *n, const char **out)
{
	const char *text;

	if (settings_string(r->s, n, &text))
		return -1;
	*out = pool_dup(text);
	return 0;
}

int
wrong_value(struct reader *r, const struct node *n, const char *want)
{
	settings_error(r->s, n, "'%s': want %s", n->kind == NODE_SCALAR ? n->text : "", want);
	return -1;
}

/* The keys of a map against a list of known ones. */
int
known_map(struct reader *r, const struct node *n, const char *const *known, const char *want)
{
	unsigned before = r->s->errors;

	if (n->kind != NODE_MAP) {
		settings_error(r->s, n, "want a map: %s", want);
		return -1;
	}
	settings_known(r->s, n, known, NULL);
	return r->s->errors == before ? 0 : -1;
}

/* A key of a map as text, left alone where it isn't there. */
int
text_in(struct reader *r, const struct node *map, const char *key, const char **out)
{
	const struct node *n = settings_get(map, key);

	return n ? text_value(r, n, out) : 0;
}

int
duration_in(struct reader *r, const struct node *map, const char *key, int64_t *ms)
{
	const struct node *n = settings_get(map, key);

	if (!n)
		return 0;
	if (settings_duration(r->s, n, ms))
		return -1;
	if (*ms > MS_MAX)
		return wrong_value(r, n, "at most a year");
	return 0;
}

int
integer_in(struct reader *r, const struct node *map, const char *key, int64_t min, int64_t max,
    int64_t *out)
{
	const struct node *n = settings_get(map, key);

	return n ? settings_integer(r->s, n, min, max, out) : 0;
}

int
take_words(struct reader *r, const struct node *n, struct words *out)
{
	const char *text;

	if (n->kind == NODE_LIST) {
		for (size_t i = 0; i < n->count; i++) {
			if (settings_string(r->s, n->item[i], &text))
				return -1;
			words_add(out, text);
		}
		return 0;
	}
	if (settings_string(r->s, n, &text))
		return -1;
	if (words_split(out, text)) {
		settings_error(r->s, n, "a quote isn't closed");
		return -1;
	}
	return 0;
}

bool
among(const char *word, const char *const *known)
{
	for (; *known; known++)
		if (strcmp(word, *known) == 0)
			return true;
	return false;
}

/* A word that must be one of some, with the nearest in the message. */
int
known_word(struct reader *r, const struct node *n, const char *what, const char *word,
    const char *const *known)
{
	const char *near;

	if (among(word, known))
		return 0;
	near = nearest_word(word, known);
	settings_error(r->s, n, "unknown %s '%s'%s%s%s", what, word, near ? "; '" : "",
	    near ? near : "", near ? "' is meant?" : "");
	return -1;
}
