#include "neighbour.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "proc.h"
#include "strbuf.h"
#include "times.h"

enum { ROUNDS = 5, KILL_WAIT_MS = 2000 };

/* ---- finding ---- */

/* 0 with errno where it can't be known. */
static uint64_t
mount_ns_of(const char *pid)
{
	cleanup_free char *path = xasprintf("/proc/%s/ns/mnt", pid);
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

static char *
program_of(const char *pid)
{
	cleanup_free char *path = xasprintf("/proc/%s/comm", pid);
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char name[64];
	ssize_t n = fd < 0 ? -1 : read(fd, name, sizeof(name));

	while (n > 0 && name[n - 1] == '\n')
		n--;
	return n < 0 ? xstrdup("") : xstrndup(name, (size_t)n);
}

struct search {
	const char *name;
	uint64_t own_ns, first_ns; /* ours, and that of PID 1 */
	uint64_t found_ns;         /* of the neighbour, 0: none yet */
	bool several, is_host, denied;
};

static bool has_program(uint64_t ns, const char *name);

/* What one process says about who our neighbour is. */
static void
consider(struct search *s, const char *pid)
{
	uint64_t ns = mount_ns_of(pid);

	if (strcmp(pid, "2") == 0) {
		cleanup_free char *program = program_of(pid);

		s->is_host = strcmp(program, "kthreadd") == 0;
	}
	if (ns == 0) {
		/* One that ended meanwhile is nobody's. */
		s->denied |= errno == EACCES || errno == EPERM;
		return;
	}
	if (strcmp(pid, "1") == 0) {
		s->first_ns = ns;
		return;
	}
	if (ns == s->own_ns || ns == s->found_ns || (s->name && !has_program(ns, s->name)))
		return;
	s->several |= s->found_ns != 0;
	s->found_ns = ns;
}

static int
each_process(void (*visit)(void *arg, const char *pid), void *arg)
{
	cleanup_dir DIR *proc = opendir("/proc");
	struct dirent *d;

	if (!proc)
		return -1;
	while ((d = readdir(proc)))
		if (d->d_name[strspn(d->d_name, "0123456789")] == '\0')
			visit(arg, d->d_name);
	return 0;
}

static void
consider_one(void *arg, const char *pid)
{
	consider(arg, pid);
}

struct program_search {
	uint64_t ns;
	const char *name;
	bool found;
};

static void
look_for_program(void *arg, const char *pid)
{
	struct program_search *s = arg;
	cleanup_free char *program = program_of(pid);

	if (strcmp(program, s->name) == 0 && mount_ns_of(pid) == s->ns)
		s->found = true;
}

static bool
has_program(uint64_t ns, const char *name)
{
	struct program_search s = {ns, name, false};

	each_process(look_for_program, &s);
	return s.found;
}

/* A process that lives, and is one of the neighbour's also after the descriptor holds it. */
static void
add_process(void *arg, const char *pid)
{
	struct neighbour *n = arg;
	pid_t number = (pid_t)strtol(pid, NULL, 10);
	int fd;

	if (number == 1 || mount_ns_of(pid) != n->mount_ns)
		return;
	fd = (int)syscall(SYS_pidfd_open, number, 0);
	if (fd < 0)
		return;
	if (mount_ns_of(pid) != n->mount_ns) {
		close(fd);
		return;
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	n->process = xreallocarray(n->process, n->count + 1, sizeof(*n->process));
	n->process[n->count++] = (struct process){number, fd};
}

enum neighbour_answer
neighbour_find(struct neighbour *n, const char *name)
{
	struct search s = {.name = name, .own_ns = mount_ns_of("self")};

	*n = (struct neighbour){0};
	if (s.own_ns == 0 || each_process(consider_one, &s))
		return NEIGHBOUR_ERROR;
	if (s.is_host)
		return NEIGHBOUR_HOST;
	if (s.several)
		return NEIGHBOUR_SEVERAL;
	if (s.found_ns == 0 && s.first_ns && s.first_ns != s.own_ns) {
		n->mount_ns = s.first_ns;
		return NEIGHBOUR_UNTOUCHABLE;
	}
	if (s.found_ns == 0) {
		errno = EACCES;
		return s.denied ? NEIGHBOUR_ERROR : NEIGHBOUR_NONE;
	}
	n->mount_ns = s.found_ns;
	each_process(add_process, n);
	return n->count ? NEIGHBOUR_FOUND : NEIGHBOUR_NONE;
}

void
neighbour_clear(struct neighbour *n)
{
	size_t i;

	for (i = 0; i < n->count; i++)
		close(n->process[i].pidfd);
	free(n->process);
	*n = (struct neighbour){0};
}

const char *
neighbour_advice(enum neighbour_answer a)
{
	switch (a) {
	case NEIGHBOUR_FOUND:
		return "the neighbour is there";
	case NEIGHBOUR_NONE:
		return "there is no neighbour: does its container share our pid namespace?";
	case NEIGHBOUR_SEVERAL:
		return "there are several neighbours: name the program of one with "
		       "'neighbour:'";
	case NEIGHBOUR_UNTOUCHABLE:
		return "the neighbour is process 1 of the pid namespace, which we could not "
		       "end: "
		       "start it with --pid=container:OURS, or both in a pod, or it with "
		       "--init";
	case NEIGHBOUR_HOST:
		return "this is the host's pid namespace, where everything would be our "
		       "neighbour: "
		       "share that of one container or pod";
	case NEIGHBOUR_ERROR:
		break;
	}
	return "can't look at other processes: CAP_SYS_PTRACE is needed";
}

/* ---- looking, ending ---- */

/* A pidfd is readable once its process has ended. */
static bool
has_ended(const struct process *p, int wait_ms)
{
	return poll(&(struct pollfd){p->pidfd, POLLIN, 0}, 1, wait_ms) > 0;
}

bool
neighbour_lives(const struct neighbour *n)
{
	size_t i;

	for (i = 0; i < n->count; i++)
		if (!has_ended(&n->process[i], 0))
			return true;
	return false;
}

int
neighbour_root(const struct neighbour *n, char path[32])
{
	size_t i;

	errno = ESRCH;
	for (i = 0; i < n->count; i++) {
		int fd;

		snprintf(path, 32, "/proc/%ld/root", (long)n->process[i].pid);
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		/* If it lives now, the number was its own when the directory was opened. */
		if (fd >= 0 && !has_ended(&n->process[i], 0))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

/* Since the start of a process, in ms; -1 where it can't be known. */
static int64_t
age_of(pid_t pid)
{
	unsigned long long start;

	if (proc_stat(pid, PROC_START, &start))
		return -1;
	return clock_ns(CLOCK_BOOTTIME) / NS_PER_MS -
	       (int64_t)(start * 1000 / (unsigned long)sysconf(_SC_CLK_TCK));
}

static bool
is_runtime(pid_t pid)
{
	cleanup_free char *number = xasprintf("%ld", (long)pid);
	cleanup_free char *program = program_of(number);

	return strncmp(program, "runc:[", 6) == 0 || strcmp(program, "runc") == 0 ||
	       strcmp(program, "crun") == 0 || strncmp(program, "youki", 5) == 0;
}

bool
neighbour_is_starting(const struct neighbour *n)
{
	enum { YOUNG_MS = 500 };
	bool all_young = true;
	size_t i;

	for (i = 0; i < n->count; i++) {
		if (is_runtime(n->process[i].pid))
			return true;
		all_young &= age_of(n->process[i].pid) < YOUNG_MS;
	}
	return all_young;
}

char *
neighbour_program(const struct neighbour *n, size_t process, int root)
{
	cleanup_free char *link = xasprintf("/proc/%ld/exe", (long)n->process[process].pid);
	char path[PATH_MAX];
	ssize_t len = readlink(link, path, sizeof(path) - 1);
	cleanup_fd int fd = -1;
	struct stat running, there;

	if (len <= 0 || path[0] != '/')
		return NULL;
	path[len] = '\0';
	fd = open_no_links(root, path, O_PATH, 0);
	if (fd < 0 || fstat(fd, &there) || stat(link, &running) ||
	    running.st_dev != there.st_dev || running.st_ino != there.st_ino)
		return NULL;
	return xstrdup(path);
}

static void
signal_all(const struct neighbour *n, int signal)
{
	size_t i;

	for (i = 0; i < n->count; i++)
		syscall(SYS_pidfd_send_signal, n->process[i].pidfd, signal, NULL, 0);
}

/* Returns how many have ended. */
static size_t
wait_for_all(const struct neighbour *n, int64_t wait_ms)
{
	int64_t due = monotonic_ns() + wait_ms * NS_PER_MS;
	size_t i, ended = 0;

	for (i = 0; i < n->count; i++) {
		int64_t left = (due - monotonic_ns()) / NS_PER_MS;

		ended += has_ended(&n->process[i], left > 0 ? (int)left : 0);
	}
	return ended;
}

size_t
neighbour_end(const struct neighbour *n, int64_t term_wait_ms, bool *left)
{
	struct neighbour now = {.mount_ns = n->mount_ns};
	size_t ended = 0;
	int round;

	/* Processes may start others while we look, so it takes more than one look. */
	for (round = 0; round < ROUNDS; round++) {
		each_process(add_process, &now);
		if (now.count == 0)
			break;
		signal_all(&now, round == 0 ? SIGTERM : SIGKILL);
		ended += wait_for_all(&now, round == 0 ? term_wait_ms : KILL_WAIT_MS);
		neighbour_clear(&now);
		now.mount_ns = n->mount_ns;
	}
	*left = round == ROUNDS;
	return ended;
}
