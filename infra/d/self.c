#include "self.h"

#include <string.h>
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

const char *
other_program(const char *project, const char *name, const char *in_project)
{
	const char *self = program_path();
	const char *beside =
	    pool_printf("%.*s/%s", (int)(strrchr(self, '/') - self), self, name);

	return project && access(beside, X_OK) != 0 ? pool_printf("%s/%s", project, in_project)
						    : beside;
}

const char *
pack_program(const char *project)
{
	return other_program(project, "pack", "infra/pack/pack");
}
