/* Container IDs as names. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "engine_list.h"
#include "options.h"
#include "report.h"
#include "verbs.h"

/* The name of the container whose id begins so, of 12 digits or more; NULL: none. */
static const char *
name_of(const struct seen_list *all, const char *id, size_t len)
{
	for (size_t i = 0; len >= 12 && i < all->n; i++)
		if (strncmp(all->v[i].id, id, len) == 0)
			return all->v[i].name;
	return NULL;
}

static size_t
hex_length(const char *s)
{
	size_t n = 0;

	while (isxdigit((unsigned char)s[n]) && !isupper((unsigned char)s[n]))
		n++;
	return n;
}

/* Standard input with ids replaced by names. */
static void
map_stream(const struct seen_list *all)
{
	cleanup_free char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, stdin) > 0) {
		for (const char *p = line; *p;) {
			size_t len = hex_length(p);
			const char *name = name_of(all, p, len);

			if (name)
				fputs(name, stdout);
			else
				fwrite(p, 1, len ? len : 1, stdout);
			p += len ? len : 1;
		}
	}
}

int
do_map(struct app *a, int argc, char **argv)
{
	int status = EXIT_YES;
	struct seen_list all;

	argc = take_options(a, argc, &argv, NO_OPTIONS, false);
	if (argc < 0 || engine_list(&a->engine, &all))
		return EXIT_TROUBLE;
	if (argc == 0) {
		map_stream(&all);
		return EXIT_YES;
	}
	for (int i = 0; i < argc; i++) {
		const char *name = NULL;

		for (size_t k = 0; k < all.n && !name; k++)
			if (*argv[i] && strncmp(all.v[k].id, argv[i], strlen(argv[i])) == 0)
				name = all.v[k].name;
		printf("%s\n", name ? name : argv[i]);
		if (!name)
			status = EXIT_NO;
	}
	return status;
}
