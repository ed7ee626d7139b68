/* target_parse(): one case a line. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "strbuf.h"
#include "target.h"

struct good {
	const char *text;
	enum target_kind kind;
	const char *host, *port, *authority, *path;
};

static const struct good good[] = {
    {"http://a", TARGET_HTTP, "a", "80", "a", "/"},
    {"HTTP://a/", TARGET_HTTP, "a", "80", "a", "/"},
    {"http://127.0.0.1:8080/healthz", TARGET_HTTP, "127.0.0.1", "8080", "127.0.0.1:8080",
	"/healthz"},
    {"http://my_host.a-b:1/x?y=z&q", TARGET_HTTP, "my_host.a-b", "1", "my_host.a-b:1",
	"/x?y=z&q"},
    {"http://a?q", TARGET_HTTP, "a", "80", "a", "/?q"},
    {"http://a:65535?q", TARGET_HTTP, "a", "65535", "a:65535", "/?q"},
    {"http://a/b#c", TARGET_HTTP, "a", "80", "a", "/b"},
    {"http://a#c", TARGET_HTTP, "a", "80", "a", "/"},
    {"http://a/@:[]", TARGET_HTTP, "a", "80", "a", "/@:[]"},
    {"http://[::1]", TARGET_HTTP, "::1", "80", "[::1]", "/"},
    {"http://[::1]:8080/", TARGET_HTTP, "::1", "8080", "[::1]:8080", "/"},
    {"http://[::ffff:127.0.0.1]/", TARGET_HTTP, "::ffff:127.0.0.1", "80", "[::ffff:127.0.0.1]",
	"/"},
    {"tcp:a:22", TARGET_TCP, "a", "22", "a:22", NULL},
    {"tcp:[fe80::1]:22", TARGET_TCP, "fe80::1", "22", "[fe80::1]:22", NULL},
    {"unix:/run/x y", TARGET_UNIX, NULL, NULL, NULL, "/run/x y"},
    {"unix:relative", TARGET_UNIX, NULL, NULL, NULL, "relative"},
};

struct wrong {
	const char *text, *why;
};

static const struct wrong wrong[] = {
    {"", "want http://"},
    {"a", "want http://"},
    {"http:/a", "want http://"},
    {"ftp://a", "want http://"},
    {"tcp", "want http://"},
    {"https://a/", "no TLS"},
    {"http://", "not a host name"},
    {"http:///x", "not a host name"},
    {"http://:80/", "not a host name"},
    {"http://a b/", "not a host name"},
    {"http://a\r\nX: y/", "not a host name"},
    {"http://-a/", "not a host name"},
    {"http://a%20b/", "not a host name"},
    {"http://b\xc3\xa4/", "not a host name"},
    {"http://user@a/", "user name"},
    {"http://user:secret@a/", "user name"},
    {"http://a:/", "port"},
    {"http://a:0/", "port"},
    {"http://a:65536/", "port"},
    {"http://a:99999999999/", "port"},
    {"http://a:8o/", "port"},
    {"http://a:-1/", "port"},
    {"http://a: 80/", "port"},
    {"http://::1/", "not a host name"},
    {"http://fe80::1:80/", "brackets"},
    {"http://[::1", "IPv6"},
    {"http://[]/", "IPv6"},
    {"http://[a]/", "IPv6"},
    {"http://[127.0.0.1]/", "IPv6"},
    {"http://[::1]x/", "port"},
    {"http://[::1]:/", "port"},
    {"http://a/b c", "%XX"},
    {"http://a/b\r\nHost: c", "%XX"},
    {"http://a/\x7f", "%XX"},
    {"http://a/\xc3\xa4", "%XX"},
    {"tcp:", "not a host name"},
    {"tcp:a", "port"},
    {"tcp:80", "port"},
    {"tcp:a:80/", "port"},
    {"tcp://a:80", "not a host name"},
    {"unix:", "no path"},
};

static void
same(const char *got, const char *want)
{
	if (want && got)
		assert_string_equal(got, want);
	else
		assert_ptr_equal(got, want);
}

static void
understood(void **state)
{
	const char *why = NULL;
	struct target t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (target_parse(&t, good[i].text, &why) < 0)
			fail_msg("'%s' refused: %s", good[i].text, why);
		assert_int_equal(t.kind, good[i].kind);
		same(t.host, good[i].host);
		same(t.port, good[i].port);
		same(t.authority, good[i].authority);
		same(t.path, good[i].path);
		target_free(&t);
	}
}

static void
refused(void **state)
{
	const char *why;
	struct target t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		why = NULL;
		if (target_parse(&t, wrong[i].text, &why) == 0)
			fail_msg("'%s' taken", wrong[i].text);
		if (!why || !strstr(why, wrong[i].why))
			fail_msg("'%s': \"%s\", want \"%s\"", wrong[i].text, why, wrong[i].why);
		target_free(&t);
	}
}

static void
long_ones(void **state)
{
	const char *why;
	struct target t;
	struct strbuf text = STRBUF_INIT;

	(void)state;
	strbuf_puts(&text, "unix:");
	while (text.len < 5 + 107)
		strbuf_putc(&text, 'x');
	assert_int_equal(target_parse(&t, text.s, &why), 0);
	target_free(&t);
	strbuf_putc(&text, 'x');
	assert_int_equal(target_parse(&t, text.s, &why), -1);
	target_free(&t);

	strbuf_cut(&text, 0);
	strbuf_puts(&text, "http://a/");
	while (text.len < 9000)
		strbuf_putc(&text, 'x');
	assert_int_equal(target_parse(&t, text.s, &why), -1);
	target_free(&t);

	strbuf_cut(&text, 0);
	strbuf_puts(&text, "tcp:");
	while (text.len < 300)
		strbuf_putc(&text, 'x');
	strbuf_puts(&text, ":80");
	assert_int_equal(target_parse(&t, text.s, &why), -1);
	target_free(&t);
	strbuf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(understood),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(long_ones),
	};

	return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
