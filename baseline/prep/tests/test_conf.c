/* prep.conf, the environment, and what the expressions mean: one case a line. */
#include "conf.h"

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
files(void **state)
{
	static const struct {
		const char *text, *error; /* NULL: taken */
		enum conf_key key;
		const char *value;
	} table[] = {
	    {"", NULL, CRONTABS_REMOVE, "1"},
	    {"CRONTABS_REMOVE=0\n", NULL, CRONTABS_REMOVE, "0"},
	    {"CRONTABS_REMOVE=0", NULL, CRONTABS_REMOVE, "0"},
	    {"\n\n# CRONTABS_REMOVE=1\n  CRONTABS_REMOVE=0 \t\n", NULL, CRONTABS_REMOVE, "0"},
	    {"CRONTABS_REMOVE='0'\n", NULL, CRONTABS_REMOVE, "0"},
	    {"CRONTABS_REMOVE=\"0\"\n", NULL, CRONTABS_REMOVE, "0"},
	    {"CRONTABS_REMOVE=\n", NULL, CRONTABS_REMOVE, ""},
	    {"APK_CLEANUP=2\n", NULL, APK_CLEANUP, "2"},
	    {"SUID_ACTION=strip\n", NULL, SUID_ACTION, "strip"},
	    {"SYSDIRS_RM_REGEX=/(su|a b)$\n", NULL, SYSDIRS_RM_REGEX, "/(su|a b)$"},
	    {"SYSDIRS_RM_REGEX='/(su)$|^/x'\n", NULL, SYSDIRS_RM_REGEX, "/(su)$|^/x"},
	    {"SYSDIRS_RM_REGEX=/a=b#c\n", NULL, SYSDIRS_RM_REGEX, "/a=b#c"},
	    {"SYSDIRS_RM_REGEX='$X'\n", NULL, SYSDIRS_RM_REGEX, "$X"},
	    {"SYSDIRS_RM_REGEX=\n", NULL, SYSDIRS_RM_REGEX, ""},
	    {"APPLETS_KEEP=sh, ls [\n", NULL, APPLETS_KEEP, "sh, ls ["},
	    {"APPLETS_RM='wget,mkfs.ext2 nc'\n", NULL, APPLETS_RM, "wget,mkfs.ext2 nc"},
	    {"APPLETS_RM=\n", NULL, APPLETS_RM, ""},
	    {"RUNTIME_MOUNTS=/config, /var/data\t/x\n", NULL, RUNTIME_MOUNTS,
		"/config, /var/data\t/x"},
	    {"RUNTIME_MOUNTS=/config,data /x\n",
		"f:1: RUNTIME_MOUNTS: 'data' isn't an absolute path", 0, NULL},
	    {"APPLETS_KEEP=sh;ls\n", "f:1: APPLETS_KEEP: ';ls' is no part of a list of names",
		0, 0},
	    {"APPLETS_REMOVE=sh\n", "f:1: unknown key 'APPLETS_REMOVE'", 0, 0},
	    {"SHELL_RM=1\nPROBE_RM=1\n", NULL, PROBE_RM, "1"},

	    {"CRONTABS_REMOVE=2\n", "f:1: CRONTABS_REMOVE: bad value '2', want one of: 0 1", 0,
		0},
	    {"CRONTABS_REMOVE=yes\n", "f:1: CRONTABS_REMOVE: bad value 'yes'", 0, 0},
	    {"SUID_ACTION=\n", "f:1: SUID_ACTION: bad value ''", 0, 0},
	    {"SUID_ACTION=rem\n", "f:1: SUID_ACTION: bad value 'rem'", 0, 0},
	    {"\nCRONTAB_REMOVE=1\n",
		"f:2: unknown key 'CRONTAB_REMOVE', is 'CRONTABS_REMOVE' meant?", 0, 0},
	    {"KMC_RM=1\n", "f:1: unknown key 'KMC_RM', is 'PROBE_RM' meant?", 0, 0},
	    {"QUITE_ELSE=1\n", "f:1: unknown key 'QUITE_ELSE'\n", 0, 0},
	    {"CRONTABS_REMOVE\n", "f:1: want KEY=value, have 'CRONTABS_REMOVE'", 0, 0},
	    {"CRONTABS_REMOVE = 1\n", "f:1: want KEY=value", 0, 0},
	    {"export CRONTABS_REMOVE=1\n", "f:1: want KEY=value", 0, 0},
	    {"=1\n", "f:1: want KEY=value", 0, 0},
	    {"SHELL_RM=1\nSHELL_RM=1\n", "f:2: duplicate key 'SHELL_RM'", 0, 0},
	    {"SYSDIRS_RM_REGEX=/(su$\n",
		"f:1: SYSDIRS_RM_REGEX: bad regular expression '/(su$': ", 0, 0},
	    {"#\n\nGROUP_DONT_DELETE_REGEX=[\n", "f:3: GROUP_DONT_DELETE_REGEX: bad regular", 0,
		0},
	    {"SYSDIRS_RM_REGEX='/su\n", "f:1: no closing '", 0, 0},
	    {"SYSDIRS_RM_REGEX='/su'x\n", "f:1: no closing ', or text after it", 0, 0},
	    {"SYSDIRS_RM_REGEX='\n", "f:1: no closing '", 0, 0},
	    {"SYSDIRS_RM_REGEX='a'b'\n", "f:1: a ' within ''", 0, 0},
	    {"SYSDIRS_RM_REGEX=$SYSDIRS_RM_REGEX|/x$\n",
		"f:1: '$SYSDIRS_RM_REGEX|/x$' is not "
		"expanded here",
		0, 0},
	    {"SYSDIRS_RM_REGEX=\"${OLD}\"\n", "f:1: '${OLD}' is not expanded here", 0, 0},
	    {"SHELL_RM=1\r\n", "f:1: control byte in the line", 0, 0},
	    {"SHELL_RM=1\033[2J\n", "f:1: control byte in the line", 0, 0},
	};
	size_t i;

	for (i = 0; i < COUNT(table); i++) {
		struct conf c;
		char *said;
		int result;

		capture();
		conf_init(&c);
		result = conf_parse(&c, "f", table[i].text, strlen(table[i].text));
		said = captured_text();
		if (table[i].error) {
			if (result == 0 || !strstr(said, table[i].error))
				fail_msg("%s: %d, '%s'", table[i].text, result, said);
		} else if (result || *said ||
			   strcmp(c.value[table[i].key].text, table[i].value)) {
			fail_msg("%s: %d, '%s', %s", table[i].text, result, said,
			    c.value[table[i].key].text);
		}
		free(said);
		conf_free(&c);
	}
	(void)state;
}

