/* Maps as text, both ways through them, one through another: one case a line. */
#include "idmap.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "strbuf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
texts(void **state)
{
	static const struct {
		const char *text, *formatted; /* formatted NULL: refused */
		const char *why;
	} table[] = {
	    {"b:0:100000:65536", "b:0:100000:65536", NULL},
	    {"0:100000:65536", "b:0:100000:65536", NULL},
	    {"u:0:100000:1,g:0:200000:1", "u:0:100000:1,g:0:200000:1", NULL},
	    {"u:0:1000:1,b:1:100000:65536", "u:0:1000:1,u:1:100000:65536,g:1:100000:65536",
		NULL},
	    {"g:5:6:7", "g:5:6:7", NULL},
	    {"b:1:100000:65536,b:0:1000:1", "b:1:100000:65536,b:0:1000:1", NULL},
	    {"0:0:4294967295", "b:0:0:4294967295", NULL},
	    {"4294967294:0:1", "b:4294967294:0:1", NULL},
	    {"4294967294:0:2", NULL, "beyond"},
	    {"0:4294967294:2", NULL, "beyond"},
	    {"0:4294967295:1", NULL, "beyond"},
	    {"0:0:4294967296", NULL, "want"},
	    {"0:0:0", NULL, "no ids"},
	    {"0:100000:10,9:200000:1", NULL, "overlaps"},
	    {"0:100000:10,10:100009:1", NULL, "overlaps"},
	    {"0:100000:10,10:100010:1", "b:0:100000:10,b:10:100010:1", NULL},
	    {"", NULL, "want"},
	    {",", NULL, "want"},
	    {"0:0:1,", NULL, "want"},
	    {"b:", NULL, "want"},
	    {"x:0:1:1", NULL, "want"},
	    {"0:1", NULL, "want"},
	    {"0:1:", NULL, "want"},
	    {"0:1:2:3", NULL, "want"},
	    {"-1:0:1", NULL, "want"},
	    {"+1:0:1", NULL, "want"},
	    {" 1:0:1", NULL, "want"},
	    {"0x10:0:1", NULL, "want"},
	    {"99999999999999999999:0:1", NULL, "want"},
	    {"0:\033[2J:1", NULL, "\\033[2J"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct idmap m = IDMAP_INIT;
		struct strbuf why = STRBUF_INIT, out = STRBUF_INIT;
		int got = idmap_parse(&m, table[i].text, &why);

		idmap_format(&m, &out);
		if (got != (table[i].formatted ? 0 : -1) ||
		    (table[i].formatted && strcmp(out.s, table[i].formatted) != 0) ||
		    (!table[i].formatted && (!why.s || !strstr(why.s, table[i].why))))
			fail_msg(
			    "'%s': returned %d, '%s', %s", table[i].text, got, out.s, why.s);
		idmap_free(&m);
		strbuf_free(&why);
		strbuf_free(&out);
	}
}

static void
proc_files(void **state)
{
	static const struct {
		const char *text, *formatted; /* formatted NULL: refused */
	} table[] = {
	    {"         0          0 4294967295\n", "u:0:0:4294967295"},
	    {"         0       1000          1\n         1     100000      65536\n",
		"u:0:1000:1,u:1:100000:65536"},
	    {"0 100000 65536", "u:0:100000:65536"},
	    {"0\t100000\t65536\n", "u:0:100000:65536"},
	    {"", ""},
	    {"0 1\n", NULL},
	    {"0 1 2 3\n", NULL},
	    {"\n", NULL},
	    {"a b c\n", NULL},
	    {"0 1 1\n0 5 1\n", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct idmap m = IDMAP_INIT;
		struct strbuf why = STRBUF_INIT, out = STRBUF_INIT;
		int got = id_map_parse_proc(&m.uid, table[i].text, strlen(table[i].text), &why);

		idmap_format(&m, &out);
		if (got != (table[i].formatted ? 0 : -1) ||
		    (table[i].formatted && strcmp(out.s ? out.s : "", table[i].formatted) != 0))
			fail_msg(
			    "'%s': returned %d, '%s', %s", table[i].text, got, out.s, why.s);
		idmap_free(&m);
		strbuf_free(&why);
		strbuf_free(&out);
	}
}

enum { NONE = UINT32_MAX };

static void
both_ways(void **state)
{
	static const struct {
		const char *map;
		uint32_t inside, outside; /* NONE: the map doesn't hold the other */
	} table[] = {
	    {"0:100000:65536", 0, 100000},
	    {"0:100000:65536", 33, 100033},
	    {"0:100000:65536", 65535, 165535},
	    {"0:100000:65536", 65536, NONE},
	    {"0:100000:65536", NONE, 99999},
	    {"0:100000:65536", NONE, 165536},
	    {"0:1000:1,1:100000:65536", 0, 1000},
	    {"0:1000:1,1:100000:65536", 1, 100000},
	    {"0:1000:1,1:100000:65536", 65536, 165535},
	    {"10:0:1,0:5:3", 2, 7},
	    {"10:0:1,0:5:3", 3, NONE},
	    {"0:0:4294967295", 4294967294, 4294967294},
	    {"1:4294967294:1", 1, 4294967294},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct idmap m = IDMAP_INIT;
		struct strbuf why = STRBUF_INIT;
		uint32_t got;

		assert_int_equal(idmap_parse(&m, table[i].map, &why), 0);
		if (table[i].inside != NONE) {
			got = NONE;
			id_map_out(&m.uid, table[i].inside, &got);
			if (got != table[i].outside)
				fail_msg(
				    "%s: out %u is %u", table[i].map, table[i].inside, got);
		}
		if (table[i].outside != NONE) {
			got = NONE;
			id_map_in(&m.gid, table[i].outside, &got);
			if (got != table[i].inside)
				fail_msg(
				    "%s: in %u is %u", table[i].map, table[i].outside, got);
		}
		idmap_free(&m);
	}
}

static void
one_through_another(void **state)
{
	static const struct {
		const char *inner, *outer, *result; /* result NULL: refused */
	} table[] = {
	    {"0:1:100", "0:1000:1,1:100000:65536", "0:100000:100"},
	    {"0:1:1000,1000:0:1,1001:1001:64536", "0:1000:1,1:100000:65536",
		"0:100000:1000,1000:1000:1,1001:101000:64536"},
	    {"0:0:20", "0:500:10,10:900:10", "0:500:10,10:900:10"},
	    {"0:5:10", "0:500:10,10:900:10", "0:505:5,5:900:5"},
	    {"0:5:10", "10:900:10,0:500:10", "0:505:5,5:900:5"},
	    {"0:15:10", "0:500:20", NULL},
	    {"0:30:1", "0:500:20", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct idmap inner = IDMAP_INIT, outer = IDMAP_INIT, want = IDMAP_INIT,
			     got = IDMAP_INIT;
		struct strbuf why = STRBUF_INIT;
		int status;

		assert_int_equal(idmap_parse(&inner, table[i].inner, &why), 0);
		assert_int_equal(idmap_parse(&outer, table[i].outer, &why), 0);
		errno = 0;
		status = id_map_through(&inner.uid, &outer.uid, &got.uid);
		if (!table[i].result) {
			assert_int_equal(status, -1);
			assert_int_equal(errno, ENOENT);
		} else {
			assert_int_equal(idmap_parse(&want, table[i].result, &why), 0);
			id_map_through(&inner.gid, &outer.gid, &got.gid);
			if (status || !idmap_equal(&got, &want))
				fail_msg("case %zu: returned %d", i, status);
		}
		idmap_free(&inner);
		idmap_free(&outer);
		idmap_free(&want);
		idmap_free(&got);
	}
}

static void
overlaps(void **state)
{
	static const struct {
		const char *map;
		uint32_t id; /* NONE: no overlap */
	} table[] = {
	    {"0:100000:65536", NONE},
	    {"0:100000:100000", NONE},
	    {"0:100000:100001", 100000},
	    {"0:1000:1,1:100000:65536", 1000},
	    /* the same number on both sides */
	    {"0:0:1", NONE},
	    {"0:0:4294967295", NONE},
	    {"0:100000:1000,1000:1000:1,1001:101000:64536", NONE},
	    {"0:0:10,10:15:10", 15},
	    {"0:5:5", NONE},
	    {"0:5:6", 5},
	    {"100:0:5,0:200:3", 0},
	    {"0:4294901759:65536", NONE},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct idmap m = IDMAP_INIT;
		struct strbuf why = STRBUF_INIT;
		uint32_t id = NONE;

		assert_int_equal(idmap_parse(&m, table[i].map, &why), 0);
		if (id_map_overlaps(&m.uid, &id) != (table[i].id != NONE) || id != table[i].id)
			fail_msg("%s: %u", table[i].map, id);
		idmap_free(&m);
	}
}

static void
equality(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} table[] = {
	    {"0:100000:65536", "0:100000:65536", true},
	    {"0:100:10,10:110:10", "0:100:20", true},
	    {"10:110:10,0:100:10", "0:100:20", true},
	    {"0:100:10,10:111:10", "0:100:20", false},
	    {"0:100:10", "0:100:20", false},
	    {"u:0:100:10", "b:0:100:10", false},
	    {"u:0:100:10,g:0:100:10", "b:0:100:10", true},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct idmap a = IDMAP_INIT, b = IDMAP_INIT;
		struct strbuf why = STRBUF_INIT;

		assert_int_equal(idmap_parse(&a, table[i].a, &why), 0);
		assert_int_equal(idmap_parse(&b, table[i].b, &why), 0);
		if (idmap_equal(&a, &b) != table[i].same)
			fail_msg("%s and %s", table[i].a, table[i].b);
		idmap_free(&a);
		idmap_free(&b);
	}
}

static void
no_more_ranges_than_the_kernel_takes(void **state)
{
	struct id_map m = {NULL, 0};
	uint32_t i;

	(void)state;
	for (i = 0; i < IDMAP_RANGES_MAX; i++)
		assert_int_equal(id_map_add(&m, i * 2, 100000 + i * 2, 1), 0);
	assert_int_equal(id_map_add(&m, 99999, 99999, 1), -1);
	assert_int_equal(errno, E2BIG);
	assert_int_equal(id_map_size(&m), IDMAP_RANGES_MAX);
	free(m.range);
}

static void
identity(void **state)
{
	struct idmap m = IDMAP_INIT;
	struct strbuf why = STRBUF_INIT;

	(void)state;
	assert_false(idmap_is_identity(&m));
	idmap_identity(&m);
	assert_true(idmap_is_identity(&m));
	idmap_free(&m);
	assert_int_equal(idmap_parse(&m, "0:0:10,10:100000:5", &why), 0);
	assert_false(idmap_is_identity(&m));
	idmap_free(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts),
	    cmocka_unit_test(proc_files),
	    cmocka_unit_test(both_ways),
	    cmocka_unit_test(one_through_another),
	    cmocka_unit_test(overlaps),
	    cmocka_unit_test(equality),
	    cmocka_unit_test(no_more_ranges_than_the_kernel_takes),
	    cmocka_unit_test(identity),
	};

	return cmocka_run_group_tests_name("idmap", tests, NULL, NULL);
}
