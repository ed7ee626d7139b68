#include "ldcache.h"

#include <stdint.h>
#include <string.h>

/* The old form: a magic of 12 bytes with a NUL, a count, entries of 12 bytes. */
static const char old_magic[] = "ld.so-1.7.0";
/* The new one: 20 bytes, a count, the strings' size, flags and four reserved words; entries of
 * 24 bytes: flags, name, path, system version, hardware capabilities. */
static const char new_magic[] = "glibc-ld.so.cache1.1";

enum { OLD_HEAD = 16, OLD_ENTRY = 12, NEW_HEAD = 48, NEW_ENTRY = 24, MAGIC = 20 };

/* In the byte order of whatever runs it, which is ours. */
static uint32_t
word(const char *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static const char *
string(const char *cache, size_t n, uint32_t at)
{
	return at < n && memchr(cache + at, '\0', n - at) ? cache + at : NULL;
}

void
ldcache_find(const char *cache, size_t n, const char *name,
    void (*found)(const char *path, void *arg), void *arg)
{
	size_t i, count;

	if (n >= OLD_HEAD && memcmp(cache, old_magic, sizeof(old_magic)) == 0) {
		size_t end = OLD_HEAD + (size_t)word(cache + 12) * OLD_ENTRY;

		end = (end + 7) & ~(size_t)7;
		if (end > n)
			return;
		cache += end; /* offsets of the new form count from its own start */
		n -= end;
	}
	if (n < NEW_HEAD || memcmp(cache, new_magic, MAGIC) != 0)
		return;
	count = word(cache + MAGIC);
	if (count > (n - NEW_HEAD) / NEW_ENTRY)
		return;
	for (i = 0; i < count; i++) {
		const char *entry = cache + NEW_HEAD + i * NEW_ENTRY;
		const char *key = string(cache, n, word(entry + 4));
		const char *path = string(cache, n, word(entry + 8));

		if (key && path && strcmp(key, name) == 0)
			found(path, arg);
	}
}