static void
every_bad_line_is_reported(void **state)
{
	static const char text[] = "A=1\nSHELL_RM=1\nB=2\n";
	struct conf c;
	char *said;

	capture();
	conf_init(&c);
	assert_int_equal(conf_parse(&c, "f", text, sizeof(text) - 1), -1);
	said = captured_text();
	assert_non_null(strstr(said, "f:1: unknown key 'A'"));
	assert_non_null(strstr(said, "f:3: unknown key 'B'"));
	free(said);
	capture();
	assert_int_equal(conf_parse(&c, "f", "SHELL_RM=1\0\n", 12), -1);
	said = captured_text();
	assert_non_null(strstr(said, "control byte"));
	free(said);
	conf_free(&c);
	(void)state;
}

static void
environments(void **state)
{
	static const struct {
		const char *variable, *error;
		enum conf_key key;
		const char *value;
	} table[] = {
	    {"SHELL_RM=1", NULL, SHELL_RM, "1"},
	    {"PATH=/bin", NULL, SHELL_RM, "0"},
	    {"APK_VERSION=3", NULL, SHELL_RM, "0"},
	    {"SUID_ACTION=strip", NULL, SUID_ACTION, "strip"},
	    {"nonsense", NULL, SHELL_RM, "0"},
	    {"SHELL_RM=2", "w: SHELL_RM: bad value '2'", 0, 0},
	    {"SBIN_DONT_DELETE_REGEX=(", "w: SBIN_DONT_DELETE_REGEX: bad regular", 0, 0},
	    {"GROUPS_DONT_DELETE_REGEX=x",
		"w: unknown key 'GROUPS_DONT_DELETE_REGEX', is 'GROUP_DONT_DELETE_REGEX' "
		"meant?",
		0, 0},
	    {"SUID_ACTON=strip", "w: unknown key 'SUID_ACTON', is 'SUID_ACTION' meant?", 0, 0},
	    {"HARDEN_NOTHING=1", "w: unknown key 'HARDEN_NOTHING'", 0, 0},
	};
	size_t i;

	for (i = 0; i < COUNT(table); i++) {
		char *env[] = {xstrdup(table[i].variable), NULL};
		struct conf c;
		char *said;
		int result;

		capture();
		conf_init(&c);
		result = conf_environ(&c, "w", env);
		said = captured_text();
		if (table[i].error
			? result == 0 || !strstr(said, table[i].error)
			: result || strcmp(c.value[table[i].key].text, table[i].value))
			fail_msg("%s: %d, '%s'", table[i].variable, result, said);
		free(said);
		free(env[0]);
		conf_free(&c);
	}
	(void)state;
}

