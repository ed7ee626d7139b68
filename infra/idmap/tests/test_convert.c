/* What ids, ACLs and capabilities become: one case a line. */
#include "convert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "strbuf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NONE     UINT32_MAX

enum { FORTH, BACK };

static struct convert
make(struct idmap *m, const char *map, int back, enum unmapped unmapped, uint32_t to)
{
	struct strbuf why = STRBUF_INIT;

	*m = (struct idmap)IDMAP_INIT;
	assert_int_equal(idmap_parse(m, map, &why), 0);
	return (struct convert){m, back, unmapped, to, NONE, false};
}

static void
ids(void **state)
{
	static const struct {
		const char *map;
		int back;
		enum unmapped unmapped;
		uint32_t to, id;
		enum verdict verdict;
		uint32_t result;
	} table[] = {
	    {"0:100000:65536", FORTH, UNMAPPED_FAIL, 0, 0, CHANGE, 100000},
	    {"0:100000:65536", FORTH, UNMAPPED_FAIL, 0, 65535, CHANGE, 165535},
	    {"0:100000:65536", FORTH, UNMAPPED_FAIL, 0, 100000, KEEP, 100000},
	    {"0:100000:65536", FORTH, UNMAPPED_FAIL, 0, 165535, KEEP, 165535},
	    {"0:100000:65536", FORTH, UNMAPPED_FAIL, 0, 65536, UNMAPPED, 65536},
	    {"0:100000:65536", FORTH, UNMAPPED_FAIL, 0, 165536, UNMAPPED, 165536},
	    {"0:100000:65536", FORTH, UNMAPPED_FAIL, 0, 200000, UNMAPPED, 200000},
	    {"0:100000:65536", FORTH, UNMAPPED_KEEP, 0, 200000, KEEP, 200000},
	    {"0:100000:65536", FORTH, UNMAPPED_TO, 65534, 200000, CHANGE, 165534},
	    {"0:100000:65536", FORTH, UNMAPPED_TO, 65534, 165534, KEEP, 165534},
	    {"0:100000:65536", BACK, UNMAPPED_FAIL, 0, 100033, CHANGE, 33},
	    {"0:100000:65536", BACK, UNMAPPED_FAIL, 0, 33, KEEP, 33},
	    {"0:100000:65536", BACK, UNMAPPED_FAIL, 0, 70000, UNMAPPED, 70000},
	    {"0:100000:65536", BACK, UNMAPPED_TO, 65534, 70000, CHANGE, 65534},
	    {"0:100000:65536", BACK, UNMAPPED_TO, 65534, 65534, KEEP, 65534},
	    /* an id on both sides counts as done, in either direction */
	    {"0:1000:1,1:100000:65536", FORTH, UNMAPPED_FAIL, 0, 1000, KEEP, 1000},
	    {"0:1000:1,1:100000:65536", FORTH, UNMAPPED_FAIL, 0, 0, CHANGE, 1000},
	    {"0:1000:1,1:100000:65536", BACK, UNMAPPED_FAIL, 0, 1000, KEEP, 1000},
	    {"0:1000:1,1:100000:65536", BACK, UNMAPPED_FAIL, 0, 100000, CHANGE, 1},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct idmap m;
		struct convert c =
		    make(&m, table[i].map, table[i].back, table[i].unmapped, table[i].to);
		uint32_t got;
		enum verdict v = convert_id(&c, i % 2, table[i].id, &got);

		if (v != table[i].verdict || got != table[i].result)
			fail_msg("case %zu: id %u: verdict %d, %u", i, table[i].id, v, got);
		idmap_free(&m);
	}
}

