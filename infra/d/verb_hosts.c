/* The other hosts: verbs there, what they missed, and what d needs there. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "far.h"
#include "options.h"
#include "report.h"
#include "run.h"
#include "self.h"
#include "verbs.h"
#include "waves.h"

/* ---- the table of all ---- */

static const char *
cell(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text && *text ? visible(text) : "-";
}

static void
print_row(const char *host, const json_t *row)
{
	printf("%-12s %-16s %-9s %-9s %5s %-5s %7s %s\n", host, cell(row, "name"),
	    cell(row, "state"), cell(row, "health"), cell(row, "image_age"), cell(row, "live"),
	    cell(row, "memory"), cell(row, "ports"));
}

static int
status_of_all(struct app *a, const struct fleet *some, bool json)
{
	struct far_text *text = pool_zero(some->n, sizeof(*text));
	struct words words = {0};
	json_t *all = json_object();
	int status = EXIT_YES;

	words_add(&words, "status");
	words_add(&words, "--json");
	far_all(some, &words, FAR_QUICK, text);
	if (!json)
		printf("%-12s %-16s %-9s %-9s %5s %-5s %7s %s\n", "HOST", "NAME", "STATE",
		    "HEALTH", "IMAGE", "LIVE?", "MEMORY", "PORTS");
	for (size_t i = 0; i < some->n; i++) {
		json_t *rows = far_list(&some->v[i], &text[i]);

		far_close(&text[i]);
		if (!rows)
			status = EXIT_TROUBLE;
		if (!rows && !json)
			printf("%-12s %s\n", some->v[i].name, "unknown");
		else if (!json && !json_array_size(rows))
			printf("%-12s %s\n", some->v[i].name, "no containers");
		for (size_t k = 0; !json && k < json_array_size(rows); k++)
			print_row(some->v[i].name, json_array_get(rows, k));
		json_object_set_new(all, some->v[i].name, rows ? rows : json_null());
	}
	if (json) {
		/* Nothing of theirs drives the terminal. */
		json_dumpf(all, stdout, JSON_INDENT(1) | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
		printf("\n");
	} else {
		missed_tell(a, some);
	}
	json_decref(all);
	return status;
}

static int
no_hosts(void)
{
	report("no hosts are named: see hosts in settings.yaml(5)");
	return EXIT_TROUBLE;
}

/* Somebody types it to see what comes; nobody wants it made up for later. */
static bool
is_typed(const struct app *a, const char *word)
{
	static const char *const names[] = {"console", "enter", "run", "shell", "add-debug"};
	const struct verb *v = verb_named(a, word);

	for (size_t i = 0; v && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(v->name, names[i]) == 0)
			return true;
	return false;
}

static int
on_one(struct app *a, const struct fleet_host *h, struct words *words)
{
	struct far_answer answer;

	if (!words->n)
		words_add(words, "status");
	answer = far_d(h, words, isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
	if (verb_changes(a, words) && !is_typed(a, words->w[0]) &&
	    missed_what(&answer) != STILL)
		missed_note(a, h, words, missed_what(&answer));
	return far_tell(h, &answer) ? EXIT_TROUBLE : answer.status;
}

/* d @HOST VERB..., d -A VERB...: argv[0] is "@HOST" or "-A". */
int
do_far(struct app *a, int argc, char **argv)
{
	struct fleet some;
	struct words words = {0};
	int status;
	bool json;

	if (!a->host.fleet.n)
		return no_hosts();
	if (!fleet_pick(&a->host.fleet, argv[0][0] == '@' ? argv[0] + 1 : NULL, &some)) {
		report("no host and no label is called '%s' (d hosts lists them)", argv[0] + 1);
		return EXIT_TROUBLE;
	}
	for (int i = 1; i < argc; i++)
		words_add(&words, argv[i]);
	if (argv[0][0] == '@' && fleet_host(&a->host.fleet, argv[0] + 1))
		return on_one(a, &some.v[0], &words);
	json = words.n && strcmp(words.w[words.n - 1], "--json") == 0;
	if (!words.n || strcmp(words.w[0], "status") == 0 || strcmp(words.w[0], "--json") == 0)
		return status_of_all(a, &some, json);
	status = waves_run(a, &some, &words, NULL, NULL, NULL);
	if (strcmp(words.w[0], "plan") == 0 && missed_tell(a, &some) && !status)
		status = EXIT_NO;
	return status;
}

/* ---- d hosts ---- */

static int
list_hosts(const struct fleet *all)
{
	for (size_t i = 0; i < all->n; i++)
		printf("%-12s %4d %-24s %s\n", all->v[i].name, (int)all->v[i].wave,
		    all->v[i].ssh, all->v[i].labels.n ? words_line(&all->v[i].labels) : "-");
	return all->n ? EXIT_YES : no_hosts();
}

/* What d there says of itself and its engine. */
static int
check_host(struct app *a, const struct fleet_host *h)
{
	struct fleet only = {(struct fleet_host *)h, 1};
	struct words words = {0};
	struct far_text t;
	const char *out, *err;
	size_t n = 0;
	int status;

	(void)a;
	words_add(&words, "list-all");
	far_all(&only, &words, FAR_QUICK, &t);
	status = far_tell(h, &t.answer) ? EXIT_NO : t.answer.status;
	out = far_text(t.out);
	err = far_text(t.err);
	for (const char *p = out ? out : ""; *p; p++)
		n += *p == '\n';
	if (t.answer.kind == FAR_ANSWERED && status)
		report("%s: d there: %s", h->name,
		    err && *err ? pool_dupn(err, strcspn(err, "\n")) : "no reason given");
	else if (!status)
		printf("%-12s ok, %zu containers\n", h->name, n);
	far_close(&t);
	return status ? EXIT_NO : EXIT_YES;
}

/* d and what it needs there besides: pack for images, filewatch for their manifests, and the
 * script that knows how engines are run. */
static int
add_host(struct app *a, const struct fleet_host *h)
{
	const char *engine = host_engine_script(&a->host),
		   *filewatch = other_program(
		       a->host.project, "filewatch", "services/filewatch/filewatch");
	struct pairs programs = {0};

	*GROW(programs) = (struct pair){"pack", a->engine.pack};
	if (engine)
		*GROW(programs) = (struct pair){"whittle-engine", engine};
	if (access(filewatch, X_OK) == 0)
		*GROW(programs) = (struct pair){"filewatch", filewatch};
	return far_bring(h, &programs) ? EXIT_NO : check_host(a, h);
}

/* What it missed, in the order in which it did; the first that fails ends it. */
static int
retry_host(struct app *a, const struct fleet_host *h)
{
	struct words_list all;
	int status = EXIT_YES;

	if (missed_by(a, h, &all))
		return EXIT_TROUBLE;
	if (!all.n)
		printf("%-12s missed nothing\n", h->name);
	for (size_t i = 0; i < all.n && !status; i++) {
		bool here = strcmp(all.v[i].w[0], missed_here) == 0;

		if (here)
			all.v[i].w[0] = (char *)program_path();
		else
			printf("== %s: d %s\n", h->name, words_line(&all.v[i]));
		fflush(stdout);
		status = here ? run(&(struct run){.argv = (const char *const *)all.v[i].w})
			      : on_one(a, h, &all.v[i]);
	}
	return status;
}

static int
forget_host(struct app *a, const struct fleet_host *h)
{
	return missed_forget(a, h) ? EXIT_TROUBLE : EXIT_YES;
}

static const struct {
	const char *word;
	int (*run)(struct app *a, const struct fleet_host *h);
} actions[] = {
    {"add", add_host}, {"check", check_host}, {"retry", retry_host}, {"forget", forget_host}};

int
do_hosts(struct app *a, int argc, char **argv)
{
	const struct fleet *all = &a->host.fleet;
	int (*act)(struct app * a, const struct fleet_host *h) = NULL;
	int status = EXIT_YES, got;

	argc = take_options(a, argc, &argv, NO_OPTIONS, false);
	if (argc < 0)
		return EXIT_TROUBLE;
	if (argc == 0)
		return list_hosts(all);
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(argv[0], actions[i].word) == 0)
			act = actions[i].run;
	if (!act)
		return usage(a);
	if (argc == 1 && !all->n)
		return no_hosts();
	for (int i = 1; i < argc; i++)
		if (!fleet_host(all, argv[i])) {
			report("no host is called '%s' (d hosts lists them)", argv[i]);
			return EXIT_TROUBLE;
		}
	for (size_t i = 0; i < all->n; i++) {
		bool named = argc == 1;

		for (int k = 1; k < argc; k++)
			named |= strcmp(argv[k], all->v[i].name) == 0;
		got = named ? act(a, &all->v[i]) : EXIT_YES;
		status = got > status ? got : status;
	}
	return status;
}
