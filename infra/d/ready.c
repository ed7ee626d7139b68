#include "ready.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "app.h"
#include "beneath.h"
#include "cleanup.h"
#include "clock.h"
#include "container.h"
#include "dial.h"
#include "engine.h"
#include "engine_call.h"
#include "engine_inspect.h"
#include "netns.h"
#include "proc.h"
#include "report.h"
#include "response.h"
#include "signals.h"
#include "strbuf.h"

enum { ASK_MS = 5000, PAUSE_MS = 100, SEE_EVERY_MS = 1000, AGAIN_MS = 250 };

/* Where to ask: the address inside, or what the host has of it. */
struct endpoint {
	const struct ready *r;
	const char *host; /* NULL: either loopback address */
	uint16_t port;
};

/* ---- inside the container's network, or on the host ---- */

static int
dial_one(const char *host, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
		return dial((const struct sockaddr *)&v6, sizeof(v6));
	inet_pton(AF_INET, host, &v4.sin_addr);
	return dial((const struct sockaddr *)&v4, sizeof(v4));
}

/* host gets the address that took the connection. */
static int
dial_endpoint(const struct endpoint *e, const char **host, int say)
{
	int fd;

	*host = e->host ? e->host : "127.0.0.1";
	fd = dial_one(*host, e->port);
	if (fd >= 0)
		return fd;
	dprintf(say, "connect to %s port %d: %s", *host, e->port, strerror(errno));
	if (e->host)
		return -1;
	/* Some services listen on one family only. */
	*host = "::1";
	return dial_one(*host, e->port);
}

/* NAME:PORT, the name as the service knows itself. */
static const char *
authority(const struct ready *r, const char *host)
{
	if (r->name)
		return pool_printf("%s:%d", r->name, r->port);
	return pool_printf(strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, r->port);
}

static void
expectations(const struct ready *r, struct response *answer)
{
	response_init(answer, r->expect);
	answer->first = r->status ? (int)r->status : 200;
	answer->last = r->status ? (int)r->status : 399;
}

/* Until the answer is known: one that goes on without end doesn't have to end first. NULL where
 * it is good, else why not; *any gets whether anything came. */
static const char *
judge(const struct ready *r, int fd, bool *any)
{
	enum verdict verdict;
	struct response answer;
	const char *why = NULL;

	expectations(r, &answer);
	verdict = response_read(&answer, fd);
	if (verdict == RESPONSE_BAD)
		why = pool_dup(answer.why);
	else if (verdict == RESPONSE_MORE)
		why = pool_printf("read: %s", strerror(errno));
	*any = answer.total > 0;
	response_free(&answer);
	return why;
}

static int
ask_http(void *arg, int say)
{
	const struct endpoint *e = arg;
	const char *host, *why;
	cleanup_fd int fd = dial_endpoint(e, &host, say);
	bool any;

	if (fd < 0)
		return 1;
	if (response_ask(fd, "d", authority(e->r, host), e->r->path)) {
		dprintf(say, "send: %s", strerror(errno));
		return 1;
	}
	why = judge(e->r, fd, &any);
	if (why)
		dprintf(say, "%s", why);
	return why != NULL;
}

/* curl speaks TLS, and leaves the answer to us as it comes. */
static void
curl_args(struct words *out, const struct endpoint *e, const char *host)
{
	static const char *const always[] = {"curl", "-q", "-sS", "-i", "--raw", "-N",
	    "--http1.1", "--noproxy", "*", "-A", "d", "--max-time"};

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		words_add(out, always[i]);
	words_addf(out, "%d", ASK_MS / 1000);
	if (e->r->ca) {
		words_add(out, "--cacert");
		words_add(out, e->r->ca);
	}
	if (e->r->pin) {
		words_add(out, "--pinnedpubkey");
		words_add(out, e->r->pin);
	}
	/* A pinned key needs no certificate authority. */
	if (e->r->pin && !e->r->ca)
		words_add(out, "-k");
	words_add(out, "--connect-to");
	words_addf(out, strchr(host, ':') ? "::[%s]:%d" : "::%s:%d", host, e->port);
	words_addf(out, "https://%s%s", authority(e->r, host), e->r->path);
}

