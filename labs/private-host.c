/*
 * private-host - run a command as on a small host of its own, which ends with it
 *
 *   private-host ROOM COMMAND [ARG]...
 *
 * COMMAND gets mount, process, network, IPC and host-name namespaces of its own and
 * starts in ROOM, a directory that is an empty tmpfs to it alone. Every mount, process,
 * interface and file that it leaves belongs to those namespaces, so that the kernel takes
 * all of it away, however the command ends: by itself, by a signal, or because
 * private-host was killed. Files outside ROOM are the machine's.
 *
 * Exit status: the command's, 128+N if signal N ended it, 126 or 127 if it can't be
 * started, 2 trouble.
 */
#include <err.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int
exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* PR_SET_PDEATHSIG misses a parent that died before it was set. That parent's end of the
 * pipe is closed then. */
static void
die_with_parent(int alive[2])
{
	struct pollfd p;

	close(alive[1]);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		err(2, "prctl");
	p.fd = alive[0];
	p.events = POLLIN;
	if (poll(&p, 1, 0) != 0)
		exit(2);
	close(alive[0]);
}

/* What the caller has open leads out of here, and takes numbers that the labs show. */
static void
close_descriptors(void)
{
	if (syscall(SYS_close_range, 3U, ~0U, 0U) == 0)
		return;
	for (int fd = 3; fd < sysconf(_SC_OPEN_MAX); fd++)
		close(fd);
}

static void
loopback_up(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		err(2, "lo");
	close(fd);
}

static void
furnish(const char *room)
{
	char ns[64];
	ssize_t n;

	/* What is mounted from here on must not appear on the machine. */
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		err(2, "mount private");
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		err(2, "mount /proc");
	if (mount("room", room, "tmpfs", 0, "mode=755"))
		err(2, "mount %s", room);
	if (chdir(room))
		err(2, "%s", room);
	if (sethostname("lab", 3))
		err(2, "sethostname");
	loopback_up();

	/* By this the scripts know that they are here, and not where a variable of this name
	 * came from. */
	n = readlink("/proc/self/ns/mnt", ns, sizeof(ns) - 1);
	if (n < 0)
		err(2, "/proc/self/ns/mnt");
	ns[n] = '\0';
	if (setenv("LAB_HOST", ns, 1))
		err(2, "setenv");
}

/* Process 1 of the namespace: when it ends, the kernel kills all others. */
static int
init(char **argv, const sigset_t *mask)
{
	pid_t pid = fork(), ended;
	int status;

	if (pid < 0)
		err(2, "fork");
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, mask, NULL);
		execvp(argv[0], argv);
		warn("%s", argv[0]);
		_exit(errno == ENOENT ? 127 : 126);
	}
	while ((ended = wait(&status)) != pid)
		if (ended < 0 && errno != EINTR)
			err(2, "wait");
	return exit_status(status);
}

/* Waits for the namespaces' process 1, or ends it with everything in them when told to. */
static int
supervise(pid_t pid, const sigset_t *wanted)
{
	int status, sig = SIGCHLD;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (sigwait(wanted, &sig) || sig == SIGCHLD)
			continue;
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		/* Ends as the signal would have ended it, for the caller to see. */
		signal(sig, SIG_DFL);
		sigprocmask(SIG_UNBLOCK, wanted, NULL);
		raise(sig);
	}
	return exit_status(status);
}

int
main(int argc, char **argv)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD};
	sigset_t wanted, old;
	int alive[2];
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: private-host ROOM COMMAND [ARG]...\n");
		return 2;
	}
	sigemptyset(&wanted);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&wanted, signals[i]);
	if (sigprocmask(SIG_BLOCK, &wanted, &old) || pipe(alive))
		err(2, "pipe");
	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS))
		err(2, "unshare");

	pid = fork();
	if (pid < 0)
		err(2, "fork");
	if (pid == 0) {
		die_with_parent(alive);
		close_descriptors();
		furnish(argv[1]);
		return init(argv + 2, &old);
	}
	close(alive[0]);
	return supervise(pid, &wanted);
}
