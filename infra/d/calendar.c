#include "calendar.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "pool.h"

enum {
	EVERY_DAY = 0x7f,
	DAYS_AHEAD = 62,
	CLOCK_EPOCH = 1735689600, /* 2025 */
	STEP_S = 3600             /* a clock that is set back by less may be waited for */
};

const char calendar_wanted[] = "a time such as 'Sun 03:00', 'Mon..Fri 22:00,23:30', '02:00', "
			       "hourly, daily, weekly or monthly";

static int
day_number(const char *text, size_t len)
{
	static const char *const names[] = {
	    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

	for (int i = 0; i < 7; i++)
		if ((len == 3 || len == strlen(names[i])) &&
		    strncasecmp(text, names[i], len) == 0)
			return i;
	return -1;
}

/* "Mon..Fri,Sun" */
static int
take_days(const char *text, size_t len, unsigned *days)
{
	*days = 0;
	for (const char *p = text, *end = text + len; p < end;) {
		size_t part = strcspn(p, ", ");
		const char *dots = strstr(p, "..");
		int from, to;

		if (dots && dots >= p + part)
			dots = NULL;
		from = day_number(p, dots ? (size_t)(dots - p) : part);
		to = dots ? day_number(dots + 2, part - (size_t)(dots + 2 - p)) : from;
		if (from < 0 || to < 0)
			return -1;
		for (int i = from;; i = (i + 1) % 7) {
			*days |= 1U << i;
			if (i == to)
				break;
		}
		p += part;
		if (*p == ',' && ++p == end)
			return -1;
	}
	return *days ? 0 : -1;
}

/* "03:00,15:30" */
static int
take_times(const char *text, struct calendar *out)
{
	for (const char *p = text;; p++) {
		int hour, minute, n = 0;

		if (sscanf(p, "%2d:%2d%n", &hour, &minute, &n) != 2 || *p < '0' || *p > '9' ||
		    hour > 23 || minute < 0 || minute > 59 || n < 4)
			return -1;
		out->minute[hour * 60 + minute] = true;
		p += n;
		if (!*p)
			return 0;
		if (*p != ',')
			return -1;
	}
}

int
calendar_parse(const char *text, struct calendar *out)
{
	size_t first = strcspn(text, " ");
	const char *times = text[first] ? text + first + strspn(text + first, " ") : text;

	*out = (struct calendar){.days = EVERY_DAY};
	if (strcmp(text, "hourly") == 0) {
		for (int i = 0; i < DAY_MINUTES; i += 60)
			out->minute[i] = true;
		return 0;
	}
	out->minute[0] = true;
	if (strcmp(text, "daily") == 0)
		return 0;
	if (strcmp(text, "weekly") == 0) {
		out->days = 1U << 1;
		return 0;
	}
	if (strcmp(text, "monthly") == 0) {
		out->first = true;
		return 0;
	}
	out->minute[0] = false;
	if (times != text && take_days(text, first, &out->days))
		return -1;
	return take_times(times, out);
}

/* mktime(3) leaves a time that isn't there to chance; without summer time there is one. */
static time_t
at_minute(const struct tm *day, int minute)
{
	struct tm tm = {.tm_year = day->tm_year,
	    .tm_mon = day->tm_mon,
	    .tm_mday = day->tm_mday,
	    .tm_hour = minute / 60,
	    .tm_min = minute % 60,
	    .tm_isdst = -1};
	struct tm again = tm, got;
	time_t at = mktime(&tm);

	localtime_r(&at, &got);
	if (got.tm_hour == minute / 60 && got.tm_min == minute % 60)
		return at;
	again.tm_isdst = 0;
	return mktime(&again);
}

time_t
calendar_next(const struct calendar *c, time_t after)
{
	struct tm start;

	localtime_r(&after, &start);
	for (int i = 0; i <= DAYS_AHEAD; i++) {
		struct tm day = {.tm_year = start.tm_year,
		    .tm_mon = start.tm_mon,
		    .tm_mday = start.tm_mday + i,
		    .tm_hour = 12,
		    .tm_isdst = -1};
		time_t best = 0;

		mktime(&day);
		if (!(c->days & 1U << day.tm_wday) || (c->first && day.tm_mday != 1))
			continue;
		for (int m = 0; m < DAY_MINUTES; m++) {
			time_t at = c->minute[m] ? at_minute(&day, m) : 0;

			if (at > after && (!best || at < best))
				best = at;
		}
		if (best)
			return best;
	}
	return after + DAYS_AHEAD * (time_t)86400;
}

time_t
calendar_due(const char *text, time_t last)
{
	struct calendar c;

	calendar_parse(text, &c);
	return calendar_next(&c, last);
}

time_t
calendar_believed(time_t last, time_t now)
{
	return last > now + STEP_S ? 0 : last;
}

bool
clock_is_set(time_t now)
{
	return now >= CLOCK_EPOCH;
}

const char *
calendar_text(time_t at)
{
	char text[64];
	struct tm tm;

	localtime_r(&at, &tm);
	strftime(text, sizeof(text), "%a %Y-%m-%d %H:%M", &tm);
	return pool_dup(text);
}
