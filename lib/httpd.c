#include "httpd.h"

#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "report.h"
#include "strbuf.h"

enum {
	/* For a request's line and headers; a browser sends about 1 KiB. */
	REQUEST_MAX = 8 * 1024,
	IDLE_SECONDS = 15,
	/* A client that hasn't sent its request by then makes room when others wait. */
	SLOW_MS = 2000,
};

struct client {
	int fd;
	long long since; /* monotonic ms: connected, or answered last */
};

struct httpd {
	struct httpd_options o;
	struct MHD_Daemon *daemon;
	struct MHD_Response *no_method;
	struct client *client;
	size_t clients, clients_max;
};

/* ---- listening ---- */

static int
try_listen(const struct addrinfo *a)
{
	int one = 1;
	cleanup_fd int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 128))
		return -1;
	return steal_fd(&fd);
}

int
httpd_listen(const char *host, const char *port)
{
	const struct addrinfo hints = {
	    .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found, *a;
	int error = getaddrinfo(host, port, &hints, &found), fd = -1;

	if (error) {
		report("listen at '%s:%s': %s", host, port, gai_strerror(error));
		return -1;
	}
	for (a = found; a && fd < 0; a = a->ai_next)
		fd = try_listen(a);
	if (fd < 0)
		report("listen at '%s:%s':", host, port);
	freeaddrinfo(found);
	return fd;
}

/* ---- answers ---- */

static struct MHD_Response *
with_headers(struct MHD_Response *r, const char *type, const char *etag)
{
	static const char *const header[][2] = {
	    {"Content-Security-Policy", HTTPD_POLICY "; frame-ancestors 'none'"},
	    {"X-Content-Type-Options", "nosniff"},
	    {"Referrer-Policy", "no-referrer"},
	    {"Cache-Control", "no-cache"},
	};
	size_t i;

	if (!r)
		die("out of memory");
	for (i = 0; i < sizeof(header) / sizeof(header[0]); i++)
		MHD_add_response_header(r, header[i][0], header[i][1]);
	MHD_add_response_header(r, "Content-Type", type);
	if (etag)
		MHD_add_response_header(r, "ETag", etag);
	return r;
}

struct MHD_Response *
httpd_text(const char *text)
{
	return with_headers(MHD_create_response_from_buffer(
				strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT),
	    "text/plain; charset=utf-8", NULL);
}

struct MHD_Response *
httpd_body(struct strbuf *body, const char *type, const char *etag)
{
	size_t n = body->len;

	return with_headers(
	    MHD_create_response_from_buffer(n, strbuf_steal(body), MHD_RESPMEM_MUST_FREE), type,
	    etag);
}

bool
httpd_has(struct MHD_Connection *c, const char *etag)
{
	const char *tags = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-None-Match");

	return tags && (strcmp(tags, "*") == 0 || strstr(tags, etag));
}

/* ---- clients ---- */

static struct client *
client_of(struct httpd *h, struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	size_t i;

	for (i = 0; info && i < h->clients; i++)
		if (h->client[i].fd == info->connect_fd)
			return &h->client[i];
	return NULL;
}

static void
on_connection(void *arg, struct MHD_Connection *c, void **socket_context,
    enum MHD_ConnectionNotificationCode code)
{
	struct httpd *h = arg;
	struct client *at = client_of(h, c);
	const union MHD_ConnectionInfo *info;

	(void)socket_context;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (at)
			*at = h->client[--h->clients];
		return;
	}
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (!at && info && h->clients < h->clients_max)
		h->client[h->clients++] = (struct client){info->connect_fd, monotonic_ms()};
}

/* Asked before a client is let in. Where it is getting full, the one that has been
 * silent longest goes, so that slow clients can't keep others out. */
static enum MHD_Result
on_accept(void *arg, const struct sockaddr *address, socklen_t n)
{
	struct httpd *h = arg;
	struct client *oldest = h->client;
	size_t i;

	(void)address;
	(void)n;
	for (i = 1; i < h->clients; i++)
		if (h->client[i].since < oldest->since)
			oldest = &h->client[i];
	if (h->clients + 2 > h->clients_max ||
	    (h->clients > h->clients_max / 2 && monotonic_ms() - oldest->since > SLOW_MS)) {
		shutdown(oldest->fd, SHUT_RDWR);
		oldest->since = INT64_MAX;
	}
	return MHD_YES;
}

/* ---- requests ---- */

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_size, void **context)
{
	struct httpd *h = arg;
	struct client *client = client_of(h, c);

	(void)version;
	(void)upload;
	if (client && client->since != INT64_MAX)
		client->since = monotonic_ms();
	/* An answer to the first of the calls that a request brings closes the connection. */
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return MHD_queue_response(c, 405, h->no_method);
	if (!*context) {
		*context = h;
		if (h->o.requests)
			(*h->o.requests)++;
		return MHD_YES;
	}
	if (*upload_size) { /* a body means nothing here */
		*upload_size = 0;
		return MHD_YES;
	}
	return h->o.answer(h->o.arg, c, url);
}

struct httpd *
httpd_start(const struct httpd_options *o)
{
	struct httpd *h = xcalloc(1, sizeof(*h));

	h->o = *o;
	h->clients_max = (size_t)o->clients + 2;
	h->client = xcalloc(h->clients_max, sizeof(*h->client));
	h->no_method = httpd_text("only GET and HEAD\n");
	MHD_add_response_header(h->no_method, "Allow", "GET, HEAD");
	h->daemon = MHD_start_daemon(o->polled ? MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME
					       : MHD_USE_EPOLL_INTERNAL_THREAD,
	    0, on_accept, h, on_request, h, MHD_OPTION_LISTEN_SOCKET, o->fd,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)h->clients_max,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_NOTIFY_CONNECTION,
	    on_connection, h, MHD_OPTION_END);
	if (h->daemon)
		return h;
	report("start the HTTP server:");
	close(o->fd);
	httpd_stop(h);
	return NULL;
}

void
httpd_stop(struct httpd *h)
{
	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	MHD_destroy_response(h->no_method);
	free(h->client);
	free(h);
}

int
httpd_fd(const struct httpd *h)
{
	const union MHD_DaemonInfo *info =
	    MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	return info ? info->listen_fd : -1;
}

int
httpd_timeout(const struct httpd *h)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(h->daemon, &ms) != MHD_YES)
		return -1;
	return ms > 60000 ? 60000 : (int)ms;
}

void
httpd_run(struct httpd *h)
{
	MHD_run(h->daemon);
}
