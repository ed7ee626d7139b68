/* A change to a settings file: what comes out is one, and every key but the one that was meant
 * says the same. */
#include "edit.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "settings.h"
#include "strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
compare(const char *text, size_t n, const struct strbuf *out, const char *key)
{
	struct settings before = {0}, after = {0};
	size_t i;

	if (settings_parse(&before, "b", text, n) ||
	    settings_parse(&after, "a", out->s ? out->s : "", out->len))
		abort();
	if (before.root && before.root->kind == NODE_MAP)
		for (i = 0; i < before.root->count; i++)
			if (strcmp(before.root->key[i]->text, key) != 0 &&
			    !settings_same(before.root->item[i],
				settings_get(after.root, before.root->key[i]->text)))
				abort();
	settings_free(&before);
	settings_free(&after);
}

/* The first byte chooses the change, the rest is the file. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const change[][5] = {{"set", "a", "1", NULL},
	    {"add", "a", "x", NULL}, {"drop", "a", "x", "y", NULL}, {"unset", "a", NULL},
	    {"set", "b", "[x, y]", NULL}, {"add", "b", "{path: x}", NULL}};
	static int null = -1, err = -1;
	struct strbuf out = STRBUF_INIT;
	char **words;

	if (null < 0) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		err = dup(STDERR_FILENO);
	}
	if (!size)
		return 0;
	words = (char **)change[*data % (sizeof(change) / sizeof(change[0]))];
	dup2(null, STDERR_FILENO);
	if (edit_text("f", (const char *)data + 1, size - 1, words, &out) == EXIT_YES)
		compare((const char *)data + 1, size - 1, &out, words[1]);
	dup2(err, STDERR_FILENO);
	strbuf_free(&out);
	return 0;
}
