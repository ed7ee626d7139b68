#include "http.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "board.h"
#include "cleanup.h"
#include "config.h"
#include "render.h"
#include "report.h"
#include "status.h"
#include "strbuf.h"
#include "times.h"

enum {
	/* For a request's line and headers; a browser sends about 1 KiB. */
	REQUEST_MAX = 8 * 1024,
	IDLE_SECONDS = 15,
	/* A client that hasn't sent its request by then makes room when others wait. */
	SLOW_NS = 2000000000,
};

/* What is sent for a path. It is made anew when the result changes, or a second is over
 * (ages grow), and only if somebody asks. */
struct page {
	const char *path, *type;
	void (*render)(struct strbuf *b, const struct view *v); /* NULL: text */
	const char *text;
	struct MHD_Response *response;
	uint64_t generation;
	int64_t second;
	bool stale;
	char etag[64];
};

struct client {
	int fd;
	int64_t since; /* monotonic ns: connected, or answered last */
};

struct http {
	struct MHD_Daemon *daemon;
	struct board *board;
	struct page *page;
	struct MHD_Response *ok, *error, *starting, *no_page, *no_method, *not_modified;
	struct client *client;
	size_t clients, clients_max;
};

static const struct page pages[] = {
    {.path = "/", .type = "text/html; charset=utf-8", .render = render_page},
    {.path = "/api/v1/status", .type = "application/json", .render = render_json},
    {.path = "/metrics",
	.type = "text/plain; version=0.0.4; charset=utf-8",
	.render = render_metrics},
    {.path = "/filewatch.css", .type = "text/css; charset=utf-8", .text = page_css},
    {.path = "/filewatch.js", .type = "text/javascript; charset=utf-8", .text = page_js},
    {.path = "/favicon.svg", .type = "image/svg+xml", .text = page_icon},
};
enum { PAGES = sizeof(pages) / sizeof(pages[0]) };

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
http_listen(const struct config *c)
{
	const struct addrinfo hints = {
	    .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found, *a;
	int error = getaddrinfo(c->host, c->port, &hints, &found), fd = -1;

	if (error) {
		report("listen at '%s:%s': %s", c->host, c->port, gai_strerror(error));
		return -1;
	}
	for (a = found; a && fd < 0; a = a->ai_next)
		fd = try_listen(a);
	if (fd < 0)
		report("listen at '%s:%s':", c->host, c->port);
	freeaddrinfo(found);
	return fd;
}

/* ---- answers ---- */

static void
add_headers(struct MHD_Response *r, const char *type)
{
	static const char *const header[][2] = {
	    {"Content-Security-Policy",
		"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
		"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	    {"X-Content-Type-Options", "nosniff"},
	    {"Referrer-Policy", "no-referrer"},
	    {"Cache-Control", "no-cache"},
	};
	size_t i;

	for (i = 0; i < sizeof(header) / sizeof(header[0]); i++)
		MHD_add_response_header(r, header[i][0], header[i][1]);
	if (type)
		MHD_add_response_header(r, "Content-Type", type);
}

static struct MHD_Response *
fixed_answer(const char *text)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
	    strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);

	if (!r)
		die("out of memory");
	add_headers(r, "text/plain; charset=utf-8");
	return r;
}

static enum MHD_Result
answer_healthz(struct http *h, struct MHD_Connection *c)
{
	struct status *s = board_take(h->board);
	bool ok = s && status_is_ok(s) && !board_is_stale(h->board);

	status_drop(s);
	return MHD_queue_response(c, ok ? 200 : 503, ok ? h->ok : h->error);
}

static void
make_response(struct page *p, struct strbuf *body)
{
	size_t n = body->len;

	if (p->response)
		MHD_destroy_response(p->response);
	p->response =
	    MHD_create_response_from_buffer(n, strbuf_steal(body), MHD_RESPMEM_MUST_FREE);
	if (!p->response)
		die("out of memory");
	add_headers(p->response, p->type);
	MHD_add_response_header(p->response, "ETag", p->etag);
}

/* Ages are shown by the minute once they are above one, so the same result in the same
 * minute is, weakly, the same page. */
