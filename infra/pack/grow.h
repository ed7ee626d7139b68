/* Arrays that grow by doubling. */
#ifndef PACK_GROW_H
#define PACK_GROW_H

#include "strbuf.h"

/* The array with room for one element more than its count: array = grow(array, count). The
 * count must be the only record of its size. */
#define grow(array, count)                                                                     \
	((count) & ((count)-1)                                                                 \
		? (array)                                                                      \
		: xreallocarray((array), (count) ? (count)*2 : 1, sizeof(*(array))))

#endif
