#include "notify.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "report.h"
#include "run.h"
#include "strbuf.h"
#include "text.h"
#include "times.h"

enum { MESSAGE_MAX = 16 * 1024, REPORT_MAX = 32 * 1024 };

/* What stands in a message, one NUL-terminated text after the other. */
enum field { PATH, BEFORE, NOW, TEXT, OVERALL, FIELDS };

static const char *const variable[FIELDS] = {"FILEWATCH_PATH", "FILEWATCH_BEFORE",
    "FILEWATCH_STATE", "FILEWATCH_MESSAGE", "FILEWATCH_OVERALL"};

extern char **environ;

struct notifier {
	struct config *config;
	int fd;
	char last[MESSAGE_MAX + 1]; /* the latest change, not told yet */
	const char *field[FIELDS];
	unsigned long changes; /* not told yet */
	struct strbuf all;     /* a line for each of them */
	int64_t next;          /* monotonic ns: no sooner */
};

static bool
split(struct notifier *n, size_t len)
{
	const char *p = n->last, *end = n->last + len;
	size_t i;

	n->last[len] = '\0';
	for (i = 0; i < FIELDS; i++) {
		if (p >= end)
			return false;
		n->field[i] = p;
		p += strlen(p) + 1;
	}
	return true;
}

static void
collect(struct notifier *n)
{
	n->changes++;
	if (n->all.len > REPORT_MAX)
		return;
	strbuf_printf(&n->all, "%s ", n->field[NOW]);
	strbuf_put_visible(&n->all, n->field[PATH], strlen(n->field[PATH]));
	if (*n->field[TEXT]) {
		strbuf_puts(&n->all, ": ");
		strbuf_put_visible(&n->all, n->field[TEXT], strlen(n->field[TEXT]));
	}
	strbuf_putc(&n->all, '\n');
}

static char **
make_environment(const struct notifier *n)
{
	size_t have = 0, i, k = 0;
	char **env;

	while (environ[have])
		have++;
	env = xcalloc(have + FIELDS + 3, sizeof(*env));
	for (i = 0; i < have; i++)
		if (strncmp(environ[i], "FILEWATCH_", 10) != 0)
			env[k++] = xstrdup(environ[i]);
	for (i = 0; i < FIELDS; i++)
		env[k++] = xasprintf("%s=%s", variable[i], n->field[i]);
	env[k++] = xasprintf("FILEWATCH_CHANGES=%lu", n->changes);
	env[k] = xasprintf("FILEWATCH_REPORT=%s", n->all.s ? n->all.s : "");
	return env;
}

static void
run_command(struct notifier *n)
{
	const struct notify *hook = &n->config->notify;
	char **env = make_environment(n), **e;
	struct run r = {.argv = (const char *const *)hook->command,
	    .env = (const char *const *)env,
	    .discard_out = 1,
	    .timeout_ms = (unsigned)hook->timeout};
	int status = run(&r);

	if (status != 0)
		report("command '%s' failed: exit status %d", hook->command[0], status);
	for (e = env; *e; e++)
		free(*e);
	free(env);
	strbuf_cut(&n->all, 0);
	n->changes = 0;
	n->next = monotonic_ns() + hook->every * NS_PER_MS;
}

static void
read_again(struct notifier *n)
{
	struct config *c = config_read(n->config->file);

	if (!c)
		return;
	config_drop(n->config);
	n->config = c;
}

/* Returns false where the watcher is gone. */
static bool
take_message(struct notifier *n)
{
	ssize_t len = recv(n->fd, n->last, MESSAGE_MAX, 0);

	if (len == 0 || (len < 0 && errno != EINTR))
		return false;
	if (len == 1)
		read_again(n);
	else if (len > 0 && split(n, (size_t)len))
		collect(n);
	return true;
}

static _Noreturn void
serve(struct notifier *n)
{
	for (;;) {
		int64_t now = monotonic_ns();
		bool waits = n->changes && n->config->notify.command;
		int timeout = !waits           ? -1
			      : now >= n->next ? 0
					       : (int)((n->next - now) / NS_PER_MS + 1);

		if (waits && now >= n->next) {
			run_command(n);
			continue;
		}
		if (poll(&(struct pollfd){n->fd, POLLIN, 0}, 1, timeout) > 0 &&
		    !take_message(n))
			_exit(0);
	}
}

static _Noreturn void
be_notifier(const struct config *c, int fd)
{
	struct notifier n = {.config = config_hold((struct config *)(uintptr_t)c), .fd = fd};

	/* SIGHUP and SIGTERM are the watcher's; we end when it does. */
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	serve(&n);
}

int
notify_start(const struct config *c)
{
	int pair[2];
	pid_t pid;

	if (!c->notify.command)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		report("start the notifier:");
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		be_notifier(c, pair[1]);
	}
	close(pair[1]);
	if (pid > 0)
		return pair[0];
	report("start the notifier:");
	close(pair[0]);
	return -1;
}

static void
put_field(struct strbuf *b, const char *text)
{
	enum { FIELD_MAX = MESSAGE_MAX / 4 };

	strbuf_add(b, text, strnlen(text, FIELD_MAX));
	strbuf_putc(b, '\0');
}

static void
send_to(int fd, const void *bytes, size_t n)
{
	if (fd >= 0 && send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		report("write to the notifier:");
}

void
notify_change(int fd, const char *path, const char *before, const char *now,
    const char *message, const char *overall)
{
	struct strbuf b = STRBUF_INIT;

	put_field(&b, path);
	put_field(&b, before);
	put_field(&b, now);
	put_field(&b, message);
	put_field(&b, overall);
	send_to(fd, b.s, b.len);
	strbuf_free(&b);
}

void
notify_reload(int fd)
{
	send_to(fd, "", 1);
}
