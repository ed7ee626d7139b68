/* Paths as text. */
#ifndef WHITTLE_PATH_H
#define WHITTLE_PATH_H

#include <stdbool.h>

/*
 * What of path is below directory: "b/c" of "/a/b/c" below "/a", "" for the directory
 * itself, NULL where path is elsewhere. Both are absolute, or both relative to the same
 * place; further slashes at the end of directory and after it don't count, ".." does not
 * get resolved.
 */
const char *path_below(const char *directory, const char *path);

/* "." or "..". */
static inline bool
is_dots(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

#endif
