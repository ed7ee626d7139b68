#include "life.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_args.h"
#include "engine_call.h"
#include "engine_end.h"
#include "engine_inspect.h"
#include "engine_json.h"
#include "generations.h"
#include "history.h"
#include "hooks.h"
#include "kube.h"
#include "lock.h"
#include "needs.h"
#include "networks.h"
#include "owner.h"
#include "relay.h"
#include "replace.h"
#include "report.h"
#include "say.h"
#include "secrets.h"
#include "select.h"
#include "service.h"
#include "sharing.h"
#include "signals.h"
#include "start.h"
#include "swarm.h"
#include "volumes.h"

/* ---- up ---- */

/* Under locks of their own, before this one's: what is needed is locked first. */
static int
start_needs(struct app *a, const struct container *c)
{
	struct seen now;

	for (size_t i = 0; i < c->needs.n; i++) {
		const struct need *need = &c->needs.v[i];
		const struct place *p = place_find(a, need->name);
		int got = engine_see(&a->engine, need->target, &now);

		if (got == 1 && now.running)
			continue;
		if (got < 0 || !p || up_one(a, p, UP_DEPENDENT) != EXIT_YES) {
			report("%s: '%s', which it needs, doesn't run", c->key, need->name);
			return -1;
		}
	}
	return 0;
}

/* What runs isn't what the settings and the tag say now. */
static void
say_if_other(
    struct app *a, const struct container *c, const struct seen *now, const struct image *image)
{
	char digest[SHA256_HEX];

	container_digest(c, digest);
	if (strcmp(now->image, image->id) != 0)
		say("UP", "%s runs already, with another image (%s, not %s): d R %s", c->key,
		    short_id(now->image), short_id(image->id), c->key);
	else if (!now->digest || strcmp(now->digest, digest) != 0)
		say("UP", "%s runs already, with other settings: d R %s", c->key, c->key);
	else if (secrets_changed(a, c, now->transaction))
		say("UP", "%s runs already, with other secrets: d R %s", c->key, c->key);
	else
		say("UP", "%s runs already", c->key);
}

static int
current_if_pinned(struct app *a, const struct place *p)
{
	const struct generation *now = generation_gone_back_to(&a->host, p->name);

	return now ? now->n : 0;
}

static int
up_in_foreground(struct app *a, struct container *c, const struct image *image)
{
	struct start s = {
	    .verb = "run", .image = image->id, .facts = image, .interactive = true};
	struct words args = {0};
	int status;

	if (network_ensure(a, c) || resolve_address(c) || volumes_before(a, c, image) ||
	    start_complete(a, c, NULL, &s) || secrets_place(a, c, &s))
		return EXIT_TROUBLE;
	engine_try(&a->engine, NULL, "rm", c->name, NULL); /* what an earlier one left */
	c->rm = true;
	engine_args(&args, &a->engine, c, &s);
	status = engine_attached(&a->engine, &args);
	secrets_end(a, c->name);
	return status;
}

/* 1 where there is nothing to do, since it runs; 0, with what has its name in r->old, or -1
 * after a message. */
static int
runs_already(struct app *a, const struct place *p, const struct container *c,
    struct replacement *r, enum up_how how)
{
	struct seen *now = pool_zero(1, sizeof(*now));
	int got = engine_see(&a->engine, c->name, now);

	if (got <= 0)
		return got;
	if (!owner_is_d(a, p, now))
		return -1;
	r->old = now;
	if (!now->running || (how == UP_RESTART && !c->fg))
		return 0;
	if (c->fg) {
		report("%s runs already", p->name);
		return -1;
	}
	if (how == UP_PLAIN)
		say_if_other(a, c, now, &r->image);
	return 1;
}

static int
up_locked(struct app *a, const struct place *p, struct container *c, enum up_how how)
{
	struct replacement r = {.verb = how == UP_RESTART ? "restart" : "up",
	    .place = p,
	    .want = c,
	    .settings = c->settings,
	    .generation = current_if_pinned(a, p),
	    .keep_failed = true};
	struct journal j;
	int got, status;

	if (wanted_image(a, c, &r.image))
		return EXIT_TROUBLE;
	got = runs_already(a, p, c, &r, how);
	if (got < 0)
		return EXIT_TROUBLE;
	if (got == 1)
		status = EXIT_YES;
	else if (c->fg)
		return up_in_foreground(a, c, &r.image);
	else if (journal_begin(a, p, r.verb, &j))
		return EXIT_TROUBLE;
	else
		status = replace(&j, &r);
	if (status == EXIT_YES && sharing_done(&a->host, p->name))
		status = EXIT_TROUBLE;
	return status;
}

