/* Account files as lines of fields. */
#include "accounts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
read_text(const char *text, struct accounts *a)
{
	int fd = memfd_create("accounts", MFD_CLOEXEC);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(accounts_read(fd, a), 0);
	close(fd);
}

static void
lines_and_fields(void **state)
{
	static const struct {
		const char *text;
		size_t lines, fields; /* fields of the first line */
		const char *last;     /* its last field */
	} table[] = {
	    {"root:x:0:0:root:/root:/bin/sh\n", 1, 7, "/bin/sh"},
	    {"root:x:0:0:root:/root:", 1, 7, ""},
	    {"root:x:0:\nuser:x:1000:a,b\n", 2, 4, ""},
	    {"\nroot:x:0:\n", 2, 0, NULL},
	    {"", 0, 0, NULL},
	    {"alone\n", 1, 1, "alone"},
	    {"a:b:c:d:e:f:g:h:i:j:k\n", 1, 9, "i:j:k"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct accounts a;

		read_text(table[i].text, &a);
		assert_int_equal(a.count, table[i].lines);
		if (a.count) {
			assert_int_equal(a.line[0].fields, table[i].fields);
			if (table[i].last)
				assert_string_equal(
				    a.line[0].field[table[i].fields - 1], table[i].last);
		}
		accounts_free(&a);
	}
}

static void
ids(void **state)
{
	static const struct {
		const char *text;
		int good;
		uid_t id;
	} table[] = {
	    {"0", 1, 0},
	    {"1000", 1, 1000},
	    {"007", 1, 7},
	    {"4294967294", 1, 4294967294U},
	    {"4294967295", 0, 0},
	    {"4294967296", 0, 0},
	    {"99999999999999999999999", 0, 0},
	    {"", 0, 0},
	    {"-1", 0, 0},
	    {"+1", 0, 0},
	    {" 1", 0, 0},
	    {"1x", 0, 0},
	    {"0x10", 0, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		uid_t id = 42;
		int got = account_id(table[i].text, &id);

		if (table[i].good) {
			assert_int_equal(got, 0);
			assert_int_equal(id, table[i].id);
		} else {
			assert_int_equal(got, -1);
			assert_int_equal(errno, EINVAL);
		}
	}
}

static void
names(void **state)
{
	struct accounts a;
	uid_t id;

	(void)state;
	read_text("root:x:0:0::/:\n\nshort:x\nuser:x:1000:1000::/:\ntwin:x:1000:1000::/"
		  ":\nbad:x:many:0::/:\n",
	    &a);
	assert_int_equal(accounts_lookup(&a, "user", &id), 0);
	assert_int_equal(id, 1000);
	assert_int_equal(accounts_lookup(&a, "use", &id), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(accounts_lookup(&a, "short", &id), -1);
	assert_int_equal(accounts_lookup(&a, "bad", &id), -1);
	assert_string_equal(accounts_name(&a, 1000), "user");
	assert_null(accounts_name(&a, 5));
	accounts_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_and_fields),
	    cmocka_unit_test(ids),
	    cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("accounts", tests, NULL, NULL);
}
