/* Updates at their times: what is due, one after the other, what is needed first. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bump.h"
#include "calendar.h"
#include "engine_inspect.h"
#include "fnv.h"
#include "generations.h"
#include "history.h"
#include "lock.h"
#include "log.h"
#include "needs.h"
#include "notify_send.h"
#include "options.h"
#include "outdated.h"
#include "ready.h"
#include "report.h"
#include "run.h"
#include "say.h"
#include "secrets.h"
#include "select.h"
#include "self.h"
#include "service.h"
#include "signals.h"
#include "state.h"
#include "strbuf.h"
#include "upgrade.h"
#include "verbs.h"

enum { LOOK_S = 24 * 3600, RETRY_S = 3600 };

/* {"last", "looked", "retry", "generation", "undo": {FILE: TEXT}, "written": {FILE: TEXT}}:
 * when its time was last, when registries were asked last, whether it was put off then; of an
 * update that is under way the generation that ran before, and the files as they were before,
 * and as it left them. */
static const char file[] = "update.json";

struct candidate {
	const struct place *p;
	struct container c;
	time_t last, looked, due; /* due: with its part of the spread */
	bool fresh;               /* no time was known before */
	bool retry;               /* its time came, and it was put off */
	struct findings ripe, unripe;
	const char *trouble; /* who couldn't be asked, and why; or what puts it off */
};

struct updates {
	struct app *a;
	struct candidate *v;
	size_t n;
	time_t now;
	struct words done, failed, left;
	bool waits; /* something is still put off, which was told before */
};

/* ---- what is remembered ---- */

/* 0 where there is none yet, -1 after a message. */
static int
generation_now(struct app *a, const struct place *p)
{
	struct generations g;

	return generations_read(&a->host, p->name, &g) ? -1 : g.current;
}

static int
note(struct app *a, const struct candidate *u, const json_t *undo, const json_t *written)
{
	json_t *o = json_pack(
	    "{s:I, s:I}", "last", (json_int_t)u->last, "looked", (json_int_t)u->looked);
	int bad;

	if (u->retry)
		json_object_set_new(o, "retry", json_true());
	if (undo) {
		json_object_set(o, "undo", (json_t *)undo);
		json_object_set_new(o, "generation", json_integer(generation_now(a, u->p)));
	}
	if (written)
		json_object_set(o, "written", (json_t *)written);
	bad = state_write(&a->host, u->p->name, file, o);
	json_decref(o);
	return bad;
}

/* Containers on many hosts don't all ask at once, and one always begins at the same time. */
static time_t
share_of_spread(const struct candidate *u)
{
	uint64_t hash = fnv_add_string(fnv_add_string(FNV_START, host_name()), u->c.key);
	int64_t seconds = u->c.update.spread / 1000;

	return seconds > 0 ? (time_t)(hash % (uint64_t)(seconds + 1)) : 0;
}

/* Whether the upgrade of an update came to its end, whatever became of who waited for it. */
static bool
went_through(struct app *a, const struct place *p, const json_t *o)
{
	const json_t *before = json_object_get(o, "generation");

	return json_is_integer(before) && json_integer_value(before) >= 0 &&
	       generation_now(a, p) > (int)json_integer_value(before);
}

/*
 * A killed update's files are as they were before: what it wrote was never proven. Unless its
 * upgrade went through all the same, which is a process of its own: then they are what runs.
 */
static void
undo_cut_off(struct app *a, const struct place *p)
{
	json_t *o = state_read(&a->host, p->name, file);
	const json_t *undo = json_object_get(o, "undo");
	struct locks locks;

	if (undo && lock_container(a, p, false, &locks) == 0) {
		if (went_through(a, p, o)) {
			say("FINISH", "%s: an update was cut off when it was live", p->name);
		} else {
			say("UNDO", "%s: an update of its files was cut off", p->name);
			bump_restore(undo, json_object_get(o, "written"));
		}
		json_object_del(o, "undo");
		json_object_del(o, "written");
		json_object_del(o, "generation");
		state_write(&a->host, p->name, file, o);
		unlock_container(&locks);
	}
	json_decref(o);
}

