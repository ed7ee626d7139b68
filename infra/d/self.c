#include "self.h"

#include <unistd.h>

#include "pool.h"
#include "report.h"

const char *
program_path(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		die("readlink '/proc/self/exe':");
	path[n] = '\0';
	return pool_dup(path);
}
