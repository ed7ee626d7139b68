#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "strbuf.h"

enum { KILL_AFTER_MS = 2000, TIMED_OUT = 124, LOOK_MS = 500 };
enum { CLOSE_ON_EXEC = 4 }; /* CLOSE_RANGE_CLOEXEC of linux/close_range.h */

struct pipes {
	int in[2], out[2], err[2]; /* [0] is read, [1] is written; -1 where unused */
};

static volatile pid_t waited_for; /* by run(); 0: nobody */

static void
close_pair(int p[2])
{
	if (p[0] >= 0)
		close(p[0]);
	if (p[1] >= 0)
		close(p[1]);
	p[0] = p[1] = -1;
}

static void
close_pipes(struct pipes *p)
{
	close_pair(p->in);
	close_pair(p->out);
	close_pair(p->err);
}

static int
make_pipes(const struct run *r, struct pipes *p)
{
	*p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
	if ((r->in && pipe2(p->in, O_CLOEXEC)) || (r->out && pipe2(p->out, O_CLOEXEC)) ||
	    (r->err && pipe2(p->err, O_CLOEXEC))) {
		int saved = errno;

		close_pipes(p);
		errno = saved;
		return -1;
	}
	return 0;
}

/* In the child: only calls that are safe after fork. */
static void
connect_to(int pipe_end, int to, int log, int discard, int null)
{
	if (pipe_end >= 0)
		dup2(pipe_end, to);
	else if (log > 0)
		dup2(log, to);
	else if (discard)
		dup2(null, to);
}

/* All descriptors from first on, at the exec. */
static void
close_from(unsigned first)
{
	struct rlimit most;
	unsigned fd, end;

	if (syscall(SYS_close_range, first, ~0U, CLOSE_ON_EXEC) == 0)
		return;
	/* Before Linux 5.11, or where a seccomp profile doesn't know the call. */
	end = getrlimit(RLIMIT_NOFILE, &most) == 0 && most.rlim_max < 1 << 20
		  ? (unsigned)most.rlim_max
		  : 1 << 20;
	for (fd = first; fd < end; fd++)
		fcntl((int)fd, F_SETFD, FD_CLOEXEC);
}

static int
stays_ignored(int sig)
{
	struct sigaction now;

	return (sig == SIGHUP || sig == SIGINT || sig == SIGQUIT) &&
	       sigaction(sig, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static _Noreturn void
child(const struct run *r, const struct pipes *p)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int sig = 1; sig < 32; sig++)
		if (!stays_ignored(sig))
			signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (r->timeout_ms || r->hurry)
		setpgid(0, 0);
	connect_to(p->in[0], STDIN_FILENO, 0, 1, null);
	connect_to(p->out[1], STDOUT_FILENO, r->log, r->discard_out, null);
	connect_to(p->err[1], STDERR_FILENO, r->log, r->discard_err, null);
	if (r->cwd && chdir(r->cwd))
		_exit(126);
	close_from(3);
	if (r->env)
		execvpe(r->argv[0], (char *const *)r->argv, (char *const *)r->env);
	else
		execvp(r->argv[0], (char *const *)r->argv);
	_exit(errno == ENOENT ? 127 : 126);
}

