/* A trace, which something in a container may have written: each line that is taken has a kind
 * that is known and a subject that ends. */
#include "trace.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
visit(const struct trace_line *l, void *arg)
{
	*(size_t *)arg += strlen(l->program) + strlen(l->subject);
	if (!strchr("xolsrwbpdqcnug!", (int)l->kind) || l->kind == 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int null = -1, err = -1;
	static const char head[] = TRACE_HEAD "e\t0\t\n";
	size_t sum = 0, n = strlen(head);
	char *text = xmalloc(n + size + 1);

	if (null < 0) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		err = dup(STDERR_FILENO);
	}
	memcpy(text, head, n);
	if (size)
		memcpy(text + n, data, size);
	dup2(null, STDERR_FILENO);
	trace_parse("f", text, n + size, visit, &sum);
	dup2(err, STDERR_FILENO);
	free(text);
	return 0;
}
