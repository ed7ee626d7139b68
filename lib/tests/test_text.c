/* Numbers as people read them, and text that must stay text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "strbuf.h"
#include "text.h"

#define ODD "\xef\xbf\xbd"

static void
html_stays_text(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
	    {"", ""},
	    {"plain", "plain"},
	    {"<script>alert('1')</script>", "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"},
	    {"\" onload=\"x", "&quot; onload=&quot;x"},
	    {"&amp;", "&amp;amp;"},
	    {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8b", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8b"},
	    {"a\n\x1b[31mb\x7f", "a" ODD ODD "[31mb" ODD},
	    {"\xff\xc0\xafz", ODD ODD ODD "z"},
	    {"\xc2\x9b\xc2\xa0", ODD "\xc2\xa0"},
	    {"gpj\xe2\x80\xae.exe", "gpj" ODD ".exe"},
	    {"\xe2\x81\xa6x\xe2\x81\xa9\xd8\x9c\xe2\x80\x8f", ODD "x" ODD ODD ODD},
	    {"\xe2\x80\xa6\xd8\xa7", "\xe2\x80\xa6\xd8\xa7"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct strbuf b = STRBUF_INIT;

		put_html(&b, cases[i].in);
		assert_string_equal(b.s ? b.s : "", cases[i].out);
		strbuf_free(&b);
	}
}

static void
numbers_are_short(void **state)
{
	static const struct {
		void (*put)(struct strbuf *b, int64_t n);
		int64_t n;
		const char *out;
	} cases[] = {
	    {put_duration, 250, "250 ms"},
	    {put_duration, 59999, "59 s"},
	    {put_duration, 90000, "1 min 30 s"},
	    {put_duration, 3 * 86400000LL + 60000, "3 d"},
	    {put_duration, -5, "0 ms"},
	    {put_size, 1, "1 byte"},
	    {put_size, 1536, "1.5 KiB"},
	    {put_size, INT64_MAX, "8191.9 PiB"},
	    {put_time, INT64_C(1709213820) * 1000000000, "2024-02-29 13:37:00"},
	    {put_time_iso, -1, "1969-12-31T23:59:59Z"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct strbuf b = STRBUF_INIT;

		cases[i].put(&b, cases[i].n);
		assert_string_equal(b.s, cases[i].out);
		strbuf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(html_stays_text),
	    cmocka_unit_test(numbers_are_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
