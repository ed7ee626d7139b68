/* Instants and spans as nanoseconds in 63 bits: good from 1824 to 2116. */
#ifndef FILEWATCH_TIMES_H
#define FILEWATCH_TIMES_H

#include <stdint.h>
#include <time.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

/* What is beyond (a file's time may be anything) becomes the end of what is good, so that
 * differences of two instants never overflow. */
static inline int64_t
ns_of(const struct timespec *t)
{
	const int64_t end = INT64_C(1) << 62;

	if (t->tv_sec >= end / NS_PER_S)
		return end;
	if (t->tv_sec <= -end / NS_PER_S)
		return -end;
	return t->tv_sec * NS_PER_S + t->tv_nsec;
}

static inline int64_t
clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return ns_of(&t);
}

/* Since 1970. */
static inline int64_t
now_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/* Since some instant that no clock change moves. */
static inline int64_t
monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

#endif
