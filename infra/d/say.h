/* Progress for people, on standard error: standard output is for answers. */
#ifndef WHITTLE_SAY_H
#define WHITTLE_SAY_H

#include <time.h>

/* One line about a step: "  START     filewatch". */
void say(const char *step, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "90s", "3h", "12d" ago; "-" for 0. */
const char *age_text(time_t since);

#endif
