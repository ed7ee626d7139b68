/* target_parse(): whatever it takes must be fit for a request line. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "strbuf.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
is_clean(const char *s)
{
	for (; s && *s; s++)
		if (*s <= ' ' || *s >= 0x7f)
			return 0;
	return 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size);
	const char *why = NULL;
	struct target t;

	if (target_parse(&t, text, &why) < 0) {
		if (!why)
			abort();
	} else if (t.kind != TARGET_UNIX && (!is_clean(t.host) || !is_clean(t.port) ||
						!is_clean(t.authority) || !is_clean(t.path)))
		abort();
	target_free(&t);
	free(text);
	return 0;
}
