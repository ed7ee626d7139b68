/* System calls of the architecture that this program was built for. */
#ifndef LEARN_CALLS_H
#define LEARN_CALLS_H

#include <stddef.h>

/* Its name, NULL where the number has none. */
const char *call_name(long number);
long call_number(const char *name); /* -1: there is none */

/* The same for the 32-bit programs that its kernels run as well. */
const char *call32_name(long number);
long call32_number(const char *name);
int call32_is_socketcall(long number);
long call32_as_native(long number); /* the number here of the call that does the same, or -1 */

/*
 * What every program needs that starts, ends and takes signals, and what C libraries fall back
 * to: every profile has them all, and the recorder looks only at those that name something.
 */
extern const char *const calls_always[];
extern const size_t calls_always_count;

/* AUDIT_ARCH_… of it. */
unsigned call_architecture(void);
unsigned call32_architecture(void); /* 0: its 32-bit programs' calls aren't known */

#endif
