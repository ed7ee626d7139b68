/* What there is newer, and writing it into the containers' files. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bump.h"
#include "digest.h"
#include "history.h"
#include "lock.h"
#include "options.h"
#include "outdated.h"
#include "report.h"
#include "select.h"
#include "service.h"
#include "state.h"
#include "strbuf.h"
#include "verbs.h"

/* Security first, then as the kinds are in order. */
static int
by_weight(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->security != y->security)
		return x->security ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void
print_all(const struct findings *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct finding *f = &all->v[i];
		const char *text = finding_text(f);
		struct strbuf b = STRBUF_INIT;

		strbuf_put_visible(&b, text, strlen(text));
		printf("%-16s %-9s %s\n", *f->name ? f->name : "-",
		    f->security ? "security" : found_names[f->kind], b.s ? b.s : "");
		strbuf_free(&b);
	}
}

static void
print_json(const struct findings *all)
{
	json_t *list = json_array();

	for (size_t i = 0; i < all->n; i++)
		json_array_append_new(list, finding_json(&all->v[i]));
	json_dumpf(list, stdout, JSON_INDENT(1));
	printf("\n");
	json_decref(list);
}

/* Once for the same findings. */
static void
notify_of(struct app *a, const struct findings *all)
{
	struct strbuf text = STRBUF_INIT;
	json_t *before = state_read(&a->host, ".outdated", "told.json");
	const char *told = json_string_value(json_object_get(before, "digest"));
	char hex[SHA256_HEX];

	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].kind != FOUND_HELD)
			strbuf_printf(&text, "%s%s%s%s", text.len ? "; " : "", all->v[i].name,
			    *all->v[i].name ? ": " : "", finding_text(&all->v[i]));
	sha256_bytes(text.s ? text.s : "", text.len, hex);
	if (text.len && (!told || strcmp(told, hex) != 0)) {
		event(&a->host, NULL, "outdated", NULL, "%s", text.s);
		json_decref(before);
		before = json_pack("{s:s}", "digest", hex);
		state_write(&a->host, ".outdated", "told.json", before);
	}
	json_decref(before);
	strbuf_free(&text);
}

int
do_outdated(struct app *a, int argc, char **argv)
{
	bool json = false, notify = false;
	const struct option_of options[] = {
	    SWITCH(0, "json", json), SWITCH(0, "notify", notify), NO_MORE};
	struct findings all = {0};
	struct places places;
	struct container c;
	int status = EXIT_YES;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 0 || pick_all(a, argc, argv, &places))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < places.n; i++)
		if (describe(a, &places.v[i], false, &c) ||
		    outdated_find(a, &places.v[i], &c, &all))
			status = EXIT_TROUBLE;
	if (!argc)
		outdated_pins(a, &all);
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_weight);
	if (json)
		print_json(&all);
	else
		print_all(&all);
	if (notify)
		notify_of(a, &all);
	for (size_t i = 0; i < all.n && status != EXIT_TROUBLE; i++)
		status = all.v[i].kind == FOUND_TROUBLE ? EXIT_TROUBLE
			 : all.v[i].kind == FOUND_HELD  ? status
							: EXIT_NO;
	return status;
}

/* ---- bump ---- */

static int
bump_locked(struct app *a, const struct place *p, bool major, bool dry)
{
	struct findings found = {0}, wanted = {0};
	struct container c;
	size_t n = 0;
	int status = EXIT_YES;

	if (host_container(&a->host, p, false, NULL, NULL, &c))
		return EXIT_TROUBLE;
	if (major)
		c.update.hold = HOLD_NONE;
	if (outdated_find(a, p, &c, &found))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < found.n; i++) {
		const struct finding *f = &found.v[i];

		if (f->kind == FOUND_TROUBLE || f->kind == FOUND_HELD)
			report("%s: %s", p->name, finding_text(f));
		else
			n++;
		if (f->kind == FOUND_TROUBLE)
			status = EXIT_TROUBLE;
		*GROW(wanted) = *f;
	}
	if (!n && status == EXIT_YES)
		printf("%s: nothing newer\n", p->name);
	return bump(a, p, &wanted, dry) ? EXIT_TROUBLE : status;
}

int
do_bump(struct app *a, int argc, char **argv)
{
	bool major = false, dry = false;
	const struct option_of options[] = {
	    SWITCH('n', "dry-run", dry), SWITCH(0, "major", major), NO_MORE};
	struct places places;
	struct locks locks;
	int status = EXIT_YES, got;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	if (pick_all(a, argc, argv, &places))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < places.n; i++) {
		got = EXIT_TROUBLE;
		if (lock_container(a, &places.v[i], false, &locks) == 0) {
			got = bump_locked(a, &places.v[i], major, dry);
			unlock_container(&locks);
		}
		status = got > status ? got : status;
	}
	return status;
}
