/* A small HTTP server by libmicrohttpd, for pages that are only read. */
#ifndef WHITTLE_HTTPD_H
#define WHITTLE_HTTPD_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

struct httpd;
struct strbuf;

struct httpd_options {
	int fd;           /* a listening socket, which is taken over */
	unsigned clients; /* how many at once */
	bool polled;      /* no thread: the caller polls httpd_fd() and calls httpd_run() */
	_Atomic uint64_t *requests; /* counted there; NULL: nowhere */
	/* Queues the answer to GET or HEAD of a path. Called in the server's thread, or in
	 * httpd_run(). A connection that it suspended is asked again when it is resumed. */
	enum MHD_Result (*answer)(void *arg, struct MHD_Connection *c, const char *path);
	void *arg;
};

/* A listening socket; -1 after a report(). */
int httpd_listen(const char *host, const char *port);

/* NULL after a report(); the socket is closed then. */
struct httpd *httpd_start(const struct httpd_options *o);
void httpd_stop(struct httpd *h);

/* For servers that are polled: what is readable when there is something to do, for how many
 * milliseconds to wait at most (-1: for ever), and doing it. */
int httpd_fd(const struct httpd *h);
int httpd_timeout(const struct httpd *h);
void httpd_run(struct httpd *h);

/*
 * Answers, with the headers that every one has: scripts, styles, pictures and requests from
 * nowhere but here, no frame, no form, nothing guessed and nothing kept without asking. They
 * are made for MHD_queue_response() and given back by MHD_destroy_response(). text must stay;
 * body is emptied. etag may be NULL.
 */
struct MHD_Response *httpd_text(const char *text);
struct MHD_Response *httpd_body(struct strbuf *body, const char *type, const char *etag);

/* The policy of these headers, for a page that is read from a file. */
#define HTTPD_POLICY                                                                           \
	"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "        \
	"img-src 'self'; base-uri 'none'; form-action 'none'"

/* Whether the client says that it has what this tag stands for. */
bool httpd_has(struct MHD_Connection *c, const char *etag);

#endif
