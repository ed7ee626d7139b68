/* A settings.yaml that anybody may have written. */
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "container.h"
#include "settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct container c = {.key = "web",
	    .directory = "/c/web",
	    .test = size & 1,
	    .repo1 = "r",
	    .vol_base = "/v"};
	struct settings s = {0};
	struct layer layer = {&s, NULL};
	char hex[SHA256_HEX];
	static int silent;

	if (!silent++)
		close(STDERR_FILENO);
	if (settings_parse(&s, "fuzz", (const char *)data, size) == 0) {
		layer.map = s.root;
		if (container_apply(&c, &layer, 1, 1) == 0) {
			container_json(&c);
			container_digest(&c, hex);
		}
	}
	settings_free(&s);
	pool_drop();
	return 0;
}
