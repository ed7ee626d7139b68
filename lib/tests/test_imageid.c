#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "imageid.h"
#include "strbuf.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static void
digits_with_and_without_algorithm(void **unused)
{
	static const struct {
		const char *text;
		int status;
	} rows[] = {
	    {A, 0},
	    {"sha256:" A, 0},
	    {A "0", -1},
	    {"sha256:", -1},
	    {"", -1},
	    {"SHA256:" A, -1},
	    {"sha512:" A, -1},
	    {"localhost/x@sha256:" A, -1},
	    {"../../../../../../../../../../../../../../../../../../../../../etc", -1},
	};
	char hex[SHA256_HEX];

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(imageid_parse(rows[i].text, hex), rows[i].status);
}

static void
what_is_noted_is_known_both_ways(void **unused)
{
	char state[] = "/tmp/test-imageid.XXXXXX", id[SHA256_HEX], local[4][SHA256_HEX];
	char *odd;

	(void)unused;
	assert_non_null(mkdtemp(state));
	assert_false(imageid_known(state, A, id));
	assert_int_equal(imageid_locals(state, C, 4, local), 0);
	assert_int_equal(imageid_note(state, A, C), 0);
	assert_int_equal(imageid_note(state, A, C), 0);
	assert_int_equal(imageid_note(state, B, C), 0);
	assert_true(imageid_known(state, A, id));
	assert_string_equal(id, C);
	assert_int_equal(imageid_locals(state, C, 4, local), 2);
	assert_int_equal(imageid_locals(state, C, 1, local), 1);
	assert_int_equal(imageid_locals(state, A, 4, local), 0);
	/* What else lies there is no answer. */
	odd = xasprintf("%s/image-ids/" C, state);
	assert_int_equal(symlink("../../etc/passwd", odd), 0);
	assert_false(imageid_known(state, C, id));
	assert_int_equal(unlink(odd), 0);
	free(odd);
	odd = xasprintf("rm -rf %s", state);
	assert_int_equal(system(odd), 0);
	free(odd);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(digits_with_and_without_algorithm),
	    cmocka_unit_test(what_is_noted_is_known_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
