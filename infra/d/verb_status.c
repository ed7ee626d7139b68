/* The table that d alone shows. */
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine_json.h"
#include "engine_list.h"
#include "generations.h"
#include "journal.h"
#include "options.h"
#include "pipeline.h"
#include "relay.h"
#include "report.h"
#include "say.h"
#include "select.h"
#include "service.h"
#include "state.h"
#include "strbuf.h"
#include "verbs.h"

struct row {
	const char *name, *state, *health, *age, *live, *ports, *memory, *wave;
	enum { PLAIN, GOOD, BAD, WARN } mood;
};

/* What the container's processes hold, as its control group counts it. */
static int64_t
memory_in(const char *group, const char *hierarchy, const char *file)
{
	char text[32] = "";
	cleanup_fd int fd = open(
	    pool_printf("/sys/fs/cgroup%s%s/%s", hierarchy, group, file), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	return n > 0 ? strtoll(text, NULL, 10) : -1;
}

static int64_t
memory_of(pid_t pid)
{
	cleanup_file FILE *f = fopen(pool_printf("/proc/%d/cgroup", (int)pid), "re");
	cleanup_free char *line = NULL;
	int64_t got = -1;
	size_t cap = 0;

	while (f && got < 0 && getline(&line, &cap, f) > 0) {
		char *first = strchr(line, ':'),
		     *second = first ? strchr(first + 1, ':') : NULL;

		if (!second)
			continue;
		second[strcspn(second, "\n")] = '\0';
		*second = '\0';
		if (strcmp(first + 1, "memory") == 0)
			got = memory_in(second + 1, "/memory", "memory.usage_in_bytes");
		else if (!first[1])
			got = memory_in(second + 1, "", "memory.current");
	}
	return got;
}

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

/* When it went live; images that are made to be the same at any time have no age. */
static time_t
image_since(struct app *a, const char *key, const struct image *live)
{
	const struct place *p = place_find(a, key);
	const char *promoted = stamped(p, "install-stamp", "image");
	struct generations g;
	struct stat st;

	if (generations_read(&a->host, key, &g) == 0)
		for (size_t i = 0; i < g.n; i++)
			if (strcmp(g.v[i].image, live->id) == 0)
				return engine_time(g.v[i].time);
	return promoted && strcmp(promoted, live->id) == 0 &&
		       stat(pool_printf("%s/install-stamp", p->directory), &st) == 0
		   ? st.st_mtime
		   : live->created;
}

static void
fill_row(struct app *a, const struct container *c, const struct seen_list *seen,
    const struct images *images, struct row *r)
{
	const struct seen *now = seen_named(seen, c->name), *relay;
	struct image image;
	const struct image *live = image_among(a, images, c, &image) == 1 ? &image : NULL;
	bool running = now && now->running;

	*r = (struct row){.name = c->key, .health = "-", .ports = "-", .memory = "-"};
	r->state = now ? now->state : "-";
	r->age = live ? age_text(image_since(a, c->key, live)) : "-";
	r->live = !live                               ? "none"
		  : !running                          ? "-"
		  : strcmp(live->id, now->image) == 0 ? "yes"
						      : "no";
	r->wave = c->wave < 0 ? "-" : pool_printf("%d", (int)c->wave);
	if (running) {
		/* podman without systemd never asks: what it says then means nothing. */
		r->health = now->health && !(a->engine.kind == PODMAN && a->engine.no_timers)
				? now->health
				: "-";
		relay = c->swap.beside ? seen_named(seen, relay_name(c->name)) : NULL;
		r->ports = port_list(relay && relay->running ? relay : now);
		r->memory = size_text(memory_of(now->pid));
	}
	if (journal_is_there(&a->host, c->key))
		r->state = state_is_locked(&a->host, c->key) ? "changing" : "cut off";
	r->mood = running && strcmp(r->health, "unhealthy") != 0
		      ? strcmp(r->live, "no") == 0 ? WARN : GOOD
		  : running || wave_is_here(c) ? BAD
					       : PLAIN;
}

static void
print_rows(const struct row *r, size_t n)
{
	static const char *const colour[] = {"", "\033[32m", "\033[31m", "\033[33m"};
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
	struct container *c = pool_zero(a->places.n + 1, sizeof(*c)), *next = c;
	bool *wrong = pool_zero(a->places.n + 1, sizeof(*wrong));
	struct images images;
	struct seen_list seen;
	int n = 0;

	for (size_t i = 0; i < a->places.n; i++) {
		wrong[i] = settings_in_force(a, &a->places.v[i], next) != 0;
		next += !wrong[i];
	}
	if (look_at_all(a, c, (size_t)(next - c), &seen, &images))
		return -1;
	*rows = pool_zero(a->places.n + 1, sizeof(**rows));
	next = c;
	for (size_t i = 0; i < a->places.n; i++) {
		const struct seen *now = wrong[i] ? NULL : seen_named(&seen, next->name);

		if (wrong[i] && !only_running)
			(*rows)[n++] = (struct row){a->places.v[i].name, "settings?", "-", "-",
			    "-", "-", "-", "-", BAD};
		if (!wrong[i] && (!only_running || (now && now->running)))
			fill_row(a, next, &seen, &images, &(*rows)[n++]);
		next += !wrong[i];
	}
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