/* Looked for before a shift by a map that has such ids. */
static void
ids_on_both_sides(void **state)
{
	static const struct {
		const char *map;
		int back;
		uint32_t id;
		enum verdict verdict;
	} table[] = {
	    {"0:1000:1,1:100000:65536", FORTH, 1000, UNMAPPED},
	    {"0:1000:1,1:100000:65536", BACK, 1000, UNMAPPED},
	    {"0:1000:1,1:100000:65536", FORTH, 0, CHANGE},
	    {"0:1000:1,1:100000:65536", FORTH, 100000, KEEP},
	    {"0:1000:1,1:100000:65536", FORTH, 70000, KEEP},
	    /* the same number on both sides is right in any case */
	    {"0:0:1,1:100000:65536", FORTH, 0, KEEP},
	    {"0:0:4294967295", BACK, 33, KEEP},
	};
	unsigned char acl[] = {2, 0, 0, 0, 2, 0, 4, 0, 0xe8, 3, 0, 0};
	unsigned char v2[CAPABILITY_MAX] = {1, 0, 0, 2};
	unsigned char v3[CAPABILITY_MAX] = {1, 0, 0, 3, [20] = 0xe8, [21] = 3};
	size_t v2_size = 20, v3_size = 24, i;
	uint32_t got, bad = 0;
	struct convert c;
	struct idmap m;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		enum verdict v;

		c = make(&m, table[i].map, table[i].back, UNMAPPED_KEEP, 0);
		c.both = true;
		v = convert_id(&c, i % 2, table[i].id, &got);
		if (v != table[i].verdict)
			fail_msg("case %zu: verdict %d", i, v);
		idmap_free(&m);
	}
	c = make(&m, "0:1000:1,1:0:1", FORTH, UNMAPPED_KEEP, 0);
	assert_int_equal(convert_acl(&c, acl, sizeof(acl), &bad), KEEP);
	c.both = true;
	assert_int_equal(convert_acl(&c, acl, sizeof(acl), &bad), KEEP); /* no 1000 inside */
	assert_int_equal(convert_capability(&c, v2, &v2_size, &bad), UNMAPPED);
	assert_int_equal(bad, 0);
	idmap_free(&m);
	c = make(&m, "0:1000:1,1:100000:65536", FORTH, UNMAPPED_KEEP, 0);
	c.both = true;
	assert_int_equal(convert_acl(&c, acl, sizeof(acl), &bad), UNMAPPED);
	assert_int_equal(bad, 1000);
	assert_int_equal(convert_capability(&c, v2, &v2_size, &bad), CHANGE);
	assert_int_equal(convert_capability(&c, v3, &v3_size, &bad), UNMAPPED);
	assert_int_equal(bad, 1000);
	idmap_free(&m);
}

static void
users_and_groups_have_maps_of_their_own(void **state)
{
	struct idmap m;
	struct convert c = make(&m, "u:0:100000:10,g:0:200000:10", FORTH, UNMAPPED_FAIL, 0);
	uint32_t got;

	(void)state;
	assert_int_equal(convert_id(&c, false, 5, &got), CHANGE);
	assert_int_equal(got, 100005);
	assert_int_equal(convert_id(&c, true, 5, &got), CHANGE);
	assert_int_equal(got, 200005);
	assert_int_equal(convert_id(&c, true, 100005, &got), UNMAPPED);
	idmap_free(&m);
}

static void
overflow_id_is_nobodys(void **state)
{
	struct idmap m;
	struct convert c = make(&m, "0:100000:65536", FORTH, UNMAPPED_FAIL, 0);
	uint32_t got;

	(void)state;
	assert_int_equal(convert_id(&c, false, 65534, &got), CHANGE);
	c.overflow = 65534;
	assert_int_equal(convert_id(&c, false, 65534, &got), UNMAPPED);
	assert_int_equal(classify_id(&m, false, 65534, 65534), ID_FOREIGN);
	assert_int_equal(classify_id(&m, false, 65534, NONE), ID_UNSHIFTED);
	idmap_free(&m);
}

static size_t
from_hex(const char *hex, unsigned char *out)
{
	size_t n = 0;
	unsigned byte;

	for (; *hex; hex += *hex == ' ') {
		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		out[n++] = (unsigned char)byte;
		hex += 2;
	}
	return n;
}

/* tag and permissions as 16 bits, id as 32 bits, all little-endian. */
#define ACL_HEAD     "02000000 "
#define USER_OBJ     "01000600ffffffff "
#define USER_33      "0200040021000000 "
#define USER_100033  "02000400c1860100 "
#define GROUP_OBJ    "04000400ffffffff "
#define GROUP_34     "0800060022000000 "
#define GROUP_100034 "08000600c2860100 "
#define USER_70000   "0200040070110100 "
#define MASK         "10000600ffffffff "
#define OTHER        "20000000ffffffff "