static int
ms_until(long long due)
{
	long long left = due - monotonic_ms();

	return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void
drain(int *fd, struct strbuf *to, size_t most)
{
	char chunk[16384];
	ssize_t n = read(*fd, chunk, sizeof(chunk));

	if (n > 0) {
		if (!most || to->len + (size_t)n <= most)
			strbuf_add(to, chunk, (size_t)n);
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		close(*fd);
		*fd = -1;
	}
}

static void
feed(int *fd, const struct run *r, size_t *done)
{
	ssize_t n = write(*fd, r->in + *done, r->in_len - *done);

	if (n > 0)
		*done += (size_t)n;
	if ((n < 0 && errno != EINTR && errno != EAGAIN) || *done == r->in_len) {
		close(*fd);
		*fd = -1;
	}
}

/* Ends the child's group in two steps. Returns when to call again, -1 for never. */
static long long
time_is_up(pid_t pid, int *stage)
{
	kill(-pid, *stage == 0 ? SIGTERM : SIGKILL);
	kill(pid, *stage == 0 ? SIGTERM : SIGKILL);
	return (*stage)++ == 0 ? monotonic_ms() + KILL_AFTER_MS : -1;
}

/*
 * Moves bytes until the child has exited and its pipes are closed. A grandchild that
 * keeps a pipe open doesn't keep us: after the child's exit what is there is read, no
 * more is waited for.
 */
static int
attend(const struct run *r, struct pipes *p, pid_t pid)
{
	long long due = r->timeout_ms ? monotonic_ms() + r->timeout_ms : -1;
	cleanup_fd int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	size_t fed = 0;
	int status = 0, exited = 0, stage = 0, hurried = 0, ready;

	while (!exited || p->out[0] >= 0 || p->err[0] >= 0) {
		struct pollfd f[] = {{p->in[1], POLLOUT, 0}, {p->out[0], POLLIN, 0},
		    {p->err[0], POLLIN, 0}, {exited ? -1 : pidfd, POLLIN, 0}};
		int idle = p->in[1] < 0 && p->out[0] < 0 && p->err[0] < 0;
		/* Without pidfds (before Linux 5.3) the child is looked at every 20 ms. */
		int wait = exited ? 0 : pidfd < 0 ? 20 : due < 0 ? -1 : ms_until(due);

		/* A signal that comes just before poll(2) is seen a moment later. */
		if (r->hurry && !hurried && (wait < 0 || wait > LOOK_MS))
			wait = LOOK_MS;
		if (idle && due < 0 && !r->hurry) {
			while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
				;
			break;
		}
		ready = poll(f, sizeof(f) / sizeof(f[0]), wait);
		if (ready > 0) {
			if (f[0].revents)
				feed(&p->in[1], r, &fed);
			if (f[1].revents)
				drain(&p->out[0], r->out, r->most);
			if (f[2].revents)
				drain(&p->err[0], r->err, r->most);
		}
		if (exited && ready <= 0)
			break;
		if (!exited && waitpid(pid, &status, WNOHANG) == pid)
			exited = 1;
		if (r->hurry && *r->hurry && !hurried++ &&
		    (due < 0 || due > monotonic_ms() + r->hurry_ms))
			due = monotonic_ms() + r->hurry_ms;
		if (!exited && due >= 0 && monotonic_ms() >= due)
			due = time_is_up(pid, &stage);
	}
	if (stage)
		return TIMED_OUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
run(const struct run *r)
{
	struct pipes p;
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	struct sigaction normal = {.sa_handler = SIG_DFL}, children;
	sigset_t all, mask;
	pid_t pid;
	int status;

	if (make_pipes(r, &p))
		return -1;
	/* Where SIGCHLD is ignored, as some supervisors hand it on, the kernel keeps no exit
	 * status. */
	sigaction(SIGCHLD, NULL, &children);
	if (children.sa_handler == SIG_IGN)
		sigaction(SIGCHLD, &normal, NULL);
	/* No signal comes between the child and the note of it. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &mask);
	pid = fork();
	if (pid != 0) {
		waited_for = pid > 0 ? pid : 0;
		sigprocmask(SIG_SETMASK, &mask, NULL);
	}
	if (pid < 0) {
		int saved = errno;

		sigaction(SIGCHLD, &children, NULL);
		close_pipes(&p);
		errno = saved;
		return -1;
	}
	if (pid == 0)
		child(r, &p);
	if (p.in[0] >= 0)
		close(steal_fd(&p.in[0]));
	if (p.out[1] >= 0)
		close(steal_fd(&p.out[1]));
	if (p.err[1] >= 0)
		close(steal_fd(&p.err[1]));
	if (p.in[1] >= 0)
		fcntl(p.in[1], F_SETFL, O_NONBLOCK);
	/* A child that doesn't read its input must not end us. */
	sigaction(SIGPIPE, &ignore, &before);
	status = attend(r, &p, pid);
	waited_for = 0;
	sigaction(SIGPIPE, &before, NULL);
	sigaction(SIGCHLD, &children, NULL);
	close_pipes(&p);
	return status;
}

/* ---- ending with it ---- */

static void
end_with_child(int sig)
{
	pid_t pid = waited_for;

	/* It may not have its group yet. */
	if (pid > 0 && kill(-pid, SIGTERM))
		kill(pid, SIGTERM);
	signal(sig, SIG_DFL);
	raise(sig);
}

void
run_ends_child(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction act = {.sa_handler = end_with_child}, before;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(ends[i], &act, NULL);
}
