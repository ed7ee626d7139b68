/* Any bytes as settings: a tree or a refusal, and the checks on every node of it. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

static void
check_all(struct settings *s, const struct node *n)
{
	static const char *const known[] = {"rules", "path", "max-age", "interval", NULL};
	const char *string;
	int64_t value;
	bool flag;

	settings_known(s, n, known, "test_");
	if (settings_string(s, n, &string) == 0 && strlen(string) != strlen(n->text))
		abort();
	settings_bool(s, n, &flag);
	settings_integer(s, n, INT64_MIN, INT64_MAX, &value);
	if (settings_duration(s, n, &value) == 0 && value < 0)
		abort();
	if (settings_size(s, n, &value) == 0 && value < 0)
		abort();
	for (size_t i = 0; i < n->count; i++) {
		if (n->kind == NODE_MAP && !settings_get(n, n->key[i]->text))
			abort();
		check_all(s, n->item[i]);
	}
}

int
LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	struct settings s;

	if (settings_parse(&s, "fuzz", (const char *)bytes, n) == 0) {
		if (s.root)
			check_all(&s, s.root);
	} else if (s.errors != 1) {
		abort();
	}
	settings_free(&s);
	return 0;
}
