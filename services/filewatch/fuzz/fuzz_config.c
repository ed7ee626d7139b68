/* Any bytes as settings: rules or a refusal, and what is taken can be asked. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int
LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	struct config *c = config_parse("fuzz", (const char *)bytes, n);
	size_t i;

	for (i = 0; c && i < c->rules; i++) {
		const struct rule *r = &c->rule[i];

		if (!r->path || !r->summary || !*r->summary)
			abort();
		if (r->is_sidecar)
			continue;
		if (r->pattern.direct && config_direct(c, r->path) != r)
			abort();
		if (r->skip && r->pattern.direct && !config_is_exception(c, r->path))
			abort();
		if (r->max_age == 0 || r->max_age < NOT_SET || r->min_age > INT64_MAX - 1)
			abort();
	}
	config_drop(c);
	return 0;
}
