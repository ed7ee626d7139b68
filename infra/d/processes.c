#include "processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "pool.h"
#include "proc.h"

enum { ENVIRONMENT_MAX = 128 << 10, TICK_US = 50000, TICKS = 40 };

const char *
process_name(pid_t pid)
{
	unsigned long long started;

	return proc_stat(pid, PROC_START, &started) ? NULL
						    : pool_printf("%d:%llu", (int)pid, started);
}

bool
process_is_gone(const char *name)
{
	const char *now = process_name((pid_t)atoi(name));

	return !now || strcmp(now, name) != 0;
}

static bool
has_variable(const char *pid, const char *variable)
{
	static char text[ENVIRONMENT_MAX + 1];
	cleanup_fd int fd = open(pool_printf("/proc/%s/environ", pid), O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	while (fd >= 0 && len < ENVIRONMENT_MAX &&
	       (n = read(fd, text + len, ENVIRONMENT_MAX - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	for (const char *p = text; p < text + len; p += strlen(p) + 1)
		if (strcmp(p, variable) == 0)
			return true;
	return false;
}

/* How many there were. */
static size_t
signal_all(const char *variable, int signal)
{
	cleanup_dir DIR *d = opendir("/proc");
	struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' &&
		    has_variable(e->d_name, variable)) {
			kill((pid_t)atoi(e->d_name), signal);
			n++;
		}
	return n;
}

void
processes_end(const char *variable)
{
	if (!signal_all(variable, SIGTERM))
		return;
	for (int i = 0; i < TICKS; i++) {
		usleep(TICK_US);
		if (!signal_all(variable, 0))
			return;
	}
	signal_all(variable, SIGKILL);
}
