#include "life.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine_args.h"
#include "instance.h"
#include "replace.h"
#include "report.h"
#include "run.h"
#include "schedule.h"
#include "state.h"
#include "strbuf.h"
#include "verbs.h"
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

/* ---- pieces ---- */

int
engine_stop(struct app *a, const char *id, int64_t timeout_ms)
{
	return engine_call(&a->engine, NULL, "stop", "-t",
		   pool_printf("%d", (int)((timeout_ms + 999) / 1000)), id, NULL)
		   ? -1
		   : 0;
}

const char *
generation_tag(const struct app *a, const struct place *p, int n)
{
	return pool_printf("%s/%s:g%d", a->host.repo1, p->name, n);
}

int
resolve_address(struct container *c)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	char text[64];

	if (!c->ip || strcmp(c->ip, "-") != 0)
		return 0;
	if (getaddrinfo(c->hostname, NULL, &hints, &found) ||
	    getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), NULL, 0,
		NI_NUMERICHOST)) {
		report("%s: no address is known for the host name '%s'", c->key, c->hostname);
		if (found)
			freeaddrinfo(found);
		return -1;
	}
	c->ip = pool_dup(text);
	freeaddrinfo(found);
	return 0;
}

static bool
shares_with(const struct container *c, const char *name)
{
	for (size_t i = 0; i < c->needs.n; i++)
		if (strcmp(c->needs.v[i].name, name) == 0 &&
		    (c->needs.v[i].pid || c->needs.v[i].network))
			return true;
	return false;
}

void
sharing_with(struct app *a, const struct place *p, struct words *running, struct words *stopped)
{
	struct container c;
	struct seen now;

	for (size_t i = 0; i < a->places.n; i++) {
		const struct place *other = &a->places.v[i];

		if (!other->settings || strcmp(other->name, p->name) == 0)
			continue;
		/* Another's wrong settings are no reason to leave this one as it is. */
		if (host_container(&a->host, other, false, NULL, NULL, &c))
			report("%s: whether it shares %s's namespaces isn't known", other->name,
			    p->name);
		else if (shares_with(&c, p->name) && engine_see(&a->engine, c.name, &now) == 1)
			words_add(now.running ? running : stopped, other->name);
	}
}

void
stop_for_another(struct app *a, const char *name)
{
	const struct place *p = place_find(a, name);
	struct container c;
	struct seen now;

	if (!p || describe(a, p, false, &c) || engine_see(&a->engine, c.name, &now) != 1)
		return;
	say("STOP", "%s (shares its namespaces)", name);
	if (now.running)
		engine_stop(a, now.id, c.stop_timeout);
	engine_remove(&a->engine, now.id, false);
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

/* In the project, or beside this program where both are installed. */
static const char *
pack_program(struct app *a)
{
	const char *self = program_path();
	const char *beside = pool_printf("%.*s/pack", (int)(strrchr(self, '/') - self), self);

	return a->host.project && access(beside, X_OK) != 0
		   ? pool_printf("%s/infra/pack/pack", a->host.project)
		   : beside;
}

bool
signature_suffices(struct app *a, const struct container *c, const char *image)
{
	struct words argv = {0};
	struct strbuf out = STRBUF_INIT;
	int status;

	if (!c->require_signature)
		return true;
	words_add(&argv, pack_program(a));
	words_add(&argv, "verify");
	words_add(&argv, "--require-signature");
	if (a->host.verify_key) {
		words_add(&argv, "-p");
		words_add(&argv, a->host.verify_key);
	}
	words_add(&argv, image);
	status =
	    run(&(struct run){.argv = (const char *const *)argv.w, .out = &out, .err = &out});
	if (status < 0)
		report("start '%s':", argv.w[0]);
	else if (status)
		report("%s: require_signature is set, and %s isn't signed as it should be: %s",
		    c->key, short_id(image),
		    out.len ? pool_dupn(out.s, strcspn(out.s, "\n")) : "pack says nothing");
	strbuf_free(&out);
	return status == 0;
}

int
wanted_image(struct app *a, const struct container *c, struct image *image)
{
	const char *reference;
	int got = image_of(a, c, &reference, image);

	if (got == 0)
		report("%s: there is no image '%s': build and promote it first (d u %s)",
		    c->key, reference ? reference : c->image, c->key);
	return got == 1 && signature_suffices(a, c, image->id) ? 0 : -1;
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
	struct generations g;
	const struct generation *now;

	/* Gone back to an earlier generation: that one's settings count. */
	if (generations_read(&a->host, p->name, &g) == 0 && g.n &&
	    g.current != g.v[g.n - 1].n && (now = generation_find(&g, g.current)))
		return now->settings;
	return place_settings(p);
}

static int
current_if_pinned(struct app *a, const struct place *p)
{
	struct generations g;

	if (generations_read(&a->host, p->name, &g) || !g.n || g.current == g.v[g.n - 1].n)
		return 0;
	return g.current;
}

static int
up_in_foreground(struct app *a, struct container *c, const struct image *image)
{
	struct start s = {
	    .verb = "run", .image = image->id, .facts = image, .interactive = true};
	struct words args = {0};

	if (network_ensure(a, c) || resolve_address(c) || volumes_before(a, c, image))
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
	return status;
}

/* ---- down ---- */

int
down_one(struct app *a, const struct place *p)
{
	struct words sharing = {0}, stopped = {0};
	struct container c;
	struct seen now;
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
	for (size_t i = 0; i < sharing.n; i++)
		stop_for_another(a, sharing.w[i]);
	say("STOP", "%s", p->name);
	if (engine_stop(a, now.id, c.stop_timeout))
		return EXIT_TROUBLE;
	event(&a->host, p->name, "stopped", now.image, "%s", "");
	return EXIT_YES;
}

/* ---- the verbs ---- */

static int
for_each_named(
    struct app *a, int argc, char **argv, int (*one)(struct app *, const struct place *))
{
	struct places all;
	int status = EXIT_YES, got;

	if (argc < 1)
		return usage(a);
	if (pick_all(a, argc, argv, &all))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < all.n; i++) {
		got = one(a, &all.v[i]);
		status = got > status ? got : status;
	}
	return status;
}

