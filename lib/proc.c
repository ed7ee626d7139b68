#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

int
proc_stat(pid_t pid, int field, unsigned long long *value)
{
	char path[32], text[1024];
	cleanup_fd int fd = -1;
	const char *p;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -1;
	text[n] = '\0';
	/* Field 2 is the name, which may hold anything but ends at the last ')'. */
	p = strrchr(text, ')');
	for (int at = 2; p && at < field; at++)
		p = strchr(p + 1, ' ');
	if (!p) {
		errno = EINVAL;
		return -1;
	}
	*value = strtoull(p + 1, NULL, 10);
	return 0;
}
