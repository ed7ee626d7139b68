#include "hash.h"

#include <errno.h>
#include <nettle/md5.h>
#include <nettle/sha2.h>
#include <time.h>
#include <unistd.h>

#include "times.h"

void
throttle_init(struct throttle *t, int64_t rate)
{
	*t = (struct throttle){.rate = rate};
	pthread_mutex_init(&t->lock, NULL);
}

/* Every read takes its share of time; who comes too early waits. Returns false where the
 * work is to be given up. */
static bool
wait_for_share(struct throttle *t, size_t bytes)
{
	int64_t now, turn;

	if (t->rate == 0)
		return !t->stop;
	pthread_mutex_lock(&t->lock);
	now = monotonic_ns();
	turn = t->free_at > now ? t->free_at : now;
	t->free_at = turn + (int64_t)((double)bytes / (double)t->rate * 1e9);
	pthread_mutex_unlock(&t->lock);
	while (!t->stop && (now = monotonic_ns()) < turn) {
		int64_t nap = turn - now < 100 * NS_PER_MS ? turn - now : 100 * NS_PER_MS;

		nanosleep(&(struct timespec){0, (long)nap}, NULL);
		t->progress++;
	}
	return !t->stop;
}

int64_t
hash_fd(int fd, enum hash_kind kind, int64_t size, struct throttle *t, void *buffer,
    unsigned char out[HASH_BYTES_MAX])
{
	union {
		struct md5_ctx md5;
		struct sha256_ctx sha256;
	} ctx;
	int64_t total = 0;
	ssize_t n;

	if (kind == HASH_MD5)
		md5_init(&ctx.md5);
	else
		sha256_init(&ctx.sha256);
	while ((n = read(fd, buffer, HASH_BUFFER)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (kind == HASH_MD5)
			md5_update(&ctx.md5, (size_t)n, buffer);
		else
			sha256_update(&ctx.sha256, (size_t)n, buffer);
		total += n;
		t->bytes += (uint64_t)n;
		t->progress++;
		if (!wait_for_share(t, (size_t)n)) {
			errno = ECANCELED;
			return -1;
		}
		if (total == size && n < HASH_BUFFER)
			break;
	}
	if (kind == HASH_MD5)
		md5_digest(&ctx.md5, MD5_DIGEST_SIZE, out);
	else
		sha256_digest(&ctx.sha256, SHA256_DIGEST_SIZE, out);
	return total;
}
