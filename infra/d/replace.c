#include "replace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine_args.h"
#include "life.h"
#include "ready.h"
#include "report.h"
#include "state.h"
#include "strbuf.h"
#include "volumes.h"

enum { ORPHANS_MS = 90000, TRIES = 10, TRY_PAUSE_MS = 500 };

static const char journal_file[] = "journal.json";

static bool on_stderr;

void
say_on_stderr(void)
{
	on_stderr = true;
}

void
say(const char *step, const char *fmt, ...)
{
	struct strbuf b = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	fprintf(on_stderr ? stderr : stdout, "  %-9s %s\n", step, b.s ? b.s : "");
	fflush(stdout);
	strbuf_free(&b);
}

/* ---- the journal ---- */

static int
write_journal(struct journal *j)
{
	return state_write(&j->a->host, j->place->name, journal_file, j->o);
}

int
journal_begin(struct app *a, const struct place *p, const char *verb, struct journal *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	*out = (struct journal){.a = a, .place = p};
	out->id =
	    pool_printf("%lld.%09ld.%d", (long long)now.tv_sec, now.tv_nsec, (int)getpid());
	out->o = json_pack("{s:s, s:s, s:s, s:s}", "id", out->id, "verb", verb, "step", "begin",
	    "time", state_now());
	/* What a child of ours is called by, should it live longer than we do. */
	setenv("WHITTLE_TRANSACTION", out->id, 1);
	return write_journal(out);
}

int
journal_set(struct journal *j, const char *key, json_t *value)
{
	json_object_set_new(j->o, key, value);
	return write_journal(j);
}

int
journal_step(struct journal *j, const char *step)
{
	return journal_set(j, "step", json_string(step));
}

int
journal_end(struct journal *j)
{
	unsetenv("WHITTLE_TRANSACTION");
	json_decref(j->o);
	j->o = NULL;
	return state_remove(&j->a->host, j->place->name, journal_file);
}

static const char *
noted(const struct journal *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j->o, key));

	return text && *text ? text : NULL;
}

static bool
noted_true(const struct journal *j, const char *key)
{
	return json_is_true(json_object_get(j->o, key));
}

/* ---- what an earlier run's children still do ---- */

static bool
is_engine_of(const char *pid, const char *mark)
{
	struct strbuf env = STRBUF_INIT;
	char comm[32] = "", chunk[4096];
	cleanup_fd int at = -1;
	bool found = false;
	ssize_t n;
	int fd = open(pool_printf("/proc/%s/comm", pid), O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		n = read(fd, comm, sizeof(comm) - 1);
		comm[n > 0 ? n : 0] = '\0';
		comm[strcspn(comm, "\n")] = '\0';
		close(fd);
	}
	if (strcmp(comm, "podman") != 0 && strcmp(comm, "docker") != 0 &&
	    strcmp(comm, "engine") != 0)
		return false;
	at = open(pool_printf("/proc/%s/environ", pid), O_RDONLY | O_CLOEXEC);
	while (at >= 0 && (n = read(at, chunk, sizeof(chunk))) > 0)
		strbuf_add(&env, chunk, (size_t)n);
	found = env.s && memmem(env.s, env.len, mark, strlen(mark) + 1);
	strbuf_free(&env);
	return found;
}

static bool
orphans_live(const char *id)
{
	const char *mark = pool_printf("WHITTLE_TRANSACTION=%s", id);
	cleanup_dir DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] >= '0' && e->d_name[0] <= '9' &&
		    atoi(e->d_name) != (int)getpid() && is_engine_of(e->d_name, mark))
			return true;
	return false;
}

/* A killed d leaves its engine command running; what that does comes first. */
static void
wait_for_orphans(const char *id)
{
	for (int waited = 0; waited < ORPHANS_MS && orphans_live(id); waited += 50)
		usleep(50000);
}

/* ---- steps ---- */

/* Removes a container that a transaction made, and any that stands in its name's way. */
static int
remove_made(struct journal *j)
{
	struct strbuf out = STRBUF_INIT;
	const char *filter = pool_printf("label=whittle.transaction=%s", j->id);
	char *id, *save = NULL;
	int bad = engine_call(
	    &j->a->engine, &out, "ps", "-aq", "--no-trunc", "--filter", filter, NULL);

	for (id = out.s ? strtok_r(out.s, "\n", &save) : NULL; id;
	     id = strtok_r(NULL, "\n", &save))
		bad |= engine_remove(&j->a->engine, id, false);
	strbuf_free(&out);
	return bad ? -1 : 0;
}

