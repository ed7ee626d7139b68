/* Images: their tags, and archives of them. */
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine_call.h"
#include "engine_json.h"
#include "engine_list.h"
#include "file.h"
#include "options.h"
#include "report.h"
#include "say.h"
#include "select.h"
#include "service.h"
#include "strbuf.h"
#include "verbs.h"

static void
print_image(const char *tag, const struct image *i)
{
	printf("%-44s %s %10s %6s\n", tag, short_id(i->id), i->size, age_text(i->created));
}

int
do_images(struct app *a, int argc, char **argv)
{
	size_t len = strlen(a->host.repo1);
	const struct place *only = NULL;
	struct images all;

	argc = take_options(a, argc, &argv, NO_OPTIONS, false);
	if (argc < 0 || argc > 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	if (argc && !(only = pick(a, argv[0])))
		return EXIT_TROUBLE;
	if (engine_images(&a->engine, false, &all))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < all.n; i++)
		words_sort(&all.v[i].tags);
	for (size_t i = 0; i < all.n; i++)
		for (size_t t = 0; t < all.v[i].tags.n; t++) {
			const char *tag = all.v[i].tags.w[t], *name = tag + len + 1;

			if (strncmp(tag, a->host.repo1, len) != 0 || tag[len] != '/')
				continue;
			if (!only || (strncmp(name, only->name, strlen(only->name)) == 0 &&
					 name[strlen(only->name)] == ':'))
				print_image(tag, &all.v[i]);
		}
	return EXIT_YES;
}

/* ---- archives, one file each, for backups ---- */

struct export
{
	struct app *a;
	const char *dir;
	bool dry;
	regex_t filter;
	bool filtered;
	const char *label;
};

static bool
has_label(const struct export *x, const char *id)
{
	struct strbuf out = STRBUF_INIT;
	const char *sign = strchr(x->label, '=');
	const char *key = sign ? pool_dupn(x->label, (size_t)(sign - x->label)) : x->label;
	const char *value;

	if (engine_try(&x->a->engine, &out, "image", "inspect", "--format",
		pool_printf("{{index .Config.Labels \"%s\"}}", key), id, NULL)) {
		strbuf_free(&out);
		return false;
	}
	value = engine_last_line(&out);
	return sign ? strcmp(value, sign + 1) == 0
		    : *value && strcmp(value, "<no value>") != 0 && strcmp(value, "<nil>") != 0;
}

/* Under another name until it is whole. */
static int
save(const struct export *x, const char *tag, const char *path)
{
	const char *draft = pool_printf("%s.part", path);
	unlink(draft);
	if (engine_call(&x->a->engine, NULL, "save", "-o", draft, tag, NULL)) {
		unlink(draft);
		return -1;
	}
	if (file_put_synced(AT_FDCWD, draft, path)) {
		report("write '%s':", path);
		return -1;
	}
	return 0;
}

static int
export_one(const struct export *x, const struct place *p)
{
	struct container c;
	struct image image;
	const char *tag, *path;
	int got;

	if (x->filtered && regexec(&x->filter, p->name, 0, NULL, 0) != 0)
		return 0;
	if (host_container(&x->a->host, p, false, NULL, NULL, &c))
		return -1;
	got = image_of(x->a, &c, &tag, &image);
	if (got < 1 || (x->label && !has_label(x, image.id)))
		return got < 0 ? -1 : 0;
	path = pool_printf("%s/%s-%s.tar", x->dir, p->name, short_id(image.id));
	if (access(path, F_OK) == 0) {
		say("KEEP", "%s", path);
		return 0;
	}
	if (x->dry) {
		printf("would export %s\n", path);
		return 0;
	}
	say("EXPORT", "%s", path);
	return save(x, tag, path);
}

int
do_image_export(struct app *a, int argc, char **argv)
{
	struct export x = {.a = a, .dir = "."};
	const char *filter = NULL;
	const struct option_of options[] = {VALUED('d', "dir", x.dir),
	    VALUED('f', "filter", filter), VALUED('l', "label", x.label),
	    SWITCH('n', "dryrun", x.dry), NO_MORE};
	struct places some;
	int bad = 0;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 0 || pick_all(a, argc, argv, &some))
		return EXIT_TROUBLE;
	if (filter && regcomp(&x.filter, filter, REG_EXTENDED | REG_NOSUB)) {
		report("'%s' is not a valid extended regular expression", filter);
		return EXIT_TROUBLE;
	}
	x.filtered = filter != NULL;
	for (size_t i = 0; i < some.n; i++)
		bad |= export_one(&x, &some.v[i]);
	if (filter)
		regfree(&x.filter);
	return bad ? EXIT_TROUBLE : EXIT_YES;
}
