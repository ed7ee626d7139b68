#include "serve.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "httpd.h"
#include "pages.h"
#include "report.h"
#include "site.h"
#include "strbuf.h"

enum {
	CLIENTS = 64,
	FRESH_MS = 5000,     /* what is so old is good enough */
	PATIENCE_MS = 30000, /* then there is nothing to show, or */
	KNOWN_MS = 2000,     /* what there was, with its date */
	LINES_MAX = 256 << 20,
};

struct server {
	struct httpd *httpd;
	const char *const *hosts;
	struct site site;
	bool known;
	unsigned long long round; /* of descriptions */
	long long taken, asked;   /* monotonic ms; asked: 0, nothing is under way */
	struct strbuf in;
	struct MHD_Connection *waiting[CLIENTS + 2];
	size_t waiting_n;
	struct MHD_Response *no_page, *not_modified, *no_host, *nothing;
};

/* ---- questions ---- */

static void
ask(struct server *v, const struct item *i)
{
	struct strbuf line = STRBUF_INIT;

	/* A name with a line's end in it is nobody's. */
	if (i && !strchr(i->name, '\n'))
		strbuf_puts(&line, i->name);
	strbuf_putc(&line, '\n');
	v->asked = monotonic_ms();
	if (write_all(STDOUT_FILENO, line.s, line.len))
		report("ask for descriptions:");
	strbuf_free(&line);
}

static void
resume_all(struct server *v)
{
	for (size_t i = 0; i < v->waiting_n; i++)
		MHD_resume_connection(v->waiting[i]);
	v->waiting_n = 0;
}

/* ---- requests ---- */

/* A page of another site could have its name lead here (DNS rebinding), and read what a person
 * on this host may see: only names that are meant for this one are answered. */
static bool
is_for_us(const struct server *v, struct MHD_Connection *c)
{
	static const char *const own[] = {"localhost", "127.0.0.1", "[::1]", NULL};
	const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");
	size_t n = host ? strcspn(host + (*host == '['), ":") : 0;

	if (!host)
		return false;
	if (*host == '[')
		n = strcspn(host, "]") + 1;
	for (const char *const *list = own; list; list = list == own ? v->hosts : NULL)
		for (size_t i = 0; list[i]; i++)
			if (strlen(list[i]) == n && strncasecmp(list[i], host, n) == 0)
				return true;
	return false;
}

static long long
patience(const struct server *v)
{
	return v->known ? KNOWN_MS : PATIENCE_MS;
}

static bool
is_old(const struct server *v)
{
	return !v->known || monotonic_ms() - v->taken > FRESH_MS;
}

static enum MHD_Result
wait_for_news(struct server *v, struct MHD_Connection *c, const struct item *i)
{
	if (!v->asked)
		ask(v, i);
	v->waiting[v->waiting_n++] = c;
	MHD_suspend_connection(c);
	return MHD_YES;
}

static enum MHD_Result
send_page(
    struct server *v, struct MHD_Connection *c, const struct page *p, const struct item *i)
{
	struct strbuf body = STRBUF_INIT;
	struct MHD_Response *r;
	enum MHD_Result got;
	char etag[64];

	snprintf(
	    etag, sizeof(etag), "W/\"%llx-%" PRIx64 "\"", v->round, (uint64_t)time(NULL) / 60);
	if (httpd_has(c, etag))
		return MHD_queue_response(c, 304, v->not_modified);
	p->render(&body, &v->site, i, time(NULL));
	r = httpd_body(&body, p->type, etag);
	got = MHD_queue_response(c, 200, r);
	MHD_destroy_response(r);
	return got;
}