/* What stands in the way and is d's own: left by a run whose journal is gone. */
static int
clear_name(struct app *a, const char *name)
{
	struct seen other;
	int got = engine_see(&a->engine, name, &other);

	if (got <= 0)
		return got;
	if (!other.transaction) {
		report("a container named '%s' is in the way, and d didn't make it", name);
		return -1;
	}
	return engine_remove(&a->engine, other.id, false);
}

/* Runs a command that needs a name; where it fails, once more with the name cleared. */
static int
with_name(struct app *a, const char *name, const struct words *args, struct strbuf *out)
{
	if (engine_words_try(&a->engine, out, args) == 0)
		return 0;
	if (out)
		strbuf_cut(out, 0);
	return clear_name(a, name) || engine_words(&a->engine, out, args) ? -1 : 0;
}

static int
create(struct journal *j, const struct replacement *r, const char **id)
{
	struct strbuf out = STRBUF_INIT;
	const char *name =
	    noted(j, "old") ? pool_printf("%s.new", r->want->name) : r->want->name;
	struct start s = {.verb = "create",
	    .name = name,
	    .image = r->image.id,
	    .facts = &r->image,
	    .transaction = j->id};
	struct words args = {0};
	char *last;

	if (resolve_address(r->want) || network_ensure(j->a, r->want) ||
	    volumes_before(j->a, r->want, &r->image))
		return -1;
	engine_args(&args, &j->a->engine, r->want, &s);
	if (with_name(j->a, name, &args, &out)) {
		strbuf_free(&out);
		return -1;
	}
	while (out.len && out.s[out.len - 1] == '\n')
		strbuf_cut(&out, out.len - 1);
	last = out.s ? strrchr(out.s, '\n') : NULL;
	*id = pool_dup(last ? last + 1 : out.s ? out.s : "");
	strbuf_free(&out);
	return volumes_after(j->a, r->want, &r->image, *id);
}

static int
swap_names(struct journal *j, const struct replacement *r, const char *id)
{
	const char *old = noted(j, "old"), *name = r->want->name;
	struct words args = {0};

	if (!old)
		return 0;
	words_add(&args, "rename");
	words_add(&args, old);
	words_addf(&args, "%s.old", name);
	return with_name(j->a, args.w[2], &args, NULL) ||
		       engine_call(&j->a->engine, NULL, "rename", id, name, NULL)
		   ? -1
		   : 0;
}

/* The log of what failed, kept where the container doesn't stay. */
static const char *
keep_log(struct journal *j, const char *id)
{
	int fd = -1;
	const char *path = state_log(&j->a->host, j->place->name, "container", &fd);
	struct strbuf out = STRBUF_INIT;
	struct words args = {0};

	if (!path)
		return "nowhere";
	words_add(&args, "logs");
	words_add(&args, id);
	engine_quiet(&j->a->engine, &out, 20000, &args);
	if (out.len && write(fd, out.s, out.len) < 0)
		report("write '%s':", path);
	close(fd);
	strbuf_free(&out);
	return path;
}

static void
say_ready(void *arg)
{
	const struct timespec *since = arg;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	say("READY", "after %.1f s",
	    (double)(now.tv_sec - since->tv_sec) +
		(double)(now.tv_nsec - since->tv_nsec) / 1e9);
}

/* ---- back, and forward ---- */

/* The tags as they were when it began. */
static int
restore_tags(struct journal *j)
{
	const struct engine *e = &j->a->engine;
	json_t *tags = json_object_get(j->o, "tags"), *was;
	struct image now;
	const char *reference;
	int bad = 0;

	json_object_foreach (tags, reference, was) {
		const char *id = json_string_value(was);
		int got = engine_image(e, reference, &now);

		if (got < 0 || (id && got == 1 && strcmp(now.id, id) == 0) || (!id && got == 0))
			continue;
		if (id)
			bad |= engine_call(e, NULL, "tag", id, reference, NULL);
		else
			engine_try(e, NULL, "rmi", reference, NULL);
	}
	return bad ? -1 : 0;
}

