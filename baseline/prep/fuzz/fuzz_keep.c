/* The list of what is kept: what is taken names paths beneath the root, and a path written into
 * a list is taken back from it as a line that fits the path. */
#include "keep.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_line(const struct keep_line *l)
{
	if (*l->path != '/' || strstr(l->path, "/../") || (l->below && l->directory))
		abort();
}

/* Any name that a file can have. */
static void
write_and_read(const uint8_t *data, size_t size)
{
	struct strbuf b = STRBUF_INIT;
	struct keep k;
	char *name = xstrndup((const char *)data, size < 200 ? size : 200), *path;
	size_t i;

	for (i = 0; name[i]; i++)
		if (name[i] == '/')
			name[i] = '_';
	path = xasprintf("/x%s", name);
	keep_put_path(&b, path);
	if (keep_parse(&k, "f", b.s, b.len) || k.count != 1 || k.line[0].below ||
	    (!k.line[0].pattern && strcmp(k.line[0].path, path) != 0))
		abort();
	keep_free(&k);
	strbuf_free(&b);
	free(path);
	free(name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int null = -1, err = -1;
	struct keep k;
	size_t i;

	if (null < 0) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		err = dup(STDERR_FILENO);
	}
	dup2(null, STDERR_FILENO);
	if (keep_parse(&k, "f", (const char *)data, size) == 0)
		for (i = 0; i < k.count; i++)
			check_line(&k.line[i]);
	dup2(err, STDERR_FILENO);
	keep_free(&k);
	write_and_read(data, size);
	return 0;
}