static void
account_lines(void **state)
{
	static const struct {
		const char *regex, *line;
		int stays;
	} table[] = {
	    {"^(user1|user2)", "user1:x:1:1::/:/bin/sh", 1},
	    {"^(user1|user2)", "user2:x:1:1::/:/bin/sh", 1},
	    {"^(user1|user2)", "user10:x:1:1::/:/bin/sh", 0},
	    {"^(user1|user10)", "user10:x:1:1::/:/bin/sh", 1},
	    {"^user1:", "user1:x:1:1::/:/bin/sh", 1},
	    {"^user", "user1:x:1:1::/:/bin/sh", 0},
	    {"^user[0-9]*", "user17:x:1:1::/:/bin/sh", 1},
	    {"user1", "user1:x:1:1::/:/bin/sh", 1},
	    {"user1", "myuser1:x:1:1::/:/bin/sh", 0},
	    {"user1", "other:x:1:1:user1:/:/bin/sh", 1},
	    {"data", "www-data:x:33:33::/:/bin/sh", 0},
	    {"www-data", "www-data:x:33:33::/:/bin/sh", 1},
	    {":0:", "root:x:0:0::/:/bin/sh", 1},
	    {"o|:0:", "root:x:0:0::/:/bin/sh", 1},
	    {"^o|oo", "root:x:0:0::/:/bin/sh", 0},
	    {"/bin/sh$", "root:x:0:0::/:/bin/sh", 1},
	    {".", "root:x:0:0::/:/bin/sh", 1},
	    {".*", "root:x:0:0::/:/bin/sh", 1},
	    {"^", "root:x:0:0::/:/bin/sh", 1},
	    {"", "root:x:0:0::/:/bin/sh", 0},
	    {"^root", "root", 1},
	    {"^roo", "root", 0},
	    {"^\\+", "+::::::", 1},
	};
	size_t i;

	for (i = 0; i < COUNT(table); i++) {
		struct conf c;

		conf_init(&c);
		assert_int_equal(
		    conf_set(&c, "t", "ACCOUNTS_DONT_DELETE_REGEX", table[i].regex), 0);
		if (conf_matches_account(&c, ACCOUNTS_DONT_DELETE_REGEX, table[i].line) !=
		    table[i].stays)
			fail_msg("'%s' on '%s'", table[i].regex, table[i].line);
		conf_free(&c);
	}
	(void)state;
}

/* A list of names is compared without regexec(3), so both have to agree. */
static void
lists_of_names(void **state)
{
	static const struct {
		const char *regex;
		size_t names;
	} table[] = {
	    {"/(hexdump|chgrp|chmod|chown|ln|od|strings|su)$", 8},
	    {"/su$", 1},
	    {"/su$|/(od|ln)$|/x\\.y-z_9$", 4},
	    {"/(su)$", 1},
	    {"/su", 0},
	    {"su$", 0},
	    {"^/su$", 0},
	    {"/(su|)$", 0},
	    {"/()$", 0},
	    {"/s.$", 0},
	    {"/su+$", 0},
	    {"/(su|od)", 0},
	    {"/(su|od)$x", 0},
	    {"/(su|(od))$", 0},
	    {"/su$|", 0},
	    {"/a/su$", 0},
	};
	static const char *const paths[] = {"/bin/su", "/su", "/bin/sux", "/bin/xsu", "/su/x",
	    "/bin/od", "/bin/ln", "/x.y-z_9", "/xay-z_9", "/bin/hexdump", "/bin/su\n", "/bin/",
	    "su", "/s", "/bin/suu"};
	size_t i, k;

	for (i = 0; i < COUNT(table); i++) {
		struct endings e;
		regex_t regex;

		endings_read(&e, table[i].regex);
		if (e.count != table[i].names)
			fail_msg("'%s' has %zu names", table[i].regex, e.count);
		if (e.count) {
			assert_int_equal(regcomp(&regex, table[i].regex, REG_EXTENDED), 0);
			for (k = 0; k < COUNT(paths); k++)
				if (endings_match(&e, paths[k]) !=
				    (regexec(&regex, paths[k], 0, NULL, 0) == 0))
					fail_msg("'%s' on '%s'", table[i].regex, paths[k]);
			regfree(&regex);
		}
		endings_free(&e);
	}
	(void)state;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(files),
	    cmocka_unit_test(every_bad_line_is_reported),
	    cmocka_unit_test(environments),
	    cmocka_unit_test(account_lines),
	    cmocka_unit_test(lists_of_names),
	};

	report_prog = "test";
	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