static int
add_candidate(struct updates *all, const struct place *p)
{
	struct candidate *u = &all->v[all->n];
	json_t *o;

	if (host_container(&all->a->host, p, false, NULL, NULL, &u->c) ||
	    resolve_needs(all->a, &u->c))
		return -1;
	if (!u->c.update.at)
		return 0;
	u->p = p;
	o = state_read(&all->a->host, p->name, file);
	u->last =
	    calendar_believed((time_t)json_integer_value(json_object_get(o, "last")), all->now);
	u->looked = calendar_believed(
	    (time_t)json_integer_value(json_object_get(o, "looked")), all->now);
	u->retry = json_is_true(json_object_get(o, "retry"));
	json_decref(o);
	u->fresh = !u->last;
	if (u->fresh) /* its first time is the next one */
		u->last = all->now;
	u->due = calendar_due(u->c.update.at, u->last) + share_of_spread(u);
	all->n++;
	return 0;
}

/* By their waves, and what is needed before those that need it. */
static void
put_in_order(struct updates *all)
{
	struct candidate *sorted = pool_zero(all->n + 1, sizeof(*sorted));
	struct words names = {0};
	size_t n = 0;

	for (int64_t wave = 0; wave <= 100; wave++)
		for (size_t i = 0; i < all->n; i++) {
			int64_t its = all->v[i].c.wave < 0 ? 100 : all->v[i].c.wave;

			if (its == wave)
				words_add(&names, all->v[i].p->name);
		}
	needs_sort(all->a, &names);
	for (size_t k = 0; k < names.n; k++)
		for (size_t i = 0; i < all->n; i++)
			if (strcmp(all->v[i].p->name, names.w[k]) == 0)
				sorted[n++] = all->v[i];
	all->v = sorted;
}

static int
collect(struct app *a, struct updates *all)
{
	int bad = 0;

	*all = (struct updates){
	    .a = a, .v = pool_zero(a->places.n + 1, sizeof(*all->v)), .now = time(NULL)};
	for (size_t i = 0; i < a->places.n; i++)
		bad |= add_candidate(all, &a->places.v[i]);
	put_in_order(all);
	return bad;
}

/* ---- what there is for one ---- */

/* What has been known for long enough, and what not yet. */
static int
look(struct updates *all, struct candidate *u)
{
	struct findings found = {0};
	time_t now;

	if (outdated_find(all->a, u->p, &u->c, &found))
		return -1;
	u->looked = all->now;
	now = time(NULL); /* what was found by now isn't from the future */
	for (size_t i = 0; i < found.n; i++) {
		const struct finding *f = &found.v[i];

		if (f->kind == FOUND_TROUBLE) {
			u->trouble = finding_text(f);
			report("%s: %s", u->p->name, u->trouble);
		} else if (f->kind != FOUND_HELD && now - f->since >= u->c.update.wait / 1000)
			*GROW(u->ripe) = *f;
		else if (f->kind != FOUND_HELD)
			*GROW(u->unripe) = *f;
	}
	return 0;
}

static const char *
texts(const struct findings *f)
{
	struct strbuf b = STRBUF_INIT;
	char *got;

	for (size_t i = 0; i < f->n; i++)
		strbuf_printf(&b, "%s%s", i ? ", " : "", finding_text(&f->v[i]));
	got = pool_dup(b.s ? b.s : "");
	strbuf_free(&b);
	return got;
}

/* Whether is-up says so of each host, or of the cluster. */
static bool
runs_elsewhere(const struct candidate *u)
{
	const char *argv[] = {program_path(), "is-up", u->p->name, NULL};

	return run(&(struct run){.argv = argv, .discard_out = 1}) == EXIT_YES;
}

/* Why it isn't updated though it is due; NULL where it may be. */
static const char *
unfit(struct updates *all, const struct candidate *u)
{
	struct seen now;
	struct image image;
	const char *why = NULL;

	if (!u->c.update.if_ready)
		return NULL;
	if (u->c.on.n)
		return runs_elsewhere(u) ? NULL : "it doesn't run where it is to";
	if (engine_see(&all->a->engine, u->c.name, &now) != 1 || !now.running)
		return "it doesn't run";
	if (engine_image(&all->a->engine, now.image, &image) != 1 ||
	    ready_ask(&all->a->engine, &u->c, &now, image.health, &why) != READY_YES)
		return pool_printf("it isn't ready: %s", why ? why : "the engine doesn't tell");
	return NULL;
}

