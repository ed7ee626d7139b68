/* SHA-256 (nettle), as files and stamps name it. */
#ifndef WHITTLE_DIGEST_H
#define WHITTLE_DIGEST_H

#include <stddef.h>

enum { SHA256_HEX = 65 }; /* 64 lower-case hex digits and a NUL */

/* Of everything from the descriptor's offset to its end. Returns 0, or -1 with errno. */
int sha256_fd(int fd, char hex[SHA256_HEX]);

/* Of n bytes. */
void sha256_bytes(const void *bytes, size_t n, char hex[SHA256_HEX]);

/* Lower-case hex of n bytes and a NUL: out holds 2 * n + 1. */
void hex_of(const unsigned char *bytes, size_t n, char *out);

#endif