static int
ask_https(void *arg, int say)
{
	const struct endpoint *e = arg;
	struct words argv = {0};
	const char *host, *why;
	int fd = dial_endpoint(e, &host, say), ends[2], status = 0;
	bool any;
	pid_t pid;

	if (fd < 0 || pipe2(ends, O_CLOEXEC))
		return 1;
	close(fd);
	curl_args(&argv, e, host);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (dup2(ends[1], STDOUT_FILENO) < 0 || dup2(say, STDERR_FILENO) < 0)
			_exit(126);
		execvp(argv.w[0], argv.w);
		dprintf(say, "https is asked by the program curl: %s", strerror(errno));
		_exit(127);
	}
	close(ends[1]);
	if (pid < 0)
		return 1;
	why = judge(e->r, ends[0], &any);
	close(ends[0]);
	if (any)
		kill(pid, SIGKILL); /* the rest of the answer */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/* Without an answer, curl has said why. */
	if (why && (any || WEXITSTATUS(status) == 0))
		dprintf(say, "%s", why);
	return why != NULL;
}

static int
ask_tcp(void *arg, int say)
{
	const struct endpoint *e = arg;
	const char *host;
	cleanup_fd int fd = dial_endpoint(e, &host, say);

	return fd < 0;
}

/* The port that the host has of one inside: "127.0.0.1:8080->80/tcp", "[::1]:8080->80/tcp". */
static bool
published(const struct seen *now, uint16_t inside, struct endpoint *e)
{
	char address[64];
	unsigned host, in;

	for (size_t i = 0; i < now->ports.n; i++) {
		const char *text = now->ports.w[i];

		if ((sscanf(text, "%63[0-9.]:%u->%u/tcp", address, &host, &in) != 3 &&
			sscanf(text, "[%63[0-9a-f.:]]:%u->%u/tcp", address, &host, &in) != 3) ||
		    in != inside)
			continue;
		e->host = strcmp(address, "0.0.0.0") == 0 ? "127.0.0.1"
			  : strcmp(address, "::") == 0    ? "::1"
							  : pool_dup(address);
		e->port = (uint16_t)host;
		return true;
	}
	return false;
}

/* From inside where that is allowed; else over the published port or the address. */
static enum readiness
ask_network(const struct container *c, const struct seen *now, const char **why)
{
	int (*job)(void *, int) = c->ready.kind != READY_HTTP ? ask_tcp
				  : c->ready.tls              ? ask_https
							      : ask_http;
	struct endpoint e = {&c->ready, c->ready.host, c->ready.port};
	int got = in_network_of(now->pid, ASK_MS, job, &e, why);

	if (got == NETNS_DENIED) {
		if (!published(now, c->ready.port, &e)) {
			if (!now->ips.n)
				return READY_NOT_YET;
			e.host = now->ips.w[0];
		}
		got = in_network_of(getpid(), ASK_MS, job, &e, why);
	}
	return got == 0 ? READY_YES : READY_NOT_YET;
}

struct socket_in {
	pid_t pid;
	const char *path;
};

