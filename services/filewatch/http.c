#include "http.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "config.h"
#include "httpd.h"
#include "render.h"
#include "status.h"
#include "strbuf.h"
#include "times.h"
#include "webpage.h"

/* What is sent for a path. It is made anew when the result changes, or a second is over
 * (ages grow), and only if somebody asks. */
struct page {
	const char *path, *type;
	void (*render)(struct strbuf *b, const struct view *v); /* NULL: text */
	const char *text, *more;
	struct MHD_Response *response;
	uint64_t generation;
	int64_t second;
	bool stale;
	char etag[64];
};

struct http {
	struct httpd *httpd;
	struct board *board;
	struct page *page;
	struct MHD_Response *ok, *error, *starting, *no_page, *not_modified;
};

static const struct page pages[] = {
    {.path = "/", .type = "text/html; charset=utf-8", .render = render_page},
    {.path = "/api/v1/status", .type = "application/json", .render = render_json},
    {.path = "/metrics",
	.type = "text/plain; version=0.0.4; charset=utf-8",
	.render = render_metrics},
    {.path = "/filewatch.css",
	.type = "text/css; charset=utf-8",
	.text = web_css,
	.more = page_css},
    {.path = "/filewatch.js", .type = "text/javascript; charset=utf-8", .text = web_js},
    {.path = "/favicon.svg", .type = "image/svg+xml", .text = page_icon},
};
enum { PAGES = sizeof(pages) / sizeof(pages[0]) };

int
http_listen(const struct config *c)
{
	return httpd_listen(c->host, c->port);
}

/* ---- answers ---- */

static enum MHD_Result
answer_healthz(struct http *h, struct MHD_Connection *c)
{
	struct status *s = board_take(h->board);
	bool ok = s && status_is_ok(s) && !board_is_stale(h->board);

	status_drop(s);
	return MHD_queue_response(c, ok ? 200 : 503, ok ? h->ok : h->error);
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
		strbuf_printf(&body, "%s%s", p->text, p->more ? p->more : "");
	else
		p->render(&body, &v);
	if (p->response)
		MHD_destroy_response(p->response);
	p->response = httpd_body(&body, p->type, p->etag);
}

static enum MHD_Result
answer_page(struct http *h, struct MHD_Connection *c, struct page *p)
{
	struct status *s = board_take(h->board);

	if (!s)
		return MHD_queue_response(c, 503, h->starting);
	refresh(h, p, s);
	status_drop(s);
	if (httpd_has(c, p->etag))
		return MHD_queue_response(c, 304, h->not_modified);
	return MHD_queue_response(c, 200, p->response);
}

/* ---- requests ---- */

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *path)
{
	struct http *h = arg;
	size_t i;

	if (strcmp(path, "/healthz") == 0)
		return answer_healthz(h, c);
	for (i = 0; i < PAGES; i++)
		if (strcmp(path, h->page[i].path) == 0)
			return answer_page(h, c, &h->page[i]);
	return MHD_queue_response(c, 404, h->no_page);
}

struct http *
http_start(int fd, const struct config *c, struct board *b)
{
	struct http *h = xcalloc(1, sizeof(*h));

	h->board = b;
	h->page = xcalloc(PAGES, sizeof(pages[0]));
	memcpy(h->page, pages, sizeof(pages));
	h->ok = httpd_text("all ok\n");
	h->error = httpd_text("ERROR\n");
	h->starting = httpd_text("the first scan isn't over yet\n");
	h->no_page = httpd_text("no such page\n");
	h->not_modified = httpd_text("");
	h->httpd = httpd_start(&(struct httpd_options){.fd = fd,
	    .clients = (unsigned)c->connections,
	    .requests = &b->counters.requests,
	    .answer = on_request,
	    .arg = h});
	if (h->httpd)
		return h;
	http_stop(h);
	return NULL;
}

void
http_stop(struct http *h)
{
	struct MHD_Response *fixed[] = {
	    h->ok, h->error, h->starting, h->no_page, h->not_modified};
	size_t i;

	if (h->httpd)
		httpd_stop(h->httpd);
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		MHD_destroy_response(fixed[i]);
	for (i = 0; i < PAGES; i++)
		if (h->page[i].response)
			MHD_destroy_response(h->page[i].response);
	free(h->page);
	free(h);
}
