/* Text in files that grow, shrink, are replaced, and have it across the edges of what is
 * read at once. */
#include "search.h"

#include <fcntl.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "strbuf.h"

#define WINDOW (128 * 1024)

static char path[] = "/tmp/test_search.XXXXXX";
static int fd = -1;

static int
make_file(void **state)
{
	(void)state;
	strcpy(path, "/tmp/test_search.XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : 0;
}

static int
remove_file(void **state)
{
	(void)state;
	unlink(path);
	close(fd);
	return 0;
}

static void
put(off_t at, const char *text, size_t n)
{
	assert_int_equal(pwrite(fd, text, n, at), n);
}

static void
fill(off_t at, int c, size_t n)
{
	char *bytes = malloc(n);

	memset(bytes, c, n);
	put(at, bytes, n);
	free(bytes);
}

static struct rule
rule_for(const char *text, bool is_regex, struct needle *n, regex_t *re)
{
	*n = (struct needle){
	    .text = (char *)(uintptr_t)text, .len = strlen(text), .is_regex = is_regex};
	if (is_regex) {
		assert_int_equal(regcomp(re, text, REG_EXTENDED | REG_NOSUB), 0);
		n->regex = re;
	}
	return (struct rule){.not_found = n};
}

/* To the end, in steps of so many bytes. Returns how many steps it took. */
static int
search_all(struct search *s, const struct rule *r, int64_t budget)
{
	struct stat st;
	int steps = 0;

	assert_int_equal(fstat(fd, &st), 0);
	if (!search_begin(s, r, fd, &st))
		return 0;
	do
		assert_true(search_step(s, r, fd, budget) >= 0);
	while (++steps < 100000 && search_is_pending(s, r));
	return steps;
}

static void
across_edges(void **state)
{
	static const char *const words[] = {"ERROR", "E", "a word of thirty bytes, in itself"};
	struct needle n;

	(void)state;
	for (size_t w = 0; w < 3; w++) {
		size_t len = strlen(words[w]);

		for (int64_t at = WINDOW - (int64_t)len - 1; at <= WINDOW + 1; at++) {
			struct rule r = rule_for(words[w], false, &n, NULL);
			struct search s = {0};

			assert_int_equal(ftruncate(fd, 0), 0);
			fill(0, '.', 3 * WINDOW);
			put(at, words[w], len);
			search_all(&s, &r, 1);
			assert_int_equal(s.not_found.hit, at);
		}
	}
}

static void
regex_lines(void **state)
{
	static const struct {
		const char *regex, *text;
		size_t n;     /* 0: strlen */
		int64_t line; /* where the matching line begins, -1: none */
	} table[] = {
	    {"^b", "a\nb\n", 0, 2},
	    {"^b", "ab\n", 0, -1},
	    {"b$", "ab\ncb", 0, 0},
	    {"^$", "a\n\nb", 0, 2},
	    {"^$", "", 0, -1},
	    {"a.c", "a\nc", 0, -1},
	    {"x{3}", "xx\nxxx", 0, 3},
	    /* lines that end as on Windows, the last one too, and before its newline came */
	    {"FAILED$", "job FAILED\r\nok\r\n", 0, 0},
	    {"b$", "a\r\nb", 0, 3},
	    {"b$", "a\r\nb\r", 0, 3},
	    {"^$", "a\r\n\r\nb", 0, 3},
	    {"a$", "a\rb\n", 0, -1},
	    {"^b", "a\r\nb\r\n", 0, 3},
	    {"ERR(OR|NO)", "ERRNO", 0, 0},
	    {"secret", "\0\0secret\n", 9, 0},
	    {"\xc3\xa4", "x\xc3\xa4y", 0, 0},
	    {"a.b",
		"a\xff"
		"b",
		0, 0},
	};
	regex_t re;
	struct needle n;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct rule r = rule_for(table[i].regex, true, &n, &re);
		struct search s = {0};

		assert_int_equal(ftruncate(fd, 0), 0);
		put(0, table[i].text, table[i].n ? table[i].n : strlen(table[i].text));
		search_all(&s, &r, 1 << 20);
		if (s.not_found.hit != table[i].line)
			fail_msg("case %zu: %lld", i, (long long)s.not_found.hit);
		regfree(&re);
	}
}

static void
regex_across_edges(void **state)
{
	regex_t re;
	struct needle n;

	(void)state;
	for (int64_t at = WINDOW - 8; at <= WINDOW + 2; at++) {
		struct rule r = rule_for("ER+OR", true, &n, &re);
		struct search s = {0};

		/* in short lines */
		assert_int_equal(ftruncate(fd, 0), 0);
		fill(0, '\n', 2 * WINDOW);
		put(at, "ERROR", 5);
		search_all(&s, &r, 1);
		assert_int_equal(s.not_found.hit, at);
		/* in one line longer than the window */
		s = (struct search){0};
		fill(0, '.', 4 * WINDOW);
		put(at, "ERROR", 5);
		search_all(&s, &r, 1);
		assert_true(s.not_found.hit >= 0);
		regfree(&re);
	}
	{
		struct rule r = rule_for("^\\.*x", true, &n, &re);
		struct search s = {0};

		/* the middle of a long line is not its beginning */
		assert_int_equal(ftruncate(fd, 0), 0);
		fill(0, '.', 4 * WINDOW);
		put(10, "y", 1);
		put(3 * WINDOW, "x", 1);
		search_all(&s, &r, 1 << 20);
		assert_int_equal(s.not_found.hit, -1);
		regfree(&re);
	}
}