static enum MHD_Result
answer(void *arg, struct MHD_Connection *c, const char *url)
{
	struct server *v = arg;
	const char *path = strcmp(url, "/") == 0 ? "index.html" : url + (*url == '/');
	const struct item *i;
	const struct page *p = page_find(&v->site, path, &i);
	bool is_asset =
	    p && !i &&
	    (strstr(path, "style") || strstr(path, "page.js") || strstr(path, "icon"));

	if (!is_for_us(v, c))
		return MHD_queue_response(c, 421, v->no_host);
	/* Before the first descriptions any path may be a container's. */
	if (!is_asset && (p || !v->known) && is_old(v) &&
	    !(v->asked && monotonic_ms() - v->asked > patience(v)) &&
	    v->waiting_n < sizeof(v->waiting) / sizeof(v->waiting[0]))
		return wait_for_news(v, c, i);
	if (!is_asset && !v->known)
		return MHD_queue_response(c, 503, v->nothing);
	if (!p)
		return MHD_queue_response(c, 404, v->no_page);
	return send_page(v, c, p, i);
}

/* ---- answers on standard input ---- */

static void
take_round(struct server *v, size_t n)
{
	struct site fresh = {0};

	site_add(&fresh, v->in.s, n, "standard input");
	site_finish(&fresh, v->known ? &v->site : NULL);
	site_free(&v->site);
	v->site = fresh;
	v->known = true;
	v->round++;
	v->taken = monotonic_ms();
	v->asked = 0;
	resume_all(v);
}

/* Rounds that are complete: each ends in an empty line. */
static void
take_rounds(struct server *v)
{
	char *end;

	while (v->in.len && (*v->in.s == '\n' || strstr(v->in.s, "\n\n"))) {
		size_t n;

		end = *v->in.s == '\n' ? v->in.s : strstr(v->in.s, "\n\n") + 1;
		n = (size_t)(end - v->in.s);
		take_round(v, n);
		memmove(v->in.s, end + 1, v->in.len - n - 1);
		strbuf_cut(&v->in, v->in.len - n - 1);
	}
}

/* Returns -1 at the end. */
static int
read_input(struct server *v)
{
	char chunk[65536];
	ssize_t n = read(STDIN_FILENO, chunk, sizeof(chunk));

	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0)
		return -1;
	if (v->in.len + (size_t)n > LINES_MAX) {
		report("standard input: a description of more than %d MiB", LINES_MAX >> 20);
		return -1;
	}
	strbuf_add(&v->in, chunk, (size_t)n);
	if (memchr(chunk, '\n', (size_t)n))
		take_rounds(v);
	return 0;
}

static void
run_server(struct server *v)
{
	struct pollfd p[] = {{httpd_fd(v->httpd), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};

	for (;;) {
		int wait = httpd_timeout(v->httpd);

		if (v->waiting_n && (wait < 0 || wait > 500))
			wait = 500;
		if (poll(p, 2, wait) < 0 && errno != EINTR)
			return;
		if (p[1].revents && read_input(v))
			return;
		if (v->waiting_n && v->asked && monotonic_ms() - v->asked > patience(v))
			resume_all(v);
		httpd_run(v->httpd);
	}
}

int
serve(const char *port, const char *const *hosts)
{
	static struct server v;
	int fd = httpd_listen("127.0.0.1", port);

	if (fd < 0)
		return EXIT_TROUBLE;
	v.hosts = hosts;
	v.no_page = httpd_text("no such page\n");
	v.not_modified = httpd_text("");
	v.no_host = httpd_text("not by this name: --host allows it\n");
	v.nothing = httpd_text("nothing is known yet\n");
	v.httpd = httpd_start(&(struct httpd_options){
	    .fd = fd, .clients = CLIENTS, .polled = true, .answer = answer, .arg = &v});
	if (!v.httpd)
		return EXIT_TROUBLE;
	report("serving http://127.0.0.1:%s/", port);
	run_server(&v);
	resume_all(&v);
	httpd_stop(v.httpd);
	site_free(&v.site);
	strbuf_free(&v.in);
	MHD_destroy_response(v.no_page);
	MHD_destroy_response(v.not_modified);
	MHD_destroy_response(v.no_host);
	MHD_destroy_response(v.nothing);
	return EXIT_YES;
}
