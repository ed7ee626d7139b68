/* Removing what nothing needs, not even a way back. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container.h"
#include "engine.h"
#include "engine_call.h"
#include "engine_json.h"
#include "engine_list.h"
#include "generations.h"
#include "history.h"
#include "instance.h"
#include "journal.h"
#include "networks.h"
#include "options.h"
#include "report.h"
#include "say.h"
#include "secrets.h"
#include "select.h"
#include "snapshots.h"
#include "verbs.h"

enum { HALF_MADE_MS = 3000 };

struct cleaning {
	struct app *a;
	bool dry;
	struct words keep; /* images that a way back needs */
	int removed, bad;
};

/* Whether it is gone. */
static bool
remove_one(
    struct cleaning *k, const char *what, const char *type, const char *id, const char *shown)
{
	if (k->dry)
		printf("would remove %s %s\n", what, shown);
	else
		say("REMOVE", "%s %s", what, shown);
	k->removed++;
	if (k->dry)
		return false;
	if (engine_call(&k->a->engine, NULL, type, strcmp(type, "rmi") == 0 ? id : "rm",
		strcmp(type, "rmi") == 0 ? NULL : id, NULL) == 0)
		return true;
	k->bad = 1;
	return false;
}

/* What a killed run left: containers that are neither old nor new to any journal. */
static void
clean_containers(struct cleaning *k, const struct seen_list *seen)
{
	for (size_t i = 0; i < seen->n; i++) {
		const struct seen *s = &seen->v[i];
		size_t len = strlen(s->name);

		if (!s->transaction || s->running || len < 5 || !s->key ||
		    !place_find(k->a, s->key) || journal_is_there(&k->a->host, s->key))
			continue;
		if (strcmp(s->name + len - 4, ".old") != 0 &&
		    strcmp(s->name + len - 4, ".new") != 0)
			continue;
		if (remove_one(k, "container", "container", s->id, s->name))
			secrets_drop(pool_dupn(s->name, len - 4), s->transaction);
	}
}

/* Of a container that is among ours: another d on this machine may have others. */
static bool
is_own_network(struct app *a, const char *name)
{
	struct container c;

	for (size_t i = 0; i < a->places.n; i++)
		for (int test = 0; test < 2; test++)
			if (host_container(&a->host, &a->places.v[i], test, NULL, NULL, &c) ==
				0 &&
			    network_is_of(&c, name))
				return true;
	return false;
}

static void
clean_networks(struct cleaning *k, const struct seen_list *seen)
{
	const char *const list[] = {
	    "network", "ls", "--filter", "label=whittle.name", "--format", "{{.Name}}"};
	struct words args = {0}, names = {0};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		words_add(&args, list[i]);
	if (engine_lines(&k->a->engine, &names, &args)) {
		k->bad = 1;
		return;
	}
	for (size_t n = 0; n < names.n; n++) {
		bool used = !is_own_network(k->a, names.w[n]);

		for (size_t i = 0; i < seen->n && !used; i++)
			used = words_have(&seen->v[i].networks, names.w[n]);
		if (!used)
			remove_one(k, "network", "network", names.w[n], names.w[n]);
	}
}

static void
keep_what_is_needed(struct cleaning *k, const struct seen_list *seen)
{
	struct generations g;

	for (size_t i = 0; i < seen->n; i++)
		words_add(&k->keep, seen->v[i].image);
	for (size_t i = 0; i < k->a->places.n; i++) {
		if (generations_read(&k->a->host, k->a->places.v[i].name, &g)) {
			k->bad = 1;
			continue;
		}
		for (size_t n = 0; n < g.n; n++)
			words_add(&k->keep, g.v[n].image);
	}
}

/* The generation that a tag such as "localhost/whittle/NAME:g7" keeps; 0: no such tag. */
static int
tagged_generation(const struct app *a, const char *tag, const struct place **p)
{
	const char *colon = strrchr(tag, ':');
	size_t len = strlen(a->host.repo1);

	if (!colon || colon[1] != 'g' || strncmp(tag, a->host.repo1, len) != 0 ||
	    tag[len] != '/')
		return 0;
	*p = place_find(a, pool_dupn(tag + len + 1, (size_t)(colon - tag) - len - 1));
	return *p ? atoi(colon + 2) : 0;
}