static int
ask_socket(void *arg, int say)
{
	const struct socket_in *s = arg;
	cleanup_fd int root = root_of(s->pid);
	cleanup_fd int at = root < 0 ? -1 : open_in_root(root, s->path, O_PATH, 0);
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d", at);
	if (at >= 0 && fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return 0;
	dprintf(say, "socket %s: %s", s->path, strerror(errno));
	return 1;
}

/* A socket may be its service's alone. */
static enum readiness
ask_unix(const struct container *c, const struct seen *now, const char **why)
{
	struct socket_in s = {now->pid, c->ready.path};

	return as_root_of(now->pid, ASK_MS, ask_socket, &s, why) == 0 ? READY_YES
								      : READY_NOT_YET;
}

/* ---- by the engine ---- */

static bool
a_line_matches(char *text, const char *pattern)
{
	char *line, *save = NULL;
	bool found = false;
	regex_t re;

	if (!text || regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB))
		return false;
	for (line = strtok_r(text, "\n", &save); line && !found;
	     line = strtok_r(NULL, "\n", &save))
		found = regexec(&re, line, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

static enum readiness
ask_log(
    const struct engine *e, const struct container *c, const struct seen *now, const char **why)
{
	struct strbuf out = STRBUF_INIT;
	struct words args = {0};
	bool found;

	words_add(&args, "logs");
	words_add(&args, now->id);
	engine_quiet(e, &out, ASK_MS, &args);
	found = a_line_matches(out.s, c->ready.pattern);
	strbuf_free(&out);
	*why = pool_printf("no line of the log matches '%s'", c->ready.pattern);
	return found ? READY_YES : READY_NOT_YET;
}

static enum readiness
ask_command(
    const struct engine *e, const struct container *c, const struct seen *now, const char **why)
{
	struct strbuf out = STRBUF_INIT;
	struct words args = {0};
	bool fine;
	int status;

	words_add(&args, "exec");
	words_add(&args, now->id);
	words_add_all(&args, &c->ready.command);
	status = engine_quiet(e, &out, ASK_MS, &args);
	fine = status == 0 && (!c->ready.expect || (out.s && strstr(out.s, c->ready.expect)));
	*why = status ? pool_printf("%s: status %d", c->ready.command.w[0], status)
		      : pool_printf("%s doesn't say '%s'", c->ready.command.w[0],
			    c->ready.expect ? c->ready.expect : "");
	strbuf_free(&out);
	return fine ? READY_YES : READY_NOT_YET;
}

/* The check itself: an engine's first is due after a whole interval, by default 30 s. */
static int
run_check(const struct engine *e, const struct seen *now)
{
	struct words args = {0};

	if (e->kind == PODMAN) {
		words_add(&args, "healthcheck");
		words_add(&args, "run");
		words_add(&args, now->id);
		return engine_quiet(e, NULL, ASK_MS, &args);
	}
	words_add(&args, "exec");
	words_add(&args, now->id);
	words_add_all(&args, &now->check);
	return engine_quiet(e, NULL, ASK_MS, &args);
}

static enum readiness
ask_health(const struct engine *e, const struct seen *now, const char **why)
{
	bool engine_asks = e->kind == DOCKER || !e->no_timers;

	if (engine_asks && now->health && strcmp(now->health, "healthy") == 0)
		return READY_YES;
	*why = "health: unhealthy";
	if (engine_asks && now->health && strcmp(now->health, "unhealthy") == 0)
		return READY_NEVER;
	*why = "the health check fails";
	return run_check(e, now) == 0 ? READY_YES : READY_NOT_YET;
}

enum readiness
ready_ask(const struct engine *e, const struct container *c, const struct seen *now,
    bool has_health, const char **why)
{
	*why = "";
	/* docker says "running" of what waits for its next start, too. */
	if (!now->running || strcmp(now->state, "restarting") == 0) {
		*why = pool_printf("it is %s, exit status %d", now->state, now->exit_code);
		return READY_NOT_YET;
	}
	if (c->ready.kind != READY_NONE && now->health &&
	    strcmp(now->health, "unhealthy") == 0) {
		*why = "health: unhealthy";
		return READY_NOT_YET;
	}
	switch (c->ready.kind) {
	case READY_HTTP:
	case READY_TCP:
		return ask_network(c, now, why);
	case READY_UNIX:
		return ask_unix(c, now, why);
	case READY_LOG:
		return ask_log(e, c, now, why);
	case READY_COMMAND:
		return ask_command(e, c, now, why);
	case READY_NONE:
		break;
	}
	return has_health && !c->health.off ? ask_health(e, now, why) : READY_YES;
}

/* ---- waiting ---- */

struct watch {
	struct seen now;
	long long asked_at;
	long long pause; /* before it is asked again; 0 where it answered */
};

/* The engine is asked where the process is gone, and once a second. One that doesn't answer is
 * left alone for longer each time: every attempt is told. */
static int
look(const struct engine *e, const char *id, struct watch *w)
{
	int got;

	if (w->pause && w->asked_at + w->pause > monotonic_ms())
		return -1;
	if (!w->pause && w->now.pid && w->asked_at + SEE_EVERY_MS > monotonic_ms() &&
	    proc_runs(w->now.pid))
		return 1;
	got = engine_see(e, id, &w->now);
	w->asked_at = monotonic_ms();
	w->pause = got >= 0 ? 0 : w->pause ? 2 * w->pause : AGAIN_MS;
	return got;
}

/* An end that nobody will undo. */
static bool
has_ended(const struct seen *now)
{
	return !now->running &&
	       (strcmp(now->state, "exited") == 0 || strcmp(now->state, "stopped") == 0 ||
		   strcmp(now->state, "dead") == 0);
}

/* runc before 1.2 gives a tmpfs the mode of the image's directory that it is mounted on. Less
 * than was asked for does no harm where the service owns it. */
static void
tell_modes(const struct container *c, pid_t pid)
{
	cleanup_fd int root = c->tmpfs.n ? root_of(pid) : -1;
	struct stat service = {0};

	if (stat(pool_printf("/proc/%d", (int)pid), &service))
		service.st_uid = 0;

	for (size_t i = 0; root >= 0 && i < c->tmpfs.n; i++) {
		const struct tmpfs *t = &c->tmpfs.v[i];
		cleanup_fd int fd = open_in_root(root, t->path, O_PATH, 0);
		struct stat st;

		if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) != t->mode &&
		    ((st.st_mode & 0777 & ~t->mode) || st.st_uid != service.st_uid))
			report("%s: the tmpfs '%s' has mode %04o, not %04o: the engine's "
			       "runtime keeps that of the image's own directory",
			    c->key, t->path, (unsigned)st.st_mode & 07777, (unsigned)t->mode);
	}
}

