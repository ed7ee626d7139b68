#include "applets_scan.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

void
scan(const unsigned char *bytes, size_t size, size_t begin, size_t end, scan_mark_fn *marker,
    unsigned char limit, scan_found_fn *found, void *arg)
{
	unsigned char copy[1 + SCAN_BLOCK + SCAN_AHEAD], mark[SCAN_BLOCK];
	uint64_t marks;

	for (size_t at = begin; at < end; at += SCAN_BLOCK) {
		size_t before = at > 0, n = size - at + before;

		if (!before || n < sizeof copy) {
			memset(copy, 0, sizeof copy);
			n = n < sizeof copy ? n : sizeof copy - 1;
			memcpy(copy + 1 - before, bytes + at - before, n);
			marker(copy, mark, limit);
		} else {
			marker(bytes + at - 1, mark, limit);
		}
		for (size_t k = 0; k < SCAN_BLOCK; k += sizeof marks) {
			memcpy(&marks, mark + k, sizeof marks);
			for (marks = le64toh(marks); marks;) {
				unsigned i = (unsigned)__builtin_ctzll(marks) / 8;

				if (at + k + i >= end ||
				    found(arg, at + k + i, (unsigned char)(marks >> 8 * i)))
					return;
				marks &= ~((uint64_t)0xff << 8 * i);
			}
		}
	}
}
