#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "engine.h"
#include "file.h"
#include "pool.h"
#include "report.h"
#include "strbuf.h"

enum { OWN_LINES = 20, CHUNK = 65536, CUT_FROM = 1 << 20, LONGEST = 1 << 24, TIMED_OUT = 124 };

void
last_lines(struct strbuf *b, size_t lines)
{
	const char *end = b->s + b->len, *p = end;

	while (p > b->s && (p[-1] != '\n' || p == end || --lines))
		p--;
	if (p > b->s)
		memmove(b->s, p, (size_t)(end - p));
	if (b->len)
		strbuf_cut(b, (size_t)(end - p));
}

/* The same where what comes before may be endless, and lines too. */
static void
keep_end(struct strbuf *b, size_t lines)
{
	last_lines(b, lines);
	if (b->len > LONGEST) {
		memmove(b->s, b->s + b->len - CUT_FROM, CUT_FROM);
		strbuf_cut(b, CUT_FROM);
	}
}

/* Both outputs come out of one pipe, or their order would be lost. */
static pid_t
start_logs(const struct engine *e, const struct log_query *q, bool follow, int *from)
{
	struct words args = {0};
	int ends[2];
	pid_t pid;

	words_add(&args, "logs");
	if (follow)
		words_add(&args, "-f");
	if (q->since) {
		words_add(&args, "--since");
		words_add(&args, q->since);
	}
	words_add(&args, q->id);
	if (pipe2(ends, O_CLOEXEC))
		return -1;
	pid = fork();
	if (pid == 0) {
		char **argv = engine_argv(e, (const char *const *)args.w);

		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (dup2(ends[1], STDOUT_FILENO) < 0 || dup2(ends[1], STDERR_FILENO) < 0)
			_exit(126);
		execvp(argv[0], argv);
		report("start '%s':", argv[0]);
		_exit(errno == ENOENT ? 127 : 126);
	}
	close(ends[1]);
	*from = ends[0];
	if (pid < 0)
		close(ends[0]);
	return pid;
}

static int
status_of(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* 0 where there is something to read, or its end. */
static int
wait_for_more(int fd, long long due)
{
	struct pollfd f = {fd, POLLIN, 0};
	long long left = due - monotonic_ms();
	int got;

	if (!due)
		return 0;
	got = left > 0 ? poll(&f, 1, (int)left) : 0;
	return got > 0 || (got < 0 && errno == EINTR) ? 0 : -1;
}

int
log_read(const struct engine *e, const struct log_query *q, struct strbuf *out, long long *seen)
{
	long long due = q->limit_ms ? monotonic_ms() + q->limit_ms : 0, all = 0;
	cleanup_fd int from = -1;
	pid_t pid = start_logs(e, q, false, &from);
	char chunk[CHUNK];
	bool late = false;
	ssize_t n = 1;
	int status;

	if (pid < 0) {
		report("start '%s':", e->program);
		return -1;
	}
	while (n > 0 && !(late = wait_for_more(from, due) != 0)) {
		n = read(from, chunk, sizeof(chunk));
		if (n > 0) {
			strbuf_add(out, chunk, (size_t)n);
			all += n;
		}
		n = n < 0 && errno == EINTR ? 1 : n;
		if (q->lines && out->len > CUT_FROM)
			keep_end(out, q->lines);
	}
	if (late)
		kill(pid, SIGKILL);
	status = status_of(pid);
	if (q->lines)
		last_lines(out, q->lines);
	if (seen)
		*seen = all;
	return late ? TIMED_OUT : status;
}

int
log_follow(const struct engine *e, const struct log_query *q, long long after)
{
	cleanup_fd int from = -1;
	pid_t pid = start_logs(e, q, true, &from);
	char chunk[CHUNK];
	ssize_t n;

	if (pid < 0) {
		report("start '%s':", e->program);
		return -1;
	}
	while ((n = read(from, chunk, sizeof(chunk))) > 0 || (n < 0 && errno == EINTR)) {
		size_t skipped = n <= 0 ? 0 : after < n ? (size_t)after : (size_t)n;

		after -= (long long)skipped;
		if (n > 0 && write_all(STDOUT_FILENO, chunk + skipped, (size_t)n - skipped)) {
			kill(pid, SIGTERM); /* nobody reads any more */
			break;
		}
	}
	return status_of(pid);
}

void
show_log_end(const char *path)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct strbuf b = STRBUF_INIT;
	char chunk[4096];
	ssize_t n;

	while (fd >= 0 && (n = read(fd, chunk, sizeof(chunk))) > 0) {
		strbuf_add(&b, chunk, (size_t)n);
		if (b.len > CUT_FROM)
			last_lines(&b, OWN_LINES);
	}
	if (b.len)
		last_lines(&b, OWN_LINES);
	for (const char *p = b.s; p && *p;
	     p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n'))
		fprintf(stderr, "    %.*s\n", (int)strcspn(p, "\n"), p);
	strbuf_free(&b);
}
