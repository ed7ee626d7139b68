/* Layers out of a mountinfo, patterns of paths, words of a line. */
#include "layer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "strbuf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
mountinfo(void **state)
{
	static const struct {
		const char *text;
		const char *upper, *lower; /* lower: joined by blanks; upper NULL: refused */
		bool read_only;
	} table[] = {
	    {"77 50 0:40 / / rw,relatime - overlay overlay "
	     "rw,lowerdir=/s/l/A:/s/l/B,upperdir=/s/u/diff,workdir=/s/u/work,uuid=on\n",
		"/s/u/diff", "/s/l/A /s/l/B", false},
	    {"203 170 0:76 / / ro,relatime master:4 shared:2 - overlay overlay "
	     "rw,lowerdir=/a,upperdir=/u/diff,workdir=/w\n",
		"/u/diff", "/a", true},
	    /* podman's short names are from the store on */
	    {"1 2 0:1 / / rw - overlay overlay rw,lowerdir=l/X:l/Y,upperdir=/st/ID/diff\n",
		"/st/ID/diff", "/st/l/X /st/l/Y", false},
	    /* only the root counts, wherever it stands */
	    {"1 2 0:1 / /proc rw - proc proc rw\n3 2 0:2 / / rw - overlay o "
	     "rw,lowerdir=/l,upperdir=/u\n",
		"/u", "/l", false},
	    /* escapes: mountinfo's and overlayfs's */
	    {"1 2 0:1 / / rw - overlay o "
	     "rw,lowerdir=/a\\040b:/c\\134:d,upperdir=/u\\134,v/diff\n",
		"/u,v/diff", "/a b /c:d", false},
	    /* mounted by fsconfig(2) */
	    {"1 2 0:1 / / rw - overlay o rw,lowerdir+=/a,lowerdir+=/b,upperdir=/u\n", "/u",
		"/a /b", false},
	    /* no overlay, a read-only overlay, cut lines */
	    {"1 2 0:1 / / rw - ext4 /dev/vda rw\n", NULL, NULL, false},
	    {"1 2 0:1 / / rw - overlay o ro,lowerdir=/a:/b\n", NULL, NULL, false},
	    {"1 2 0:1 / / rw - overlay", NULL, NULL, false},
	    {"1 2 0:1 / / rw", NULL, NULL, false},
	    {"1 2 0:1 / / rw - overlay o rw,upperdir=", NULL, NULL, false},
	    {"", NULL, NULL, false},
	    {"\n\n", NULL, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct strbuf lower = STRBUF_INIT;
		struct layers l = {0};
		int bad = layers_parse(table[i].text, &l);

		print_message("%s", table[i].text);
		assert_int_equal(bad != 0, table[i].upper == NULL);
		if (bad)
			continue;
		for (size_t k = 0; k < l.lower.n; k++)
			strbuf_printf(&lower, "%s%s", k ? " " : "", l.lower.w[k]);
		assert_string_equal(l.upper, table[i].upper);
		assert_string_equal(lower.s ? lower.s : "", table[i].lower);
		assert_int_equal(l.read_only, table[i].read_only);
		strbuf_free(&lower);
	}
}

/* Which attributes are the overlay's own. */
static void
marks(void **state)
{
	struct layers l;

	(void)state;
	assert_int_equal(
	    layers_parse("1 2 0:1 / / rw - overlay o rw,lowerdir=/a,upperdir=/u\n", &l), 0);
	assert_false(l.userxattr);
	assert_int_equal(
	    layers_parse(
		"1 2 0:1 / / rw - overlay o rw,lowerdir=/userxattr,upperdir=/u,userxattr\n",
		&l),
	    0);
	assert_true(l.userxattr);
	assert_int_equal(
	    layers_parse(
		"1 2 0:1 / / rw - overlay o rw,lowerdir=/a\\,userxattr,upperdir=/u\n", &l),
	    0);
	assert_false(l.userxattr);
}

static void
patterns(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool matches;
	} table[] = {
	    {"/a", "/a", true},
	    {"/a", "/ab", false},
	    {"/a", "/a/b", false},
	    {"/a/*", "/a/b", true},
	    {"/a/*", "/a/b/c", false},
	    {"/a/*", "/a/", true},
	    {"/a/**", "/a/b/c", true},
	    {"/a/**", "/a", true},
	    {"/a/**", "/ab", false},
	    {"/**/x", "/a/b/x", true},
	    {"/**/x", "/x", false},
	    {"/**", "/anything/at/all", true},
	    {"/a/*.log", "/a/b.log", true},
	    {"/a/*.log", "/a/b.log.1", false},
	    {"/a?c", "/abc", true},
	    {"/a?c", "/a/c", false},
	    {"/[a-c]x", "/bx", true},
	    {"/[a-c]x", "/dx", false},
	    {"/[!a-c]x", "/dx", true},
	    {"/[^a]x", "/ax", false},
	    {"/a[/]b", "/a/b", false},
	    {"/[", "/[", true},
	    {"/a\\*", "/a*", true},
	    {"/a\\*", "/ab", false},
	    {"/a*b*c", "/aXbYc", true},
	    {"/a*b*c", "/aXbY", false},
	    {"", "", true},
	    {"/[]-x]y", "/]y", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		print_message("%s %s\n", table[i].pattern, table[i].path);
		assert_int_equal(
		    path_matches(table[i].pattern, table[i].path), table[i].matches);
	}
}

/* What is quoted for a shell comes apart again into the same words. */
static void
quoting(void **state)
{
	static const char *const given[] = {
	    "plain", "", "two words", "it's", "\"", "$HOME `x` \\", "a\nb", "*", "--x=y"};
	struct words in = {0}, out = {0};
	struct strbuf line = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(given); i++)
		words_add(&in, given[i]);
	words_quote(&in, &line);
	assert_int_equal(words_split(&out, line.s), 0);
	assert_int_equal(out.n, in.n);
	for (size_t i = 0; i < in.n; i++)
		assert_string_equal(out.w[i], in.w[i]);
	assert_int_equal(words_split(&out, "a 'b"), -1);
	strbuf_free(&line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mountinfo),
	    cmocka_unit_test(marks),
	    cmocka_unit_test(patterns),
	    cmocka_unit_test(quoting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
