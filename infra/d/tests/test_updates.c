/* Calendar times and ranges of tags: tables of what comes next. */
#include "calendar.h"
#include "tag_range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* "2026-03-28 12:00", local time; the last hour of summer time where it is there twice. */
static time_t
local(const char *text)
{
	struct tm tm = {.tm_isdst = -1};

	assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &tm));
	tm.tm_isdst = -1;
	return mktime(&tm);
}

/* In a time zone whose clocks change on 2026-03-29 at 2:00 and on 2026-10-25 at 3:00. */
static void
times(void **state)
{
	static const struct {
		const char *calendar, *after, *next;
	} table[] = {
	    {"02:00", "2026-06-10 01:59", "Wed 2026-06-10 02:00"},
	    {"02:00", "2026-06-10 02:00", "Thu 2026-06-11 02:00"},
	    {"Sun 03:00", "2026-06-10 12:00", "Sun 2026-06-14 03:00"},
	    {"Sun 03:00", "2026-06-14 03:00", "Sun 2026-06-21 03:00"},
	    {"Mon..Fri 22:00,23:30", "2026-06-12 22:00", "Fri 2026-06-12 23:30"},
	    {"Mon..Fri 22:00,23:30", "2026-06-12 23:30", "Mon 2026-06-15 22:00"},
	    {"Fri..Mon 04:05", "2026-06-15 04:05", "Fri 2026-06-19 04:05"},
	    {"sat,Tuesday 00:00", "2026-06-15 00:00", "Tue 2026-06-16 00:00"},
	    {"hourly", "2026-06-15 23:00", "Tue 2026-06-16 00:00"},
	    {"daily", "2026-12-31 12:00", "Fri 2027-01-01 00:00"},
	    {"weekly", "2026-06-14 12:00", "Mon 2026-06-15 00:00"},
	    {"monthly", "2026-01-31 12:00", "Sun 2026-02-01 00:00"},
	    /* a time that isn't there, and one that is there twice */
	    {"02:30", "2026-03-28 12:00", "Sun 2026-03-29 03:30"},
	    {"02:30", "2026-03-29 03:30", "Mon 2026-03-30 02:30"},
	    {"02:00,04:00", "2026-03-28 12:00", "Sun 2026-03-29 03:00"},
	    {"02:30", "2026-10-24 12:00", "Sun 2026-10-25 02:30"},
	};
	struct calendar c;

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		assert_int_equal(calendar_parse(table[i].calendar, &c), 0);
		assert_string_equal(
		    calendar_text(calendar_next(&c, local(table[i].after))), table[i].next);
	}
	/* Once on the day whose hour is there twice, whichever of the two it was. */
	assert_int_equal(calendar_parse("02:30", &c), 0);
	assert_string_equal(
	    calendar_text(calendar_next(&c, calendar_next(&c, local("2026-10-24 12:00")))),
	    "Mon 2026-10-26 02:30");
}

static void
no_times(void **state)
{
	static const char *const table[] = {"", "25:00", "3:7", "03:60", "3", "Sun", "Sun 3",
	    "Sonntag 03:00", "Mon..Fry 03:00", "Mon, 03:00", "03:00,", "03:00 Sun", "-1:00",
	    "yearly", "03:00x", "*:15"};
	struct calendar c;

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		if (calendar_parse(table[i], &c) == 0)
			print_error("%s\n", table[i]);
		assert_int_equal(calendar_parse(table[i], &c), -1);
	}
}

