/* A new image in the old one's place, and the way back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine_args.h"
#include "instance.h"
#include "life.h"
#include "pipeline.h"
#include "replace.h"
#include "report.h"
#include "schedule.h"
#include "state.h"
#include "strbuf.h"
#include "verbs.h"

/* ---- what an upgrade is about ---- */

struct upgrade {
	struct app *a;
	const struct place *p;
	struct container c;
	struct seen now;
	bool runs, force, keep_down;
	struct image image; /* the new one */
	struct journal j;
};

static json_t *
id_now(struct app *a, const char *reference)
{
	struct image now;

	return engine_image(&a->engine, reference, &now) == 1 ? json_string(now.id)
							      : json_null();
}

/* What the tags were, for the way back. :latest is the builder's own. */
static json_t *
tags_now(struct app *a, const struct place *p, const struct container *c)
{
	json_t *tags = json_object();
	const char *reference = container_image(c);

	if (p->makefile) {
		const char *live = pool_printf("%s/%s:live", a->host.repo1, p->name);
		const char *prev = pool_printf("%s/%s:prev", a->host.repo1, p->name);

		json_object_set_new(tags, live, id_now(a, live));
		json_object_set_new(tags, prev, id_now(a, prev));
	} else {
		json_object_set_new(tags, reference, id_now(a, reference));
	}
	return tags;
}

static int
failed_step(struct upgrade *u, const char *what, const char *log)
{
	if (log)
		show_log_end(log);
	report("%s: %s failed, nothing was changed%s%s", u->p->name, what,
	    log ? "; the whole log: " : "", log ? log : "");
	event(&u->a->host, u->p->name, "failed", NULL, "upgrade: %s failed", what);
	return EXIT_NO;
}

/* ---- build, test ---- */

static int
pull(struct upgrade *u)
{
	const char *reference = container_image(&u->c);
	int got;

	if (strncmp(reference, "localhost/", 10) != 0) {
		say("PULL", "%s", reference);
		if (engine_call(&u->a->engine, NULL, "pull", "-q", reference, NULL))
			return failed_step(u, "the pull", NULL);
	}
	got = engine_image(&u->a->engine, reference, &u->image);
	if (got == 0)
		report("%s: there is no image '%s'", u->p->name, reference);
	return got == 1 ? EXIT_YES : EXIT_TROUBLE;
}

static int
build(struct upgrade *u)
{
	static const char *const all[] = {"all", NULL};
	const char *log, *id;
	int status;

	if (!u->p->makefile)
		return pull(u);
	say("BUILD", "%s", u->p->name);
	status = pipeline_make(u->a, u->p, all, false, &log);
	if (status)
		return failed_step(u, "the build", log);
	id = stamped(u->p, "build-stamp", "image");
	if (!id || engine_image(&u->a->engine, id, &u->image) != 1) {
		report("%s: build-stamp names no image that there is", u->p->name);
		return EXIT_TROUBLE;
	}
	return EXIT_YES;
}

/* The tests spoke of exactly the image that was built. */
static int
test(struct upgrade *u)
{
	static const char *const tests[] = {"test", NULL};
	const char *log, *id;

	if (!u->p->makefile) {
		if (u->c.ready.kind != READY_NONE || u->force)
			return EXIT_YES;
		report(
		    "%s: nothing tests it: give it a test.bats and a Makefile, or a 'ready' in "
		    "settings.yaml, or say --force",
		    u->p->name);
		return EXIT_NO;
	}
	say("TEST", "%s %s", u->p->name, short_id(u->image.id));
	if (pipeline_make(u->a, u->p, tests, false, &log))
		return failed_step(u, "the test", log);
	id = stamped(u->p, "test-stamp", "image");
	if (!id || strcmp(id, u->image.id) != 0) {
		report("%s: what was tested is %s, what was built is %s: the sources changed "
		       "meanwhile",
		    u->p->name, id ? short_id(id) : "nothing", short_id(u->image.id));
		return EXIT_NO;
	}
	return EXIT_YES;
}

/* ---- the decision ---- */

static bool
is_what_runs(const struct upgrade *u)
{
	char digest[SHA256_HEX];

	container_digest(&u->c, digest);
	return u->runs && strcmp(u->now.image, u->image.id) == 0 && u->now.digest &&
	       strcmp(u->now.digest, digest) == 0;
}

static int
promote(struct journal *j, const struct replacement *r)
{
	return move_tags(j->a, r->place, container_image(r->want), r->image.id, false);
}

