/* Options, names, and what most verbs ask first. */
#include "app.h"

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine_args.h"
#include "report.h"
#include "state.h"
#include "strbuf.h"

volatile int interrupted;

enum { OPTIONS_MAX = 80, LONG_BASE = 256 };

/* ---- options ---- */

static void
fill_getopt(const struct option_of *o, bool first, struct option *longs, char *shorts)
{
	if (first)
		*shorts++ = '+';
	*shorts++ = ':';
	for (size_t i = 0; o[i].name || o[i].letter; i++) {
		if (o[i].letter) {
			*shorts++ = o[i].letter;
			if (o[i].value || o[i].list)
				*shorts++ = ':';
		}
		longs[i] = (struct option){o[i].name ? o[i].name : "",
		    o[i].value || o[i].list ? required_argument : no_argument, NULL,
		    (int)(LONG_BASE + i)};
	}
	*shorts = '\0';
}

static const struct option_of *
option_named(const struct option_of *o, int got)
{
	if (got >= LONG_BASE)
		return &o[got - LONG_BASE];
	for (; o->name || o->letter; o++)
		if (o->letter == got)
			return o;
	return NULL;
}

int
take_options(struct app *a, int argc, char ***argv, const struct option_of *o, bool first)
{
	struct option longs[OPTIONS_MAX + 1] = {{0}};
	char shorts[OPTIONS_MAX * 2 + 3];
	const struct option_of *found;
	int got;

	fill_getopt(o, first, longs, shorts);
	opterr = 0;
	optind = 1;
	while ((got = getopt_long(argc, *argv, shorts, longs, NULL)) != -1) {
		found = got == '?' || got == ':' ? NULL : option_named(o, got);
		if (!found) {
			report("%s: %s '%s'", a->called_as,
			    got == ':' ? "no value behind" : "unknown option",
			    (*argv)[optind - 1]);
			usage(a);
			return -1;
		}
		if (found->value)
			*found->value = optarg;
		else if (found->list)
			words_add(found->list, optarg);
		else
			*found->set = true;
	}
	*argv += optind;
	return argc - optind;
}

int
usage(const struct app *a)
{
	report("usage: d %s%s%s", a->called_as, *a->verb->args ? " " : "", a->verb->args);
	return EXIT_TROUBLE;
}

int
no_arguments(struct app *a, int argc, char **argv)
{
	argc = take_options(a, argc, &argv, NO_OPTIONS, false);
	if (argc > 0)
		usage(a);
	return argc ? -1 : 0;
}

/* ---- names ---- */

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
	if (near)
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
	if (a->verb->kind & CHANGES) {
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

/* ---- a container ---- */

/* The settings of the generation that it was gone back to; NULL: the folder's own count. */
static const char *
pinned_settings(struct app *a, const char *name)
{
	struct generations g;
	const struct generation *now;

	if (generations_read(&a->host, name, &g) || g.n == 0 || g.current == g.v[g.n - 1].n)
		return NULL;
	now = generation_find(&g, g.current);
	return now ? now->settings : NULL;
}

int
describe(struct app *a, const struct place *p, bool test, struct container *out)
{
	const char *text = test ? NULL : pinned_settings(a, p->name), *why;

	if (host_container(&a->host, p, test, NULL, text, out))
		return -1;
	why = engine_refusal(&a->engine, out);
	if (why)
		report("%s: %s", p->name, why);
	return why ? -1 : 0;
}

int
image_of(struct app *a, const struct container *c, const char **reference, struct image *out)
{
	const char *const repos[] = {c->repo1, c->repo2};
	const char *at;
	int got = 0;

	*reference = NULL;
	for (size_t i = 0; i < 2 && got == 0; i++) {
		at = i == 0 || c->repo2 ? container_reference(c, repos[i], c->tag) : NULL;
		if (!at)
			continue;
		got = engine_image(&a->engine, at, out);
		if (!*reference || got == 1)
			*reference = at;
	}
	return got;
}

static const char *
second_reference(const struct container *c)
{
	return c->repo2 && !strchr(c->image, '/') ? container_reference(c, c->repo2, c->tag)
						  : NULL;
}

int
look_at_all(struct app *a, const struct container *c, size_t n, struct seens *seen,
    struct images *images)
{
	struct words names = {0};

	for (size_t i = 0; i < n; i++) {
		const char *both[] = {container_image(&c[i]), second_reference(&c[i])};

		for (size_t k = 0; k < 2; k++)
			if (both[k] && !words_have(&names, both[k]))
				words_add(&names, both[k]);
	}
	return engine_list_with_images(&a->engine, &names, seen, images);
}

int
image_among(
    struct app *a, const struct images *images, const struct container *c, struct image *out)
{
	const char *first = container_image(c), *reference;
	const struct image *got = image_tagged(images, first);

	if (!got)
		got = image_tagged(images, second_reference(c));
	if (got)
		*out = *got;
	/* Engines may know an image by a longer or shorter name than the one that found it. */
	return got ? 1
	       : strncmp(first, "localhost/", 10) == 0 && !second_reference(c)
		   ? 0
		   : image_of(a, c, &reference, out);
}

const char *
age_text(time_t since)
{
	long s = (long)(time(NULL) - since);

	if (!since)
		return "-";
	if (s < 120)
		return pool_printf("%lds", s < 0 ? 0 : s);
	if (s < 2 * 3600)
		return pool_printf("%ldm", s / 60);
	if (s < 2 * 86400)
		return pool_printf("%ldh", s / 3600);
	return pool_printf("%ldd", s / 86400);
}

int
resolve_needs(struct app *a, struct container *c)
{
	for (size_t i = 0; i < c->needs.n; i++) {
		struct need *need = &c->needs.v[i];
		const struct place *p = place_find(a, need->name);
		struct container other;

		if (!p) {
			report("%s needs '%s', which isn't among the containers", c->key,
			    need->name);
			return -1;
		}
		/* A test instance shares with another test instance, never with production. */
		if (host_container(&a->host, p, c->test && (need->pid || need->network), NULL,
			NULL, &other))
			return -1;
		need->target = other.name;
	}
	return 0;
}
