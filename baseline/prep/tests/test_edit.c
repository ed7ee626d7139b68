/* What becomes of passwd, group, shadow and gshadow: one case a line. */
#include "edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The names that stay, for what isn't passwd. */
static char app[] = "app", bob[] = "bob", staff[] = "staff";
static char *accounts[] = {app, bob};
static char *groups[] = {app, staff};

static const struct {
	enum edit_file file;
	const char *settings; /* KEY=value, divided by blanks */
	const char *before, *after;
	size_t removed, changed;
	const char *ledger; /* a part of it */
} table[] = {
    {EDIT_PASSWD, "", "root:x:0:0::/root:/bin/sh\n", "", 1, 0,
	"{\"line\":1,\"text\":\"root:x:0:0::/root:/bin/sh\"}"},
    {EDIT_PASSWD, "", "", "", 0, 0, "\"removed\":[],\"changed\":[]"},
    {EDIT_PASSWD, "", "user1:x:1:1::/:/sbin/nologin\n", "user1:x:1:1::/:/sbin/nologin\n", 0, 0,
	""},
    {EDIT_PASSWD, "", "user1:x:1:1::/:/bin/sh\n", "user1:x:1:1::/:/sbin/nologin\n", 0, 1,
	"{\"line\":1,\"text\":\"user1:x:1:1::/:/bin/sh\",\"to\":\"user1:x:1:1::/:/sbin/"
	"nologin\"}"},
    {EDIT_PASSWD, "", "user1:x:1:1::/:\n", "user1:x:1:1::/:/sbin/nologin\n", 0, 1, ""},
    {EDIT_PASSWD, "", "user1:x:1:1::/:/bin/sh:more\n", "user1:x:1:1::/:/sbin/nologin\n", 0, 1,
	""},
    {EDIT_PASSWD, "", "user1::1:1::/:/sbin/nologin\n", "user1:!:1:1::/:/sbin/nologin\n", 0, 1,
	""},
    {EDIT_PASSWD, "", "user1:$6$abc:1:1::/:/sbin/nologin\n",
	"user1:!$6$abc:1:1::/:/sbin/nologin\n", 0, 1, "sha256:"},
    {EDIT_PASSWD, "SHELL_DISABLE_LOGIN=0", "user1:x:1:1::/:/bin/sh\n",
	"user1:x:1:1::/:/bin/sh\n", 0, 0, ""},
    {EDIT_PASSWD, "SHELL_DISABLE_LOGIN=0", "user1::1:1::/:/bin/sh\n",
	"user1:!:1:1::/:/bin/sh\n", 0, 1, ""},
    {EDIT_PASSWD, "SHELL_DISABLE_LOGIN=0", "user1:$6$a:1:1::/:/bin/sh\n",
	"user1:$6$a:1:1::/:/bin/sh\n", 0, 0, ""},
    {EDIT_PASSWD, "", "user1:x:1:1\n", "user1:x:1:1\n", 0, 0, ""},
    {EDIT_PASSWD, "", "user10:x:1:1::/:/bin/sh\nuser1:x:1:1::/:/sbin/nologin\n",
	"user1:x:1:1::/:/sbin/nologin\n", 1, 0, "{\"line\":1,\"text\":\"user10:"},
    {EDIT_PASSWD, "", "\n# text\nuser1:x:1:1::/:/sbin/nologin\n",
	"user1:x:1:1::/:/sbin/nologin\n", 2, 0, "{\"line\":2,\"text\":\"# text\"}"},
    {EDIT_PASSWD, "ACCOUNTS_DONT_DELETE_REGEX=.*", "\nroot:x:0:0::/:/sbin/nologin\n",
	"\nroot:x:0:0::/:/sbin/nologin\n", 0, 0, ""},
    {EDIT_PASSWD, "ACCOUNTS_DONT_DELETE_REGEX=/bin/sh$", "a:x:1:1::/:/bin/sh\n", "", 1, 0, ""},
    {EDIT_PASSWD, "", "us\xff:x:1:1::/:/bin/sh\n", "", 1, 0, "\"text_hex\":\"7573ff3a"},

    {EDIT_GROUP, "", "root:x:0:root\n", "", 1, 0, "\"text\":\"root:x:0:root\""},
    {EDIT_GROUP, "", "group1:x:5:\n", "group1:x:5:\n", 0, 0, ""},
    {EDIT_GROUP, "", "group1:x:5:root,app,daemon,bob\n", "group1:x:5:app,bob\n", 0, 1, ""},
    {EDIT_GROUP, "", "group1:x:5:root\n", "group1:x:5:\n", 0, 1, ""},
    {EDIT_GROUP, "", "group1:x:5:appx,ap\n", "group1:x:5:\n", 0, 1, ""},
    {EDIT_GROUP, "", "group1:x:5:,app,,\n", "group1:x:5:app\n", 0, 1, ""},
    {EDIT_GROUP, "", "group12:x:5:\n", "", 1, 0, ""},
    {EDIT_GROUP, "", "group1:x\n", "group1:x\n", 0, 0, ""},

    {EDIT_SHADOW, "", "root:*::0:::::\napp:!::0:::::\n", "app:!::0:::::\n", 1, 0, ""},
    {EDIT_SHADOW, "", "app:::0:::::\n", "app:!::0:::::\n", 0, 1, ""},
    {EDIT_SHADOW, "SHELL_DISABLE_LOGIN=0", "app:::0:::::\n", "app:!::0:::::\n", 0, 1, ""},
    {EDIT_SHADOW, "", "app:$6$x$y:1:0:::::\n", "app:!$6$x$y:1:0:::::\n", 0, 1,
	"\"to\":\"app:sha256:"},
    {EDIT_SHADOW, "SHELL_DISABLE_LOGIN=0", "app:$6$x$y:1:0:::::\n", "app:$6$x$y:1:0:::::\n", 0,
	0, ""},
    {EDIT_SHADOW, "", "root:$6$x$y:1:0:::::\n", "", 1, 0, "\"text\":\"root:sha256:"},
    {EDIT_SHADOW, "", "app:*:1:0:::::\nbob:!!:::::::\n", "app:*:1:0:::::\nbob:!!:::::::\n", 0,
	0, ""},
    {EDIT_SHADOW, "", "app\n", "app\n", 0, 0, ""},
    {EDIT_SHADOW, "", "appx:*:\n\n", "", 2, 0, ""},

    {EDIT_GSHADOW, "", "root:*::\napp:!:root:bob,root\n", "app:!::bob\n", 1, 1, ""},
    {EDIT_GSHADOW, "", "staff:::app\n", "staff:::app\n", 0, 0, ""},
};

