#include "life.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine_args.h"
#include "engine_call.h"
#include "engine_inspect.h"
#include "engine_json.h"
#include "generations.h"
#include "history.h"
#include "hooks.h"
#include "journal.h"
#include "networks.h"
#include "recover.h"
#include "replace.h"
#include "report.h"
#include "say.h"
#include "select.h"
#include "service.h"
#include "sharing.h"
#include "start.h"
#include "state.h"
#include "volumes.h"

enum { OTHERS_WAIT_MS = 10 * 60 * 1000 };

/* How long a lock that another holds is waited for; WHITTLE_WAIT says seconds. */
static unsigned
patience(bool for_another)
{
	const char *text = getenv("WHITTLE_WAIT");

	return for_another ? OTHERS_WAIT_MS : text ? (unsigned)atoi(text) * 1000 : 0;
}

int
lock_container(struct app *a, const struct place *p, bool for_another)
{
	int fd = state_lock(&a->host, p->name, pool_printf("'d %s %s'", a->called_as, p->name),
	    patience(for_another));

	if (fd >= 0 && recover(a, p)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* ---- up ---- */

static int
start_needs(struct app *a, const struct container *c)
{
	struct seen now;

	for (size_t i = 0; i < c->needs.n; i++) {
		const struct need *need = &c->needs.v[i];
		const struct place *p = place_find(a, need->name);

		if (engine_see(&a->engine, need->target, &now) == 1 && now.running)
			continue;
		if (!p || up_one(a, p, UP_DEPENDENT) != EXIT_YES) {
			report("%s: '%s', which it needs, doesn't run", c->key, need->name);
			return -1;
		}
	}
	return 0;
}

/* What runs isn't what the settings and the tag say now. */
static void
say_if_other(const struct container *c, const struct seen *now, const struct image *image)
{
	char digest[SHA256_HEX];

	container_digest(c, digest);
	if (strcmp(now->image, image->id) != 0)
		say("UP", "%s runs already, with another image (%s, not %s): d R %s", c->key,
		    short_id(now->image), short_id(image->id), c->key);
	else if (!now->digest || strcmp(now->digest, digest) != 0)
		say("UP", "%s runs already, with other settings: d R %s", c->key, c->key);
	else
		say("UP", "%s runs already", c->key);
}

static const char *
settings_text(struct app *a, const struct place *p)
{
	const struct generation *now = generation_gone_back_to(&a->host, p->name);

	return now ? now->settings : place_settings(p);
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

	if (network_ensure(a, c) || resolve_address(c) || volumes_before(a, c, image) ||
	    start_complete(a, c, NULL, &s))
		return EXIT_TROUBLE;
	engine_try(&a->engine, NULL, "rm", c->name, NULL); /* what an earlier one left */
	c->rm = true;
	engine_args(&args, &a->engine, c, &s);
	return engine_attached(&a->engine, &args);
}

int
up_described(struct app *a, const struct place *p, struct container *c, enum up_how how)
{
	struct image image;
	struct seen now;
	struct journal j;
	const char *why;
	int got;

	if (resolve_needs(a, c) || wanted_image(a, c, &image))
		return EXIT_TROUBLE;
	got = engine_see(&a->engine, c->name, &now);
	if (got < 0)
		return EXIT_TROUBLE;
	if (got == 1 && now.running && how != UP_RESTART) {
		if (how == UP_PLAIN)
			say_if_other(c, &now, &image);
		return EXIT_YES;
	}
	if (start_needs(a, c))
		return EXIT_NO;
	if (c->fg)
		return got == 1 && now.running ? (report("%s runs already", p->name), EXIT_NO)
					       : up_in_foreground(a, c, &image);
	if (journal_begin(a, p, how == UP_RESTART ? "restart" : "up", &j))
		return EXIT_TROUBLE;
	return replace(&j,
	    &(struct replacement){.verb = how == UP_RESTART ? "restart" : "up",
		.place = p,
		.want = c,
		.image = image,
		.settings = settings_text(a, p),
		.generation = current_if_pinned(a, p),
		.keep_failed = true},
	    &why);
}

static int
up_locked(struct app *a, const struct place *p, enum up_how how)
{
	struct container c;

	return describe(a, p, false, &c) ? EXIT_TROUBLE : up_described(a, p, &c, how);
}

int
up_one(struct app *a, const struct place *p, enum up_how how)
{
	int fd = lock_container(a, p, how == UP_DEPENDENT), status;

	if (fd < 0)
		return EXIT_TROUBLE;
	status = up_locked(a, p, how);
	close(fd);
	start_pending(a);
	return status;
}

void
start_pending(struct app *a)
{
	struct words names = a->restart_after;

	a->restart_after = (struct words){0};
	for (size_t i = 0; i < names.n; i++) {
		const struct place *p = place_find(a, names.w[i]);

		if (p)
			up_one(a, p, UP_DEPENDENT);
	}
}

/* ---- down ---- */

int
down_one(struct app *a, const struct place *p)
{
	struct words sharing = {0}, stopped = {0};
	struct container c;
	struct seen now;
	const char *why;
	cleanup_fd int fd = lock_container(a, p, false);
	int got;

	if (fd < 0 || describe(a, p, false, &c))
		return EXIT_TROUBLE;
	sharing_with(a, p, &sharing, &stopped);
	got = engine_see(&a->engine, c.name, &now);
	if (got < 0)
		return EXIT_TROUBLE;
	if (got == 0 || !now.running) {
		say("DOWN", "%s doesn't run", p->name);
		return EXIT_YES;
	}
	if (hook_run(a, &c, BEFORE_STOP, now.id, "down", &why)) {
		report("%s: not stopped: %s", p->name, why);
		return EXIT_NO;
	}
	for (size_t i = 0; i < sharing.n; i++)
		stop_for_another(a, sharing.w[i]);
	say("STOP", "%s", p->name);
	if (engine_stop(&a->engine, now.id, c.stop_timeout))
		return EXIT_TROUBLE;
	event(&a->host, p->name, "stopped", now.image, "%s", "");
	return EXIT_YES;
}
