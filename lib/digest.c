#include "digest.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <unistd.h>

#include "cleanup.h"
#include "strbuf.h"

void
hex_of(const unsigned char *bytes, size_t n, char *out)
{
	static const char digit[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digit[bytes[i] >> 4];
		out[2 * i + 1] = digit[bytes[i] & 15];
	}
	out[2 * n] = '\0';
}

static void
digest_finish(struct sha256_ctx *ctx, char hex[SHA256_HEX])
{
	unsigned char sum[SHA256_DIGEST_SIZE];

	sha256_digest(ctx, sizeof(sum), sum);
	hex_of(sum, sizeof(sum), hex);
}

int
sha256_fd(int fd, char hex[SHA256_HEX])
{
	enum { CHUNK = 128 * 1024 };
	cleanup_free unsigned char *buf = xmalloc(CHUNK);
	struct sha256_ctx ctx;
	ssize_t n;

	sha256_init(&ctx);
	while ((n = read(fd, buf, CHUNK)) != 0) {
		if (n > 0)
			sha256_update(&ctx, (size_t)n, buf);
		else if (errno != EINTR)
			return -1;
	}
	digest_finish(&ctx, hex);
	return 0;
}

void
sha256_bytes(const void *bytes, size_t n, char hex[SHA256_HEX])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, n, bytes);
	digest_finish(&ctx, hex);
}
