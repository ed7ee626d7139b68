/* What hostile text becomes: for eyes, and in JSON. */
#include "strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *text;
	size_t n;
	const char *visible;
	const char *json; /* as a member named k */
} table[] = {
    {"plain", 5, "plain", "\"k\":\"plain\""},
    {"", 0, "", "\"k\":\"\""},
    {"a\nb", 3, "a\\012b", "\"k\":\"a\\u000ab\""},
    {"\033[31m", 5, "\\033[31m", "\"k\":\"\\u001b[31m\""},
    {"\177", 1, "\\177", "\"k\":\"\\u007f\""},
    {"quote\"back\\", 11, "quote\"back\\134", "\"k\":\"quote\\\"back\\\\\""},
    {"gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f", "\"k\":\"gr\xc3\xbc\xc3\x9f\""},
    {"\xc2\x9b[A", 4, "\\302\\233[A", "\"k\":\"\xc2\x9b[A\""},
    {"\xff", 1, "\\377", "\"k\":\"\xef\xbf\xbd\",\"k_hex\":\"ff\""},
    {"a\x80"
     "b",
	3, "a\\200b",
	"\"k\":\"a\xef\xbf\xbd"
	"b\",\"k_hex\":\"618062\""},
    {"\xc0\xaf", 2, "\\300\\257", "\"k\":\"\xef\xbf\xbd\xef\xbf\xbd\",\"k_hex\":\"c0af\""},
    {"\xe0\x80\xaf", 3, "\\340\\200\\257",
	"\"k\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"k_hex\":\"e080af\""},
    {"\xed\xa0\x80", 3, "\\355\\240\\200",
	"\"k\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"k_hex\":\"eda080\""},
    {"\xf0\x9f\x90\xb3", 4, "\xf0\x9f\x90\xb3", "\"k\":\"\xf0\x9f\x90\xb3\""},
    {"\xf4\x90\x80\x80", 4, "\\364\\220\\200\\200",
	"\"k\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"k_hex\":\"f4908080\""},
    {"cut\xe2\x82", 5, "cut\\342\\202",
	"\"k\":\"cut\xef\xbf\xbd\xef\xbf\xbd\",\"k_hex\":\"637574e282\""},
};

static void
escapes(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct strbuf b = STRBUF_INIT;
		char *got;

		strbuf_put_visible(&b, table[i].text, table[i].n);
		got = strbuf_steal(&b);
		assert_string_equal(got, table[i].visible);
		free(got);
		strbuf_put_json_member(&b, "k", table[i].text);
		got = strbuf_steal(&b);
		assert_string_equal(got, table[i].json);
		free(got);
	}
}

static void
grows(void **state)
{
	struct strbuf b = STRBUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < 10000; i++)
		strbuf_printf(&b, "%zu,", i);
	assert_int_equal(b.len, 48890);
	assert_int_equal(b.s[b.len], '\0');
	strbuf_cut(&b, 4);
	assert_string_equal(b.s, "0,1,");
	strbuf_printf(&b, "%500s", "x");
	assert_int_equal(b.len, 504);
	strbuf_free(&b);
	free(strbuf_steal(&b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(escapes),
	    cmocka_unit_test(grows),
	};

	return cmocka_run_group_tests_name("strbuf", tests, NULL, NULL);
}
