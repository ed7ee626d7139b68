#include "select.h"

#include <string.h>

#include "options.h"
#include "report.h"
#include "strbuf.h"

const struct place *
place_find(const struct app *a, const char *name)
{
	for (size_t i = 0; i < a->places.n; i++)
		if (strcmp(a->places.v[i].name, name) == 0)
			return &a->places.v[i];
	return NULL;
}

static void
unknown_name(const struct app *a, const char *spec)
{
	const char **names = pool_zero(a->places.n + 1, sizeof(*names));
	const char *near;

	for (size_t i = 0; i < a->places.n; i++)
		names[i] = a->places.v[i].name;
	near = nearest_word(spec, names);
	if (!a->host.directories.n && !a->places.n)
		report(
		    "no container '%s': no directory of containers is known; see project and "
		    "containers in settings.yaml(5)",
		    spec);
	else if (near)
		report("no container's name begins with '%s'; is '%s' meant?", spec, near);
	else
		report("no container's name begins with '%s' (d lA lists them)", spec);
}

const struct place *
pick(struct app *a, const char *spec)
{
	const struct place *exact = place_find(a, spec), *found = NULL;
	struct words all = {0};
	struct strbuf line = STRBUF_INIT;

	if (exact)
		return exact;
	/* The beginning of every name, and most likely a script's variable that isn't set. */
	if (!*spec) {
		report("the name of a container is empty");
		return NULL;
	}
	for (size_t i = 0; i < a->places.n; i++) {
		if (strncmp(a->places.v[i].name, spec, strlen(spec)) != 0)
			continue;
		if (!found)
			found = &a->places.v[i];
		words_add(&all, a->places.v[i].name);
	}
	if (!found)
		unknown_name(a, spec);
	if (all.n < 2)
		return found;
	words_quote(&all, &line);
	if (a->verb->kind & EXACT) {
		report("'%s' is ambiguous: %s", spec, line.s);
		found = NULL;
	} else {
		report("'%s' is ambiguous (%s): taking '%s'", spec, line.s, found->name);
	}
	strbuf_free(&line);
	return found;
}

int
pick_all(struct app *a, int argc, char **argv, struct places *out)
{
	if (argc == 0) {
		*out = a->places;
		return 0;
	}
	out->v = pool_zero((size_t)argc, sizeof(*out->v));
	out->n = 0;
	for (int i = 0; i < argc; i++) {
		const struct place *p = pick(a, argv[i]);

		if (!p)
			return -1;
		out->v[out->n++] = *p;
	}
	return 0;
}

/* The one container that the arguments name; NULL with *status set. */
const struct place *
pick_only(struct app *a, int argc, char **argv, int *status)
{
	const struct place *p = NULL;

	*status = EXIT_TROUBLE;
	argc = take_options(a, argc, &argv, NO_OPTIONS, false);
	if (argc >= 0 && argc != 1)
		usage(a);
	else if (argc == 1)
		p = pick(a, argv[0]);
	if (p)
		*status = EXIT_YES;
	return p;
}

int
each_named(struct app *a, int argc, char **argv, int (*one)(struct app *, const struct place *))
{
	struct places all;
	int status = EXIT_YES, got;

	if (argc < 1)
		return usage(a);
	if (pick_all(a, argc, argv, &all))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < all.n; i++) {
		got = one(a, &all.v[i]);
		status = got > status ? got : status;
	}
	return status;
}
