#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "pool.h"
#include "signals.h"

static int
open_ns(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool
is_mine(int fd, const char *name)
{
	struct stat theirs, mine;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	return fstat(fd, &theirs) == 0 && stat(path, &mine) == 0 &&
	       theirs.st_ino == mine.st_ino && theirs.st_dev == mine.st_dev;
}

/* Root on the host may join the network namespace at once; others, rootless podman's
 * users, have to be root in the user namespace that owns it first. */
static int
join(pid_t pid)
{
	cleanup_fd int net = open_ns(pid, "net");
	cleanup_fd int user = -1;

	if (net < 0)
		return -1;
	if (is_mine(net, "net") || setns(net, CLONE_NEWNET) == 0)
		return 0;
	user = open_ns(pid, "user");
	if (user < 0 || is_mine(user, "user") || setns(user, CLONE_NEWUSER))
		return -1;
	return setns(net, CLONE_NEWNET);
}

/* Root in there, for what only that may touch; root on the host may anyway. */
static int
join_user(pid_t pid)
{
	cleanup_fd int user = geteuid() ? open_ns(pid, "user") : -1;

	if (geteuid() == 0)
		return 0;
	return user < 0 || (!is_mine(user, "user") && setns(user, CLONE_NEWUSER)) ? -1 : 0;
}

/* What the child says, until it ends or the time is up. Returns false for the latter. */
static bool
listen_to(int fd, unsigned timeout_ms, char *text, size_t size)
{
	long long end = monotonic_ms() + timeout_ms;
	size_t len = 0;

	for (;;) {
		struct pollfd p = {fd, POLLIN, 0};
		long long left = end - monotonic_ms();
		char chunk[256];
		ssize_t n;

		if (left <= 0 || interrupted)
			return false;
		n = poll(&p, 1, (int)left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		if ((size_t)n > size - 1 - len)
			n = (ssize_t)(size - 1 - len);
		memcpy(text + len, chunk, (size_t)n);
		len += (size_t)n;
		text[len] = '\0';
	}
}

static int
run_joined(int (*join_with)(pid_t), pid_t pid, unsigned timeout_ms,
    int (*job)(void *arg, int say), void *arg, const char **said)
{
	char text[512] = "";
	int pipes[2], status = 0;
	bool ended;
	pid_t child;

	if (pipe2(pipes, O_CLOEXEC))
		return NETNS_DENIED;
	child = fork();
	if (child == 0) {
		signal(SIGPIPE, SIG_IGN);
		signal(SIGTERM, SIG_DFL);
		if (join_with(pid)) {
			dprintf(pipes[1], "%s", strerror(errno));
			_exit(NETNS_DENIED);
		}
		_exit(job(arg, pipes[1]));
	}
	close(pipes[1]);
	ended = child > 0 && listen_to(pipes[0], timeout_ms, text, sizeof(text));
	close(pipes[0]);
	if (child < 0)
		return NETNS_DENIED;
	if (!ended)
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	*said = pool_dup(ended ? text : "no answer in time");
	if (!ended)
		return NETNS_TIMEOUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : NETNS_TIMEOUT;
}

int
in_network_of(pid_t pid, unsigned timeout_ms, int (*job)(void *arg, int say), void *arg,
    const char **said)
{
	return run_joined(join, pid, timeout_ms, job, arg, said);
}

int
as_root_of(pid_t pid, unsigned timeout_ms, int (*job)(void *arg, int say), void *arg,
    const char **said)
{
	return run_joined(join_user, pid, timeout_ms, job, arg, said);
}

int
root_of(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}
