/* The response reader: one case a line, each fed whole, byte by byte and cut at every
 * place, which must not make a difference. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "response.h"

#define OK      "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

struct wanted {
	const char *bytes;
	const char *want; /* the text */
	const char *why;  /* NULL: good */
};

static const struct wanted cases[] = {
    /* the status decides */
    {OK "\r\n", NULL, NULL},
    {"HTTP/1.0 200\r\n\r\n", NULL, NULL},
    {"HTTP/1.1 204 No Content\n\n", NULL, NULL},
    {"HTTP/1.1 299 x\r\n\r\n", NULL, NULL},
    {"HTTP/1.1 199 x\r\n\r\n", NULL, "cut off"},
    {"HTTP/1.1 300 x\r\n\r\n", NULL, "status 300"},
    {"HTTP/1.1 503 x\r\n\r\nall ok", "all ok", "status 503"},
    {"HTTP/1.1 404 200\r\n\r\n", NULL, "status 404"},
    {"HTTP/1.1 101 x\r\n\r\n", NULL, "status 101"},
    {"HTTP/1.1 000 x\r\n\r\n", NULL, "status 000"},
    {"HTTP/1.1 100 Continue\r\n\r\n" OK "\r\n", NULL, NULL},
    {"HTTP/1.1 103 x\r\nLink: a\r\nContent-Length: 9\r\n\r\n" OK "\r\nabc", "abc", NULL},
    {"HTTP/1.1 100 x\r\n\r\nHTTP/1.1 500 x\r\n\r\n", NULL, "status 500"},
    /* not HTTP */
    {"", NULL, "without an answer"},
    {"\r\n", NULL, "not HTTP"},
    {"all ok\n", "all ok", "not HTTP"},
    {"SSH-2.0-OpenSSH\r\n", NULL, "not HTTP"},
    {"HTTP/2 200\r\n\r\n", NULL, "not HTTP"},
    {"HTTP/1.1 20 OK\r\n\r\n", NULL, "not HTTP"},
    {"HTTP/1.1 2000\r\n\r\n", NULL, "not HTTP"},
    {"HTTP/1.1  200\r\n\r\n", NULL, "not HTTP"},
    {"http/1.1 200 OK\r\n\r\n", NULL, "not HTTP"},
    /* a body to the end */
    {OK "\r\nall ok", "all ok", NULL},
    {OK "\r\nit is all ok here", "all ok", NULL},
    {OK "\r\nall o", "all ok", "text is not"},
    {OK "X: all ok\r\n\r\n", "all ok", "text is not"},
    {OK "\r\nALL OK", "all ok", "text is not"},
    {OK "\r\naaab", "aab", NULL},
    /* a body of a length */
    {OK "Content-Length: 6\r\n\r\nall ok", "all ok", NULL},
    {OK "content-length:6\r\n\r\nall ok", "all ok", NULL},
    {OK "Content-Length: 6 \t\r\n\r\nall ok", "all ok", NULL},
    {OK "Content-Length: 3\r\n\r\nall ok", "all ok", "text is not"},
    {OK "Content-Length: 0\r\n\r\n", "all ok", "text is not"},
    {OK "Content-Length: 7\r\n\r\nnot ok", "all ok", "cut off"},
    {OK "Content-Length: 6\r\nContent-Length: 6\r\n\r\nall ok", "all ok", NULL},
    {OK "Content-Length: 6\r\nContent-Length: 5\r\n\r\nall ok", "all ok", "Content-Length"},
    {OK "Content-Length: -1\r\n\r\nall ok", "all ok", "Content-Length"},
    {OK "Content-Length: 0x6\r\n\r\nall ok", "all ok", "Content-Length"},
    {OK "Content-Length:\r\n\r\nall ok", "all ok", "Content-Length"},
    {OK "Content-Length: 6, 6\r\n\r\nall ok", "all ok", "Content-Length"},
    {OK "Content-Length: 99999999999999999999\r\n\r\nx", "x", "Content-Length"},
    {"HTTP/1.1 204 x\r\n\r\nall ok", "all ok", "status 204"},
    /* chunks */
    {CHUNKED "6\r\nall ok\r\n0\r\n\r\n", "all ok", NULL},
    {CHUNKED "2\r\nal\r\n4\r\nl ok\r\n0\r\n\r\n", "all ok", NULL},
    {CHUNKED "6;x=y\r\nall ok\r\n", "all ok", NULL},
    {CHUNKED "a\r\n1234all ok\r\n", "all ok", NULL},
    {CHUNKED "A\r\n1234all ok\r\n", "all ok", NULL},
    {CHUNKED "2\r\nal\r\n0\r\n\r\nall ok", "all ok", "text is not"},
    {CHUNKED "5\r\nall ok\r\n", "all ok", "longer than"},
    {CHUNKED "g\r\nall ok\r\n", "all ok", "chunk size"},
    {CHUNKED "-6\r\nall ok\r\n", "all ok", "chunk size"},
    {CHUNKED "\r\nall ok\r\n", "all ok", "chunk size"},
    {CHUNKED "fffffffffffffffff\r\nall ok\r\n", "all ok", "chunk size"},
    {CHUNKED "6\r\nall", "all ok", "cut off"},
    {CHUNKED, "all ok", "cut off"},
    {OK "Content-Length: 1\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nxy\r\n", "xy", NULL},
    {OK "Transfer-Encoding: gzip, chunked\r\n\r\n", "x", "Transfer-Encoding"},
    {OK "Transfer-Encoding:\r\n chunked\r\n\r\n", "x", "Transfer-Encoding"},
    /* bad heads */
    {OK "X: y", NULL, "cut off"},
    {OK, NULL, "cut off"},
    {"HTTP/1.1 200", NULL, "cut off"},
    {OK "no field\r\n\r\n", NULL, "no field"},
    {OK "A: b\r\n folded\r\n\r\n", NULL, NULL},
    {OK "\rX: y\r\n\r\n", NULL, NULL},
};

