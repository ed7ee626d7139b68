#include "swarm.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "digest.h"
#include "engine_json.h"
#include "export_compose.h"
#include "export_look.h"
#include "report.h"
#include "say.h"
#include "signals.h"
#include "strbuf.h"
#include "swarm_see.h"
#include "swarm_store.h"

enum {
	POLL_MS = 500,
	ASK_TRIES = 3,
	BACK_MS = 120 * 1000,
	DOWN_MS = 30 * 1000,
	BEGIN_MS = 2000
};

/* The service as it is to be. */
struct wanted {
	struct container c; /* with d's own labels */
	struct export_item item;
	char digest[SHA256_HEX];    /* of all of it but names that differ by registry and run */
	char contained[SHA256_HEX]; /* of what its containers are made from */
};

/* ---- what can't be ---- */

/* Data is where it is: Swarm would start an empty one elsewhere. */
static int
check_places(const struct export_item *i)
{
	if (!export_has_places(i) || i->c->rollout.placement.n)
		return 0;
	report("%s: its data is on one node: 'rollout: {placement: [...]}' has to say which",
	    i->c->key);
	return -1;
}

/* ---- what it is to be ---- */

static const char *
stack_text(const struct export_item *i)
{
	struct export x = {.to = TO_SWARM};

	*GROW(x.items) = *i;
	export_swarm(&x);
	return x.files.v[0].bytes;
}

static void
add_label(struct pairs *list, const char *key, const char *value)
{
	*GROW(*list) = (struct pair){key, value};
}

static void
digest_contained(struct wanted *w)
{
	struct strbuf b = STRBUF_INIT;

	container_digest(&w->c, w->contained);
	strbuf_printf(&b, "%s\n%s\n", w->contained, w->item.facts->id);
	for (size_t i = 0; i < w->item.secrets.n; i++)
		strbuf_printf(&b, "%s\n", w->item.secrets.w[i]);
	for (size_t i = 0; i < w->item.configs.n; i++)
		strbuf_printf(&b, "%s\n", w->item.configs.v[i].value);
	sha256_bytes(b.s, b.len, w->contained);
	strbuf_free(&b);
}

static int
want(struct app *a, const struct container *c, const struct image *image, struct wanted *w)
{
	const char *text;

	*w = (struct wanted){.c = *c};
	w->c.settings = NULL; /* nothing is kept for a way back from there */
	w->item = (struct export_item){.c = &w->c, .facts = image, .image = image->id};
	if (export_look(a, TO_SWARM, &w->item) || swarm_store_name(a, &w->item))
		return -1;
	text = stack_text(&w->item);
	sha256_bytes(text, strlen(text), w->digest);
	digest_contained(w);
	return 0;
}

static bool
has_update_ended(const struct swarm_service *s)
{
	return !*s->update || strcmp(s->update, "completed") == 0 ||
	       strcmp(s->update, "rollback_completed") == 0;
}

static bool
is_so(const struct swarm_service *s, const struct wanted *w)
{
	return strcmp(s->digest, w->digest) == 0 && strcmp(s->contained, w->contained) == 0 &&
	       s->replicas == w->c.rollout.replicas && has_update_ended(s) &&
	       swarm_running(s, NULL) >= s->replicas;
}

/* ---- bringing it there ---- */

static int
bring(struct journal *j, struct wanted *w, const char *transaction)
{
	struct pairs inside = {0};
	struct words args = {0};
	const char *text;

	for (size_t i = 0; i < w->c.labels.n; i++)
		add_label(&inside, w->c.labels.v[i].key, w->c.labels.v[i].value);
	add_label(&inside, SWARM_DIGEST, w->contained);
	add_label(&inside, SWARM_TRANSACTION, transaction);
	w->c.labels.v = inside.v;
	w->c.labels.n = inside.n;
	add_label(&w->item.labels, SWARM_KEY, w->c.key);
	add_label(&w->item.labels, SWARM_IMAGE, w->item.facts->id);
	add_label(&w->item.labels, SWARM_DIGEST, w->digest);
	text = stack_text(&w->item);
	words_add(&args, "stack");
	words_add(&args, "deploy");
	words_add(&args, "--with-registry-auth");
	words_add(&args, "--resolve-image");
	words_add(&args, "never");
	words_add(&args, "-c");
	words_add(&args, "-");
	words_add(&args, swarm_stack);
	return swarm_call(j->a, &args, text, strlen(text), NULL) ? -1 : 0;
}

