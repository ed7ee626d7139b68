/* FNV-1a, 64 bits: for tables and for telling content apart where nobody is hostile. */
#ifndef WHITTLE_FNV_H
#define WHITTLE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV_START UINT64_C(14695981039346656037)

static inline uint64_t
fnv_add(uint64_t h, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	while (n--)
		h = (h ^ *p++) * UINT64_C(1099511628211);
	return h;
}

static inline uint64_t
fnv_add_string(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
	return h;
}

#endif