static void
refresh(struct http *h, struct page *p, const struct status *s)
{
	struct strbuf body = STRBUF_INIT;
	struct view v = {s, h->board, board_is_stale(h->board), now_ns()};
	int64_t second = v.now / 1000000000;

	if (p->response && (p->text || (p->generation == s->generation && p->second == second &&
					   p->stale == v.stale)))
		return;
	p->generation = s->generation;
	p->second = second;
	p->stale = v.stale;
	snprintf(p->etag, sizeof(p->etag), "W/\"%" PRIx64 "-%" PRIx64 "-%d\"", s->generation,
	    (uint64_t)s->changed ^ (uint64_t)(second / 60) << 32, v.stale);
	if (p->text)
		strbuf_puts(&body, p->text);
	else
		p->render(&body, &v);
	make_response(p, &body);
}

static bool
has_it_already(struct MHD_Connection *c, const struct page *p)
{
	const char *tags = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-None-Match");

	return tags && (strcmp(tags, "*") == 0 || strstr(tags, p->etag));
}

static enum MHD_Result
answer_page(struct http *h, struct MHD_Connection *c, struct page *p)
{
	struct status *s = board_take(h->board);

	if (!s)
		return MHD_queue_response(c, 503, h->starting);
	refresh(h, p, s);
	status_drop(s);
	if (has_it_already(c, p))
		return MHD_queue_response(c, 304, h->not_modified);
	return MHD_queue_response(c, 200, p->response);
}

/* ---- clients ---- */

static struct client *
client_of(struct http *h, struct MHD_Connection *c)
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
	struct http *h = arg;
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
		h->client[h->clients++] = (struct client){info->connect_fd, monotonic_ns()};
}

/* Asked before a client is let in. Where it is getting full, the one that has been
 * silent longest goes, so that slow clients can't keep others out. */
static enum MHD_Result
on_accept(void *arg, const struct sockaddr *address, socklen_t n)
{
	struct http *h = arg;
	struct client *oldest = h->client;
	size_t i;

	(void)address;
	(void)n;
	for (i = 1; i < h->clients; i++)
		if (h->client[i].since < oldest->since)
			oldest = &h->client[i];
	if (h->clients + 2 > h->clients_max ||
	    (h->clients > h->clients_max / 2 && monotonic_ns() - oldest->since > SLOW_NS)) {
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
	struct http *h = arg;
	struct client *client = client_of(h, c);
	size_t i;

	(void)version;
	(void)upload;
	if (client && client->since != INT64_MAX)
		client->since = monotonic_ns();
	/* An answer to the first of the calls that a request brings closes the connection. */
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return MHD_queue_response(c, 405, h->no_method);
	if (!*context) {
		*context = h;
		return MHD_YES;
	}
	if (*upload_size) { /* a body means nothing here */
		*upload_size = 0;
		return MHD_YES;
	}
	h->board->counters.requests++;
	if (strcmp(url, "/healthz") == 0)
		return answer_healthz(h, c);
	for (i = 0; i < PAGES; i++)
		if (strcmp(url, h->page[i].path) == 0)
			return answer_page(h, c, &h->page[i]);
	return MHD_queue_response(c, 404, h->no_page);
}

static void
make_fixed_answers(struct http *h)
{
	h->ok = fixed_answer("all ok\n");
	h->error = fixed_answer("ERROR\n");
	h->starting = fixed_answer("the first scan isn't over yet\n");
	h->no_page = fixed_answer("no such page\n");
	h->no_method = fixed_answer("only GET and HEAD\n");
	MHD_add_response_header(h->no_method, "Allow", "GET, HEAD");
	h->not_modified = fixed_answer("");
}

struct http *
http_start(int fd, const struct config *c, struct board *b)
{
	struct http *h = xcalloc(1, sizeof(*h));

	h->board = b;
	h->page = xcalloc(PAGES, sizeof(pages[0]));
	memcpy(h->page, pages, sizeof(pages));
	h->clients_max = (size_t)c->connections + 2;
	h->client = xcalloc(h->clients_max, sizeof(*h->client));
	make_fixed_answers(h);
	h->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, on_accept, h, on_request,
	    h, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)h->clients_max, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_NOTIFY_CONNECTION,
	    on_connection, h, MHD_OPTION_END);
	if (h->daemon)
		return h;
	report("start the HTTP server:");
	close(fd);
	http_stop(h);
	return NULL;
}

void
http_stop(struct http *h)
{
	struct MHD_Response *fixed[] = {
	    h->ok, h->error, h->starting, h->no_page, h->no_method, h->not_modified};
	size_t i;

	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		MHD_destroy_response(fixed[i]);
	for (i = 0; i < PAGES; i++)
		if (h->page[i].response)
			MHD_destroy_response(h->page[i].response);
	free(h->page);
	free(h->client);
	free(h);
}
