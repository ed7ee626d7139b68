/* Clocks as whole numbers. */
#ifndef WHITTLE_CLOCK_H
#define WHITTLE_CLOCK_H

#include <time.h>

/* Milliseconds since some instant that setting the clock doesn't move. */
static inline long long
monotonic_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

#endif
