/* Subnets out of a range, and the host's routes. */
#include "subnet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define HEAD                                                                                   \
	"Iface\tDestination\tGateway "                                                         \
	"\tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"

/* A line of /proc/net/route; target and mask as a little-endian machine writes them. */
#define ROUTE(target, mask) "eth0\t" target "\t00000000\t0001\t0\t0\t0\t" mask "\t0\t0\t0\n"

static void
ranges(void **state)
{
	static const struct {
		const char *text;
		unsigned each;
		unsigned all; /* 0: refused */
	} table[] = {
	    {"10.213.0.0/16", 28, 4096},
	    {"10.213.0.0/16", 24, 256},
	    {"10.213.7.9/28", 28, 1},
	    {"10.213.0.0/29", 28, 0},
	    {"10.213.0.0", 28, 0},
	    {"10.213.0.0/", 28, 0},
	    {"10.213.0.0/-1", 28, 0},
	    {"10.213.0.0/16x", 28, 0},
	    {"10.213.0/16", 28, 0},
	    {"fd00::/16", 28, 0},
	    {"0.0.0.0/0", 28, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct subnet_range r;
		int bad = subnet_range_parse(table[i].text, table[i].each, &r);

		print_message("%s\n", table[i].text);
		assert_int_equal(bad != 0, table[i].all == 0);
		if (!bad)
			assert_int_equal(subnet_all(&r), table[i].all);
	}
}

static void
routes(void **state)
{
	static const struct {
		const char *routes, *first, *second; /* NULL: covered */
		unsigned free;
	} table[] = {
	    {"", "10.213.0.0/28", "10.213.0.16/28", 4096},
	    {HEAD, "10.213.0.0/28", "10.213.0.16/28", 4096},
	    /* the default route is no one's */
	    {HEAD ROUTE("00000000", "00000000"), "10.213.0.0/28", "10.213.0.16/28", 4096},
	    /* one of the subnets; a part of it */
	    {HEAD ROUTE("0000D50A", "F0FFFFFF"), NULL, "10.213.0.16/28", 4095},
	    {HEAD ROUTE("1100D50A", "FFFFFFFF"), "10.213.0.0/28", NULL, 4095},
	    /* all of them, and elsewhere */
	    {HEAD ROUTE("0000000A", "000000FF"), NULL, NULL, 0},
	    {HEAD ROUTE("0000000B", "000000FF"), "10.213.0.0/28", "10.213.0.16/28", 4096},
	};
	struct subnet_range r;

	(void)state;
	assert_int_equal(subnet_range_parse("10.213.0.0/16", 28, &r), 0);
	for (size_t i = 0; i < COUNT(table); i++) {
		const char *one = subnet_text(&r, 0, table[i].routes),
			   *two = subnet_text(&r, 1, table[i].routes);

		assert_int_equal(!one, !table[i].first);
		assert_int_equal(!two, !table[i].second);
		if (one)
			assert_string_equal(one, table[i].first);
		if (two)
			assert_string_equal(two, table[i].second);
		assert_int_equal(subnet_free(&r, table[i].routes), table[i].free);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ranges),
	    cmocka_unit_test(routes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
