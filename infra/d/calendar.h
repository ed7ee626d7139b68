/* When something is to be done, in a few words of systemd.time(7)'s calendar events. */
#ifndef WHITTLE_CALENDAR_H
#define WHITTLE_CALENDAR_H

#include <stdbool.h>
#include <time.h>

enum { DAY_MINUTES = 24 * 60 };

struct calendar {
	unsigned days;            /* bit 0: Sundays … bit 6: Saturdays */
	bool first;               /* only on the first of a month */
	bool minute[DAY_MINUTES]; /* of such a day, in local time */
};

/*
 * Reads "[DAYS] HH:MM[,HH:MM...]", DAYS being days or ranges of them with commas between, such
 * as "Mon..Fri" or "Sat,Sun"; or hourly, daily, weekly, monthly. Returns 0, or -1.
 */
int calendar_parse(const char *text, struct calendar *out);
extern const char calendar_wanted[]; /* what to say where that fails */

/*
 * The first such time after another. A time that a change of clocks leaves out is that much
 * later; one that there is twice counts once.
 */
time_t calendar_next(const struct calendar *c, time_t after);

/*
 * When something is due that was done last at some time: where that is past, and however often
 * it was missed, it is due once.
 */
time_t calendar_due(const char *text, time_t last);

/* A time that was written down; 0 where it is an hour or more in the future, which a wrong
 * clock wrote: nothing waits until that is reached. */
time_t calendar_believed(time_t last, time_t now);

/* Whether the clock says something: machines without one begin years ago. */
bool clock_is_set(time_t now);

/* "Sun 2026-11-29 03:00", local time. */
const char *calendar_text(time_t at);

#endif
