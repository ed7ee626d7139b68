/* probe: is a service there, and does it say what it should? For images without a shell. */

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "dial.h"
#include "report.h"
#include "response.h"
#include "settings.h"
#include "strbuf.h"
#include "streams.h"
#include "target.h"

static const char usage[] =
    "usage: probe [-t TIME] http://HOST[:PORT][/PATH] [TEXT]\n"
    "       probe [-t TIME] tcp:HOST:PORT\n"
    "       probe [-t TIME] unix:PATH\n"
    "\n"
    "Exits 0 where the service answers: HTTP with a status of 2xx and TEXT, if given,\n"
    "in the body; tcp and unix by taking the connection. Says why where it doesn't.\n"
    "\n"
    "  -t, --time TIME  the limit for all of it, such as 500ms or 1m (default: 5s)\n"
    "  -h, --help       this text\n"
    "\n"
    "Exit status: 0 healthy, 1 not, 2 trouble.\n";

/* ---- the time limit ----
 *
 * One timer ends everything: looking up the name, connecting, a server that never
 * answers and one that sends a byte now and then. Its message is made beforehand,
 * since a signal handler must not format anything.
 */

static char overdue[512];

static void
on_alarm(int sig)
{
	(void)sig;
	if (write(STDERR_FILENO, overdue, strlen(overdue)) < 0) {
		/* the exit status says it as well */
	}
	_exit(EXIT_NO);
}

static void
prepare_message(const char *target, const char *limit)
{
	struct strbuf visible = STRBUF_INIT;

	strbuf_put_visible(&visible, target, strnlen(target, 100));
	snprintf(
	    overdue, sizeof(overdue), "probe: '%s': no answer within %s\n", visible.s, limit);
	strbuf_free(&visible);
}

static void
start_timer(const char *target, const char *limit, int64_t ms)
{
	struct sigaction action = {.sa_handler = on_alarm};
	struct itimerval in = {.it_value = {ms / 1000, ms % 1000 * 1000}};
	sigset_t alarm_only;

	prepare_message(target, limit);
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	/* Whoever started us may have left the signal blocked. */
	if (sigaction(SIGALRM, &action, NULL) < 0 ||
	    sigprocmask(SIG_UNBLOCK, &alarm_only, NULL) < 0 ||
	    setitimer(ITIMER_REAL, &in, NULL) < 0)
		die("start the timer:");
}

/* ---- connecting ---- */

/* Every address of the name in turn. Returns a descriptor, or -1 after report(). */
static int
connect_tcp(const struct target *t, const char *name)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *all, *a;
	int fd = -1, err = getaddrinfo(t->host, t->port, &hints, &all);

	if (err) {
		report("look up '%s': %s", t->host,
		    err == EAI_SYSTEM ? strerror(errno) : gai_strerror(err));
		return -1;
	}
	for (a = all; a && fd < 0; a = a->ai_next)
		fd = dial(a->ai_addr, a->ai_addrlen);
	if (fd < 0)
		report("connect to '%s':", name);
	freeaddrinfo(all);
	return fd;
}

static int
connect_unix(const struct target *t, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	memcpy(address.sun_path, t->path, strlen(t->path) + 1);
	fd = dial((struct sockaddr *)&address, sizeof(address));
	if (fd < 0)
		report("connect to '%s':", name);
	return fd;
}

/* ---- HTTP ---- */

static int
ask_http(int fd, const struct target *t, const char *name, const char *text)
{
	enum verdict verdict;
	struct response r;

	if (response_ask(fd, "probe", t->authority, t->path)) {
		report("send to '%s':", name);
		return -1;
	}
	response_init(&r, text);
	verdict = response_read(&r, fd);
	if (verdict == RESPONSE_MORE)
		report("read from '%s':", name);
	else if (verdict == RESPONSE_BAD)
		report("'%s': %s", name, r.why);
	response_free(&r);
	return verdict == RESPONSE_GOOD ? 0 : -1;
}

/* ---- */

static int
probe(const struct target *t, const char *name, const char *text)
{
	cleanup_fd int fd =
	    t->kind == TARGET_UNIX ? connect_unix(t, name) : connect_tcp(t, name);

	if (fd < 0)
		return EXIT_NO;
	if (t->kind == TARGET_HTTP && ask_http(fd, t, name, text) < 0)
		return EXIT_NO;
	return EXIT_YES;
}

static noreturn void
wrong_usage(void)
{
	fputs(usage, stderr);
	exit(EXIT_TROUBLE);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"time", required_argument, NULL, 't'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	const char *limit = "5s", *name, *text, *why;
	struct target target;
	int64_t ms;
	int c, status;

	streams_begin();
	report_prog = "probe";
	while ((c = getopt_long(argc, argv, "+t:h", options, NULL)) != -1) {
		if (c == 'h')
			return fputs(usage, stdout), streams_end(EXIT_YES);
		if (c != 't')
			wrong_usage();
		limit = optarg;
	}
	if (optind >= argc || argc - optind > 2)
		wrong_usage();
	name = argv[optind];
	text = argv[optind + 1];

	if (parse_duration(limit, &ms) < 0 || ms < 1 || ms > 86400000)
		die("bad time limit '%s': want 1ms to 1d, such as 500ms, 5s or 1m", limit);
	if (target_parse(&target, name, &why) < 0)
		die("bad target '%s': %s", name, why);
	if (text && (target.kind != TARGET_HTTP || !*text))
		die("bad text '%s': %s", text,
		    *text ? "only an answer over http has one" : "it is empty");

	start_timer(name, limit, ms);
	status = probe(&target, name, text);
	target_free(&target);
	return status;
}
