#include "path.h"

#include <string.h>

const char *
path_below(const char *directory, const char *path)
{
	size_t n = strlen(directory);

	while (n && directory[n - 1] == '/')
		n--;
	/* Of "/" nothing is left, and all that is absolute is below it. */
	if (strncmp(path, directory, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return NULL;
	if (n == 0 && *directory != *path)
		return NULL;
	path += n;
	return path + strspn(path, "/");
}
