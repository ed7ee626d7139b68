#include "ready.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "app.h"
#include "beneath.h"
#include "cleanup.h"
#include "container.h"
#include "engine.h"
#include "engine_call.h"
#include "engine_inspect.h"
#include "netns.h"
#include "report.h"
#include "signals.h"
#include "strbuf.h"

enum { ASK_MS = 5000, ANSWER_MAX = 65536, PAUSE_MS = 100, SEE_EVERY_MS = 1000 };

/* Where to knock: the address inside, or what the host has of it. */
struct knock {
	const struct ready *r;
	const char *host;
	uint16_t port;
};

/* ---- inside the container's network, or on the host ---- */

static int
dial(const char *host, uint16_t port, int say)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool six = strchr(host, ':') != NULL;
	const struct sockaddr *to = six ? (void *)&v6 : (void *)&v4;
	int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(
	    six ? AF_INET6 : AF_INET, host, six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr);
	if (fd >= 0 && connect(fd, to, six ? sizeof(v6) : sizeof(v4)) == 0)
		return fd;
	dprintf(say, "connect to %s port %d: %s", host, port, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Everything that comes, as far as the buffer goes; its length. */
static size_t
read_all(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size - 1) {
		n = read(fd, text + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	return len;
}

static int
judge(const struct ready *r, const char *answer, size_t len, int say)
{
	const char *body = memmem(answer, len, "\r\n\r\n", 4);
	int status;

	if (sscanf(answer, "HTTP/1.%*1d %3d", &status) != 1) {
		dprintf(say, "no HTTP answer");
		return 1;
	}
	if (r->status ? status != r->status : status < 200 || status > 399) {
		dprintf(say, "HTTP status %d", status);
		return 1;
	}
	if (r->expect && (!body || !memmem(body, len - (size_t)(body - answer), r->expect,
				       strlen(r->expect)))) {
		dprintf(say, "the answer lacks '%s'", r->expect);
		return 1;
	}
	return 0;
}

static int
ask_http(void *arg, int say)
{
	const struct knock *k = arg;
	cleanup_fd int fd = dial(k->host, k->port, say);
	cleanup_free char *answer = fd < 0 ? NULL : malloc(ANSWER_MAX);

	if (!answer)
		return 1;
	if (dprintf(fd, "GET %s HTTP/1.0\r\nHost: %s%s%s:%d\r\nConnection: close\r\n\r\n",
		k->r->path, strchr(k->r->host, ':') ? "[" : "", k->r->host,
		strchr(k->r->host, ':') ? "]" : "", k->r->port) < 0) {
		dprintf(say, "send: %s", strerror(errno));
		return 1;
	}
	return judge(k->r, answer, read_all(fd, answer, ANSWER_MAX), say);
}

static int
ask_tcp(void *arg, int say)
{
	const struct knock *k = arg;
	cleanup_fd int fd = dial(k->host, k->port, say);

	return fd < 0;
}

/* The port that the host has of one inside: "127.0.0.1:8080->80/tcp". */
static bool
published(const struct seen *now, uint16_t inside, struct knock *k)
{
	char address[64];
	unsigned host, in;

	for (size_t i = 0; i < now->ports.n; i++) {
		if (sscanf(now->ports.w[i], "%63[0-9.]:%u->%u/tcp", address, &host, &in) != 3 ||
		    in != inside)
			continue;
		k->host = strcmp(address, "0.0.0.0") == 0 ? "127.0.0.1" : pool_dup(address);
		k->port = (uint16_t)host;
		return true;
	}
	return false;
}

/* From inside where that is allowed; else over the published port or the address. */
static enum readiness
ask_network(const struct container *c, const struct seen *now, const char **why)
{
	int (*job)(void *, int) = c->ready.kind == READY_HTTP ? ask_http : ask_tcp;
	struct knock k = {&c->ready, c->ready.host, c->ready.port};
	int got = in_network_of(now->pid, ASK_MS, job, &k, why);

	if (got == NETNS_DENIED) {
		if (!published(now, c->ready.port, &k)) {
			if (!now->ips.n)
				return READY_NOT_YET;
			k.host = now->ips.w[0];
		}
		got = in_network_of(getpid(), ASK_MS, job, &k, why);
	}
	return got == 0 ? READY_YES : READY_NOT_YET;
}

static enum readiness
ask_unix(const struct container *c, const struct seen *now, const char **why)
{
	cleanup_fd int root = root_of(now->pid);
	cleanup_fd int at = root < 0 ? -1 : open_in_root(root, c->ready.path, O_PATH, 0);
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d", at);
	if (at < 0 || fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		*why = pool_printf("socket %s: %s", c->ready.path, strerror(errno));
		return READY_NOT_YET;
	}
	return READY_YES;
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

static enum readiness
ask_health(const struct engine *e, const struct seen *now, const char **why)
{
	struct words args = {0};

	if (e->kind == DOCKER || !e->no_timers) {
		*why = pool_printf("health: %s", now->health ? now->health : "not known yet");
		return now->health && strcmp(now->health, "healthy") == 0     ? READY_YES
		       : now->health && strcmp(now->health, "unhealthy") == 0 ? READY_NEVER
									      : READY_NOT_YET;
	}
	words_add(&args, "healthcheck");
	words_add(&args, "run");
	words_add(&args, now->id);
	*why = "the health check fails";
	return engine_quiet(e, NULL, ASK_MS, &args) == 0 ? READY_YES : READY_NOT_YET;
}

enum readiness
ready_ask(const struct engine *e, const struct container *c, const struct seen *now,
    bool has_health, const char **why)
{
	*why = "";
	if (!now->running) {
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

static long long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* The engine is asked where the process is gone, and once a second. */
static int
look(const struct engine *e, const char *id, struct seen *now, long long *seen_at)
{
	if (now->pid && *seen_at + SEE_EVERY_MS > now_ms() &&
	    access(pool_printf("/proc/%d/ns", (int)now->pid), F_OK) == 0)
		return 1;
	*seen_at = now_ms();
	return engine_see(e, id, now);
}

/* An end that nobody will undo. */
static bool
has_ended(const struct seen *now)
{
	return !now->running &&
	       (strcmp(now->state, "exited") == 0 || strcmp(now->state, "stopped") == 0 ||
		   strcmp(now->state, "dead") == 0);
}

/* runc before 1.2 gives a tmpfs the mode of the image's folder that it is mounted on. */
static void
tell_modes(const struct container *c, pid_t pid)
{
	cleanup_fd int root = c->tmpfs.n ? root_of(pid) : -1;

	for (size_t i = 0; root >= 0 && i < c->tmpfs.n; i++) {
		const struct tmpfs *t = &c->tmpfs.v[i];
		cleanup_fd int fd = open_in_root(root, t->path, O_PATH, 0);
		struct stat st;

		if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) != t->mode)
			report("%s: the tmpfs '%s' has mode %04o, not %04o: the engine's "
			       "runtime keeps that of the image's own folder",
			    c->key, t->path, (unsigned)st.st_mode & 07777, (unsigned)t->mode);
	}
}

enum readiness
ready_wait(const struct engine *e, const struct container *c, const char *id, bool has_health,
    void (*progress)(void *), void *arg, const char **why)
{
	long long start = now_ms(), good_since = -1, seen_at = -1;
	struct seen now = {0};
	int restarts = 0;

	for (;;) {
		enum readiness r;
		int got = look(e, id, &now, &seen_at);

		if (interrupted) {
			*why = "interrupted";
			return READY_NEVER;
		}
		if (got < 1) {
			*why = "the container is gone";
			return READY_NEVER;
		}
		r = ready_ask(e, c, &now, has_health, why);
		if (has_ended(&now) || r == READY_NEVER)
			return READY_NEVER;
		if (good_since >= 0 && (r != READY_YES || now.restarts != restarts)) {
			*why = pool_printf("it was ready, then no longer: %s",
			    r == READY_YES ? "it started anew" : *why);
			return READY_NEVER;
		}
		if (r == READY_YES && good_since < 0) {
			good_since = now_ms();
			restarts = now.restarts;
			tell_modes(c, now.pid);
			if (progress)
				progress(arg);
		}
		if (good_since >= 0 && now_ms() - good_since >= c->ready.stable)
			return READY_YES;
		if (good_since < 0 && now_ms() - start > c->ready.within) {
			*why = pool_printf("not ready within %lld s: %s",
			    (long long)(c->ready.within / 1000), *why);
			return READY_NEVER;
		}
		usleep(PAUSE_MS * 1000);
	}
}
