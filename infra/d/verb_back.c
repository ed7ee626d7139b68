/* Earlier generations: which there are, what happened, and going back to one. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_inspect.h"
#include "engine_json.h"
#include "generations.h"
#include "history.h"
#include "life.h"
#include "lock.h"
#include "options.h"
#include "owner.h"
#include "replace.h"
#include "report.h"
#include "say.h"
#include "select.h"
#include "service.h"
#include "snapshots.h"
#include "state.h"
#include "strbuf.h"
#include "tags.h"
#include "verbs.h"

static void
list_generations(const struct app *a, const char *name, const struct generations *g)
{
	struct snapshots s;

	if (snapshots_read(&a->host, name, &s))
		s.n = 0;
	for (size_t i = 0; i < g->n; i++) {
		printf("%c %3d  %s  %s\n", g->v[i].n == g->current ? '*' : ' ', g->v[i].n,
		    g->v[i].time, short_id(g->v[i].image));
		for (size_t k = 0; k < s.n; k++)
			if (s.v[k].whole && s.v[k].generation == g->v[i].n)
				printf("       data of %s  %s\n", s.v[k].time, s.v[k].why);
	}
}

/* The one that is asked for, by default the one before the one that runs. */
static const struct generation *
choose(const struct place *p, const struct generations *g, const char *n, bool data)
{
	const struct generation *got = NULL;

	if (n) {
		got = generation_find(g, atoi(n));
	} else {
		for (size_t i = 0; i < g->n && g->v[i].n != g->current; i++)
			got = &g->v[i];
	}
	if (!got && n)
		report(
		    "%s has no generation '%s' (d back -l %s lists them)", p->name, n, p->name);
	else if (!got)
		report("%s has no earlier generation", p->name);
	else if (got->n == g->current && !data) {
		report("%s runs generation %d already", p->name, got->n);
		got = NULL;
	}
	return got;
}

static int
promote_back(struct journal *j, const struct replacement *r)
{
	return tags_move(j->a, r->place, container_image(r->want), r->image.id, true);
}

static int
back_to(struct app *a, const struct place *p, const struct generation *to, const char *data)
{
	struct container c;
	struct image image;
	struct journal j;
	struct seen now;
	const char *reason;
	json_t *tags;
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
	if (got < 0 || (got == 1 && !owner_is_d(a, p, &now)))
		return EXIT_TROUBLE;
	tags = tags_now(a, p, &c);
	if (!tags || journal_begin(a, p, "back", &j) || journal_set(&j, "tags", tags))
		return EXIT_TROUBLE;
	status = replace(&j, &(struct replacement){.verb = "back",
				 .place = p,
				 .want = &c,
				 .image = image,
				 .settings = to->settings,
				 .generation = to->n,
				 .data = data,
				 .promote = promote_back});
	if (status != EXIT_YES)
		return status;
	reason = pool_printf("gone back from it to generation %d", to->n);
	if (got == 1 && strcmp(now.image, image.id) != 0)
		quarantine(&a->host, p->name, now.image, reason);
	quarantine_lift(&a->host, p->name, image.id);
	say("BACK", "%s is generation %d again, with its settings%s", p->name, to->n,
	    data ? " and its data" : "");
	return EXIT_YES;
}

static int
back_locked(struct app *a, const struct place *p, const char *n, bool with_data)
{
	const struct generation *to;
	const char *data = NULL;
	struct generations g;

	if (generations_read(&a->host, p->name, &g))
		return EXIT_TROUBLE;
	to = choose(p, &g, n, with_data);
	if (to && with_data) {
		data = snapshot_of(&a->host, p->name, to->n);
		if (!data) {
			report("%s: there is no snapshot of the data of generation %d", p->name,
			    to->n);
			return EXIT_NO;
		}
	}
	return to ? back_to(a, p, to, data) : EXIT_NO;
}

int
do_back(struct app *a, int argc, char **argv)
{
	bool list = false, with_data = false;
	const struct option_of options[] = {
	    SWITCH('l', "list", list), SWITCH(0, "data", with_data), NO_MORE};
	const struct place *p;
	struct generations g;
	struct locks locks;
	int status;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 1 || argc > 2)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	p = pick(a, argv[0]);
	if (!p)
		return EXIT_TROUBLE;
	if (list) {
		if (generations_read(&a->host, p->name, &g))
			return EXIT_TROUBLE;
		list_generations(a, p->name, &g);
		return EXIT_YES;
	}
	if (lock_container(a, p, false, &locks))
		return EXIT_TROUBLE;
	status = back_locked(a, p, argc > 1 ? argv[1] : NULL, with_data);
	unlock_container(&locks);
	return start_pending(a, status);
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
	list_generations(a, p->name, &g);
	return EXIT_YES;
}
