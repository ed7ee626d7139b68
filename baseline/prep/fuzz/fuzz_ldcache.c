/* ld.so.cache: whatever it says, only its own bytes are read, and only that name is found. */
#include "ldcache.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
found(const char *path, void *arg)
{
	*(size_t *)arg += strlen(path);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "glibc-ld.so.cache1.1";
	size_t sum = 0;
	char *behind = xmalloc(size + 20);

	ldcache_find((const char *)data, size, "libc.so.6", found, &sum);
	memcpy(behind, head, 20);
	if (size)
		memcpy(behind + 20, data, size);
	ldcache_find(behind, size + 20, "", found, &sum);
	free(behind);
	return 0;
}
