/* Strict YAML, durations, sizes and near words: one case a line. */
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "report.h"
#include "strbuf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What report() writes while a test runs: standard error is a file for that time. */
static FILE *captured;
static int real_stderr;

static void
capture(void)
{
	captured = tmpfile();
	assert_non_null(captured);
	fflush(stderr);
	real_stderr = dup(STDERR_FILENO);
	dup2(fileno(captured), STDERR_FILENO);
}

static char *
captured_text(void)
{
	struct strbuf b = STRBUF_INIT;
	char chunk[4096];
	size_t n;

	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	rewind(captured);
	while ((n = fread(chunk, 1, sizeof(chunk), captured)) > 0)
		strbuf_add(&b, chunk, n);
	fclose(captured);
	return strbuf_steal(&b);
}

static void
durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
		int error;
	} table[] = {
	    {"0", 0, 0},
	    {"90", 90000, 0},
	    {"90s", 90000, 0},
	    {"1500ms", 1500, 0},
	    {"1s500ms", 1500, 0},
	    {"2h", 7200000, 0},
	    {"1d12h", 129600000, 0},
	    {"1w", 604800000, 0},
	    {"1w1d1h1m1s1ms", 694861001, 0},
	    {"9223372036854775807ms", INT64_MAX, 0},
	    {"9223372036854775808ms", 0, ERANGE},
	    {"9223372036854775807", 0, ERANGE},
	    {"15250284453w", 0, ERANGE},
	    {"15250284451w9223372036854775807ms", 0, ERANGE},
	    {"", 0, EINVAL},
	    {" 1s", 0, EINVAL},
	    {"1s ", 0, EINVAL},
	    {"-1s", 0, EINVAL},
	    {"+1s", 0, EINVAL},
	    {"s", 0, EINVAL},
	    {"1x", 0, EINVAL},
	    {"1hh", 0, EINVAL},
	    {"1h1h", 0, EINVAL},
	    {"1m1h", 0, EINVAL},
	    {"1h30", 0, EINVAL},
	    {"0w5", 0, EINVAL},
	    {"1.5h", 0, EINVAL},
	    {"1H", 0, EINVAL},
	    {"0x10", 0, EINVAL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		int64_t ms = -1;
		int got = parse_duration(table[i].text, &ms);

		if (got != (table[i].error ? -1 : 0) ||
		    (table[i].error && errno != table[i].error) ||
		    (!table[i].error && ms != table[i].ms))
			fail_msg("'%s': returned %d, %lld ms, errno %d", table[i].text, got,
			    (long long)ms, errno);
	}
}

static void
sizes(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
		int error;
	} table[] = {
	    {"0", 0, 0},
	    {"512", 512, 0},
	    {"512b", 512, 0},
	    {"64k", 65536, 0},
	    {"64K", 65536, 0},
	    {"64kb", 65536, 0},
	    {"64KiB", 65536, 0},
	    {"64Ki", 65536, 0},
	    {"1.5m", 1572864, 0},
	    {"0.001k", 1, 0},
	    {"2g", 2147483648, 0},
	    {"3T", 3298534883328, 0},
	    {"8191p", 9222246136947933184, 0},
	    {"8192p", 0, ERANGE},
	    {"8191.999p", 9223370910954868965, 0},
	    {"9223372036854775807", INT64_MAX, 0},
	    {"9223372036854775808", 0, ERANGE},
	    {"9223372036854775807k", 0, ERANGE},
	    {"", 0, EINVAL},
	    {"k", 0, EINVAL},
	    {"-1", 0, EINVAL},
	    {"1.5", 0, EINVAL},
	    {"1.5b", 0, EINVAL},
	    {"1.k", 0, EINVAL},
	    {".5k", 0, EINVAL},
	    {"1.2345k", 0, EINVAL},
	    {"1.2.3k", 0, EINVAL},
	    {"1 k", 0, EINVAL},
	    {"1kk", 0, EINVAL},
	    {"1kibi", 0, EINVAL},
	    {"1e3", 0, EINVAL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		int64_t bytes = -1;
		int got = parse_size(table[i].text, &bytes);

		if (got != (table[i].error ? -1 : 0) ||
		    (table[i].error && errno != table[i].error) ||
		    (!table[i].error && bytes != table[i].bytes))
			fail_msg("'%s': returned %d, %lld bytes, errno %d", table[i].text, got,
			    (long long)bytes, errno);
	}
}