/* ---- watching it ---- */

/* The error of a copy that ended by itself; NULL: none did. */
static const char *
ended(const struct swarm_service *s, const char *transaction, bool *image_failed)
{
	const char *why = NULL;

	for (size_t i = 0; i < s->tasks.n; i++) {
		const struct swarm_task *t = &s->tasks.v[i];
		bool ran = strcmp(t->state, "failed") == 0 || strcmp(t->state, "complete") == 0;

		if (strcmp(t->transaction, transaction) != 0 ||
		    (!ran && strcmp(t->state, "rejected") != 0))
			continue;
		*image_failed |= ran;
		if (!why || ran)
			why = pool_printf("on %s: %s", *t->node ? t->node : "a node",
			    *t->error ? t->error : "it ended");
	}
	return why;
}

/* Why one that is meant to run doesn't yet. */
static const char *
pending(const struct swarm_service *s, const char *transaction)
{
	for (size_t i = 0; i < s->tasks.n; i++)
		if (s->tasks.v[i].wanted && *s->tasks.v[i].error &&
		    strcmp(s->tasks.v[i].transaction, transaction) == 0)
			return s->tasks.v[i].error;
	return "copies of it aren't running yet";
}

static bool
begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Old copies that are meant to run are still to be replaced. */
static bool
others_run(const struct swarm_service *s, const char *transaction)
{
	return swarm_running(s, NULL) > swarm_running(s, transaction);
}

/* How far it is, from what Swarm says once. */
static enum roll_end
judge(const struct swarm_service *s, const char *transaction, bool had, struct roll *r)
{
	const char *why = ended(s, transaction, &r->image_failed);

	if (strcmp(s->transaction, transaction) != 0 || begins(s->update, "rollback")) {
		r->why = pool_printf("Swarm rolled it back: %s", why ? why
								 : *s->message
								     ? s->message
								     : "it isn't what runs");
		return strcmp(s->update, "rollback_started") == 0 ? ROLL_OPEN : ROLL_BACK;
	}
	if (strcmp(s->update, "paused") == 0) {
		r->why = pool_printf("Swarm paused the update: %s", why ? why : s->message);
		return ROLL_BACK;
	}
	if (!had && why) {
		r->why = why;
		return ROLL_BACK;
	}
	r->why = why ? why : pending(s, transaction);
	return strcmp(s->update, "updating") != 0 &&
		       swarm_running(s, transaction) >= s->replicas &&
		       !others_run(s, transaction)
		   ? ROLL_DONE
		   : ROLL_OPEN;
}

/* Until it has come to an end, the time is up or somebody interrupts. What nothing was before
 * has to stay as long as Swarm would watch an update. */
static enum roll_end
watch(struct journal *j, struct roll *r, const char *transaction, bool had, int64_t limit)
{
	int64_t begin = monotonic_ms(), since = -1,
		stable = had ? BEGIN_MS : r->c->ready.stable;
	struct swarm_service s;
	int unasked = 0, got;

	while (!interrupted && monotonic_ms() - begin < limit) {
		enum roll_end end;

		got = swarm_see(j->a, r->c, &s);
		unasked = got < 0 ? unasked + 1 : 0;
		if (unasked == ASK_TRIES) {
			r->why = "the swarm can't be asked how it went";
			return ROLL_OPEN;
		}
		if (got == 0) {
			r->why = "somebody removed the service";
			return ROLL_BACK;
		}
		end = got < 0 ? ROLL_OPEN : judge(&s, transaction, had, r);
		if (end == ROLL_BACK)
			return end;
		if (end != ROLL_DONE)
			since = -1;
		else if (since < 0)
			since = monotonic_ms();
		/* A moment after it was told Swarm hasn't begun yet: all looks as before. */
		if (since >= 0 && monotonic_ms() - since >= (*s.update ? 0 : stable))
			return ROLL_DONE;
		usleep(POLL_MS * 1000);
	}
	return ROLL_OPEN;
}

