#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "strbuf.h"

enum { GROUPS_MAX = 1 << 20 };

/* What stands behind the name, from field 3 on; NULL with errno. */
static const char *
read_stat(pid_t pid, char *text, size_t size)
{
	char path[32], *p;
	cleanup_fd int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (n < 0)
		return NULL;
	text[n] = '\0';
	/* Field 2 is the name, which may hold anything but ends at the last ')'. */
	p = strrchr(text, ')');
	if (!p || p[1] != ' ') {
		errno = EINVAL;
		return NULL;
	}
	return p + 2;
}

int
proc_stat(pid_t pid, int field, unsigned long long *value)
{
	char text[1024];
	const char *p = read_stat(pid, text, sizeof(text));

	if (!p)
		return -1;
	for (int at = 3; p && at < field; at++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	if (!p) {
		errno = EINVAL;
		return -1;
	}
	*value = strtoull(p, NULL, 10);
	return 0;
}

bool
proc_runs(pid_t pid)
{
	char text[1024];
	unsigned long long threads;
	const char *state;

	if (kill(pid, 0) && errno == ESRCH)
		return false;
	state = read_stat(pid, text, sizeof(text));
	if (!state || (*state != 'Z' && *state != 'X'))
		return true;
	/* Its first thread may have ended before the others. */
	return proc_stat(pid, PROC_THREADS, &threads) == 0 && threads > 1;
}

time_t
proc_started(pid_t pid)
{
	struct timespec now, up;
	unsigned long long ticks;

	if (proc_stat(pid, PROC_START, &ticks) || clock_gettime(CLOCK_REALTIME, &now) ||
	    clock_gettime(CLOCK_BOOTTIME, &up))
		return -1;
	return now.tv_sec - up.tv_sec +
	       (time_t)(ticks / (unsigned long long)sysconf(_SC_CLK_TCK));
}

bool
proc_in_cgroup(pid_t pid, const char *text)
{
	struct strbuf groups = STRBUF_INIT;
	char path[32];
	cleanup_fd int fd = -1;
	bool found;

	snprintf(path, sizeof(path), "/proc/%ld/cgroup", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	found = fd >= 0 && file_read(fd, GROUPS_MAX, &groups) == 0 && groups.s &&
		strstr(groups.s, text);
	strbuf_free(&groups);
	return found;
}
