/*
 * relay: takes TCP connections and passes them on to the address that a file holds now, at the
 * same port. The file is read for each connection: whoever renames another one over it moves
 * what comes from then on, and what is under way stays where it is. A connection that nobody
 * takes yet is held and tried again.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "report.h"
#include "settings.h"
#include "streams.h"

enum { PORTS_MAX = 64, CONNECTIONS_MAX = 4096, CHUNK = 16384, AGAIN_MS = 25, EVENTS = 64 };

/* What was read from one side and isn't written to the other yet. */
struct way {
	char bytes[CHUNK];
	size_t from, to;
	bool ended; /* nothing more comes */
	bool told;  /* and the other side knows */
};

struct connection;

/* What an event is about. */
struct end {
	int fd;
	uint32_t events;
	struct connection *of; /* NULL: a port that is listened on */
	uint16_t port;
};

struct connection {
	struct end client, server;
	struct way up, down; /* to the server; to the client */
	bool connecting, dead;
	long long asked, tried; /* ms: when the client came, when it was tried last */
	struct connection *next, *previous;
};

static struct {
	const char *target;
	int64_t hold; /* ms: how long a connection waits for somebody who takes it */
	struct end ports[PORTS_MAX];
	size_t n;
	int epoll;
	struct connection *all;
	size_t count, most;
	bool full;
} relay;

/* ---- events ---- */

static int
watch_new(struct end *e, uint32_t events)
{
	struct epoll_event want = {.events = events, .data.ptr = e};

	e->events = events;
	return epoll_ctl(relay.epoll, EPOLL_CTL_ADD, e->fd, &want);
}

/* What nothing is waited for of is taken out: its end would be told again and again. */
static int
watch(struct end *e, uint32_t events)
{
	struct epoll_event want = {.events = events, .data.ptr = e};
	int op = !events ? EPOLL_CTL_DEL : e->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (e->events == events)
		return 0;
	e->events = events;
	return epoll_ctl(relay.epoll, op, e->fd, &want);
}

/* While there are as many connections as there may be, further ones wait in the kernel. */
static void
set_full(bool full)
{
	if (relay.full == full)
		return;
	relay.full = full;
	for (size_t i = 0; i < relay.n; i++)
		watch(&relay.ports[i], full ? 0 : EPOLLIN);
}

/* ---- connections ---- */