/* Where the time is up: the way back, by hand unless Swarm is on it. */
static enum roll_end
go_back(struct journal *j, struct roll *r, const char *transaction, bool had)
{
	const char *name = swarm_name(r->c), *why = r->why;
	struct swarm_service s;
	enum roll_end end;
	bool going;

	if (!had) {
		report("%s: not there within %" PRId64 " s: removing it", r->c->key,
		    r->c->rollout.within / 1000);
		return ROLL_BACK;
	}
	going = swarm_see(j->a, r->c, &s) == 1 && begins(s.update, "rollback");
	report("%s: not there within %" PRId64 " s: %s", r->c->key, r->c->rollout.within / 1000,
	    going ? "waiting for Swarm's rollback" : "rolling back");
	if (!going && swarm_do(j->a, NULL, "service", "rollback", "--detach", name, NULL))
		return ROLL_OPEN;
	end = watch(j, r, transaction, true, BACK_MS);
	if (!going)
		r->why = why;
	return end;
}

/* The digest that each node was told to run, which it can't run another image by. */
static void
tell_tasks(const struct swarm_service *s)
{
	for (size_t i = 0; i < s->tasks.n; i++) {
		const struct swarm_task *t = &s->tasks.v[i];
		const char *digest = strchr(t->image, '@');

		if (t->wanted && strcmp(t->state, "running") == 0)
			say("RUNS", "on %s: %.19s", t->node, digest ? digest + 1 : t->image);
	}
}

/* What has to be done at an end, by whoever finds it. */
static enum roll_end
settle(struct journal *j, struct roll *r, enum roll_end end)
{
	struct swarm_service s;

	if (end == ROLL_BACK && !journal_true(j, "had"))
		swarm_try(j->a, "service", "rm", swarm_name(r->c), NULL);
	if (end == ROLL_DONE && swarm_see(j->a, r->c, &s) == 1)
		tell_tasks(&s);
	if (end == ROLL_DONE || end == ROLL_BACK)
		swarm_store_tidy(j->a, r->c);
	return end;
}

/* ---- all of it ---- */

/* Where docker says that it failed: it may have been taken before the answer was lost. 1, 0, -1
 * after a message. */
static int
took_it(struct journal *j, struct roll *r, const struct wanted *w)
{
	struct swarm_service s;
	int got = swarm_see(j->a, r->c, &s);

	if (got < 0)
		r->why = "the swarm can't be asked how it went";
	return got < 1 ? got : strcmp(s.digest, w->digest) == 0;
}

static enum roll_end
roll(struct journal *j, struct roll *r, struct wanted *w, const char *transaction, bool had)
{
	enum roll_end end;

	json_object_set_new(j->o, "swarm", json_string(transaction));
	json_object_set_new(j->o, "had", json_boolean(had));
	if (journal_step(j, "deploy"))
		return ROLL_REFUSED;
	say("DEPLOY", "%s %s to the swarm", r->c->key, short_id(r->image->id));
	r->why = "the swarm didn't take it";
	if (bring(j, w, transaction)) {
		int took = took_it(j, r, w);

		if (took < 1)
			return took < 0 ? ROLL_OPEN : settle(j, r, ROLL_BACK);
	}
	if (journal_step(j, "wait"))
		return ROLL_OPEN;
	r->why = "copies of it aren't running yet";
	end = watch(j, r, transaction, had, r->c->rollout.within);
	if (end == ROLL_OPEN && interrupted)
		r->why = "interrupted";
	else if (end == ROLL_OPEN &&
		 strcmp(r->why, "the swarm can't be asked how it went") != 0)
		end = go_back(j, r, transaction, had);
	return settle(j, r, end);
}

