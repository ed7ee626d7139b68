/* Any bytes as a baseline: a refusal, or entries that, written and read again, are the same. */
#include <stdlib.h>
#include <string.h>

#include "baseline.h"
#include "strbuf.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

static void
check_entries(const struct baseline *b)
{
	size_t i;

	for (i = 0; i < b->count; i++) {
		if (b->entry[i].path[0] != '/' || strstr(b->entry[i].path, "/../"))
			abort();
		if (baseline_find(b, b->entry[i].path) != &b->entry[i])
			abort();
	}
}

static void
write_and_read(const struct baseline *b)
{
	struct strbuf first = STRBUF_INIT, second = STRBUF_INIT;
	struct baseline again;

	baseline_format(&first, b);
	if (baseline_parse(&again, "again", first.s, first.len) || again.count != b->count)
		abort();
	baseline_format(&second, &again);
	if (first.len != second.len || memcmp(first.s, second.s, first.len) != 0)
		abort();
	baseline_free(&again);
	strbuf_free(&first);
	strbuf_free(&second);
}

int
LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	struct baseline b;

	if (baseline_parse(&b, "fuzz", (const char *)bytes, n) == 0) {
		check_entries(&b);
		write_and_read(&b);
	}
	baseline_free(&b);
	return 0;
}