/* Nothing is started: the tags alone move. */
static int
promote_only(struct upgrade *u)
{
	int bad = move_tags(u->a, u->p, container_image(&u->c), u->image.id, false);

	if (!bad)
		event(&u->a->host, u->p->name, "promoted", u->image.id, "%s", "upgrade");
	return journal_end(&u->j) || bad ? EXIT_TROUBLE : EXIT_YES;
}

static int
put_in_place(struct upgrade *u)
{
	struct replacement r = {.verb = "upgrade",
	    .place = u->p,
	    .want = &u->c,
	    .image = u->image,
	    .settings = place_settings(u->p),
	    .promote = promote};
	const char *why = NULL;
	int status = replace(&u->j, &r, &why);

	if (status == EXIT_NO && !interrupted && why && strcmp(why, "interrupted") != 0)
		quarantine(&u->a->host, u->p->name, u->image.id, why);
	else if (status == EXIT_YES)
		quarantine_lift(&u->a->host, u->p->name, u->image.id);
	return status;
}

static int
upgrade_begun(struct upgrade *u)
{
	const char *why;
	int status;

	if (journal_set(&u->j, "tags", tags_now(u->a, u->p, &u->c)) ||
	    journal_step(&u->j, "build"))
		return EXIT_TROUBLE;
	status = build(u);
	if (status)
		return status;
	why = quarantined(&u->a->host, u->p->name, u->image.id);
	if (why && !u->force) {
		report("%s: %s failed before (%s) and isn't tried again without --force",
		    u->p->name, short_id(u->image.id), why);
		return EXIT_NO;
	}
	if (journal_step(&u->j, "test"))
		return EXIT_TROUBLE;
	status = test(u);
	if (status == EXIT_YES && !signature_suffices(u->a, &u->c, u->image.id))
		status = EXIT_NO;
	return status;
}

static int
upgrade_locked(struct upgrade *u)
{
	int status, got;

	if (host_container(&u->a->host, u->p, false, NULL, NULL, &u->c) ||
	    resolve_needs(u->a, &u->c))
		return EXIT_TROUBLE;
	got = engine_see(&u->a->engine, u->c.name, &u->now);
	if (got < 0 || journal_begin(u->a, u->p, "upgrade", &u->j))
		return EXIT_TROUBLE;
	u->runs = got == 1 && u->now.running;
	status = upgrade_begun(u);
	if (status || interrupted)
		return journal_drop(&u->j) ? EXIT_TROUBLE : interrupted ? 130 : status;
	if (u->keep_down && !u->runs && !wave_is_here(&u->c))
		return promote_only(u);
	if (is_what_runs(u) && !u->force) {
		say("SAME", "%s runs %s already", u->p->name, short_id(u->image.id));
		return promote_only(u);
	}
	return put_in_place(u);
}

int
upgrade_one(struct app *a, const struct place *p, bool force, bool keep_down)
{
	struct upgrade u = {.a = a, .p = p, .force = force, .keep_down = keep_down};
	cleanup_fd int fd = lock_container(a, p, false);

	return fd < 0 ? EXIT_TROUBLE : upgrade_locked(&u);
}

int
do_upgrade(struct app *a, int argc, char **argv)
{
	bool force = false, keep_down = false;
	const struct option_of options[] = {
	    SWITCH('f', "force", force), SWITCH(0, "keep-down", keep_down), NO_MORE};
	struct places all;
	int status = EXIT_YES, got;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	if (pick_all(a, argc, argv, &all))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < all.n && !interrupted; i++) {
		got = upgrade_one(a, &all.v[i], force, keep_down);
		status = got > status ? got : status;
	}
	return status;
}

int
do_upgrade_all(struct app *a, int argc, char **argv)
{
	return no_arguments(a, argc, argv) ? EXIT_TROUBLE
					   : schedule_verb(a, "upgrade", PICK_BUILDABLE);
}

/* ---- back ---- */

static void
list_generations(const struct generations *g)
{
	for (size_t i = 0; i < g->n; i++)
		printf("%c %3d  %s  %s\n", g->v[i].n == g->current ? '*' : ' ', g->v[i].n,
		    g->v[i].time, short_id(g->v[i].image));
}

/* The one that is asked for, by default the one before the one that runs. */
static const struct generation *
choose(const struct app *a, const struct place *p, const struct generations *g, const char *n)
{
	const struct generation *got = NULL;

	if (n) {
		got = generation_find(g, atoi(n));
	} else {
		for (size_t i = 0; i < g->n && g->v[i].n != g->current; i++)
			got = &g->v[i];
	}
	(void)a;
	if (!got && n)
		report(
		    "%s has no generation '%s' (d back -l %s lists them)", p->name, n, p->name);
	else if (!got)
		report("%s has no earlier generation", p->name);
	else if (got->n == g->current) {
		report("%s runs generation %d already", p->name, got->n);
		got = NULL;
	}
	return got;
}

