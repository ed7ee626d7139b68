/* ACLs and capabilities of any bytes: the length stays right, and there and back again
 * gives the same bytes. */
#include "convert.h"

#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
acl(const struct convert *forth, const struct convert *back, const uint8_t *data, size_t size)
{
	unsigned char *bytes = xmalloc(size + 1);
	uint32_t bad;

	memcpy(bytes, data, size);
	/* All ids unshifted: back again must be where it began. */
	if (convert_acl(back, bytes, size, &bad) == KEEP) {
		enum verdict v = convert_acl(forth, bytes, size, &bad);

		if (v != KEEP && v != CHANGE)
			abort();
		if (v == CHANGE && convert_acl(back, bytes, size, &bad) != CHANGE)
			abort();
		if (memcmp(bytes, data, size) != 0)
			abort();
	}
	free(bytes);
}

static void
capability(
    const struct convert *forth, const struct convert *back, const uint8_t *data, size_t size)
{
	unsigned char *bytes = xmalloc(size > CAPABILITY_MAX ? size : CAPABILITY_MAX);
	size_t n = size;
	uint32_t bad;
	enum verdict v;

	memcpy(bytes, data, size);
	v = convert_capability(forth, bytes, &n, &bad);
	if (v != CHANGE && (n != size || memcmp(bytes, data, size) != 0))
		abort();
	if (v == CHANGE &&
	    (n != CAPABILITY_MAX || convert_capability(back, bytes, &n, &bad) != CHANGE))
		abort();
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct idmap m;
	struct convert forth = {&m, false, UNMAPPED_FAIL, 0, UINT32_MAX, false};
	struct convert back = {&m, true, UNMAPPED_FAIL, 0, UINT32_MAX, false};
	struct strbuf why = STRBUF_INIT;

	if (!m.uid.count)
		idmap_parse(&m, "0:100000:65536", &why);
	acl(&forth, &back, data, size);
	capability(&forth, &back, data, size);
	return 0;
}
