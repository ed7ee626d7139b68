/* Places in many bytes that look like something, found many bytes at a time. */
#ifndef APPLETS_SCAN_H
#define APPLETS_SCAN_H

#include <stddef.h>

enum { SCAN_BLOCK = 512, SCAN_AHEAD = 7 };

/*
 * Marks what of SCAN_BLOCK bytes, the first of them bytes[1], is wanted: 0 for what isn't. It
 * may look at one byte before and SCAN_AHEAD bytes after each; beyond the ends all are 0.
 * Written without a branch, so that compilers make vectors of it.
 */
typedef void scan_mark_fn(
    const unsigned char *restrict bytes, unsigned char *restrict mark, unsigned char limit);

/* Takes a marked byte, the bytes' at'th. Returns 0, or anything else to have no more. */
typedef int scan_found_fn(void *arg, size_t at, unsigned char mark);

/* Calls found for each byte of bytes[begin] to bytes[end] that is marked, upwards; limit is
 * the marker's to understand. All bytes there are, are size. */
void scan(const unsigned char *bytes, size_t size, size_t begin, size_t end,
    scan_mark_fn *marker, unsigned char limit, scan_found_fn *found, void *arg);

#endif