int
journal_drop(struct journal *j)
{
	/* The pipeline moves none before the promotion, and who promotes by hand shall. */
	return (!j->place->makefile && restore_tags(j)) || journal_end(j) ? -1 : 0;
}

static int
restart_dependents(struct journal *j)
{
	json_t *name;
	size_t i;
	int bad = 0;

	json_array_foreach (json_object_get(j->o, "dependents"), i, name) {
		const struct place *p = place_find(j->a, json_string_value(name));

		if (p)
			bad |= up_one(j->a, p, UP_DEPENDENT) > EXIT_NO;
	}
	return bad;
}

/* The old container under its own name again, and running where it ran. */
static int
restore_old(struct journal *j)
{
	const struct engine *e = &j->a->engine;
	const char *old = noted(j, "old"), *name = noted(j, "name");
	struct seen now;

	if (!old || !name)
		return 0;
	for (int i = 0; i < TRIES; i++) {
		struct words args = {0};
		int got = engine_see(e, old, &now);
		bool named = got == 1 && strcmp(now.name, name) == 0;

		if (named && (now.running || !noted_true(j, "old_running")))
			return 0;
		words_add(&args, named ? "start" : "rename");
		words_add(&args, old);
		if (!named)
			words_add(&args, name);
		/* What fails may work in a moment; only the last failure is worth a word. */
		if (got != 1 || (i + 1 < TRIES ? engine_words_try(e, NULL, &args)
					       : engine_words(e, NULL, &args)))
			usleep(TRY_PAUSE_MS * 1000);
	}
	report("%s: the old container couldn't be had back; the next d tries again",
	    j->place->name);
	return -1;
}

static int finish(struct journal *j);

static bool
old_is_gone(const struct journal *j)
{
	const char *old = noted(j, "old");
	struct seen now;

	return old && engine_see(&j->a->engine, old, &now) == 0;
}

/* A second Ctrl-C changes nothing: the way back is gone to its end. */
static int
undo(struct journal *j, const char *why)
{
	const char *verb = noted(j, "verb");

	interrupted = 0;
	if (old_is_gone(j)) {
		report("%s: somebody removed the old container: the new one stays",
		    j->place->name);
		return finish(j);
	}
	if (remove_made(j) || restore_old(j) || restore_tags(j))
		return -1;
	restart_dependents(j);
	event(&j->a->host, j->place->name, "gone-back", noted(j, "image"), "%s: %s", verb, why);
	if (noted(j, "old") && noted_true(j, "old_running"))
		say("BACK", "%s: the old container runs again", j->place->name);
	return journal_end(j);
}

static int
tag_generation(struct journal *j, int n, const char *image)
{
	return engine_call(
		   &j->a->engine, NULL, "tag", image, generation_tag(j->a, j->place, n), NULL)
		   ? -1
		   : 0;
}

/* What ran before d kept generations is one to go back to as well. */
static int
add_first(struct journal *j, struct generations *g, const char *text)
{
	const char *old = noted(j, "old_image");

	g->v = pool_zero(3, sizeof(*g->v));
	if (!old || strcmp(old, noted(j, "image")) == 0)
		return 0;
	g->v[g->n++] = (struct generation){1, old, text, state_now()};
	return tag_generation(j, 1, old);
}

static int
record_generation(struct journal *j, int back_to)
{
	const struct host *h = &j->a->host;
	const char *image = noted(j, "image"), *text = noted(j, "settings");
	struct generations g;
	const struct generation *now;
	int64_t keep = json_integer_value(json_object_get(j->o, "keep"));
	int first;

	if (generations_read(h, j->place->name, &g))
		return -1;
	now = generation_find(&g, g.current);
	text = text ? text : "";
	if (!back_to && now && strcmp(now->image, image) == 0 &&
	    strcmp(now->settings, text) == 0)
		return 0;
	if (back_to) {
		g.current = back_to;
		return generations_write(h, j->place->name, &g);
	}
	if (!g.v && add_first(j, &g, text))
		return -1;
	g.v[g.n] = (struct generation){g.n ? g.v[g.n - 1].n + 1 : 1, image, text, state_now()};
	g.current = g.v[g.n++].n;
	/* The name that keeps the image comes before the entry that promises it. */
	if (tag_generation(j, g.current, image))
		return -1;
	first = g.v[0].n;
	while ((int64_t)g.n > keep + 1) {
		g.v++;
		g.n--;
	}
	if (generations_write(h, j->place->name, &g))
		return -1;
	for (; first < g.v[0].n; first++)
		engine_try(
		    &j->a->engine, NULL, "rmi", generation_tag(j->a, j->place, first), NULL);
	return 0;
}