static int
promote_back(struct journal *j, const struct replacement *r)
{
	return move_tags(j->a, r->place, container_image(r->want), r->image.id, true);
}

static int
back_to(struct app *a, const struct place *p, const struct generation *to)
{
	struct container c;
	struct image image;
	struct journal j;
	struct seen now;
	const char *why, *reason;
	int got, status;

	if (host_container(&a->host, p, false, NULL, to->settings, &c) || resolve_needs(a, &c))
		return EXIT_TROUBLE;
	got = engine_image(&a->engine, to->image, &image);
	if (got == 0)
		report("%s: the image of generation %d, %s, is gone", p->name, to->n,
		    short_id(to->image));
	if (got < 1 || !signature_suffices(a, &c, image.id))
		return EXIT_TROUBLE;
	got = engine_see(&a->engine, c.name, &now);
	if (got < 0 || journal_begin(a, p, "back", &j) ||
	    journal_set(&j, "tags", tags_now(a, p, &c)))
		return EXIT_TROUBLE;
	status = replace(&j,
	    &(struct replacement){.verb = "back",
		.place = p,
		.want = &c,
		.image = image,
		.settings = to->settings,
		.generation = to->n,
		.promote = promote_back},
	    &why);
	if (status != EXIT_YES)
		return status;
	reason = pool_printf("gone back from it to generation %d", to->n);
	if (got == 1 && strcmp(now.image, image.id) != 0)
		quarantine(&a->host, p->name, now.image, reason);
	quarantine_lift(&a->host, p->name, image.id);
	say("BACK", "%s is generation %d again, with its settings", p->name, to->n);
	return EXIT_YES;
}

int
do_back(struct app *a, int argc, char **argv)
{
	bool list = false;
	const struct option_of options[] = {SWITCH('l', "list", list), NO_MORE};
	const struct generation *to;
	const struct place *p;
	struct generations g;
	cleanup_fd int fd = -1;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 1 || argc > 2)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	p = pick(a, argv[0]);
	if (!p)
		return EXIT_TROUBLE;
	if (!list)
		fd = lock_container(a, p, false);
	if ((!list && fd < 0) || generations_read(&a->host, p->name, &g))
		return EXIT_TROUBLE;
	if (list) {
		list_generations(&g);
		return EXIT_YES;
	}
	to = choose(a, p, &g, argc > 1 ? argv[1] : NULL);
	return to ? back_to(a, p, to) : EXIT_NO;
}

/* ---- plan ---- */

/* What there is to do for one; NULL: nothing. */
static const char *
plan_for(struct app *a, const struct container *c, const struct seens *seen,
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
	if (now && now->running && got == 1 && strcmp(now->image, image.id) != 0)
		return pool_printf("restart: runs %s, %s is %s", short_id(now->image),
		    reference, short_id(image.id));
	if (now && now->running && (!now->digest || strcmp(now->digest, digest) != 0))
		return now->digest ? "restart: its settings changed"
				   : "restart: not started by d";
	if (wave_is_here(c) && !(now && now->running))
		return got == 0 ? pool_printf("upgrade: there is no image %s", reference)
				: pool_printf("up: it belongs to wave %d and doesn't run",
				      (int)c->wave);
	return NULL;
}

static void
tell_plan(const struct container *c, const char *todo, json_t *list)
{
	if (list)
		json_array_append_new(
		    list, json_pack("{s:s, s:s}", "name", c->key, "todo", todo));
	else
		printf("%-16s %s\n", c->key, todo);
}

static int
plan_all(struct app *a, const struct places *some, json_t *list)
{
	struct container *c = pool_zero(some->n + 1, sizeof(*c));
	struct images images;
	struct seens seen;
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
	status = plan_all(a, &some, list);
	if (json) {
		json_dumpf(list, stdout, JSON_INDENT(1));
		printf("\n");
		json_decref(list);
	} else if (status == EXIT_YES) {
		printf("nothing to do\n");
	}
	return status;
}

/* ---- why ---- */

static void
print_event(const json_t *o, void *arg)
{
	const char *time = json_string_value(json_object_get(o, "time"));
	const char *what = json_string_value(json_object_get(o, "event"));
	const char *image = json_string_value(json_object_get(o, "image"));
	const char *text = json_string_value(json_object_get(o, "text"));
	struct strbuf b = STRBUF_INIT;

	(void)arg;
	if (text)
		strbuf_put_visible(&b, text, strlen(text));
	printf("%s  %-12s %-12s %s\n", time ? time : "?", what ? what : "?",
	    image ? short_id(image) : "-", b.s ? b.s : "");
	strbuf_free(&b);
}

