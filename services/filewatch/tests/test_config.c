/* Settings: what is refused and where, and what the accepted become. */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "report.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Parses with standard error in a file, whose text goes to out. */
static struct config *
parse(const char *text, char *out, size_t n)
{
	FILE *f = tmpfile();
	int real = dup(STDERR_FILENO);
	struct config *c;

	assert_non_null(f);
	dup2(fileno(f), STDERR_FILENO);
	c = config_parse("f", text, strlen(text));
	dup2(real, STDERR_FILENO);
	close(real);
	rewind(f);
	out[fread(out, 1, n - 1, f)] = '\0';
	fclose(f);
	return c;
}

#define R "rules:\n- path: /a\n  "

static void
refused(void **state)
{
	static const struct {
		const char *text, *message;
	} table[] = {
	    {"", "f: expected 'rules:' and a list of rules"},
	    {"rules: []\n", "f: no rules: there is nothing to watch"},
	    {"listen: 1\n", "f: no rules: there is nothing to watch"},
	    {"rules: /a\n", "f:1:8: rules is a list"},
	    {"rules: [/a]\n", "f:1:9: a rule is a map"},
	    {"rules: [{max-age: 1h}]\n", "f:1:9: this rule has no 'path:'"},
	    {"rules: [{path: a}]\n", "f:1:16: bad path 'a': write the whole path"},
	    {"rules: [{path: [a]}]\n", "f:1:16: expected text, not a list"},
	    {"rules: [{path: /a}, {path: /b}, {path: /a}]\n",
		"f:1:1: path '/a' has a rule already in line 1"},
	    {"ruels: []\n", "f:1:1: unknown key 'ruels', did you mean 'rules'?"},
	    {R "max_age: 1h\n", "f:3:3: unknown key 'max_age', did you mean 'max-age'?"},
	    {R "max-age: soon\n", "f:3:12: expected a duration such as 90s, 2h or 1d12h"},
	    {R "max-age: 0\n", "f:3:12: expected a duration from 1ms to 36525d, not '0'"},
	    {R "max-age: 40000d\n", "f:3:12: expected a duration from 1ms to 36525d"},
	    {R "max-age: 1h\n  min-age: 2h\n", "f:2:3: min-age is more than max-age"},
	    {R "empty: directory\n", "f:3:10: expected file or dir, not 'directory'"},
	    {R "empty: dir\n  not-found: x\n", "f:2:3: an empty directory has no text"},
	    {R "not-found: ''\n", "f:3:14: expected one line of 1 to 4096 bytes"},
	    {R "not-found: \"a\\nb\"\n", "f:3:14: expected one line of 1 to 4096 bytes"},
	    {R "not-found: {regex: '('}\n", "f:3:22: bad regular expression '(': "},
	    {R "not-found: {regex: a, text: b}\n",
		"f:3:14: expected one of 'text:' and 'regex:'"},
	    {R "not-found: {}\n", "f:3:14: expected one of 'text:' and 'regex:'"},
	    {R "not-found: [a]\n", "f:3:14: expected text, not a list"},
	    {R "found: {txt: a}\n", "f:3:11: unknown key 'txt', did you mean 'text'?"},
	    {R "count: -1\n", "f:3:10: expected a whole number from 0"},
	    {R "count: {min: 3, max: 2}\n", "f:3:10: min is more than max"},
	    {R "count: {}\n", "f:3:10: expected 'min:', 'max:' or both"},
	    {R "size: big\n", "f:3:9: expected a size such as 512"},
	    {R "size: [1]\n", "f:3:9: this is a map"},
	    {R "owner: no-such-user\n", "f:3:10: 'no-such-user' isn't in /etc/passwd"},
	    {R "owner: ':no-such-group'\n", "f:3:10: 'no-such-group' isn't in /etc/group"},
	    {R "owner: ':'\n", "f:3:10: expected USER, USER:GROUP or :GROUP"},
	    {R "mode: 999\n", "f:3:9: expected a mode in octal such as 0644, not '999'"},
	    {R "mode: '17777'\n", "f:3:9: expected a mode in octal"},
	    {R "mode: {min: 0644}\n", "f:3:10: unknown key 'min', remove it"},
	    {R "missing: yes\n", "f:3:12: expected ok, not 'yes'"},
	    {R "skip: perhaps\n", "f:3:9: expected true or false, not 'perhaps'"},
	    {R "skip: true\n  max-age: 1h\n", "f:2:3: a rule with skip can't check anything"},
	    {"rules: [{path: '/a/{NEWEST}', count: 1}]\n",
		"f:1:9: {NEWEST} is always one file"},
	    {"rules: [{path: '/a/*', integrity: /b}]\n",
		"f:1:9: integrity needs the path of one"},
	    {R "integrity: b\n", "f:3:14: the baseline's path must be absolute"},
	    {"listen: here:port\n" R "", "f:1:9: expected an address such as 127.0.0.1:8080"},
	    {"listen: :80\n" R "", "f:1:9: expected an address"},
	    {"listen: 1.2.3.4:99999\n" R "", "f:1:9: expected an address"},
	    {"connections: 0\n" R "", "f:1:14: expected a whole number from 1 to 10000"},
	    {"interval: 0s\n" R "", "f:1:11: expected a duration from 1ms"},
	    {"notify: {every: 1m}\n" R "", "f:1:9: expected 'command: "},
	    {"notify: {command: echo}\n" R "", "f:1:19: command is a list"},
	    {"notify: {command: [echo]}\n" R "", "f:1:20: the program's path must be absolute"},
	    {"sidecar: {interval: 1s}\n", "f:1:10: expected 'baseline: FILE'"},
	    {"sidecar: {baseline: b}\n", "f:1:21: the baseline's path must be absolute"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		char out[4096], want[256];
		struct config *c = parse(table[i].text, out, sizeof(out));

		snprintf(want, sizeof(want), "t: %s", table[i].message);
		if (c || !strstr(out, want))
			fail_msg("%s: expected '%s', got '%s'", table[i].text, want, out);
	}
}

/* Every mistake is named at once, not one a run. */
static void
all_mistakes_at_once(void **state)
{
	char out[4096];
	size_t lines = 0;

	(void)state;
	assert_null(
	    parse("interval: x\nrules:\n- path: b\n- {path: /a, mode: z, max-agee: 1}\n", out,
		sizeof(out)));
	for (const char *p = out; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 4);
}

static void
summaries(void **state)
{
	static const struct {
		const char *text, *summary;
	} table[] = {
	    {R "", "exists"},
	    {R "missing: ok\n", "may be missing"},
	    {R "max-age: 1d12h\n", "at most 1 d 12 h old"},
	    {R "min-age: 90\n  max-age: 2h\n", "at most 2 h old; at least 1 min 30 s old"},
	    {R "empty: dir\n", "empty directory"},
	    {R "not-found: ERROR\n", "without 'ERROR'"},
	    {R "found: {regex: '^ok$'}\n", "with /^ok$/"},
	    {R "size: 512\n", "exactly 512 bytes"},
	    {R "size: {min: 1.5k, max: 2m}\n", "at least 1.5 KiB, at most 2 MiB"},
	    {R "count: {max: 1}\n", "at most 1 match"},
	    {R "owner: root:root\n", "user 0; group 0"},
	    {R "owner: 1000\n  mode: 0640\n", "user 1000; mode 0640"},
	    {R "mode: {max: 0755}\n", "mode at most 0755"},
	    {R "skip: on\n", "skipped"},
	    {R "grace: 5m\n", "exists; wrong for 5 min before it counts"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		char out[4096];
		struct config *c = parse(table[i].text, out, sizeof(out));

		if (!c || *out)
			fail_msg("%s: %s", table[i].text, out);
		assert_string_equal(c->rule[0].summary, table[i].summary);
		config_drop(c);
	}
}

static void
the_rest(void **state)
{
	char out[4096];
	struct config *c =
	    parse("listen: '[::1]:80'\ntitle: T\ninterval: 1m\npoll: 5s\nstale: 1s\n"
		  "connections: 9\n"
		  "notify: {command: [/bin/x, y], every: 2s, timeout: 3s}\n"
		  "sidecar: {baseline: /b, neighbour: httpd, interval: 1s, restarts: 2,"
		  " within: 1h, term-wait: 2s}\n",
		out, sizeof(out));

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->host, "::1");
	assert_string_equal(c->port, "80");
	assert_string_equal(c->title, "T");
	assert_int_equal(c->interval, 60000);
	assert_int_equal(c->poll, 5000);
	assert_int_equal(c->stale, 1000);
	assert_int_equal(c->connections, 9);
	assert_string_equal(c->notify.command[1], "y");
	assert_null(c->notify.command[2]);
	assert_int_equal(c->notify.every, 2000);
	assert_string_equal(c->sidecar.neighbour, "httpd");
	assert_int_equal(c->sidecar.restarts, 2);
	config_drop(c);
	c = parse("listen: 81\n" R "", out, sizeof(out));
	assert_string_equal(c->host, "127.0.0.1");
	assert_string_equal(c->port, "81");
	config_drop(c);
}

static void
exceptions(void **state)
{
	char out[4096];
	struct config *c =
	    parse("rules:\n- path: /a/b\n- path: /a/*\n- {path: /a/x*, skip: yes}\n"
		  "- {path: /a/y, skip: yes}\n",
		out, sizeof(out));

	(void)state;
	assert_non_null(c);
	assert_ptr_equal(config_direct(c, "/a/b"), &c->rule[0]);
	assert_null(config_direct(c, "/a/*"));
	assert_true(config_is_exception(c, "/a/b"));
	assert_true(config_is_exception(c, "/a/xyz"));
	assert_true(config_is_exception(c, "/a/y"));
	assert_false(config_is_exception(c, "/a/z"));
	config_drop(config_hold(c));
	config_drop(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(refused),
	    cmocka_unit_test(all_mistakes_at_once),
	    cmocka_unit_test(summaries),
	    cmocka_unit_test(the_rest),
	    cmocka_unit_test(exceptions),
	};

	report_prog = "t";
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