enum roll_end
swarm_deploy(struct journal *j, struct roll *r)
{
	const struct swarm_access *to = &j->a->host.swarm;
	const char *transaction = j->id;
	struct swarm_service now;
	struct wanted w;
	int had;

	if (!roll_reachable(j, r, "swarm", to->registry))
		return ROLL_REFUSED;
	had = swarm_see(j->a, r->c, &now);
	if (had < 0 || want(j->a, r->c, r->image, &w) || roll_losses(TO_SWARM, &w.item) ||
	    check_places(&w.item))
		return ROLL_REFUSED;
	if (had && strcmp(now.key, r->c->key) != 0) {
		report("%s: the swarm has a service '%s' that d didn't make", r->c->key,
		    swarm_name(r->c));
		return ROLL_REFUSED;
	}
	if (had && !r->again && is_so(&now, &w))
		return ROLL_SAME;
	/* Copies that stay as they are aren't replaced. */
	if (had && !r->again && *now.transaction && strcmp(now.contained, w.contained) == 0)
		transaction = now.transaction;
	w.item.image = roll_image(j->a, r, to->registry, to->plain);
	if (!w.item.image || swarm_store_fill(j->a, &w.item) || interrupted)
		return ROLL_REFUSED;
	return roll(j, r, &w, transaction, had == 1);
}

enum roll_end
swarm_look(struct journal *j, struct roll *r)
{
	const char *transaction = journal_text(j, "swarm");
	bool had = journal_true(j, "had");
	struct swarm_service s;
	int got = swarm_see(j->a, r->c, &s);

	r->why =
	    got < 0 ? "the swarm can't be asked how it went" : "the swarm has no such service";
	if (got <= 0)
		return got < 0 ? ROLL_OPEN : ROLL_BACK;
	return settle(j, r, judge(&s, transaction, had, r));
}

/* ---- the others ---- */

int
swarm_stop(struct app *a, const struct container *c)
{
	int64_t begin = monotonic_ms(), limit = c->stop_timeout + DOWN_MS;
	struct swarm_service s;
	int got = swarm_see(a, c, &s);

	if (got == 0 || (got == 1 && !s.replicas && !swarm_running(&s, NULL))) {
		say("DOWN", "%s doesn't run", c->key);
		return EXIT_YES;
	}
	say("STOP", "%s", c->key);
	if (got < 0 || swarm_do(a, NULL, "service", "scale", "--detach",
			   pool_printf("%s=0", swarm_name(c)), NULL))
		return EXIT_TROUBLE;
	while (!interrupted && monotonic_ms() - begin < limit) {
		bool any = false;

		if (swarm_see(a, c, &s) < 0)
			return EXIT_TROUBLE;
		for (size_t i = 0; i < s.tasks.n; i++)
			any |= strcmp(s.tasks.v[i].state, "running") == 0;
		if (!any)
			return EXIT_YES;
		usleep(POLL_MS * 1000);
	}
	report("%s: copies of it run on", c->key);
	return EXIT_NO;
}

const char *
swarm_todo(struct app *a, const struct container *c, const struct image *live)
{
	struct swarm_service s;
	struct wanted w;
	int got = swarm_see(a, c, &s);

	if (got < 1 || !live || strcmp(s.image_id, live->id) != 0)
		return roll_todo(c, live, got, s.image_id);
	if (want(a, c, live, &w))
		return "can't be told";
	if (strcmp(s.contained, w.contained) != 0 || strcmp(s.digest, w.digest) != 0)
		return "restart: its settings or secrets changed";
	if (!has_update_ended(&s))
		return pool_printf("wait: Swarm's update is %s", s.update);
	if (swarm_running(&s, NULL) < c->rollout.replicas)
		return pool_printf("up: %" PRId64 " of %" PRId64 " run",
		    swarm_running(&s, NULL), c->rollout.replicas);
	return NULL;
}