/* Abruptly, where the other side was: an answer that is cut off doesn't look whole. */
static void
drop(struct connection *c, bool abruptly)
{
	const struct linger reset = {.l_onoff = 1};

	c->dead = true;
	if (abruptly && c->client.fd >= 0)
		setsockopt(c->client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (abruptly && c->server.fd >= 0)
		setsockopt(c->server.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (c->client.fd >= 0)
		close(c->client.fd);
	if (c->server.fd >= 0)
		close(c->server.fd);
	c->client.fd = c->server.fd = -1;
}

static void
free_dead(void)
{
	struct connection *next;

	for (struct connection *c = relay.all; c; c = next) {
		next = c->next;
		if (!c->dead)
			continue;
		if (c->previous)
			c->previous->next = c->next;
		else
			relay.all = c->next;
		if (c->next)
			c->next->previous = c->previous;
		free(c);
		relay.count--;
	}
	if (relay.count < relay.most)
		set_full(false);
}

/* As much as there is room for. -1 where the connection is over. */
static int
fill(struct end *from, struct way *w)
{
	ssize_t n;

	if (w->ended || w->to == CHUNK)
		return 0;
	n = recv(from->fd, w->bytes + w->to, CHUNK - w->to, MSG_DONTWAIT);
	if (n > 0)
		w->to += (size_t)n;
	else if (n == 0)
		w->ended = true;
	else if (errno != EAGAIN && errno != EINTR)
		return -1;
	return 0;
}

static int
empty(struct end *to, struct way *w)
{
	while (w->from < w->to) {
		ssize_t n = send(
		    to->fd, w->bytes + w->from, w->to - w->from, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		w->from += (size_t)n;
	}
	w->from = w->to = 0;
	if (w->ended && !w->told) {
		w->told = true;
		shutdown(to->fd, SHUT_WR);
	}
	return 0;
}

/* What is waited for: room to write what is there, and more to read where there is room. */
static void
watch_both(struct connection *c)
{
	const struct way *up = &c->up, *down = &c->down;

	watch(&c->client, (up->to < CHUNK && !up->ended ? EPOLLIN : 0) |
			      (down->from < down->to ? EPOLLOUT : 0));
	watch(&c->server, (down->to < CHUNK && !down->ended ? EPOLLIN : 0) |
			      (up->from < up->to ? EPOLLOUT : 0));
}

static void
pass_on(struct connection *c)
{
	if (fill(&c->client, &c->up) || fill(&c->server, &c->down) ||
	    empty(&c->server, &c->up) || empty(&c->client, &c->down))
		drop(c, true);
	else if (c->up.told && c->down.told)
		drop(c, false);
	else
		watch_both(c);
}

/* ---- to whom ---- */

static socklen_t
read_target(uint16_t port, struct sockaddr_storage *to)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)to;
	char text[64] = "";
	int fd = open(relay.target, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	memset(to, 0, sizeof(*to));
	v4->sin_port = htons(port); /* in the same place for both */
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		return sizeof(*v6);
	}
	return 0;
}

static void
set_options(int fd)
{
	const int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* Tried until it is taken, or `hold` is over; nothing of what the client says is read before,
 * so nothing is lost. */
static void
try(struct connection *c)
{
	struct sockaddr_storage to;
	socklen_t len = read_target(c->client.port, &to);

	c->tried = monotonic_ms();
	if (c->server.fd >= 0)
		close(c->server.fd);
	c->server.fd =
	    len ? socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
	if (c->server.fd < 0)
		return;
	set_options(c->server.fd);
	if ((connect(c->server.fd, (struct sockaddr *)&to, len) && errno != EINPROGRESS) ||
	    watch_new(&c->server, EPOLLOUT)) {
		close(c->server.fd);
		c->server.fd = -1;
	}
}

static void
connected(struct connection *c)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(c->server.fd, SOL_SOCKET, SO_ERROR, &error, &len) || error) {
		close(c->server.fd);
		c->server.fd = -1;
		return;
	}
	c->connecting = false;
	watch_both(c);
}

/* Those that nobody took yet. The time until the next look in ms; -1: there are none. */
static int
try_again(void)
{
	long long now = monotonic_ms();
	bool waiting = false;

	for (struct connection *c = relay.all; c; c = c->next) {
		if (c->dead || !c->connecting)
			continue;
		if (now - c->asked > relay.hold) {
			drop(c, true);
			continue;
		}
		/* One that isn't answered at all goes to whoever is named by then. */
		if (now - c->tried >= (c->server.fd < 0 ? AGAIN_MS : 40 * AGAIN_MS))
			try(c);
		waiting = true;
	}
	return waiting ? AGAIN_MS : -1;
}

