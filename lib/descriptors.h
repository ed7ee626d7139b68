/* How many files this process may have open. */
#ifndef WHITTLE_DESCRIPTORS_H
#define WHITTLE_DESCRIPTORS_H

#include <sys/resource.h>

/* As many as the hard limit says: whoever goes down a tree takes one for each level, and a
 * shell hands on no more than 1,024. Returns 0, or -1 with errno; then *was says nothing, and
 * it is as it was. was may be NULL; setrlimit(2) takes it back. */
int descriptors_raise(struct rlimit *was);

#endif