/* The last steps; all of them can be done again. */
static int
finish(struct journal *j)
{
	const struct engine *e = &j->a->engine;
	const char *old = noted(j, "old");
	struct seen now;

	if (record_generation(j, (int)json_integer_value(json_object_get(j->o, "back_to"))))
		return -1;
	if (old && engine_see(e, old, &now) == 1 && engine_call(e, NULL, "rm", "-f", old, NULL))
		return -1;
	restart_dependents(j);
	return journal_end(j);
}

/* ---- all of it ---- */

/* What a way back needs, before anything changes. */
static int
note_old(struct journal *j, const struct replacement *r)
{
	struct words dependents = {0}, stopped = {0};
	struct seen old;
	int got = engine_see(&j->a->engine, r->want->name, &old);
	json_t *list = json_array();

	if (got < 0) {
		json_decref(list);
		return -1;
	}
	sharing_with(j->a, r->place, &dependents, &stopped);
	for (size_t i = 0; i < dependents.n; i++)
		json_array_append_new(list, json_string(dependents.w[i]));
	/* What doesn't run has to go all the same: it holds on to the old one's namespaces. */
	for (size_t i = 0; i < stopped.n; i++)
		stop_for_another(j->a, stopped.w[i]);
	json_object_set_new(j->o, "dependents", list);
	json_object_set_new(j->o, "name", json_string(r->want->name));
	json_object_set_new(j->o, "image", json_string(r->image.id));
	json_object_set_new(j->o, "reference", json_string(container_image(r->want)));
	json_object_set_new(j->o, "settings", json_string(r->settings ? r->settings : ""));
	json_object_set_new(j->o, "back_to", json_integer(r->generation));
	json_object_set_new(
	    j->o, "keep", json_integer(r->want->keep > 0 ? r->want->keep : j->a->host.keep));
	if (got == 1) {
		json_object_set_new(j->o, "old", json_string(old.id));
		json_object_set_new(j->o, "old_image", json_string(old.image));
		json_object_set_new(j->o, "old_running", json_boolean(old.running));
	}
	return 0;
}

/* From stop to a container that is ready. */
static int
exchange(struct journal *j, const struct replacement *r, const char *id, const char **why)
{
	const struct engine *e = &j->a->engine;
	const char *old = noted(j, "old");
	struct timespec since;
	json_t *name;
	size_t i;

	*why = "it couldn't be put in place";
	if (interrupted || journal_step(j, "swap") || swap_names(j, r, id) ||
	    journal_step(j, "stop"))
		return -1;
	json_array_foreach (json_object_get(j->o, "dependents"), i, name)
		stop_for_another(j->a, json_string_value(name));
	clock_gettime(CLOCK_MONOTONIC, &since);
	if (old && noted_true(j, "old_running")) {
		say("STOP", "%s", r->place->name);
		if (engine_stop(j->a, old, r->want->stop_timeout))
			return -1;
	}
	if (interrupted || journal_step(j, "start"))
		return -1;
	say("START", "%s %s", r->place->name, short_id(r->image.id));
	*why = "it couldn't be started";
	if (engine_call(e, NULL, "start", id, NULL) || journal_step(j, "wait"))
		return -1;
	if (!noted_true(j, "old_running"))
		r->want->ready.stable = 0; /* there is nothing to go back to */
	return ready_wait(e, r->want, id, r->image.health, say_ready, &since, why) == READY_YES
		   ? 0
		   : -1;
}

