/* A mountinfo, and below its first line a pattern and a path. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "layer.h"
#include "pool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = pool_dupn((const char *)data, size), *line = strchr(text, '\n');
	struct layers l = {0};

	layers_parse(text, &l);
	/* Patterns come from settings, but must not take for ever all the same. */
	if (line && strlen(line) < 40) {
		char *path = strchr(line + 1, '\n');

		if (path) {
			*path = '\0';
			path_matches(line + 1, path + 1);
		}
	}
	pool_drop();
	return 0;
}
