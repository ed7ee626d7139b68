/* System calls of the architecture that this program was built for. */
#ifndef LEARN_CALLS_H
#define LEARN_CALLS_H

#include <stddef.h>

/* Its name, NULL where the number has none. */
const char *call_name(long number);

/*
 * What every program needs that starts, ends and takes signals, and what C libraries fall back
 * to: the recorder doesn't look at the most frequent of these, and every profile has them all.
 */
extern const char *const calls_always[];
extern const size_t calls_always_count;

/* AUDIT_ARCH_… of it. */
unsigned call_architecture(void);

#endif
