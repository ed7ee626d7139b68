/* Paths and the patterns that match them: one case a line. */
#include "pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
matching(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool matches;
	} table[] = {
	    {"/a", "/a", true},
	    {"/a", "/b", false},
	    {"/a", "/a/b", false},
	    {"/a/b.c", "/a/b.c", true},
	    {"/a/b.c", "/a/bxc", false},
	    {"/a/*", "/a/b", true},
	    {"/a/*", "/a/b/c", false},
	    {"/a/*", "/a", false},
	    {"/a/*", "/a/.b", false},
	    {"/a/.*", "/a/.b", true},
	    {"/a/?.log", "/a/b.log", true},
	    {"/a/?.log", "/a/bb.log", false},
	    {"/a/[a-c]", "/a/b", true},
	    {"/a/[!a-c]", "/a/b", false},
	    {"/a/\\*", "/a/*", true},
	    {"/a/\\*", "/a/b", false},
	    {"/*/x", "/a/x", true},
	    {"/*/x", "/a/b/x", false},
	    {"/**/x", "/x", true},
	    {"/**/x", "/a/x", true},
	    {"/**/x", "/a/b/c/x", true},
	    {"/**/x", "/a/.b/x", false},
	    {"/**/x", "/a/xy", false},
	    {"/a/**", "/a/b", true},
	    {"/a/**", "/a/b/c", true},
	    {"/a/**", "/a", false},
	    {"/a/**", "/a/.b", false},
	    {"/a/**", "/ab", false},
	    {"/a/**/b/**/c", "/a/b/c", true},
	    {"/a/**/b/**/c", "/a/b/b/c/c", true},
	    {"/a/**/b/**/c", "/a/x/b/y/z/c", true},
	    {"/a/**/b/**/c", "/a/x/c", false},
	    {"/a/**/b*/**/*c", "/a/b/x/b/c/xc", true},
	    {"/a**", "/a/b", false},
	    {"/a**", "/abc", true},
	    {"/a/{NEWEST}", "/a/b", true},
	    {"/a/{NEWEST}", "/a/b/c", false},
	    {"/a/{NEWEST}.gz", "/a/b.gz", true},
	    {"/a/{NEWEST}.gz", "/a/b.gz.tmp", false},
	    {"/a/db-{NEWEST}.gz", "/a/db-1.gz", true},
	    {"/a/db-{NEWEST}.gz", "/a/1.gz", false},
	    {"/*/{NEWEST}", "/a/b", true},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct pattern p;
		const char *wrong = pattern_parse(&p, table[i].pattern);

		if (wrong)
			fail_msg("'%s': %s", table[i].pattern, wrong);
		if (pattern_matches(&p, table[i].path) != table[i].matches)
			fail_msg("'%s' and '%s': expected %d", table[i].pattern, table[i].path,
			    table[i].matches);
		pattern_free(&p);
	}
}

static void
refused(void **state)
{
	static const char *const table[] = {"", "a", "a/b", "/", "//", "/a/", "/a//b", "/a/.",
	    "/a/../b", "/..", "/{NEWEST}/a", "/a/{NEWEST}{NEWEST}", "/a/**/**", "*"};
	struct pattern p;
	char deep[1024] = "", name[300] = "/";
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++)
		if (!pattern_parse(&p, table[i]))
			fail_msg("'%s' was taken", table[i]);
	for (i = 0; i < 61; i++)
		strcat(deep, "/*");
	assert_non_null(pattern_parse(&p, deep));
	deep[120] = '\0';
	assert_null(pattern_parse(&p, deep));
	pattern_free(&p);
	memset(name + 1, 'a', 256);
	assert_non_null(pattern_parse(&p, name));
}

static void
what_it_is_made_of(void **state)
{
	static const struct {
		const char *path, *base;
		unsigned parts;
		bool direct, newest;
	} table[] = {
	    {"/a", "/", 1, true, false},
	    {"/a/b", "/a", 1, true, false},
	    {"/*", "/", 1, false, false},
	    {"/a/b/*/c", "/a/b", 2, false, false},
	    {"/a/**", "/a", 1, false, false},
	    {"/a/{NEWEST}", "/a", 1, false, true},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct pattern p;

		assert_null(pattern_parse(&p, table[i].path));
		assert_string_equal(p.base, table[i].base);
		assert_int_equal(p.parts, table[i].parts);
		assert_int_equal(p.direct, table[i].direct);
		assert_int_equal(p.newest, table[i].newest);
		pattern_free(&p);
	}
}

/* A walk must go into directories where something may match, and need not into others. */
static void
going_on(void **state)
{
	static const struct {
		const char *pattern, *below;
		bool goes_on;
	} table[] = {
	    {"/a/*/c", "/b", true},
	    {"/a/*/c", "/b/c", false},
	    {"/a/*/c", "/.b", false},
	    {"/a/b*/c", "/x", false},
	    {"/a/**/c", "/x/y/z", true},
	    {"/a/**/c", "/x/.y", false},
	    {"/a/*", "/b", false},
	    {"/a/**", "/b", true},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct pattern p;

		assert_null(pattern_parse(&p, table[i].pattern));
		if (pattern_goes_on(&p, pattern_walk(&p, table[i].below)) != table[i].goes_on)
			fail_msg("'%s' at '%s'", table[i].pattern, table[i].below);
		pattern_free(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(matching),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(what_it_is_made_of),
	    cmocka_unit_test(going_on),
	};

	return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