static int
up_plain(struct app *a, const struct place *p)
{
	return up_one(a, p, UP_PLAIN);
}

static int
up_again(struct app *a, const struct place *p)
{
	return up_one(a, p, UP_RESTART);
}

static int
without_options(struct app *a, int argc, char ***argv)
{
	return take_options(a, argc, argv, NO_OPTIONS, false);
}

int
do_up(struct app *a, int argc, char **argv)
{
	bool test = false;

	argc = take_options(a, argc, &argv,
	    (const struct option_of[]){SWITCH('T', "test-mode", test), NO_MORE}, false);
	if (argc < 0)
		return EXIT_TROUBLE;
	return for_each_named(a, argc, argv, test ? instance_start_one : up_plain);
}

int
do_down(struct app *a, int argc, char **argv)
{
	bool test = false;

	argc = take_options(a, argc, &argv,
	    (const struct option_of[]){SWITCH('T', "test-mode", test), NO_MORE}, false);
	if (argc < 0)
		return EXIT_TROUBLE;
	return for_each_named(a, argc, argv, test ? instance_stop_one : down_one);
}

int
do_restart(struct app *a, int argc, char **argv)
{
	argc = without_options(a, argc, &argv);
	return argc < 0 ? EXIT_TROUBLE : for_each_named(a, argc, argv, up_again);
}

static int
hup_one(struct app *a, const struct place *p)
{
	struct container c;
	struct seen now;
	int got;

	if (describe(a, p, false, &c))
		return EXIT_TROUBLE;
	got = engine_see(&a->engine, c.name, &now);
	if (got < 0)
		return EXIT_TROUBLE;
	if (got == 0 || !now.running) {
		report("%s doesn't run", p->name);
		return EXIT_NO;
	}
	if (engine_call(&a->engine, NULL, "kill", "-s", "HUP", now.id, NULL))
		return EXIT_TROUBLE;
	event(&a->host, p->name, "reloaded", now.image, "%s", "SIGHUP");
	return EXIT_YES;
}

int
do_hup(struct app *a, int argc, char **argv)
{
	argc = without_options(a, argc, &argv);
	return argc < 0 ? EXIT_TROUBLE : for_each_named(a, argc, argv, hup_one);
}

int
do_up_all(struct app *a, int argc, char **argv)
{
	return no_arguments(a, argc, argv) ? EXIT_TROUBLE
					   : schedule_verb(a, "up", PICK_AUTOSTART);
}

int
do_down_all(struct app *a, int argc, char **argv)
{
	return no_arguments(a, argc, argv) ? EXIT_TROUBLE
					   : schedule_verb(a, "down", PICK_RUNNING);
}

int
do_restart_all(struct app *a, int argc, char **argv)
{
	return no_arguments(a, argc, argv) ? EXIT_TROUBLE
					   : schedule_verb(a, "restart", PICK_RUNNING);
}