static void
make(struct edit *e, enum edit_file file, const struct conf *c, const char *text)
{
	const struct edit_names a = {accounts, COUNT(accounts)}, g = {groups, COUNT(groups)};
	struct starts starts = {.user = NULL};
	const struct edit_rules rules = {c, &a, &g, &starts};
	struct accounts lines;
	int fd = memfd_create("accounts", 0);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(accounts_read(fd, &lines), 0);
	close(fd);
	memset(e, 0, sizeof(*e));
	edit_make(e, file, &lines, &rules);
	accounts_free(&lines);
}

static void
settings(struct conf *c, const char *text)
{
	char *name = xstrdup(text), *value = strchr(name, '=');

	conf_init(c);
	assert_int_equal(conf_set(c, "t", "ACCOUNTS_DONT_DELETE_REGEX", "^(user1|user2)"), 0);
	assert_int_equal(conf_set(c, "t", "GROUP_DONT_DELETE_REGEX", "^(group1|group2)"), 0);
	if (value) {
		*value++ = '\0';
		assert_int_equal(conf_set(c, "t", name, value), 0);
	}
	free(name);
}

static void
edits(void **state)
{
	size_t i;

	for (i = 0; i < COUNT(table); i++) {
		struct conf c;
		struct edit e, again;
		const char *text;

		settings(&c, table[i].settings);
		make(&e, table[i].file, &c, table[i].before);
		text = e.text.s ? e.text.s : "";
		if (strcmp(text, table[i].after) || e.removed != table[i].removed ||
		    e.changed != table[i].changed || !strstr(e.lines.s, table[i].ledger))
			fail_msg("case %zu, '%s': '%s', %zu removed, %zu changed, %s", i,
			    table[i].before, text, e.removed, e.changed, e.lines.s);
		/* What came out is left as it is by a second run. */
		make(&again, table[i].file, &c, text);
		if (again.removed || again.changed)
			fail_msg("case %zu, '%s' once more: %s", i, text, again.lines.s);
		edit_free(&e);
		edit_free(&again);
		conf_free(&c);
	}
	(void)state;
}

/* A password's hash is in no ledger. */
static void
no_hash_is_told(void **state)
{
	struct conf c;
	struct edit e;

	settings(&c, "");
	make(&e, EDIT_SHADOW, &c, "root:$6$secret:1::::::\napp:$6$secret:1::::::\n");
	assert_null(strstr(e.lines.s, "secret"));
	edit_free(&e);
	make(&e, EDIT_PASSWD, &c, "root:secret:0:0::/:/bin/sh\n");
	assert_null(strstr(e.lines.s, "secret"));
	edit_free(&e);
	conf_free(&c);
	(void)state;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(edits),
	    cmocka_unit_test(no_hash_is_told),
	};

	return cmocka_run_group_tests_name("edit", tests, NULL, NULL);
}