static void
ranges(void **state)
{
	static const struct {
		const char *range, *current, *tags;
		enum tag_step most;
		const char *newest;
	} table[] = {
	    /* nothing said: of the same shape */
	    {NULL, "1.27.3", "1.27.4 1.28.0 1.28 2.0.0 2.0.0-rc1 latest 1.9.9", STEP_MAJOR,
		"2.0.0"},
	    {NULL, "1.27.3", "1.27.4 1.28.0 2.0.0", STEP_MINOR, "1.28.0"},
	    {NULL, "1.27.3", "1.27.4 1.28.0 2.0.0", STEP_PATCH, "1.27.4"},
	    {NULL, "1.27.3", "1.27.2 1.27.3", STEP_MAJOR, NULL},
	    {NULL, "1.9", "1.10 1.10.1", STEP_MAJOR, "1.10"},
	    {NULL, "v3.1", "3.2 v3.2", STEP_MAJOR, "v3.2"},
	    {NULL, "1.27.3-alpine", "1.27.4 1.27.4-alpine 1.27.5-alpine3.19", STEP_MAJOR,
		"1.27.4-alpine"},
	    {NULL, "latest", "1 2 3", STEP_MAJOR, NULL},
	    {NULL, "20240101", "20240301 20231231", STEP_MAJOR, "20240301"},
	    {NULL, "12", "13 20240301", STEP_MAJOR, "20240301"},
	    /* semver */
	    {"~1.27", "1.27.3", "1.27.10 1.27.9 1.28.0", STEP_MAJOR, "1.27.10"},
	    {"~1.27.2", "1.27.3", "1.27.10 1.28.0", STEP_MAJOR, "1.27.10"},
	    {"~1", "1.27.3", "1.28.0 2.0.0", STEP_MAJOR, "1.28.0"},
	    {"^1.27", "1.27.3", "1.99.0 2.0.0", STEP_MAJOR, "1.99.0"},
	    {"^0.3", "0.3.1", "0.3.9 0.4.0", STEP_MAJOR, "0.3.9"},
	    {"1.x", "1.2.3", "1.9.0 2.0.0", STEP_MAJOR, "1.9.0"},
	    {">=1.2 <3", "1.2.3", "2.9.9 3.0.0", STEP_MAJOR, "2.9.9"},
	    {"<=2.0", "1.2.3", "2.0.0 2.0.1", STEP_MAJOR, "2.0.0"},
	    {"~1.27", "latest", "1.27.1 1.28.0 1.27.3-alpine", STEP_MAJOR, "1.27.1"},
	    /* calver */
	    {"calver", "2024.10.1", "2024.11.0 2025.1.2 3000.1.1 2025.13.1", STEP_MAJOR,
		"2025.1.2"},
	    {"calver", "24.04", "24.10 26.04 9.04", STEP_MAJOR, "26.04"},
	    /* regular expressions */
	    {"/^RELEASE\\.([0-9T-]+)Z$/", "RELEASE.2024-01-02T03-04-05Z",
		"RELEASE.2024-02-01T00-00-00Z RELEASE.2024-02-01T00-00-00Z.fips", STEP_MAJOR,
		"RELEASE.2024-02-01T00-00-00Z"},
	    {"/^1\\.[0-9.]+-ls[0-9]+$/", "1.2.3-ls9", "1.2.3-ls10 1.2.3 2.0.0-ls1", STEP_MAJOR,
		"1.2.3-ls10"},
	};
	const char *why;

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct words tags = {0};
		const char *got;

		words_split(&tags, table[i].tags);
		if (table[i].range)
			assert_int_equal(tag_range_check(table[i].range, &why), 0);
		got = tag_newest(table[i].range, table[i].current, &tags, table[i].most);
		if (!got != !table[i].newest || (got && strcmp(got, table[i].newest) != 0))
			print_error("%zu: %s\n", i, got ? got : "none");
		assert_int_equal(!got, !table[i].newest);
		if (got)
			assert_string_equal(got, table[i].newest);
	}
}

static void
no_ranges(void **state)
{
	static const char *const table[] = {"", "1.27", "~", "~1.x", "~v1", ">=", "1.x 2",
	    "newest", "/(/", "/", "//", "~1.27,"};
	const char *why;

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		if (tag_range_check(table[i], &why) == 0)
			print_error("%s\n", table[i]);
		assert_int_equal(tag_range_check(table[i], &why), -1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times),
	    cmocka_unit_test(no_times),
	    cmocka_unit_test(ranges),
	    cmocka_unit_test(no_ranges),
	};

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