static void
take(struct end *port)
{
	struct connection *c;
	int fd;

	if (relay.count >= relay.most) {
		set_full(true);
		return;
	}
	fd = accept4(port->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if ((errno == EMFILE || errno == ENFILE || errno == ENOMEM) && relay.count)
			set_full(true);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	c->client = (struct end){.fd = fd, .of = c, .port = port->port};
	c->server = (struct end){.fd = -1, .of = c};
	c->connecting = true;
	c->asked = monotonic_ms();
	c->next = relay.all;
	if (relay.all)
		relay.all->previous = c;
	relay.all = c;
	relay.count++;
	set_options(fd);
	/* Only its end is heard of until there is somebody to pass it on to. */
	if (watch_new(&c->client, EPOLLERR)) {
		drop(c, true);
		return;
	}
	try(c);
}

static void
happened(struct end *e, uint32_t events)
{
	struct connection *c = e->of;

	if (!c) {
		take(e);
		return;
	}
	if (c->dead)
		return;
	if (!c->connecting && (events & EPOLLERR) &&
	    (e == &c->client ? c->up.ended : c->down.ended))
		drop(c, true);
	else if (!c->connecting)
		pass_on(c);
	else if (e == &c->server)
		connected(c);
	else if (events & (EPOLLERR | EPOLLHUP))
		drop(c, true); /* the client has gone */
}

/* ---- to begin with ---- */

static void
on_term(int sig)
{
	(void)sig;
	_exit(0);
}

/* On all addresses of both families; of IPv4 alone where there is no other. */
static void
listen_on(const char *text)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	const int one = 1, zero = 0;
	struct end *e = &relay.ports[relay.n];
	char *end;
	long port = strtol(text, &end, 10);
	bool v6;

	if (end == text || *end || port < 1 || port > 65535)
		die("port '%s': want a number from 1 to 65535", text);
	if (relay.n == PORTS_MAX)
		die("port '%s': more than %d ports", text, PORTS_MAX);
	six.sin6_port = four.sin_port = htons((uint16_t)port);
	e->port = (uint16_t)port;
	e->fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	v6 = e->fd >= 0 &&
	     setsockopt(e->fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)) == 0;
	if (e->fd < 0)
		e->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (e->fd < 0)
		die("socket:");
	setsockopt(e->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(e->fd, v6 ? (struct sockaddr *)&six : (struct sockaddr *)&four,
		v6 ? sizeof(six) : sizeof(four)) ||
	    listen(e->fd, 4096))
		die("listen on port %ld:", port);
	if (watch_new(e, EPOLLIN))
		die("epoll:");
	relay.n++;
}

/* Two descriptors a connection, and some for ports and the file. */
static size_t
most_connections(void)
{
	struct rlimit files = {.rlim_cur = 1024};
	rlim_t others = PORTS_MAX + 16, fit;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &files))
			getrlimit(RLIMIT_NOFILE, &files);
	}
	fit = files.rlim_cur > others + 2 ? (files.rlim_cur - others) / 2 : 1;
	return fit < CONNECTIONS_MAX ? (size_t)fit : CONNECTIONS_MAX;
}

static void
serve(void)
{
	struct epoll_event got[EVENTS];

	for (;;) {
		int n = epoll_wait(relay.epoll, got, EVENTS, try_again());

		if (n < 0 && errno != EINTR)
			die("epoll:");
		for (int i = 0; i < n; i++)
			happened(got[i].data.ptr, got[i].events);
		free_dead();
	}
}

static const char help[] =
    "usage: relay [-t TIME] FILE PORT...\n"
    "\n"
    "Takes TCP connections at each PORT and passes them on to the same port of "
    "the\n"
    "address that FILE holds, as it is when the connection comes.\n"
    "\n"
    "  -t TIME     hold a connection so long that nobody takes; default 10s\n"
    "  -h, --help  this page\n";

int
main(int argc, char **argv)
{
	struct sigaction term = {.sa_handler = on_term};
	int c;

	streams_begin();
	report_prog = "relay";
	relay.hold = 10000;
	if (argc > 1 && strcmp(argv[1], "--help") == 0)
		return fputs(help, stdout), streams_end(EXIT_YES);
	while ((c = getopt(argc, argv, "+t:h")) != -1)
		switch (c) {
		case 't':
			if (parse_duration(optarg, &relay.hold))
				die("-t '%s': want a time such as 10s", optarg);
			break;
		case 'h':
			return fputs(help, stdout), streams_end(EXIT_YES);
		default:
			return EXIT_TROUBLE;
		}
	if (argc - optind < 2) {
		fputs(help, stderr);
		return EXIT_TROUBLE;
	}
	sigaction(SIGTERM, &term, NULL);
	sigaction(SIGINT, &term, NULL);
	relay.target = argv[optind];
	relay.most = most_connections();
	relay.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (relay.epoll < 0)
		die("epoll:");
	for (int i = optind + 1; i < argc; i++)
		listen_on(argv[i]);
	serve();
}