static enum verdict
feed(struct response *r, const char *bytes, size_t n, size_t first, size_t step)
{
	size_t done = 0, now = first;

	while (done < n) {
		if (now > n - done)
			now = n - done;
		if (now && response_feed(r, bytes + done, now) != RESPONSE_MORE)
			return r->verdict;
		done += now;
		now = step;
	}
	return response_end(r);
}

static void
check(const struct wanted *c, size_t first, size_t step)
{
	struct response r;
	enum verdict got;

	response_init(&r, c->want);
	got = feed(&r, c->bytes, strlen(c->bytes), first, step);
	if (c->why && (got != RESPONSE_BAD || !strstr(r.why, c->why)))
		fail_msg("case %zu, cut at %zu: \"%s\", want \"%s\"", (size_t)(c - cases),
		    first, r.why, c->why);
	if (!c->why && got != RESPONSE_GOOD)
		fail_msg("case %zu, cut at %zu: \"%s\"", (size_t)(c - cases), first, r.why);
	response_free(&r);
}

static void
table(void **state)
{
	size_t i, at, n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = strlen(cases[i].bytes);
		check(&cases[i], 1, 1);
		for (at = 0; at <= n; at++)
			check(&cases[i], at, n);
	}
}

static void
nul_in_head(void **state)
{
	static const char bytes[] = OK "X: a\0b\r\n\r\n";
	struct response r;

	(void)state;
	response_init(&r, NULL);
	assert_int_equal(response_feed(&r, bytes, sizeof(bytes) - 1), RESPONSE_BAD);
	assert_non_null(strstr(r.why, "NUL"));
	response_free(&r);
}

/* A NUL in the body is a byte like others. */
static void
nul_in_body(void **state)
{
	static const char bytes[] = OK "\r\na\0all ok";
	struct response r;

	(void)state;
	response_init(&r, "all ok");
	assert_int_equal(response_feed(&r, bytes, sizeof(bytes) - 1), RESPONSE_GOOD);
	response_free(&r);
}

/* head, then piece again and again: how many bytes until the reader has enough of it. */
static size_t
flood(const char *head, const char *piece, const char *why)
{
	struct response r;
	size_t total = strlen(head);

	response_init(&r, "never there");
	response_feed(&r, head, total);
	while (response_feed(&r, piece, strlen(piece)) == RESPONSE_MORE) {
		total += strlen(piece);
		if (total > 4 * RESPONSE_MAX)
			fail_msg("no end of '%s'", piece);
	}
	if (!strstr(r.why, why))
		fail_msg("\"%s\", want \"%s\"", r.why, why);
	response_free(&r);
	return total;
}

static void
floods(void **state)
{
	(void)state;
	assert_true(flood("", "x", "a line of") <= RESPONSE_LINE_MAX + 1);
	assert_true(flood(OK, "x", "a line of") <= RESPONSE_LINE_MAX + 20);
	assert_true(flood(OK, "X: y\r\n", "more than") <= RESPONSE_MAX + 20);
	assert_true(flood(OK "\r\n", "xyz", "more than") <= RESPONSE_MAX + 20);
	assert_true(flood("", "HTTP/1.1 100 x\r\n\r\n", "more than") <= RESPONSE_MAX + 40);
	assert_true(flood(CHUNKED, "1\r\nx\r\n", "more than") <= RESPONSE_MAX + 60);
	assert_true(flood(CHUNKED "ffffffff\r\n", "xyz", "more than") <= RESPONSE_MAX + 90);
}

/* Which statuses are good is the asker's to say. */
static void
ranges(void **state)
{
	static const struct {
		int first, last;
		const char *bytes, *why;
	} said[] = {
	    {200, 399, "HTTP/1.1 302 x\r\n\r\n", NULL},
	    {200, 399, "HTTP/1.1 404 x\r\n\r\n", "status 404, want 200 to 399"},
	    {503, 503, "HTTP/1.1 503 x\r\n\r\n", NULL},
	    {503, 503, "HTTP/1.1 200 x\r\n\r\n", "status 200, want 503"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct response r;
		enum verdict got;

		response_init(&r, NULL);
		r.first = said[i].first;
		r.last = said[i].last;
		got = response_feed(&r, said[i].bytes, strlen(said[i].bytes));
		assert_int_equal(got, said[i].why ? RESPONSE_BAD : RESPONSE_GOOD);
		if (said[i].why)
			assert_string_equal(r.why, said[i].why);
		response_free(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(nul_in_head),
	    cmocka_unit_test(nul_in_body),
	    cmocka_unit_test(floods),
	    cmocka_unit_test(ranges),
	};

	return cmocka_run_group_tests_name("response", tests, NULL, NULL);
}