enum readiness
ready_wait(const struct engine *e, const struct container *c, const char *id, bool has_health,
    void (*progress)(void *), void *arg, const char **why)
{
	long long start = monotonic_ms(), good_since = -1;
	struct watch watch = {0};
	const struct seen *now = &watch.now;
	int restarts = 0;

	for (;;) {
		enum readiness r;
		int got = look(e, id, &watch);

		if (interrupted) {
			*why = "interrupted";
			return READY_NEVER;
		}
		if (got == 0) {
			*why = "the container is gone";
			return READY_NEVER;
		}
		if (got < 0) {
			if (monotonic_ms() - start >
			    c->ready.within + (good_since < 0 ? 0 : c->ready.stable)) {
				*why = "the engine can't be asked about it";
				return READY_UNKNOWN;
			}
			usleep(PAUSE_MS * 1000);
			continue;
		}
		r = ready_ask(e, c, now, has_health, why);
		if (has_ended(now) || r == READY_NEVER)
			return READY_NEVER;
		if (good_since >= 0 && (r != READY_YES || now->restarts != restarts)) {
			*why = pool_printf("it was ready, then no longer: %s",
			    r == READY_YES ? "it started anew" : *why);
			return READY_NEVER;
		}
		if (r == READY_YES && good_since < 0) {
			good_since = monotonic_ms();
			restarts = now->restarts;
			tell_modes(c, now->pid);
			if (progress)
				progress(arg);
		}
		if (good_since >= 0 && monotonic_ms() - good_since >= c->ready.stable)
			return READY_YES;
		if (good_since < 0 && monotonic_ms() - start > c->ready.within) {
			*why = pool_printf("not ready within %lld s: %s",
			    (long long)(c->ready.within / 1000), *why);
			return READY_NEVER;
		}
		usleep(PAUSE_MS * 1000);
	}
}