/* ---- one update ---- */

/* "d upgrade NAME", its output in a log. */
static int
upgrade(struct updates *all, const struct candidate *u, const char **log)
{
	const char *argv[] = {
	    program_path(), "upgrade", "--keep-down", "--due", u->p->name, NULL};
	bool given = getenv("WHITTLE_WAIT");
	int fd = -1, status;

	*log = state_log(&all->a->host, u->p->name, "auto", &fd);
	if (!*log)
		return -1;
	setenv("WHITTLE_WAIT", "600", 0);
	setenv("WHITTLE_NOTIFY_LATER", "1", 1);
	status = run(&(struct run){.argv = argv, .log = fd});
	unsetenv("WHITTLE_NOTIFY_LATER");
	if (!given)
		unsetenv("WHITTLE_WAIT");
	close(fd);
	return status;
}

/* The files change under its lock; who changes it meanwhile is waited for. What can't be noted
 * isn't begun: nobody could undo it after a kill. */
static int
rewrite(struct updates *all, struct candidate *u, json_t **saved, json_t **written)
{
	struct locks locks;
	int bad;

	if (lock_container(all->a, u->p, true, &locks))
		return -1;
	*saved = bump_save(u->p);
	bad = note(all->a, u, *saved, NULL) || bump(all->a, u->p, &u->ripe, false);
	*written = bump_save(u->p);
	bad = bad || note(all->a, u, *saved, *written) ? -1 : 0;
	unlock_container(&locks);
	return bad;
}

/* What couldn't be done at its time is tried again in an hour, and told of once. */
static void
put_off(struct updates *all, struct candidate *u)
{
	if (u->retry)
		all->waits = true;
	else
		words_addf(&all->left, "%s (%s)", u->p->name, u->trouble);
	u->retry = true;
	note(all->a, u, NULL, NULL);
}

static void
update_one(struct updates *all, struct candidate *u)
{
	const struct candidate before = *u;
	const char *log = NULL, *what = texts(&u->ripe);
	json_t *saved = NULL, *written = NULL;
	int bad;

	u->retry = false;
	u->last = all->now;
	say("UPDATE", "%s: %s", u->p->name, what);
	bad = rewrite(all, u, &saved, &written);
	if (!bad)
		bad = upgrade(all, u, &log);
	if (bad && saved)
		bump_restore(saved, written);
	if (bad == EXIT_PUT_OFF) {
		u->retry = before.retry;
		u->last = before.last;
		u->trouble = "a job runs, and has the same data";
		report("%s: the update was put off: %s", u->p->name, u->trouble);
		put_off(all, u);
	} else if (bad) {
		if (log)
			show_log_end(log);
		report("%s: the update failed, and its files are as they were%s%s", u->p->name,
		    log ? "; the whole log: " : "", log ? log : "");
		words_addf(&all->failed, "%s (%s)", u->p->name, what);
	} else {
		words_addf(&all->done, "%s (%s)", u->p->name, what);
	}
	if (bad != EXIT_PUT_OFF) {
		event(&all->a->host, u->p->name, bad ? "failed" : "update", NULL, "%s%s",
		    bad ? "update: " : "", what);
		note(all->a, u, NULL, NULL);
	}
	json_decref(saved);
	json_decref(written);
}

/* ---- all that is due ---- */

static void
words_joined(struct strbuf *out, const struct words *w, const char *what)
{
	if (!w->n)
		return;
	strbuf_printf(out, "%s%zu %s: ", out->len ? "; " : "", w->n, what);
	for (size_t i = 0; i < w->n; i++)
		strbuf_printf(out, "%s%s", i ? ", " : "", w->w[i]);
}