/* What would be searched in vain is told apart from text that hasn't what is looked for. */
static void
obstacles(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *what;
	} table[] = {
	    {"", 0, NULL},
	    {"FAILED\n", 7, NULL},
	    {"\xef\xbb\xbf"
	     "FAILED\n",
		10, NULL},
	    {"\0\0secret\n", 9, NULL},
	    {"a\0b\0c\n", 6, NULL},
	    {"\xff\xfe"
	     "F\0A\0",
		6, "it is UTF-16"},
	    {"\xfe\xff\0F", 4, "it is UTF-16"},
	    {"F\0A\0I\0L\0\r\0\n\0", 12, "it is UTF-16"},
	    {"\0F\0A\0I\0L\0\n", 10, "it is UTF-16"},
	    {"\x1f\x8b\x08\0\0\0\0\0", 8, "it is compressed (gzip)"},
	    {"BZh91AY", 7, "it is compressed (bzip2)"},
	    {"\xfd"
	     "7zXZ\0",
		6, "it is compressed (xz)"},
	    {"\x28\xb5\x2f\xfd\x04", 5, "it is compressed (zstd)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *what;

		assert_int_equal(ftruncate(fd, 0), 0);
		put(0, table[i].bytes, table[i].n);
		what = search_obstacle(fd);
		if (!what != !table[i].what || (what && strcmp(what, table[i].what) != 0))
			fail_msg("case %zu: %s", i, what ? what : "none");
	}
}

static void
growth_is_cheap(void **state)
{
	struct needle n;
	struct rule r = rule_for("ERROR", false, &n, NULL);
	struct search s = {0};
	struct stat st;

	(void)state;
	fill(0, '.', 64 * WINDOW);
	search_all(&s, &r, 1 << 30);
	assert_int_equal(s.not_found.hit, -1);
	put(64 * WINDOW, "more ERR", 8);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(search_begin(&s, &r, fd, &st));
	assert_true(search_step(&s, &r, fd, 1 << 30) < 100);
	assert_int_equal(s.not_found.hit, -1);
	/* the other half of the word comes later */
	put(64 * WINDOW + 8, "OR", 2);
	search_all(&s, &r, 1 << 30);
	assert_int_equal(s.not_found.hit, 64 * WINDOW + 5);
	/* and stays found while the file grows */
	put(64 * WINDOW + 10, "\n", 1);
	search_all(&s, &r, 1 << 30);
	assert_int_equal(s.not_found.hit, 64 * WINDOW + 5);
}

static void
a_line_counts_when_it_is_whole(void **state)
{
	regex_t re;
	struct needle n;
	struct rule r = rule_for("^done$", true, &n, &re);
	struct search s = {0};

	(void)state;
	put(0, "start\ndone", 10);
	search_all(&s, &r, 1 << 20);
	assert_int_equal(s.not_found.hit, 6);
	put(10, " not", 4);
	search_all(&s, &r, 1 << 20);
	assert_int_equal(s.not_found.hit, -1);
	put(14, "\ndone\n", 6);
	search_all(&s, &r, 1 << 20);
	assert_int_equal(s.not_found.hit, 15);
	regfree(&re);
}

/* What was searched before says nothing about these. */
static void
other_content_is_searched_whole(void **state)
{
	struct needle n;
	struct rule r = rule_for("ERROR", false, &n, NULL);
	struct search s = {0};

	(void)state;
	fill(0, '.', 1000);
	search_all(&s, &r, 1 << 20);
	/* truncated, then grown beyond its old size */
	assert_int_equal(ftruncate(fd, 0), 0);
	put(0, "ERROR", 5);
	fill(5, ',', 2000);
	search_all(&s, &r, 1 << 20);
	assert_int_equal(s.not_found.hit, 0);
	/* the word goes, the size stays */
	fill(0, ',', 2005);
	search_all(&s, &r, 1 << 20);
	assert_int_equal(s.not_found.hit, -1);
	/* shorter than before */
	assert_int_equal(ftruncate(fd, 10), 0);
	put(2, "ERROR", 5);
	search_all(&s, &r, 1 << 20);
	assert_int_equal(s.not_found.hit, 2);
	/* another file in its place */
	close(fd);
	unlink(path);
	fd = open(path, O_CREAT | O_RDWR, 0600);
	fill(0, '.', 10);
	search_all(&s, &r, 1 << 20);
	assert_int_equal(s.not_found.hit, -1);
}

static void
a_budget_ends_a_step(void **state)
{
	struct needle n;
	struct rule r = rule_for("ERROR", false, &n, NULL);
	struct search s = {0};

	(void)state;
	fill(0, '.', 16 * WINDOW);
	put(16 * WINDOW, "ERROR", 5);
	assert_true(search_all(&s, &r, 2 * WINDOW) >= 8);
	assert_int_equal(s.not_found.hit, 16 * WINDOW);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_file, remove_file)
	const struct CMUnitTest tests[] = {
	    TEST(across_edges),
	    TEST(regex_lines),
	    TEST(regex_across_edges),
	    TEST(obstacles),
	    TEST(growth_is_cheap),
	    TEST(a_line_counts_when_it_is_whole),
	    TEST(other_content_is_searched_whole),
	    TEST(a_budget_ends_a_step),
	};

	return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
