#include "replace.h"

#include <jansson.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine_args.h"
#include "engine_call.h"
#include "engine_end.h"
#include "engine_inspect.h"
#include "engine_json.h"
#include "explain.h"
#include "generations.h"
#include "history.h"
#include "hooks.h"
#include "kube.h"
#include "mounts.h"
#include "networks.h"
#include "owner.h"
#include "ready.h"
#include "relay.h"
#include "rename.h"
#include "report.h"
#include "say.h"
#include "secrets.h"
#include "service.h"
#include "sharing.h"
#include "signals.h"
#include "snapshots.h"
#include "start.h"
#include "state.h"
#include "strbuf.h"
#include "swarm.h"
#include "tags.h"
#include "volumes.h"

/* ---- reasons ---- */

static const char *plain_why, *first_said;

static void
hear(const char *text)
{
	if (!first_said)
		first_said = pool_dup(text);
}

/* From here on what fails does so for this reason; the first that is said meanwhile says why.
 */
static void
begin(struct replacement *r, const char *why)
{
	r->why = plain_why = why;
	first_said = NULL;
	report_heard = hear;
}

/* The command and its container's ID, another one each time, are nothing to whoever reads the
 * reason elsewhere. */
static const char *
behind_ids(const char *text)
{
	for (const char *p = text; *p;) {
		size_t hex = strspn(p, "0123456789abcdef");

		p += hex ? hex : 1;
		if (hex == IMAGE_HEX)
			text = p + strspn(p, "\"'): ");
	}
	return text;
}

static const char *
whole_why(const struct replacement *r)
{
	const char *said =
	    r->why && r->why == plain_why && first_said ? behind_ids(first_said) : "";

	return *said ? pool_printf("%s: %s", r->why, said) : r->why;
}

/* ---- steps ---- */

/* Removes every container that the transaction made. */
static int
remove_made(struct journal *j)
{
	const char *made = journal_text(j, "new");
	struct words ids = {0};
	struct seen now;
	int bad =
	    engine_ids(&j->a->engine, &ids, pool_printf("whittle.transaction=%s", j->id), NULL);

	for (size_t i = 0; i < ids.n; i++)
		bad |= engine_remove(&j->a->engine, ids.w[i], false);
	if (!made || bad)
		return bad ? -1 : 0;
	/* Whatever the list said: this one is known by its ID. */
	bad = engine_see(&j->a->engine, made, &now);
	return bad == 1 ? engine_remove(&j->a->engine, made, false) : bad;
}

static int
create(struct journal *j, const struct replacement *r, const char **id)
{
	struct strbuf out = STRBUF_INIT;
	const char *name =
	    journal_text(j, "old") ? pool_printf("%s.new", r->want->name) : r->want->name;
	struct start s = {.verb = "create",
	    .name = name,
	    .image = r->image.id,
	    .facts = &r->image,
	    .settings_of = r->want,
	    .transaction = j->id};
	struct container c = *r->want;
	struct words args = {0};
	int bad;

	if (resolve_address(r->want) || network_ensure(j->a, r->want) ||
	    relay_address(j, r->want, &c) || volumes_before(j->a, r->want, &r->image) ||
	    start_complete(j->a, r->want, journal_text(j, "old"), &s) ||
	    relay_shares(r->want, &s) || secrets_place(j->a, r->want, &s))
		return -1;
	engine_args(&args, &j->a->engine, &c, &s);
	bad = engine_words_try(&j->a->engine, &out, &args);
	if (bad) { /* once more, with the name cleared */
		strbuf_cut(&out, 0);
		bad = clear_name(j, name) || engine_words(&j->a->engine, &out, &args);
	}
	*id = bad ? NULL : engine_created(&j->a->engine, &out);
	strbuf_free(&out);
	if (!*id)
		return -1;
	json_object_set_new(j->o, "new", json_string(*id));
	return network_join(j->a, &c, *id) || volumes_after(j->a, r->want, &r->image, *id) ? -1
											   : 0;
}

