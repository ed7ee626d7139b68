/* What differs from what is wanted. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "engine_inspect.h"
#include "engine_json.h"
#include "engine_list.h"
#include "hooks.h"
#include "kube.h"
#include "options.h"
#include "report.h"
#include "secrets.h"
#include "select.h"
#include "service.h"
#include "state.h"
#include "swarm.h"
#include "values_names.h"
#include "verbs.h"

static const char *
todo_elsewhere(struct app *a, const struct container *c, const struct image *live)
{
	return container_in_kube(c) ? kube_todo(a, c, live) : swarm_todo(a, c, live);
}

/* What there is to do for one; NULL: nothing. */
static const char *
plan_for(struct app *a, const struct container *c, const struct seen_list *seen,
    const struct images *images)
{
	const struct seen *now = seen_named(seen, c->name);
	struct image image;
	int got = image_among(a, images, c, &image);
	const char *reference = container_image(c);
	char digest[SHA256_HEX];

	container_digest(c, digest);
	if (got < 0)
		return "can't be told";
	if (container_in_cluster(c))
		return todo_elsewhere(a, c,
		    got && engine_image(&a->engine, image.id, &image) == 1 ? &image : NULL);
	if (now && now->running && got == 1 && strcmp(now->image, image.id) != 0)
		return pool_printf("restart: runs %s, %s is %s", short_id(now->image),
		    reference, short_id(image.id));
	if (now && now->running && (!now->digest || strcmp(now->digest, digest) != 0))
		return now->digest ? "restart: its settings changed"
				   : "restart: not started by d";
	if (now && now->running && secrets_changed(a, c, now->transaction))
		return "restart: a secret changed";
	if (wave_is_here(c) && !(now && now->running))
		return got == 0 ? pool_printf("upgrade: there is no image %s", reference)
				: pool_printf("up: it belongs to wave %d and doesn't run",
				      (int)c->wave);
	return NULL;
}

static void
tell_plan(const struct container *c, const char *todo, json_t *list)
{
	json_t *asked = json_array();

	if (!list)
		printf("%-16s %s\n", c->key, todo);
	for (enum hook_point i = 0; i < HOOK_POINTS; i++) {
		const char *text = hook_text(c, i);

		if (text && list)
			json_array_append_new(asked, json_string(text));
		else if (text)
			printf("%-16s %s\n", "", text);
	}
	if (list)
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:O}", "name", c->key, "todo", todo, "hooks", asked));
	json_decref(asked);
}

/* What this d started here, and has no directory any more: nobody stops it. */
static const char *
left_over(struct app *a, const struct seen *now)
{
	if (!now->running || !now->key || !now->role || strcmp(now->role, "service") != 0 ||
	    !is_name(now->key) || place_find(a, now->key) ||
	    !state_has(&a->host, now->key, "."))
		return NULL;
	return pool_printf("remove: it runs, and has no directory any more: %s rm -f %s",
	    engine_name(&a->engine), now->name);
}

static int
plan_all(struct app *a, const struct places *some, bool others, json_t *list)
{
	struct container *c = pool_zero(some->n + 1, sizeof(*c));
	struct images images;
	struct seen_list seen;
	int status = EXIT_YES;
	size_t n = 0;

	for (size_t i = 0; i < some->n; i++) {
		if (describe(a, &some->v[i], false, &c[n]))
			status = EXIT_TROUBLE;
		else
			n++;
	}
	if (look_at_all(a, c, n, &seen, &images))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < n; i++) {
		const char *todo = plan_for(a, &c[i], &seen, &images);

		if (!todo)
			continue;
		tell_plan(&c[i], todo, list);
		if (status == EXIT_YES)
			status = EXIT_NO;
	}
	for (size_t i = 0; others && i < seen.n; i++) {
		const char *todo = left_over(a, &seen.v[i]);

		if (!todo)
			continue;
		tell_plan(&(struct container){.key = seen.v[i].key}, todo, list);
		if (status == EXIT_YES)
			status = EXIT_NO;
	}
	return status;
}

int
do_plan(struct app *a, int argc, char **argv)
{
	bool json = false;
	const struct option_of options[] = {SWITCH(0, "json", json), NO_MORE};
	json_t *list = NULL;
	struct places some;
	int status;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 0 || pick_all(a, argc, argv, &some))
		return EXIT_TROUBLE;
	if (json)
		list = json_array();
	status = plan_all(a, &some, argc == 0, list);
	if (json) {
		json_dumpf(list, stdout, JSON_INDENT(1));
		printf("\n");
		json_decref(list);
	} else if (status == EXIT_YES) {
		printf("nothing to do\n");
	}
	return status;
}
