#include "state.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "change.h"
#include "cleanup.h"
#include "file.h"
#include "report.h"
#include "strbuf.h"

static char *
state_path(void)
{
	const char *given = getenv("WHITTLE_STATE"), *home = getenv("HOME");
	const char *xdg = getenv("XDG_STATE_HOME");

	if (given && *given)
		return xasprintf("%s/idmap", given);
	/* Root of a rootless user's own namespace is that user. */
	if (geteuid() == 0 && overflow_id() == UINT32_MAX)
		return xstrdup("/var/lib/whittle/idmap");
	if (xdg && *xdg)
		return xasprintf("%s/whittle/idmap", xdg);
	return xasprintf("%s/.local/state/whittle/idmap", home && *home ? home : "");
}

int
open_state_directory(void)
{
	cleanup_free char *path = state_path();
	int fd =
	    make_directories(path, 0700) ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		report("open '%s':", path);
	return fd;
}