static int
swap_names(struct journal *j, const struct replacement *r, const char *id)
{
	const char *old = journal_text(j, "old"), *name = r->want->name;
	struct seen now;

	if (!old)
		return 0;
	/* A name is one container's: where the new one has it, the old one gave it away. */
	if (engine_try(&j->a->engine, NULL, "rename", old, pool_printf("%s.old", name), NULL) ==
		0 &&
	    engine_try(&j->a->engine, NULL, "rename", id, name, NULL) == 0 &&
	    engine_see(&j->a->engine, id, &now) == 1 && strcmp(now.name, name) == 0)
		return 0;
	return rename_to(j, old, pool_printf("%s.old", name)) || rename_to(j, id, name) ? -1
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

int
replace_drop(struct journal *j)
{
	/* The pipeline moves none before the promotion, and who promotes by hand shall. */
	return (!j->place->makefile && tags_restore(j)) || journal_end(j) ? -1 : 0;
}

static void
note_dependents(struct journal *j)
{
	json_t *name;
	size_t i;

	json_array_foreach (json_object_get(j->o, "dependents"), i, name)
		if (json_is_string(name))
			words_add(&j->a->restart_after, json_string_value(name));
}

/* The old container under its own name again, and running where it ran. */
static int
restore_old(struct journal *j)
{
	const char *old = journal_text(j, "old"), *name = journal_text(j, "name");

	if (!old || !name || put_back(j, old, name, journal_true(j, "old_running")) == 0)
		return 0;
	report("%s: the old container could not be restored; d recover tries again",
	    j->place->name);
	return -1;
}

/* The data as the old container left it, if the new one may have changed it. */
static int
restore_data(struct journal *j, const char *why)
{
	const char *name = j->place->name;

	if (!journal_true(j, "data_at_risk"))
		return 0;
	if (snapshot_restore(j->a, name, j->id, pool_printf("%s-failed", j->id),
		pool_printf("left by a failed %s: %s", journal_text(j, "verb"), why)))
		return -1;
	event(&j->a->host, name, "data-restored", NULL, "%s", why);
	return journal_set(j, "data_at_risk", json_false());
}

static int
prune_snapshots(struct journal *j)
{
	return snapshots_prune(
	    j->a, j->place->name, json_integer_value(json_object_get(j->o, "keep")));
}

/* 1, 0, or -1 where the engine can't tell. */
static int
old_is_gone(const struct journal *j)
{
	const char *old = journal_text(j, "old");
	struct seen now;
	int got = old ? engine_see(&j->a->engine, old, &now) : 1;

	return got < 0 ? -1 : got == 0;
}

/* A second Ctrl-C changes nothing: the way back is gone to its end. */
int
replace_undo(struct journal *j, const char *why)
{
	const char *verb = journal_text(j, "verb");
	int gone;

	interrupted = 0;
	gone = old_is_gone(j);
	if (gone < 0)
		return -1;
	if (gone) {
		report("%s: somebody removed the old container: the new one stays",
		    j->place->name);
		return replace_finish(j);
	}
	if (relay_leave(j) || remove_made(j) || restore_data(j, why) || restore_old(j) ||
	    relay_back(j) || tags_restore(j))
		return -1;
	note_dependents(j);
	if (verb && strcmp(verb, "up") == 0)
		event_repeated(&j->a->host, j->place->name, "gone-back",
		    journal_text(j, "image"), "%s: %s", verb, why);
	else
		event(&j->a->host, j->place->name, "gone-back", journal_text(j, "image"),
		    "%s: %s", verb, why);
	if (journal_text(j, "old") && journal_true(j, "old_running"))
		say("BACK", "%s: the old container runs again", j->place->name);
	prune_snapshots(j);
	secrets_drop(journal_text(j, "name"), j->id);
	return journal_end(j);
}

static int
tag_generation(struct journal *j, int n, const char *image)
{
	return engine_call(&j->a->engine, NULL, "tag", image,
		   generation_tag(&j->a->host, j->place->name, n), NULL)
		   ? -1
		   : 0;
}

/* What ran before d kept generations is one to go back to as well. */
static int
add_first(struct journal *j, struct generations *g, const char *text)
{
	const char *old = journal_text(j, "old_image");

	g->v = pool_zero(3, sizeof(*g->v));
	if (!old || strcmp(old, journal_text(j, "image")) == 0)
		return 0;
	g->v[g->n++] = (struct generation){1, old, text, state_now()};
	return tag_generation(j, 1, old);
}

static int
record_generation(struct journal *j, int back_to)
{
	const struct host *h = &j->a->host;
	const char *image = journal_text(j, "image"), *text = journal_text(j, "settings");
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
		engine_try(&j->a->engine, NULL, "rmi",
		    generation_tag(&j->a->host, j->place->name, first), NULL);
	return 0;
}

/* Stops those that live in the old one's namespaces, the last one first. */
static int
stop_dependents(struct journal *j)
{
	json_t *list = json_object_get(j->o, "dependents");

	for (size_t i = json_array_size(list); i > 0; i--)
		if (sharing_stop(j->a, json_string_value(json_array_get(list, i - 1)),
			j->place->name, SHARING_BACK))
			return -1;
	return 0;
}

/* Where both run: what comes goes to the new one, and the old one stops once what it has is
 * done. Like all the last steps it can be done again. */
static int
hand_over(struct journal *j)
{
	const struct engine *e = &j->a->engine;
	const char *old = journal_text(j, "old"), *new = journal_text(j, "new"),
		   *name = journal_text(j, "name");
	struct seen now;
	int got;

	if (!journal_true(j, "beside"))
		return 0;
	got = old ? engine_see(e, old, &now) : 0;
	if (got < 0 || relay_move(j))
		return -1;
	if (got && now.running) {
		say("DRAIN", "%s", j->place->name);
		relay_drain(j, now.pid);
		if (stop_dependents(j))
			return -1;
		say("STOP", "%s", j->place->name);
		/* It is removed next, whatever comes of this. */
		engine_stop(e, &now, json_integer_value(json_object_get(j->o, "stop_timeout")));
	}
	return (got && rename_to(j, old, pool_printf("%s.old", name))) ||
		       rename_to(j, new, name)
		   ? -1
		   : 0;
}

/* The last steps; all of them can be done again. */
int
replace_finish(struct journal *j)
{
	const struct engine *e = &j->a->engine;
	const char *old = journal_text(j, "old");
	int got = 1;

	if (hand_over(j) ||
	    record_generation(j, (int)json_integer_value(json_object_get(j->o, "back_to"))))
		return -1;
	/* What counts is what is there afterwards: one that stays would be in the next one's
	 * way. */
	for (int tries = 0; old && got == 1 && tries < 2; tries++) {
		engine_remove(e, old, false);
		got = engine_exists(e, "container", old);
	}
	if (old && got) {
		report("%s: the old container is still there", j->place->name);
		return -1;
	}
	if (relay_finish(j))
		return -1;
	owner_forget(j->a, j->place);
	note_dependents(j);
	prune_snapshots(j);
	if (journal_text(j, "name"))
		secrets_forget(journal_text(j, "name"), j->id);
	return journal_end(j);
}

/* ---- all of it ---- */

static void
note_new(struct journal *j, const struct replacement *r)
{
	json_object_set_new(j->o, "name", json_string(r->want->name));
	json_object_set_new(j->o, "image", json_string(r->image.id));
	json_object_set_new(j->o, "reference", json_string(container_image(r->want)));
	json_object_set_new(j->o, "settings", json_string(r->settings ? r->settings : ""));
	json_object_set_new(j->o, "back_to", json_integer(r->generation));
	json_object_set_new(
	    j->o, "keep", json_integer(r->want->keep > 0 ? r->want->keep : j->a->host.keep));
}

/* What a way back needs, before anything changes. */
static int
note_old(struct journal *j, const struct replacement *r)
{
	struct words dependents = {0}, stopped = {0};
	struct seen old = r->old ? *r->old : (struct seen){0};
	int got = r->old ? 1 : engine_see(&j->a->engine, r->want->name, &old);
	json_t *list = json_array();

	if (got < 0 || (got == 1 && !owner_is_d(j->a, r->place, &old)) ||
	    sharing_with(j->a, r->place, &dependents, &stopped)) {
		json_decref(list);
		return -1;
	}
	for (size_t i = 0; i < dependents.n; i++)
		json_array_append_new(list, json_string(dependents.w[i]));
	/* What doesn't run has to go all the same: it holds on to the old one's namespaces. */
	for (size_t i = stopped.n; i > 0; i--)
		if (sharing_stop(j->a, stopped.w[i - 1], r->place->name, SHARING_STAYS)) {
			json_decref(list);
			return -1;
		}
	json_object_set_new(j->o, "dependents", list);
	note_new(j, r);
	if (got == 1) {
		json_object_set_new(j->o, "old", json_string(old.id));
		json_object_set_new(j->o, "old_image", json_string(old.image));
		json_object_set_new(j->o, "old_running", json_boolean(old.running));
		json_object_set_new(j->o, "old_pid", json_integer(old.pid));
	}
	json_object_set_new(j->o, "stop_timeout", json_integer(r->want->stop_timeout));
	return relay_note(j, r->want, !r->data && !r->snapshot);
}

/* Whether the data is copied: another image may change it. */
static bool
takes_snapshot(const struct journal *j, const struct replacement *r)
{
	const char *old = journal_text(j, "old_image");

	return r->want->data.paths.n && (r->snapshot || (old && strcmp(old, r->image.id) != 0));
}

/* While nothing runs: the data is copied, or replaced by an earlier copy. */
static int
settle_data(struct journal *j, const struct replacement *r)
{
	/* Nothing serves now: a step that isn't one costs the service the time to write it. */
	if (!r->data && !takes_snapshot(j, r))
		return 0;
	if (journal_step(j, "data"))
		return -1;
	if (r->data)
		return journal_set(j, "data_at_risk", json_true()) ||
			       snapshot_restore(j->a, r->place->name, r->data, j->id,
				   "left when its data went back")
			   ? -1
			   : 0;
	if (snapshot_take(j->a, r->want, j->id,
		r->snapshot ? "by hand" : pool_printf("before %s", short_id(r->image.id))))
		return -1;
	return r->want->data.restore && !r->snapshot
		   ? journal_set(j, "data_at_risk", json_true())
		   : 0;
}

/* What its settings have to say before it stops, while it can still be asked. */
static int
ask_old(struct journal *j, const struct replacement *r, const char *old, const char **why)
{
	return hook_run(j->a, r->want, BEFORE_STOP, old, r->verb, why) ||
		       (takes_snapshot(j, r) &&
			   hook_run(j->a, r->want, BEFORE_SNAPSHOT, old, r->verb, why))
		   ? -1
		   : 0;
}

/* Stops what runs: those that live in its namespaces first. */
static int
stop_old(struct journal *j, const struct replacement *r)
{
	struct seen old = {.id = journal_text(j, "old"),
	    .name = r->want->name,
	    .pid = (pid_t)json_integer_value(json_object_get(j->o, "old_pid"))};

	if (stop_dependents(j))
		return -1;
	if (!old.id || !journal_true(j, "old_running"))
		return 0;
	say("STOP", "%s", r->place->name);
	return engine_stop(&j->a->engine, &old, r->want->stop_timeout);
}

/* r->image_failed tells an image that ran, and ended or never became ready, from a host that
 * couldn't start it. */
static int
stays_ready(struct journal *j, struct replacement *r, const char *id, void (*progress)(void *),
    const struct timespec *since)
{
	const struct engine *e = &j->a->engine;
	enum readiness ready =
	    ready_wait(e, r->want, id, r->image.health, progress, (void *)since, &r->why);
	struct seen now;

	if (ready == READY_YES)
		return 0;
	r->image_failed =
	    ready == READY_NEVER && !interrupted && engine_see(e, id, &now) == 1 && now.started;
	return -1;
}

/* Until it is ready, and nobody says no. */
static int
wait_for_new(
    struct journal *j, struct replacement *r, const char *id, const struct timespec *since)
{
	if (!journal_true(j, "old_running"))
		r->want->ready.stable = 0; /* there is nothing to go back to */
	if (stays_ready(j, r, id, say_ready, since)) {
		if (!interrupted)
			explain(j->a, r->want, &r->image, id);
		return -1;
	}
	if (hook_run(j->a, r->want, AFTER_READY, id, r->verb, &r->why) == 0)
		return 0;
	r->image_failed = !interrupted;
	return -1;
}

/* The old one stops, and its data is copied or put back, while no job has it. */
static int
stop_and_settle(
    struct journal *j, struct replacement *r, const char *id, struct timespec *since)
{
	begin(r, "it couldn't be put in place");
	if (interrupted || journal_step(j, "swap") || swap_names(j, r, id) ||
	    journal_step(j, "stop"))
		return -1;
	clock_gettime(CLOCK_MONOTONIC, since);
	if (stop_old(j, r) || relay_aside(j))
		return -1;
	begin(r, "its data couldn't be copied or put back");
	return interrupted || settle_data(j, r) ? -1 : 0;
}

/* What is copied or put back, nobody may write to. */
static int
hold_jobs(struct journal *j, struct replacement *r, struct jobs_held *held)
{
	if ((!r->data && !takes_snapshot(j, r)) || jobs_hold(j->a, r->want, held, &r->why) == 0)
		return 0;
	r->put_off = r->due && !interrupted;
	return -1;
}

/* From swap to a container that is ready. */
static int
exchange(struct journal *j, struct replacement *r, const char *id)
{
	const struct engine *e = &j->a->engine;
	struct jobs_held held = {0};
	struct timespec since;
	int bad;

	if (journal_text(j, "old") && journal_true(j, "old_running") &&
	    ask_old(j, r, journal_text(j, "old"), &r->why))
		return -1;
	if (hold_jobs(j, r, &held))
		return -1;
	bad = stop_and_settle(j, r, id, &since);
	jobs_let_go(&held);
	if (bad)
		return -1;
	if (interrupted || journal_step(j, "start"))
		return -1;
	say("START", "%s %s", r->place->name, short_id(r->image.id));
	begin(r, "it couldn't be started");
	/* The relay first: it holds what comes until there is somebody who takes it. */
	if (relay_begin(j, r->want))
		return -1;
	if (engine_start(e, id)) {
		explain(j->a, r->want, &r->image, id);
		return -1;
	}
	if (journal_step(j, "wait"))
		return -1;
	return wait_for_new(j, r, id, &since);
}

/* The same where the old one runs on: the new one is ready before anything comes to it, and the
 * old one is there to go back to until it has been ready for its time. */
static int
exchange_beside(struct journal *j, struct replacement *r, const char *id)
{
	int64_t stable = r->want->ready.stable;
	struct timespec since;
	bool good;

	clock_gettime(CLOCK_MONOTONIC, &since);
	if (interrupted || journal_step(j, "start"))
		return -1;
	say("START", "%s %s", r->place->name, short_id(r->image.id));
	begin(r, "it couldn't be started");
	if (engine_start(&j->a->engine, id) || journal_step(j, "wait"))
		return -1;
	r->want->ready.stable = 0;
	good = wait_for_new(j, r, id, &since) == 0;
	r->want->ready.stable = stable;
	if (!good || ask_old(j, r, journal_text(j, "old"), &r->why))
		return -1;
	begin(r, "what comes couldn't be moved to it");
	if (journal_step(j, "move") || relay_move(j))
		return -1;
	say("MOVE", "%s", r->place->name);
	return stays_ready(j, r, id, NULL, &since);
}

static void
tell_failure(const struct journal *j, struct replacement *r, const char *log)
{
	const char *whole;

	if (interrupted)
		r->why = "interrupted";
	whole = whole_why(r);
	report("%s: %s %s: %s%s%s", r->place->name, r->verb,
	    r->put_off ? "was put off" : "failed", r->why, log ? "; its log: " : "",
	    log ? log : "");
	if (r->put_off)
		return;
	/* What was said is seen here, and nowhere else. */
	r->why = whole;
	if (strcmp(r->verb, "up") == 0)
		event_repeated(&j->a->host, r->place->name, "failed", r->image.id, "%s: %s",
		    r->verb, r->why);
	else
		event(&j->a->host, r->place->name, "failed", r->image.id, "%s: %s", r->verb,
		    r->why);
}

static int
failed(struct journal *j, struct replacement *r, const char *id)
{
	const char *step = journal_text(j, "step");
	bool started = strcmp(step, "wait") == 0 || strcmp(step, "move") == 0;
	const char *log = id && started ? keep_log(j, id) : NULL;

	tell_failure(j, r, log);
	if (r->keep_failed && started && !interrupted && !journal_true(j, "old_running") &&
	    !journal_true(j, "data_at_risk")) {
		/* Nothing ran before: who looks for the reason finds the container. */
		if (journal_text(j, "old"))
			engine_remove(&j->a->engine, journal_text(j, "old"), false);
		return journal_end(j) ? EXIT_TROUBLE : EXIT_NO;
	}
	return replace_undo(j, r->why) ? EXIT_TROUBLE : EXIT_NO;
}

/* ---- in a swarm or a cluster ---- */

/* Both ways have been gone by others: what is left is to write it down. */
static int
cluster_ended(struct journal *j, struct replacement *r, enum roll_end end)
{
	const char *name = r->place->name;

	switch (end) {
	case ROLL_SAME:
	case ROLL_DONE:
		if (r->promote && (journal_step(j, "promote") || r->promote(j, r)))
			break;
		if (end == ROLL_SAME)
			say("SAME", "%s runs %s already", name, short_id(r->image.id));
		else
			event(&j->a->host, name, "started", r->image.id, "%s", r->verb);
		if (journal_step(j, "finish") || replace_finish(j))
			break;
		return EXIT_YES;
	case ROLL_BACK:
		report("%s: %s failed: %s", name, r->verb, r->why);
		event(&j->a->host, name, "failed", r->image.id, "%s: %s", r->verb, r->why);
		if (journal_true(j, "had"))
			event(&j->a->host, name, "gone-back", r->image.id, "%s: %s", r->verb,
			    r->why);
		return tags_restore(j) || journal_end(j) ? EXIT_TROUBLE : EXIT_NO;
	case ROLL_OPEN:
		report("%s: %s: it goes on by itself; d recover writes down how it ended", name,
		    r->why);
		break;
	case ROLL_REFUSED:
		return replace_drop(j), EXIT_TROUBLE;
	}
	journal_close(j);
	return interrupted ? 130 : EXIT_TROUBLE;
}

static int
replace_in_cluster(struct journal *j, struct replacement *r)
{
	struct roll roll = {
	    .c = r->want, .image = &r->image, .again = strcmp(r->verb, "restart") == 0};
	enum roll_end end;

	note_new(j, r);
	end = container_in_kube(r->want) ? kube_deploy(j, &roll) : swarm_deploy(j, &roll);
	r->why = roll.why;
	r->image_failed = roll.image_failed && end == ROLL_BACK;
	return cluster_ended(j, r, end);
}

int
replace_look_in_cluster(struct journal *j, struct replacement *r)
{
	struct roll roll = {.c = r->want, .image = &r->image};
	enum roll_end end =
	    journal_text(j, "kube") ? kube_look(j, &roll) : swarm_look(j, &roll);

	r->why = roll.why;
	r->image_failed = roll.image_failed && end == ROLL_BACK;
	return cluster_ended(j, r, end);
}

int
replace(struct journal *j, struct replacement *r)
{
	struct jobs_held held = {0};
	const char *id = NULL;

	if (container_in_cluster(r->want))
		return replace_in_cluster(j, r);
	begin(r, "the engine couldn't be asked");
	if (mounts_check(j->a, r->want) || note_old(j, r))
		return replace_drop(j), EXIT_TROUBLE;
	/* A job that runs is waited for before anything is made; hooks may start one yet. */
	if (!journal_true(j, "beside") && hold_jobs(j, r, &held)) {
		tell_failure(j, r, NULL);
		return replace_drop(j) ? EXIT_TROUBLE : EXIT_NO;
	}
	jobs_let_go(&held);
	if (journal_step(j, "create"))
		return replace_drop(j), EXIT_TROUBLE;
	begin(r, "the new container couldn't be made");
	if (create(j, r, &id) ||
	    (journal_true(j, "beside") ? exchange_beside(j, r, id) : exchange(j, r, id)))
		return failed(j, r, id);
	if (r->promote && hook_run(j->a, r->want, BEFORE_PROMOTE, id, r->verb, &r->why)) {
		r->image_failed = !interrupted;
		return failed(j, r, id);
	}
	if (r->promote) {
		begin(r, "the tags couldn't be moved");
		if (journal_step(j, "promote") || r->promote(j, r))
			return failed(j, r, id);
	}
	r->why = "";
	event(&j->a->host, r->place->name, "started", r->image.id, "%s", r->verb);
	mounts_remember(j->a, r->want);
	if (journal_step(j, "finish") || replace_finish(j))
		return EXIT_TROUBLE;
	return EXIT_YES;
}