static void
print_json(const json_t *o, void *arg)
{
	(void)arg;
	json_dumpf(o, stdout, JSON_COMPACT);
	printf("\n");
}

static void
print_quarantine(struct app *a, const char *name)
{
	json_t *all = state_read(&a->host, name, "quarantine.json"), *one;
	const char *image;

	json_object_foreach (all, image, one)
		printf("quarantined  %s  %s\n", short_id(image),
		    json_string_value(json_object_get(one, "why")));
	json_decref(all);
}

int
do_why(struct app *a, int argc, char **argv)
{
	bool json = false;
	const struct option_of options[] = {SWITCH(0, "json", json), NO_MORE};
	const struct place *p;
	struct generations g;

	argc = take_options(a, argc, &argv, options, false);
	if (argc != 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	p = pick(a, argv[0]);
	if (!p || history_each(&a->host, p->name, json ? print_json : print_event, NULL))
		return EXIT_TROUBLE;
	if (json)
		return EXIT_YES;
	print_quarantine(a, p->name);
	if (generations_read(&a->host, p->name, &g))
		return EXIT_TROUBLE;
	if (g.n)
		printf("generations:\n");
	list_generations(&g);
	return EXIT_YES;
}

/* ---- clean ---- */

struct cleaning {
	struct app *a;
	bool dry;
	struct words keep; /* images that a way back needs */
	int removed, bad;
};

static void
remove_one(
    struct cleaning *k, const char *what, const char *type, const char *id, const char *shown)
{
	say(k->dry ? "WOULD RM" : "REMOVE", "%s %s", what, shown);
	k->removed++;
	if (!k->dry &&
	    engine_call(&k->a->engine, NULL, type, strcmp(type, "rmi") == 0 ? id : "rm",
		strcmp(type, "rmi") == 0 ? NULL : id, NULL))
		k->bad = 1;
}

/* What a killed run left: containers that are neither old nor new to any journal. */
static void
clean_containers(struct cleaning *k, const struct seens *seen)
{
	for (size_t i = 0; i < seen->n; i++) {
		const struct seen *s = &seen->v[i];
		size_t len = strlen(s->name);

		if (!s->transaction || s->running || len < 5 || !s->key ||
		    !place_find(k->a, s->key) || state_has(&k->a->host, s->key, "journal.json"))
			continue;
		if (strcmp(s->name + len - 4, ".old") == 0 ||
		    strcmp(s->name + len - 4, ".new") == 0)
			remove_one(k, "container", "container", s->id, s->name);
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
			    network_name(&c) && strcmp(network_name(&c), name) == 0)
				return true;
	return false;
}

static void
clean_networks(struct cleaning *k, const struct seens *seen)
{
	struct strbuf out = STRBUF_INIT;
	char *name, *save = NULL;

	if (engine_call(&k->a->engine, &out, "network", "ls", "--filter", "label=whittle.name",
		"--format", "{{.Name}}", NULL) == 0 &&
	    out.s)
		for (name = strtok_r(out.s, "\n", &save); name;
		     name = strtok_r(NULL, "\n", &save)) {
			bool used = !is_own_network(k->a, name);

			for (size_t i = 0; i < seen->n && !used; i++)
				used = words_have(&seen->v[i].networks, name);
			if (!used)
				remove_one(k, "network", "network", name, name);
		}
	strbuf_free(&out);
}

static void
keep_what_is_needed(struct cleaning *k, const struct seens *seen)
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

int
do_clean(struct app *a, int argc, char **argv)
{
	struct cleaning k = {.a = a};
	const struct option_of options[] = {SWITCH('n', "dry-run", k.dry), NO_MORE};
	struct images images;
	struct seens seen;

	argc = take_options(a, argc, &argv, options, false);
	if (argc)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	if (!k.dry)
		instances_sweep(a);
	if (engine_list(&a->engine, &seen))
		return EXIT_TROUBLE;
	clean_containers(&k, &seen);
	clean_networks(&k, &seen);
	keep_what_is_needed(&k, &seen);
	if (engine_images(&a->engine, true, &images))
		return EXIT_TROUBLE;
	clean_tags(&k, &images);
	if (!k.bad)
		clean_images(&k, &images);
	if (!k.removed)
		printf("nothing to remove\n");
	return k.bad ? EXIT_TROUBLE : EXIT_YES;
}