static int
failed(struct journal *j, const struct replacement *r, const char *id, const char **why)
{
	bool started = strcmp(noted(j, "step"), "wait") == 0;
	const char *log = id && started ? keep_log(j, id) : NULL;

	*why = interrupted ? "interrupted" : *why;
	report("%s: %s failed: %s%s%s", r->place->name, r->verb, *why, log ? "; its log: " : "",
	    log ? log : "");
	event(&j->a->host, r->place->name, "failed", r->image.id, "%s: %s", r->verb, *why);
	if (r->keep_failed && started && !interrupted && !noted_true(j, "old_running")) {
		/* Nothing ran before: who looks for the reason finds the container. */
		if (noted(j, "old"))
			engine_remove(&j->a->engine, noted(j, "old"), false);
		return journal_end(j) ? EXIT_TROUBLE : EXIT_NO;
	}
	return undo(j, *why) ? EXIT_TROUBLE : EXIT_NO;
}

int
replace(struct journal *j, struct replacement *r, const char **why)
{
	const char *id = NULL;

	*why = "the engine couldn't be asked";
	if (note_old(j, r) || journal_step(j, "create"))
		return journal_end(j), EXIT_TROUBLE;
	*why = "the new container couldn't be made";
	if (create(j, r, &id) || exchange(j, r, id, why))
		return failed(j, r, id, why);
	if (r->promote) {
		*why = "the tags couldn't be moved";
		if (journal_step(j, "promote") || r->promote(j, r))
			return failed(j, r, id, why);
	}
	*why = "";
	event(&j->a->host, r->place->name, "started", r->image.id, "%s", r->verb);
	if (journal_step(j, "finish") || finish(j))
		return EXIT_TROUBLE;
	return EXIT_YES;
}

/* ---- after a kill ---- */

/* Past promote the new one was ready and the tags may be half moved: they are moved to the
 * end. Every other step leads back. */
static int
go_on(struct journal *j)
{
	const char *step = noted(j, "step"), *image = noted(j, "image"),
		   *name = noted(j, "name");
	bool promoting = step && strcmp(step, "promote") == 0;
	struct seen now;

	if (step && strcmp(step, "finish") == 0) {
		say("FINISH", "%s: the new container stays", j->place->name);
		return finish(j);
	}
	if (!promoting)
		return undo(j, pool_printf("it was cut off at '%s'", step ? step : "?"));
	if (!name || engine_see(&j->a->engine, name, &now) != 1 || !now.running ||
	    strcmp(now.image, image ? image : "") != 0)
		return undo(j, "it was cut off, and the new container doesn't run");
	if (move_tags(j->a, j->place, noted(j, "reference"), image,
		strcmp(noted(j, "verb"), "back") == 0))
		return undo(j, "it was cut off, and the tags couldn't be moved");
	event(&j->a->host, j->place->name, "started", image, "finished after it was cut off");
	say("FINISH", "%s: the new container stays", j->place->name);
	return finish(j);
}

int
recover(struct app *a, const struct place *p)
{
	struct journal j = {.a = a, .place = p};

	errno = 0;
	j.o = state_read(&a->host, p->name, journal_file);
	if (!j.o)
		return errno == EBADMSG ? -1 : 0;
	j.id = pool_dup(noted(&j, "id"));
	report("%s: an earlier '%s' was cut off at '%s'", p->name,
	    noted(&j, "verb") ? noted(&j, "verb") : "?",
	    noted(&j, "step") ? noted(&j, "step") : "?");
	wait_for_orphans(j.id ? j.id : "");
	if (!noted(&j, "name")) {
		say("FORGET", "%s: nothing was changed yet", p->name);
		return journal_drop(&j);
	}
	if (j.id)
		setenv("WHITTLE_TRANSACTION", j.id, 1);
	if (go_on(&j) == 0)
		return 0;
	json_decref(j.o);
	return -1;
}

int
recover_all(struct app *a)
{
	struct words names = {0};
	int bad = 0, lock;

	state_names(&a->host, &names);
	for (size_t i = 0; i < names.n; i++) {
		const struct place *p = place_find(a, names.w[i]);

		if (!p || !state_has(&a->host, names.w[i], journal_file) ||
		    state_is_locked(&a->host, names.w[i]))
			continue;
		lock = state_lock(&a->host, names.w[i], "d (recovery)", 0);
		if (lock < 0)
			continue;
		bad |= recover(a, p);
		close(lock);
	}
	return bad;
}
