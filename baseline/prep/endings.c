#include "endings.h"

#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

static int
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

/* Copies a name to *out; "\." is a dot. Returns what follows it, NULL for no name. */
static const char *
take_name(const char *p, char **out)
{
	const char *start = p;

	for (;; p++) {
		if (is_plain(*p))
			*(*out)++ = *p;
		else if (p[0] == '\\' && p[1] == '.')
			*(*out)++ = *++p;
		else
			break;
	}
	*(*out)++ = '\0';
	return p == start ? NULL : p;
}

/* "/name$" or "/(name|name)$". Returns what follows it, NULL for something else. */
static const char *
take_alternative(const char *p, char **out, size_t *count)
{
	int group;

	if (*p++ != '/')
		return NULL;
	group = *p == '(';
	if (group)
		p++;
	for (;; p++) {
		p = take_name(p, out);
		if (!p)
			return NULL;
		++*count;
		if (!group || *p != '|')
			break;
	}
	if (group && *p++ != ')')
		return NULL;
	return *p == '$' ? p + 1 : NULL;
}

void
endings_read(struct endings *e, const char *regex)
{
	char *out;
	const char *p = regex;
	size_t i, count = 0;

	memset(e, 0, sizeof(*e));
	/* No name is longer than its part of the expression, which goes on with one byte
	 * more for the NUL. */
	e->text = out = xmalloc(strlen(regex) + 1);
	while ((p = take_alternative(p, &out, &count)) && *p == '|')
		p++;
	if (!p || *p) {
		endings_free(e);
		return;
	}
	e->count = count;
	e->name = xcalloc(count, sizeof(*e->name));
	for (i = 0, p = e->text; i < count; i++, p += strlen(p) + 1)
		e->name[i] = p;
}

void
endings_free(struct endings *e)
{
	free(e->text);
	free(e->name);
	memset(e, 0, sizeof(*e));
}

int
endings_have(const struct endings *e, const char *name)
{
	size_t i;

	for (i = 0; i < e->count; i++)
		if (name[0] == e->name[i][0] && strcmp(name, e->name[i]) == 0)
			return 1;
	return 0;
}

int
endings_match(const struct endings *e, const char *path)
{
	const char *last = strrchr(path, '/');

	return last && endings_have(e, last + 1);
}