/* Whether what it needs has to be looked at: not where it runs, and stays as it is. */
static int
is_to_start(struct app *a, const struct container *c, enum up_how how)
{
	struct seen now;
	int got;

	if (container_in_cluster(c)) /* its needs are services of their own */
		return 0;
	if (!c->needs.n || how == UP_RESTART)
		return c->needs.n > 0;
	got = engine_see(&a->engine, c->name, &now);
	return got < 0 ? -1 : got == 0 || !now.running;
}

int
up_described(struct app *a, const struct place *p, struct container *c, enum up_how how)
{
	struct locks locks;
	int status, start;

	if (needs_check(a, p->name) || resolve_needs(a, c))
		return EXIT_TROUBLE;
	start = is_to_start(a, c, how);
	if (start < 0)
		return EXIT_TROUBLE;
	if (start && start_needs(a, c))
		return EXIT_NO;
	if (lock_container(a, p, how == UP_DEPENDENT, &locks))
		return EXIT_TROUBLE;
	status = up_locked(a, p, c, how);
	unlock_container(&locks);
	return start_pending(a, status);
}

int
up_one(struct app *a, const struct place *p, enum up_how how)
{
	struct container c;

	return describe(a, p, false, &c) ? EXIT_TROUBLE : up_described(a, p, &c, how);
}

int
start_pending(struct app *a, int status)
{
	struct words names = a->restart_after;

	a->restart_after = (struct words){0};
	needs_sort(a, &names);
	for (size_t i = 0; i < names.n && !interrupted; i++) {
		const struct place *p = place_find(a, names.w[i]);

		if (p && up_one(a, p, UP_DEPENDENT) != EXIT_YES && status == EXIT_YES)
			status = EXIT_NO;
	}
	return status;
}

/* ---- down ---- */

/* What lives in its namespaces first, the last one first. Each is noted before, so that none
 * stays away where this one stays: see down_one(). */
static int
stop_all(struct app *a, const struct container *c, const struct seen *now,
    const struct words *sharing)
{
	for (size_t i = sharing->n; i > 0; i--)
		if (sharing_stop(a, sharing->w[i - 1], c->key, SHARING_WITH))
			return -1;
	say("STOP", "%s", c->key);
	if (engine_stop(&a->engine, now, c->stop_timeout))
		return -1;
	/* The engine removes it a moment later: whoever comes next must not meet it. */
	if (c->rm && engine_remove(&a->engine, now->id, true))
		return -1;
	if (c->rm)
		secrets_forget(c->name, NULL);
	for (size_t i = 0; i < sharing->n; i++)
		if (sharing_done(&a->host, sharing->w[i]))
			return -1;
	return 0;
}

static int
down_in_cluster(struct app *a, const struct container *c)
{
	int status = container_in_kube(c) ? kube_stop(a, c) : swarm_stop(a, c);

	if (status == EXIT_YES)
		event(&a->host, c->key, "stopped", NULL, "%s", "where it runs");
	return status;
}

static int
down_locked(struct app *a, const struct place *p)
{
	struct words sharing = {0}, stopped = {0};
	struct container c;
	struct seen now;
	const char *why;
	int got;

	if (describe(a, p, false, &c))
		return EXIT_TROUBLE;
	if (container_in_cluster(&c))
		return down_in_cluster(a, &c);
	if (sharing_with(a, p, &sharing, &stopped))
		return EXIT_TROUBLE;
	got = engine_see(&a->engine, c.name, &now);
	if (got < 0 || (got == 1 && !owner_is_d(a, p, &now)) || sharing_done(&a->host, p->name))
		return EXIT_TROUBLE;
	if (got == 0 || !now.running) {
		if (relay_remove(a, p, &c))
			return EXIT_TROUBLE;
		say("DOWN", "%s doesn't run", p->name);
		return EXIT_YES;
	}
	if (hook_run(a, &c, BEFORE_STOP, now.id, "down", &why)) {
		report("%s: not stopped: %s", p->name, why);
		return EXIT_NO;
	}
	if (stop_all(a, &c, &now, &sharing)) {
		for (size_t i = 0; i < sharing.n; i++)
			if (sharing_pending(&a->host, sharing.w[i]))
				words_add(&a->restart_after, sharing.w[i]);
		return EXIT_TROUBLE;
	}
	if (relay_remove(a, p, &c))
		return EXIT_TROUBLE;
	event(&a->host, p->name, "stopped", now.image, "%s", "");
	return EXIT_YES;
}

int
down_one(struct app *a, const struct place *p)
{
	struct locks locks;
	int status;

	if (lock_container(a, p, false, &locks))
		return EXIT_TROUBLE;
	status = down_locked(a, p);
	unlock_container(&locks);
	/* Where it stays, what shares its namespaces runs again. */
	return start_pending(a, status);
}