static void
clean_tags(struct cleaning *k, const struct images *images)
{
	for (size_t i = 0; i < images->n; i++)
		for (size_t t = 0; t < images->v[i].tags.n; t++) {
			const char *tag = images->v[i].tags.w[t];
			const struct place *p;
			struct generations g;
			int n = tagged_generation(k->a, tag, &p);

			if (n && generations_read(&k->a->host, p->name, &g) == 0 &&
			    !generation_find(&g, n))
				remove_one(k, "tag", "rmi", tag, tag);
		}
}

static void
note_image(const json_t *o, void *arg)
{
	const char *image = json_string_value(json_object_get(o, "image"));

	if (image && !words_have(arg, image))
		words_add(arg, image);
}

/* Images that our history knows, that have no name, that nothing uses. */
static void
clean_images(struct cleaning *k, const struct images *images)
{
	struct words ours = {0};

	for (size_t i = 0; i < k->a->places.n; i++)
		history_each(&k->a->host, k->a->places.v[i].name, note_image, &ours);
	for (size_t i = 0; i < images->n; i++) {
		const struct image *image = &images->v[i];

		if (!image->tags.n && words_have(&ours, image->id) &&
		    !words_have(&k->keep, image->id))
			remove_one(k, "image", "rmi", image->id, short_id(image->id));
	}
}

/* What a build or a load left half made that was killed: podman may list no images beside it.
 * One that is being written looks the same for a moment, and so has to be seen twice. Returns
 * whether images can be listed now. */
static bool
clean_half_made(struct cleaning *k)
{
	for (;;) {
		struct words once = {0}, twice = {0};
		bool lists = engine_lists_images(&k->a->engine, &once);
		int before = k->removed;

		if (!once.n)
			return lists;
		usleep(HALF_MADE_MS * 1000);
		lists = engine_lists_images(&k->a->engine, &twice);
		for (size_t i = 0; i < twice.n; i++)
			if (words_have(&once, twice.w[i]))
				remove_one(k, "half-made image", "rmi", twice.w[i],
				    pool_dupn(twice.w[i], 12));
		if (k->dry || k->bad || k->removed == before)
			return lists;
	}
}

static const char *
size_text(unsigned long long bytes)
{
	return bytes >= 10ULL << 30   ? pool_printf("%llu GiB", bytes >> 30)
	       : bytes >= 10ULL << 20 ? pool_printf("%llu MiB", bytes >> 20)
				      : pool_printf("%llu KiB", bytes >> 10);
}

/* What generations' data takes, which goes with them. */
static void
show_snapshots(struct cleaning *k)
{
	for (size_t i = 0; i < k->a->places.n; i++) {
		const char *name = k->a->places.v[i].name;
		unsigned long long all, own;
		struct snapshots s;

		if (snapshots_read(&k->a->host, name, &s)) {
			k->bad = 1;
			continue;
		}
		for (size_t n = 0; n < s.n; n++) {
			if (snapshot_space(k->a, name, s.v[n].id, &all, &own)) {
				k->bad = 1;
				continue;
			}
			printf("keeping data of %s, generation %d, %s: %s, of which no other "
			       "snapshot has %s\n",
			    name, s.v[n].generation, s.v[n].time, size_text(all),
			    size_text(own));
		}
	}
}

int
do_clean(struct app *a, int argc, char **argv)
{
	struct cleaning k = {.a = a};
	int swept;
	const struct option_of options[] = {SWITCH('n', "dry-run", k.dry), NO_MORE};
	struct images images = {0};
	struct seen_list seen;
	int before;
	bool lists;

	argc = take_options(a, argc, &argv, options, false);
	if (argc)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	if (!k.dry)
		instances_sweep(a);
	swept = secrets_sweep(a, k.dry);
	k.bad = swept < 0;
	k.removed = swept > 0 ? swept : 0;
	if (engine_list(&a->engine, &seen))
		return EXIT_TROUBLE;
	clean_containers(&k, &seen);
	clean_networks(&k, &seen);
	keep_what_is_needed(&k, &seen);
	before = k.removed;
	lists = clean_half_made(&k);
	if (!lists && k.dry && k.removed > before)
		printf("whether other images would be removed can't be seen before that\n");
	else if (engine_images(&a->engine, true, &images))
		return EXIT_TROUBLE;
	clean_tags(&k, &images);
	if (!k.bad)
		clean_images(&k, &images);
	if (k.dry)
		show_snapshots(&k);
	if (!k.removed)
		printf("nothing to remove\n");
	return k.bad ? EXIT_TROUBLE : EXIT_YES;
}
