#include "heard.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "report.h"

enum {
	NOT_HEARD = 125,
	MOST_BYTES = 1 << 20, /* of the file: a service may say the same for ever */
	STAMP = 16,           /* "Nov 29 23:55:39 " */
};

/* The text behind "<PRIORITY>" and the time; NULL for what is said for debugging alone. */
static char *
text_of(char *message)
{
	long priority;
	char *end;

	if (*message != '<')
		return message;
	priority = strtol(message + 1, &end, 10);
	if (*end != '>')
		return message;
	if ((priority & LOG_PRIMASK) == LOG_DEBUG)
		return NULL;
	message = end + 1;
	if (strlen(message) > STAMP && message[STAMP - 4] == ':' && message[STAMP - 7] == ':' &&
	    message[STAMP - 1] == ' ')
		message += STAMP;
	return message;
}

/* Takes messages until there are too many, or this process is ended. */
static void
listen_for_ever(int from, int to)
{
	char message[8193], *text;
	size_t all = 0, n;
	ssize_t got;

	while (all < MOST_BYTES) {
		got = recv(from, message, sizeof(message) - 1, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return;
		message[got] = 0;
		text = text_of(message);
		if (!text || !*text)
			continue;
		n = strlen(text);
		for (size_t i = 0; i < n; i++)
			if (iscntrl((unsigned char)text[i]))
				text[i] = ' ';
		text[n++] = '\n';
		/* One write, so that a reader sees whole lines. */
		if (write(to, text, n) != (ssize_t)n)
			return;
		all += n;
	}
}

static int
open_socket(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(at.sun_path)) {
		report("'%s': too long for a socket's path", path);
		return -1;
	}
	strcpy(at.sun_path, path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* Whoever the service is in its container. */
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) || chmod(path, 0666)) {
		report("listen at '%s':", path);
		return -1;
	}
	return fd;
}

int
heard(const char *path, const char *file, char **command)
{
	pid_t self = getpid();
	int from, to;

	from = open_socket(path);
	if (from < 0)
		return NOT_HEARD;
	to = open(file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0) {
		report("open '%s':", file);
		return NOT_HEARD;
	}
	switch (fork()) {
	case -1:
		report("fork:");
		return NOT_HEARD;
	case 0:
		/* The command waits for its own children alone, and may be gone already. */
		signal(SIGINT, SIG_IGN);
		if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == self)
			listen_for_ever(from, to);
		_exit(0);
	default:
		execvp(command[0], command);
		report("run '%s':", command[0]);
		return errno == ENOENT ? 127 : 126;
	}
}
