#include "bases.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"

/* The image of "FROM [--flag] IMAGE …" or "COPY --from=IMAGE …", where it is one of ours. */
static const char *
from_ours(const struct app *a, char *line)
{
	char *save = NULL, *word = strtok_r(line, " \t\n", &save);
	bool from = word && strcasecmp(word, "FROM") == 0;
	size_t len = strlen(a->host.repo1);

	if (!from && (!word || strcasecmp(word, "COPY") != 0))
		return NULL;
	while ((word = strtok_r(NULL, " \t\n", &save)) && strncmp(word, "--", 2) == 0)
		if (!from && strncmp(word, "--from=", 7) == 0) {
			word += 7;
			break;
		}
	if (!word || strncmp(word, a->host.repo1, len) != 0 || word[len] != '/')
		return NULL;
	word += len + 1;
	return pool_dupn(word, strcspn(word, ":@"));
}

void
base_names(const struct app *a, const struct place *p, struct words *out)
{
	cleanup_file FILE *f = fopen(pool_printf("%s/Dockerfile", p->folder), "re");
	cleanup_free char *line = NULL;
	const char *name;
	size_t cap = 0;

	while (f && getline(&line, &cap, f) > 0)
		/* An image may begin with another of its own name: what it was, or a part. */
		if ((name = from_ours(a, line)) && strcmp(name, p->name) != 0)
			words_add(out, name);
}