static void
near_words(void **state)
{
	static const char *const known[] = {
	    "max-age", "min-age", "missing", "mode", "owner", "ip", "env", "integrity", NULL};
	static const struct {
		const char *word, *near;
	} table[] = {
	    {"max-age", "max-age"},
	    {"max_age", "max-age"},
	    {"maxage", "max-age"},
	    {"Max-Age", "max-age"},
	    {"mxa-age", "max-age"},
	    {"mod", "mode"},
	    {"modes", "mode"},
	    {"onwer", "owner"},
	    {"intergity", "integrity"},
	    {"integrty", "integrity"},
	    {"pi", "ip"},
	    {"env", "env"},
	    {"x", NULL},
	    {"", NULL},
	    {"colour", NULL},
	    {"network", NULL},
	    {"0123456789012345678901234567890123456789012345678901234567890123456789", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		const char *near = nearest_word(table[i].word, known);

		if (near != table[i].near &&
		    (!near || !table[i].near || strcmp(near, table[i].near) != 0))
			fail_msg("'%s': got %s, expected %s", table[i].word,
			    near ? near : "none", table[i].near ? table[i].near : "none");
	}
}

/* A document, and the message that refuses it (after "t: f:"); NULL: it is accepted. */
static void
documents(void **state)
{
	static const struct {
		const char *text, *message;
	} table[] = {
	    {"", NULL},
	    {"# only a comment\n", NULL},
	    {"---\n", NULL},
	    {"---\na: 1\n...\n", NULL},
	    {"a: 1\nb: [x, y]\nc: {d: e}\n", NULL},
	    {"\xef\xbb\xbf"
	     "a: 1\nb: 2\n",
		NULL},
	    {"\xef\xbb\xbf"
	     "a: 1\na: 2\n",
		"2:1: duplicate key 'a'"},
	    {"a: 1\nb: 2\na: 3\n", "3:1: duplicate key 'a', already set in line 1, remove one"},
	    {"a:\n  b: 1\n  c: 2\n  'b': 3\n", "4:3: duplicate key 'b', already set in line 2"},
	    {"a: &x 1\n", "1:4: anchor '&x' is not supported"},
	    {"a: *x\n", "1:4: alias '*x' is not supported"},
	    {"*x : 1\n", "1:1: alias '*x' is not supported"},
	    {"a: !!str 1\n", "1:4: tag 'tag:yaml.org,2002:str' is not supported"},
	    {"a: !x [1]\n", "1:4: tag '!x' is not supported"},
	    {"a: &x {}\n", "1:4: anchor '&x' is not supported"},
	    {"&x : 1\n", "1:1: anchor '&x' is not supported"},
	    {"--- 1\n--- 2\n", "2:1: a second document begins here"},
	    {"---\n---\n", "2:1: a second document begins here"},
	    {"[a, b]: 1\n", "1:1: a key must be a plain word"},
	    {"? {a: b}\n: 1\n", "1:3: a key must be a plain word"},
	    {"a: \"x\\0y\"\n", "1:4: NUL byte in a value"},
	    {"a: [1\n", "2:1: bad YAML: "},
	    {"a: 1\n b: 2\n", "2:3: bad YAML: mapping values are not allowed in this context"},
	    {"a:\n\t- b\n", "2:1: bad YAML: found character that cannot start any token"},
	    {"a: \xff\n", "1:4: bad character: "},
	    {"a: \x01\n", "1:4: bad character: "},
	    {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", NULL},
	    {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
		"1:33: more than 32 levels"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct settings s;
		int got;
		char *text;

		capture();
		got = settings_parse(&s, "f", table[i].text, strlen(table[i].text));
		text = captured_text();
		if (!table[i].message) {
			if (got || *text || s.errors)
				fail_msg("case %zu: refused: %s", i, text);
		} else {
			struct strbuf want = STRBUF_INIT;

			strbuf_printf(&want, "t: f:%s", table[i].message);
			if (got != -1 || s.errors != 1 ||
			    strncmp(text, want.s, strlen(want.s)) != 0)
				fail_msg("case %zu: returned %d with '%s', expected '%s'", i,
				    got, text, want.s);
			strbuf_free(&want);
		}
		free(text);
		settings_free(&s);
	}
}

static void
bytes_that_text_cannot_show(void **state)
{
	static const char tail[] = "a: 1\n\0\nb: 2\n"; /* as a crash may leave a file */
	static const char nul[] = "a: x\0y\n";
	struct settings s;
	char *big = xcalloc(1, 1024 * 1024 + 2);

	(void)state;
	capture();
	assert_int_equal(settings_parse(&s, "f", nul, sizeof(nul) - 1), -1);
	settings_free(&s);
	assert_int_equal(settings_parse(&s, "f", tail, sizeof(tail) - 1), -1);
	settings_free(&s);
	memset(big, ' ', 1024 * 1024 + 1);
	assert_int_equal(settings_parse(&s, "f", big, 1024 * 1024), 0);
	settings_free(&s);
	assert_int_equal(settings_parse(&s, "f", big, 1024 * 1024 + 1), -1);
	settings_free(&s);
	assert_int_equal(settings_read(&s, "/nonexistent/f"), -1);
	assert_int_equal(s.errors, 1);
	settings_free(&s);
	free(big);
	free(captured_text());
}

static void
nodes_know_where_they_stand(void **state)
{
	static const char text[] = "# head\n"
				   "rules:\n"
				   "  - path: /a\n"
				   "    text: \"x: y\"\n"
				   "  - [1, two]\n"
				   "empty:\n";
	struct settings s;
	const struct node *rules, *path, *quoted;

	(void)state;
	assert_int_equal(settings_parse(&s, "f", text, strlen(text)), 0);
	rules = settings_get(s.root, "rules");
	assert_non_null(rules);
	assert_int_equal(rules->kind, NODE_LIST);
	assert_int_equal(rules->count, 2);
	path = settings_get(rules->item[0], "path");
	assert_string_equal(path->text, "/a");
	assert_int_equal(path->line, 3);
	assert_int_equal(path->column, 11);
	assert_false(path->quoted);
	quoted = settings_get(rules->item[0], "text");
	assert_true(quoted->quoted);
	assert_string_equal(quoted->text, "x: y");
	assert_string_equal(rules->item[1]->item[1]->text, "two");
	assert_string_equal(settings_get(s.root, "empty")->text, "");
	assert_null(settings_get(s.root, "none"));
	assert_null(settings_get(rules, "path"));
	settings_free(&s);
}

static void
unknown_keys(void **state)
{
	static const char *const known[] = {"image", "ports", NULL};
	static const char text[] =
	    "image: a\ntest_image: b\nimages: c\ntest_prots: d\nzzz: e\n";
	struct settings s;
	char *out;

	(void)state;
	assert_int_equal(settings_parse(&s, "f", text, strlen(text)), 0);
	capture();
	settings_known(&s, s.root, known, "test_");
	out = captured_text();
	assert_string_equal(out,
	    "t: f:3:1: unknown key 'images', did you mean 'image'?\n"
	    "t: f:4:1: unknown key 'test_prots', did you mean 'test_ports'?\n"
	    "t: f:5:1: unknown key 'zzz', remove it\n");
	assert_int_equal(s.errors, 3);
	free(out);
	capture();
	settings_known(&s, s.root, known, NULL);
	free(captured_text());
	assert_int_equal(s.errors, 7);
	settings_free(&s);
}

static void
typed_values(void **state)
{
	static const char good[] =
	    "b: [true, No, ON, '0']\ni: [-5, 0, 7]\nd: 2h\ns: 64k\nt: 1\n";
	static const char bad[] =
	    "[maybe, 07, 8, '', 1e1, 99999999999999999999, [], {}, 5 s, 5 k]";
	struct settings s;
	const struct node *n;
	bool flag;
	int64_t value;
	const char *string;
	char *out;

	(void)state;
	assert_int_equal(settings_parse(&s, "f", good, strlen(good)), 0);
	n = settings_get(s.root, "b");
	for (size_t i = 0; i < n->count; i++) {
		assert_int_equal(settings_bool(&s, n->item[i], &flag), 0);
		assert_int_equal(flag, i == 0 || i == 2);
	}
	n = settings_get(s.root, "i");
	assert_int_equal(settings_integer(&s, n->item[0], -5, 5, &value), 0);
	assert_int_equal(value, -5);
	assert_int_equal(settings_integer(&s, n->item[1], 0, 0, &value), 0);
	assert_int_equal(settings_duration(&s, settings_get(s.root, "d"), &value), 0);
	assert_int_equal(value, 7200000);
	assert_int_equal(settings_size(&s, settings_get(s.root, "s"), &value), 0);
	assert_int_equal(value, 65536);
	assert_int_equal(settings_string(&s, settings_get(s.root, "t"), &string), 0);
	assert_string_equal(string, "1");
	assert_int_equal(s.errors, 0);
	settings_free(&s);

	assert_int_equal(settings_parse(&s, "f", bad, strlen(bad)), 0);
	capture();
	assert_int_equal(settings_bool(&s, s.root->item[0], &flag), -1);
	for (size_t i = 1; i <= 7; i++)
		assert_int_equal(settings_integer(&s, s.root->item[i], 0, 7, &value), -1);
	assert_int_equal(settings_string(&s, s.root->item[6], &string), -1);
	assert_int_equal(settings_duration(&s, s.root->item[8], &value), -1);
	assert_int_equal(settings_size(&s, s.root->item[9], &value), -1);
	out = captured_text();
	assert_int_equal(s.errors, 11);
	assert_non_null(strstr(out, "f:1:2: expected true or false, not 'maybe'\n"));
	assert_non_null(strstr(out, "f:1:13: expected a whole number from 0 to 7, not '8'\n"));
	assert_non_null(strstr(out, "expected text, not a list\n"));
	free(out);
	settings_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(durations),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(near_words),
	    cmocka_unit_test(documents),
	    cmocka_unit_test(bytes_that_text_cannot_show),
	    cmocka_unit_test(nodes_know_where_they_stand),
	    cmocka_unit_test(unknown_keys),
	    cmocka_unit_test(typed_values),
	};

	report_prog = "t";
	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
