#include "pattern.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

static const char newest[] = "{NEWEST}";

static bool
has_wildcard(const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strchr("*?[\\", name[i]))
			return true;
	return n >= sizeof(newest) - 1 && memmem(name, n, newest, sizeof(newest) - 1);
}

static const char *
check_names(const char *path)
{
	const char *p = path;

	if (*path != '/')
		return "write the whole path, beginning with '/'";
	if (path[1] == '\0')
		return "'/' itself can't be watched, name something in it";
	while (*p) {
		size_t n = strcspn(++p, "/");

		if (n == 0)
			return "a path has no empty names and no '/' at its end";
		if ((n == 1 && *p == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return "write the path without '.' and '..'";
		if (n > 255)
			return "a name has at most 255 bytes";
		p += n;
	}
	return NULL;
}

/* "{NEWEST}" stands for "*" among the names that are compared. */
static char *
newest_as_star(const char *name)
{
	const char *at = strstr(name, newest);

	return xasprintf("%.*s*%s", (int)(at - name), name, at + sizeof(newest) - 1);
}

static const char *
split(struct pattern *p, const char *rest)
{
	while (*rest) {
		size_t n = strcspn(++rest, "/");

		if (p->parts == PATTERN_PARTS_MAX)
			return "more than 60 names";
		p->part[p->parts++] = xstrndup(rest, n);
		rest += n;
		if (!strstr(p->part[p->parts - 1], newest))
			continue;
		if (*rest)
			return "{NEWEST} belongs to the last name";
		p->newest = true;
	}
	if (p->newest) {
		char *name = p->part[p->parts - 1];

		if (strstr(strstr(name, newest) + 1, newest))
			return "one {NEWEST} is enough";
		p->part[p->parts - 1] = newest_as_star(name);
		free(name);
	}
	return NULL;
}

const char *
pattern_parse(struct pattern *p, const char *path)
{
	const char *wrong = check_names(path);
	const char *s, *last = path, *first = NULL;

	*p = (struct pattern){0};
	if (wrong)
		return wrong;
	for (s = path; *s; s += 1 + strcspn(s + 1, "/")) {
		last = s;
		if (!first && has_wildcard(s + 1, strcspn(s + 1, "/")))
			first = s;
	}
	p->direct = !first;
	if (!first)
		first = last;
	p->base = first == path ? xstrdup("/") : xstrndup(path, (size_t)(first - path));
	p->part = xcalloc(PATTERN_PARTS_MAX, sizeof(*p->part));
	wrong = split(p, first);
	if (!wrong && !p->direct && strcmp(p->part[p->parts - 1], "**") == 0 && p->parts > 1 &&
	    strcmp(p->part[p->parts - 2], "**") == 0)
		wrong = "one ** after the other says nothing more";
	if (wrong) {
		pattern_free(p);
		return wrong;
	}
	p->part = xreallocarray(p->part, p->parts, sizeof(*p->part));
	return NULL;
}

void
pattern_free(struct pattern *p)
{
	unsigned i;

	for (i = 0; i < p->parts; i++)
		free(p->part[i]);
	free(p->part);
	free(p->base);
	*p = (struct pattern){0};
}

static bool
is_stars(const struct pattern *p, unsigned i)
{
	return !p->direct && strcmp(p->part[i], "**") == 0;
}

static bool
name_matches(const struct pattern *p, unsigned i, const char *name)
{
	if (p->direct)
		return strcmp(p->part[i], name) == 0;
	return fnmatch(p->part[i], name, FNM_PERIOD) == 0;
}

/* "**" may also match nothing, so the part behind it may come next as well. At the end
 * of a pattern it matches everything below, but not the directory itself. */
static pattern_state
with_skipped_stars(const struct pattern *p, pattern_state s)
{
	unsigned i;

	for (i = 0; i + 1 < p->parts; i++)
		if (s >> i & 1 && is_stars(p, i))
			s |= (pattern_state)1 << (i + 1);
	return s;
}

pattern_state
pattern_start(const struct pattern *p)
{
	return with_skipped_stars(p, 1);
}

pattern_state
pattern_step(const struct pattern *p, pattern_state s, const char *name)
{
	pattern_state next = 0;
	unsigned i;

	for (i = 0; i < p->parts; i++) {
		if (!(s >> i & 1))
			continue;
		if (is_stars(p, i) && name[0] != '.')
			next |= (pattern_state)1 << i | (pattern_state)(i + 1 == p->parts)
							    << p->parts;
		else if (!is_stars(p, i) && name_matches(p, i, name))
			next |= (pattern_state)1 << (i + 1);
	}
	return with_skipped_stars(p, next);
}

pattern_state
pattern_walk(const struct pattern *p, const char *path)
{
	pattern_state s = pattern_start(p);

	while (*path && s) {
		char name[256];
		size_t n = strcspn(++path, "/");

		if (n == 0)
			continue;
		if (n >= sizeof(name))
			return 0;
		memcpy(name, path, n);
		name[n] = '\0';
		s = pattern_step(p, s, name);
		path += n;
	}
	return s;
}

bool
pattern_is_match(const struct pattern *p, pattern_state s)
{
	return s >> p->parts & 1;
}

bool
pattern_goes_on(const struct pattern *p, pattern_state s)
{
	return (s & (((pattern_state)1 << p->parts) - 1)) != 0;
}

static pattern_state
walk_from_root(const struct pattern *p, const char *path)
{
	size_t n = strcmp(p->base, "/") == 0 ? 0 : strlen(p->base);

	if (strncmp(path, p->base, n) != 0 || path[n] != '/')
		return 0;
	return pattern_walk(p, path + n);
}

bool
pattern_may_be_above(const struct pattern *p, const char *path)
{
	return pattern_goes_on(p, walk_from_root(p, path));
}

bool
pattern_matches(const struct pattern *p, const char *path)
{
	return pattern_is_match(p, walk_from_root(p, path));
}