static int
summary(struct updates *all)
{
	struct strbuf b = STRBUF_INIT;

	words_joined(&b, &all->done, "updated");
	words_joined(&b, &all->failed, "failed");
	words_joined(&b, &all->left, "left out");
	if (b.len) {
		printf("%s\n", b.s);
		event(
		    &all->a->host, NULL, all->failed.n ? "failed" : "update", NULL, "%s", b.s);
	}
	strbuf_free(&b);
	if (interrupted)
		report("interrupted: what wasn't begun is still due");
	return all->failed.n || all->left.n || all->waits || interrupted ? EXIT_NO : EXIT_YES;
}

/* Its time has come: with this it waits for the next one, whatever comes out. */
static void
do_due(struct updates *all, struct candidate *u)
{
	const char *why;

	if (u->retry && u->looked + RETRY_S > all->now)
		return;
	if (all->failed.n) {
		u->retry = false;
		u->last = all->now;
		note(all->a, u, NULL, NULL);
		words_addf(&all->left, "%s (after a failure)", u->p->name);
		return;
	}
	if (look(all, u)) {
		words_add(&all->failed, u->p->name);
		return;
	}
	if (u->trouble && !u->ripe.n) {
		put_off(all, u);
		return;
	}
	why = u->ripe.n ? unfit(all, u) : NULL;
	if (u->ripe.n && !why) {
		update_one(all, u);
		return;
	}
	u->retry = false;
	u->last = all->now;
	if (why)
		words_addf(&all->left, "%s (%s)", u->p->name, why);
	note(all->a, u, NULL, NULL);
}

/* What isn't due, but has to be known for a while before it is taken. */
static void
look_early(struct updates *all, struct candidate *u)
{
	if (u->c.update.wait && u->looked + LOOK_S <= all->now)
		look(all, u);
	else if (!u->fresh)
		return;
	note(all->a, u, NULL, NULL);
}

static void
print_plan(struct updates *all, struct candidate *u)
{
	const char *why;

	printf("%-16s %s", u->p->name, u->due <= all->now ? "due now" : calendar_text(u->due));
	if (look(all, u)) {
		printf("  can't tell\n");
		return;
	}
	why = u->ripe.n ? unfit(all, u) : NULL;
	printf("  %s", u->ripe.n ? texts(&u->ripe) : "nothing to do");
	if (why)
		printf(" (not now: %s)", why);
	for (size_t i = 0; i < u->unripe.n; i++)
		printf("; %s from %s", finding_text(&u->unripe.v[i]),
		    calendar_text(u->unripe.v[i].since + (time_t)(u->c.update.wait / 1000)));
	printf("\n");
}

static int
run_due(struct updates *all)
{
	for (size_t i = 0; i < all->n && !interrupted; i++)
		if (all->v[i].due <= all->now)
			do_due(all, &all->v[i]);
		else
			look_early(all, &all->v[i]);
	return summary(all);
}

int
do_auto(struct app *a, int argc, char **argv)
{
	bool dry = false;
	const struct option_of options[] = {SWITCH('n', "dry-run", dry), NO_MORE};
	struct updates all;
	int lock, bad, status = EXIT_YES;

	argc = take_options(a, argc, &argv, options, false);
	if (argc)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	if (!clock_is_set(time(NULL))) {
		report("the clock isn't set: no update is due");
		return EXIT_YES;
	}
	if (dry) {
		bad = collect(a, &all);
		for (size_t i = 0; i < all.n; i++)
			print_plan(&all, &all.v[i]);
		return bad ? EXIT_TROUBLE : EXIT_YES;
	}
	if (state_is_locked(&a->host, ".auto")) {
		if (isatty(STDERR_FILENO)) /* a timer's next run finds what is due */
			report("another 'd auto' is at work: nothing done");
		return EXIT_YES;
	}
	lock = state_lock(&a->host, ".auto", "'d auto'", 0, false);
	if (lock < 0)
		return EXIT_TROUBLE;
	for (size_t i = 0; i < a->places.n; i++)
		undo_cut_off(a, &a->places.v[i]);
	bad = secrets_sweep(a, false) < 0;
	bad |= collect(a, &all);
	status = run_due(&all);
	events_send(&a->host, true);
	close(lock);
	return bad ? EXIT_TROUBLE : status;
}
