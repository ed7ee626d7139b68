/* Regular expressions that are but lists of names: "/(chmod|su)$|/nc$". Most of those
 * that say which programs go are, and every path of a tree is held against them: comparing
 * its last part with each name takes a fiftieth of the time that musl's regexec(3) does. */
#ifndef PREP_ENDINGS_H
#define PREP_ENDINGS_H

#include <stddef.h>

struct endings {
	char *text; /* the names, one behind the other */
	const char **name;
	size_t count; /* 0: the expression is something else */
};

/* Takes an extended regular expression apart, if it is such a list. */
void endings_read(struct endings *e, const char *regex);
void endings_free(struct endings *e);

/* Whether a path ends in a slash and one of the names, which is just what the expression
 * says; the same where only the path's last part is given. */
int endings_match(const struct endings *e, const char *path);
int endings_have(const struct endings *e, const char *name);

#endif