static void
acls(void **state)
{
	static const struct {
		int back;
		enum unmapped unmapped;
		const char *before;
		enum verdict verdict;
		const char *after; /* NULL: not looked at */
	} table[] = {
	    {FORTH, UNMAPPED_FAIL, ACL_HEAD USER_OBJ USER_33 GROUP_OBJ GROUP_34 MASK OTHER,
		CHANGE, ACL_HEAD USER_OBJ USER_100033 GROUP_OBJ GROUP_100034 MASK OTHER},
	    {BACK, UNMAPPED_FAIL,
		ACL_HEAD USER_OBJ USER_100033 GROUP_OBJ GROUP_100034 MASK OTHER, CHANGE,
		ACL_HEAD USER_OBJ USER_33 GROUP_OBJ GROUP_34 MASK OTHER},
	    {FORTH, UNMAPPED_FAIL, ACL_HEAD USER_OBJ USER_100033 GROUP_OBJ GROUP_34 MASK OTHER,
		CHANGE, ACL_HEAD USER_OBJ USER_100033 GROUP_OBJ GROUP_100034 MASK OTHER},
	    {FORTH, UNMAPPED_FAIL, ACL_HEAD USER_OBJ USER_100033 GROUP_OBJ MASK OTHER, KEEP,
		ACL_HEAD USER_OBJ USER_100033 GROUP_OBJ MASK OTHER},
	    {FORTH, UNMAPPED_FAIL, ACL_HEAD USER_OBJ GROUP_OBJ OTHER, KEEP,
		ACL_HEAD USER_OBJ GROUP_OBJ OTHER},
	    {FORTH, UNMAPPED_FAIL, ACL_HEAD USER_OBJ USER_70000 GROUP_OBJ MASK OTHER, UNMAPPED,
		NULL},
	    {FORTH, UNMAPPED_KEEP, ACL_HEAD USER_OBJ USER_70000 GROUP_OBJ MASK OTHER, KEEP,
		ACL_HEAD USER_OBJ USER_70000 GROUP_OBJ MASK OTHER},
	    {FORTH, UNMAPPED_KEEP, ACL_HEAD USER_OBJ USER_33 USER_70000 GROUP_OBJ MASK OTHER,
		CHANGE, ACL_HEAD USER_OBJ USER_100033 USER_70000 GROUP_OBJ MASK OTHER},
	    {FORTH, UNMAPPED_FAIL, ACL_HEAD, KEEP, ACL_HEAD},
	    {FORTH, UNMAPPED_FAIL, "", BROKEN, NULL},
	    {FORTH, UNMAPPED_FAIL, "020000", BROKEN, NULL},
	    {FORTH, UNMAPPED_FAIL, "01000000 " USER_OBJ, BROKEN, NULL},
	    {FORTH, UNMAPPED_FAIL, ACL_HEAD "01000600ffffff", BROKEN, NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		unsigned char acl[128], want[128];
		struct idmap m;
		struct convert c =
		    make(&m, "0:100000:65536", table[i].back, table[i].unmapped, 0);
		size_t n = from_hex(table[i].before, acl);
		uint32_t bad = 0;
		enum verdict v = convert_acl(&c, acl, n, &bad);

		if (v != table[i].verdict || (v == UNMAPPED && bad != 70000))
			fail_msg("case %zu: verdict %d, id %u", i, v, bad);
		if (table[i].after &&
		    (from_hex(table[i].after, want) != n || memcmp(acl, want, n)))
			fail_msg("case %zu: other bytes", i);
		idmap_free(&m);
	}
}

#define V1        "00000001 00200000 00000000"
#define V2        "01000002 00200000 00000000 00000000 00000000"
#define V3(id)    "01000003 00200000 00000000 00000000 00000000 " id
#define ID_0      "00000000"
#define ID_5      "05000000"
#define ID_100000 "a0860100"
#define ID_100005 "a5860100"
#define ID_70000  "70110100"

static void
capabilities(void **state)
{
	static const struct {
		const char *map;
		int back;
		const char *before;
		enum verdict verdict;
		const char *after; /* NULL: not looked at */
	} table[] = {
	    {"0:100000:65536", FORTH, V2, CHANGE, V3(ID_100000)},
	    {"0:100000:65536", BACK, V3(ID_100000), CHANGE, V2},
	    {"0:100000:65536", BACK, V2, KEEP, V2},
	    {"0:100000:65536", FORTH, V3(ID_100000), KEEP, V3(ID_100000)},
	    {"0:100000:65536", FORTH, V3(ID_5), CHANGE, V3(ID_100005)},
	    {"0:100000:65536", BACK, V3(ID_100005), CHANGE, V3(ID_5)},
	    {"0:100000:65536", FORTH, V3(ID_0), CHANGE, V3(ID_100000)},
	    {"0:100000:65536", FORTH, V3(ID_70000), UNMAPPED, NULL},
	    /* without root in the map the capability is the host's, and stays so */
	    {"5:100005:1", FORTH, V2, KEEP, V2},
	    {"5:100005:1", FORTH, V3(ID_5), CHANGE, V3(ID_100005)},
	    {"0:100000:65536", FORTH, V1, KEEP, V1},
	    {"0:100000:65536", FORTH, "", BROKEN, NULL},
	    {"0:100000:65536", FORTH, "010000", BROKEN, NULL},
	    {"0:100000:65536", FORTH, V2 "00", BROKEN, NULL},
	    {"0:100000:65536", FORTH, V2 ID_5, BROKEN, NULL},
	    {"0:100000:65536", FORTH, V3(""), BROKEN, NULL},
	    {"0:100000:65536", FORTH, "01000004 00200000 00000000 00000000 00000000", BROKEN,
		NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		unsigned char cap[64], want[64];
		struct idmap m;
		struct convert c = make(&m, table[i].map, table[i].back, UNMAPPED_FAIL, 0);
		size_t n = from_hex(table[i].before, cap);
		uint32_t bad = 0;
		enum verdict v = convert_capability(&c, cap, &n, &bad);

		if (v != table[i].verdict || (v == UNMAPPED && bad != 70000))
			fail_msg("case %zu: verdict %d, id %u", i, v, bad);
		if (table[i].after &&
		    (from_hex(table[i].after, want) != n || memcmp(cap, want, n)))
			fail_msg("case %zu: other bytes", i);
		idmap_free(&m);
	}
}

static void
classes(void **state)
{
	static const struct {
		const char *map;
		uint32_t id;
		enum id_class class;
	} table[] = {
	    {"0:100000:65536", 0, ID_UNSHIFTED},
	    {"0:100000:65536", 65535, ID_UNSHIFTED},
	    {"0:100000:65536", 65536, ID_FOREIGN},
	    {"0:100000:65536", 100000, ID_INSIDE},
	    {"0:100000:65536", 165535, ID_INSIDE},
	    {"0:100000:65536", 165536, ID_FOREIGN},
	    {"0:100000:65536", 199999, ID_FOREIGN},
	    {"0:100000:65536", 200000, ID_TWICE},
	    {"0:100000:65536", 265535, ID_TWICE},
	    {"0:100000:65536", 265536, ID_FOREIGN},
	    {"0:1000:1,1:100000:65536", 1000, ID_INSIDE},
	    {"0:1000:1,1:100000:65536", 999, ID_UNSHIFTED},
	    {"0:1000:1,1:100000:65536", 199999, ID_TWICE},
	    {"100000:0:65536", 0, ID_INSIDE},
	    {"100000:0:65536", 100001, ID_UNSHIFTED},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct idmap m;
		enum id_class got;

		make(&m, table[i].map, FORTH, UNMAPPED_FAIL, 0);
		got = classify_id(&m, i % 2, table[i].id, NONE);
		if (got != table[i].class)
			fail_msg("case %zu: %u is %d", i, table[i].id, got);
		idmap_free(&m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ids),
	    cmocka_unit_test(ids_on_both_sides),
	    cmocka_unit_test(users_and_groups_have_maps_of_their_own),
	    cmocka_unit_test(overflow_id_is_nobodys),
	    cmocka_unit_test(acls),
	    cmocka_unit_test(capabilities),
	    cmocka_unit_test(classes),
	};

	return cmocka_run_group_tests_name("convert", tests, NULL, NULL);
}
