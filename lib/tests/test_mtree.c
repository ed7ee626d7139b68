/* Names in mtree(5) files, there and back. */
#include "mtree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "strbuf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
names_come_back(void **state)
{
	static const struct {
		const char *name;
		const char *escaped;
	} table[] = {
	    {"", ""},
	    {"/etc/passwd", "/etc/passwd"},
	    {"a b\tc\nd", "a\\040b\\011c\\012d"},
	    {"\\#=*?[", "\\134\\043\\075\\052\\077\\133"},
	    {"\\101", "\\134101"},
	    {"\x01\x7f\x80\xff", "\\001\\177\\200\\377"},
	    {"]{}~!$&", "]{}~!$&"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct strbuf b = STRBUF_INIT;
		cleanup_free char *escaped = NULL, *back = NULL;

		mtree_put_name(&b, table[i].name);
		escaped = strbuf_steal(&b);
		assert_string_equal(escaped, table[i].escaped);
		assert_true(mtree_is_escaped(escaped, strlen(escaped)));
		back = mtree_unescape(escaped, strlen(escaped));
		assert_string_equal(back, table[i].name);
	}
}

static void
other_backslashes_stay(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		const char *name;
	} table[] = {
	    {"\\", 1, "\\"},
	    {"a\\04", 4, "a\\04"},
	    {"\\0400", 3, "\\04"}, /* the rest isn't of the name */
	    {"\\000x", 5, "\\000x"},
	    {"\\400", 4, "\\400"},
	    {"\\048", 4, "\\048"},
	    {"\\s\\040", 6, "\\s "},
	    {"\\\\040", 5, "\\ "},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		cleanup_free char *name = mtree_unescape(table[i].text, table[i].n);

		assert_string_equal(name, table[i].name);
		assert_false(mtree_is_escaped(table[i].text, table[i].n));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_come_back),
	    cmocka_unit_test(other_backslashes_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
