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
#include "report.h"
#include "response.h"
#include "settings.h"
#include "strbuf.h"
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

/* The kernel may choose for our end the very port that we ask for; where nobody listens
 * there, the socket is then connected to itself (RFC 9293, 3.5, simultaneous open). */
static int
is_connected_to_itself(int fd)
{
	struct sockaddr_storage ours, theirs;
	socklen_t ours_len = sizeof(ours), theirs_len = sizeof(theirs);

	memset(&ours, 0, sizeof(ours));
	memset(&theirs, 0, sizeof(theirs));
	return getsockname(fd, (struct sockaddr *)&ours, &ours_len) == 0 &&
	       getpeername(fd, (struct sockaddr *)&theirs, &theirs_len) == 0 &&
	       ours_len == theirs_len && memcmp(&ours, &theirs, ours_len) == 0;
}

static int
connect_to(const struct sockaddr *address, socklen_t len)
{
	cleanup_fd int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, address, len) < 0)
		return -1;
	if (address->sa_family != AF_UNIX && is_connected_to_itself(fd)) {
		errno = ECONNREFUSED;
		return -1;
	}
	return steal_fd(&fd);
}

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
		fd = connect_to(a->ai_addr, a->ai_addrlen);
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
	fd = connect_to((struct sockaddr *)&address, sizeof(address));
	if (fd < 0)
		report("connect to '%s':", name);
	return fd;
}

/* ---- HTTP ---- */

static int
send_request(int fd, const struct target *t, const char *name)
{
	cleanup_free char *request = xasprintf("GET %s HTTP/1.1\r\n"
					       "Host: %s\r\n"
					       "User-Agent: probe\r\n"
					       "Accept: */*\r\n"
					       "Connection: close\r\n"
					       "\r\n",
	    t->path, t->authority);
	size_t done = 0, n = strlen(request);
	ssize_t wrote;

	while (done < n) {
		wrote = send(fd, request + done, n - done, MSG_NOSIGNAL);
		if (wrote < 0) {
			report("send to '%s':", name);
			return -1;
		}
		done += (size_t)wrote;
	}
	return 0;
}

static int
read_response(int fd, struct response *r, const char *name)
{
	enum verdict verdict = RESPONSE_MORE;
	char bytes[4096];
	ssize_t n;

	while (verdict == RESPONSE_MORE) {
		n = recv(fd, bytes, sizeof(bytes), 0);
		if (n < 0) {
			report("read from '%s':", name);
			return -1;
		}
		verdict = n ? response_feed(r, bytes, (size_t)n) : response_end(r);
	}
	if (verdict == RESPONSE_BAD)
		report("'%s': %s", name, r->why);
	return verdict == RESPONSE_GOOD ? 0 : -1;
}

static int
ask_http(int fd, const struct target *t, const char *name, const char *text)
{
	struct response r;
	int result;

	if (send_request(fd, t, name) < 0)
		return -1;
	response_init(&r, text);
	result = read_response(fd, &r, name);
	response_free(&r);
	return result;
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

	report_prog = "probe";
	while ((c = getopt_long(argc, argv, "+t:h", options, NULL)) != -1) {
		if (c == 'h')
			return fputs(usage, stdout) < 0 || fflush(stdout) ? EXIT_TROUBLE
									  : EXIT_YES;
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
