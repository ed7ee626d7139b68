/* The table that d alone shows. */
#include <inttypes.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "overview.h"
#include "report.h"
#include "say.h"
#include "strbuf.h"
#include "verbs.h"

struct row {
	const char *name, *state, *health, *age, *live, *ports, *memory, *wave;
	unsigned mood;
};

static const char *
size_text(int64_t bytes)
{
	if (bytes < 0)
		return "-";
	if (bytes < 10 * 1024 * 1024)
		return pool_printf("%.1fM", (double)bytes / (1024 * 1024));
	if (bytes < INT64_C(10) << 30)
		return pool_printf("%" PRId64 "M", bytes >> 20);
	return pool_printf("%" PRId64 "G", bytes >> 30);
}

static const char *
port_list(const struct seen *s)
{
	struct strbuf b = STRBUF_INIT;
	const char *got;

	for (size_t i = 0; i < s->ports.n; i++) {
		const char *p = s->ports.w[i];

		/* The loopback address is what is expected; any other is worth its width. */
		if (strncmp(p, "127.0.0.1:", 10) == 0)
			p += 10;
		strbuf_printf(&b, "%s%s", i ? " " : "", p);
	}
	got = pool_dup(b.len ? b.s : "-");
	strbuf_free(&b);
	return got;
}

static void
fill_row(const struct overview *o, struct row *r)
{
	*r = (struct row){.name = o->place->name,
	    .state = o->state,
	    .health = o->health ? o->health : "-",
	    .age = o->live ? age_text(o->live_since) : "-",
	    .live = live_words[o->is_live],
	    .memory = size_text(o->memory),
	    .wave = o->c && o->c->wave >= 0 ? pool_printf("%d", (int)o->c->wave) : "-",
	    .ports = o->front ? port_list(o->front) : "-",
	    .mood = o->mood};
}

static void
print_rows(const struct row *r, size_t n)
{
	static const char *const colour[] = {[MOOD_GOOD] = "\033[32m",
	    [MOOD_WARN] = "\033[33m",
	    [MOOD_BAD] = "\033[31m",
	    [MOOD_PLAIN] = ""};
	bool colours = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	int width = 4;

	for (size_t i = 0; i < n; i++)
		if ((int)strlen(r[i].name) > width)
			width = (int)strlen(r[i].name);
	printf("%-*s %-9s %-9s %5s %-5s %7s %-4s %s\n", width, "NAME", "STATE", "HEALTH",
	    "IMAGE", "LIVE?", "MEMORY", "WAVE", "PORTS");
	for (size_t i = 0; i < n; i++)
		printf("%s%-*s %-9s%s %-9s %5s %-5s %7s %-4s %s\n",
		    colours ? colour[r[i].mood] : "", width, r[i].name, r[i].state,
		    colours ? "\033[0m" : "", r[i].health, r[i].age, r[i].live, r[i].memory,
		    r[i].wave, r[i].ports);
}

static void
print_rows_as_json(const struct row *r, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "name",
			      r[i].name, "state", r[i].state, "health", r[i].health,
			      "image_age", r[i].age, "live", r[i].live, "memory", r[i].memory,
			      "wave", r[i].wave, "ports", r[i].ports));
	json_dumpf(list, stdout, JSON_INDENT(1));
	printf("\n");
	json_decref(list);
}

/* Rows of all containers, or of those that run. Their number, -1 after a message. */
static int
table(struct app *a, bool only_running, struct row **rows)
{
	struct overview *o;
	int all = overview_all(a, &o), n = 0;

	if (all < 0)
		return -1;
	*rows = pool_zero(a->places.n + 1, sizeof(**rows));
	for (int i = 0; i < all; i++)
		if (!only_running || (o[i].now && o[i].now->running))
			fill_row(&o[i], &(*rows)[n++]);
	return n;
}

static int
show_table(struct app *a, int argc, char **argv, bool only_running)
{
	bool json = false;
	const struct option_of options[] = {SWITCH(0, "json", json), NO_MORE};
	struct row *rows;
	int n;

	argc = take_options(a, argc, &argv, options, false);
	if (argc)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	n = table(a, only_running, &rows);
	if (n < 0)
		return EXIT_TROUBLE;
	if (json)
		print_rows_as_json(rows, (size_t)n);
	else
		print_rows(rows, (size_t)n);
	return EXIT_YES;
}

int
do_status(struct app *a, int argc, char **argv)
{
	return show_table(a, argc, argv, false);
}

int
do_list_up(struct app *a, int argc, char **argv)
{
	return show_table(a, argc, argv, true);
}

int
do_list_up_names(struct app *a, int argc, char **argv)
{
	struct row *rows;
	int n;

	if (no_arguments(a, argc, argv) || (n = table(a, true, &rows)) < 0)
		return EXIT_TROUBLE;
	for (int i = 0; i < n; i++)
		printf("%s\n", rows[i].name);
	return EXIT_YES;
}
