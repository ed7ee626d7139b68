#include "upgrade.h"

#include <string.h>

#include "engine_call.h"
#include "engine_inspect.h"
#include "engine_json.h"
#include "generations.h"
#include "history.h"
#include "kube.h"
#include "life.h"
#include "lock.h"
#include "log.h"
#include "owner.h"
#include "pipeline.h"
#include "replace.h"
#include "report.h"
#include "say.h"
#include "secrets.h"
#include "service.h"
#include "signals.h"
#include "swarm_see.h"
#include "tags.h"
#include "there.h"

struct upgrade {
	struct app *a;
	const struct place *p;
	struct container c;
	struct seen now;
	bool runs, force, keep_down, due;
	const char *given;  /* the image of that ID or name; NULL: what is built */
	struct image image; /* the new one */
	const char *settings;
	struct journal j;
};

/* ---- build, test ---- */

static int
failed_step(struct upgrade *u, const char *what, const char *log)
{
	if (log)
		show_log_end(log);
	report("%s: %s failed, nothing was changed%s%s", u->p->name, what,
	    log ? "; the whole log: " : "", log ? log : "");
	event(&u->a->host, u->p->name, "failed", NULL, "upgrade: %s failed", what);
	return EXIT_NO;
}

static int
pull(struct upgrade *u)
{
	const char *reference = u->given ? u->given : container_image(&u->c);
	int got;

	if (!u->given && strncmp(reference, "localhost/", 10) != 0) {
		say("PULL", "%s", reference);
		if (engine_call(&u->a->engine, NULL, "pull", "-q", reference, NULL))
			return failed_step(u, "the pull", NULL);
	}
	got = engine_image(&u->a->engine, reference, &u->image);
	if (got == 0)
		report("%s: there is no image '%s'", u->p->name, reference);
	return got == 1 ? EXIT_YES : EXIT_TROUBLE;
}

static int
build(struct upgrade *u)
{
	static const char *const all[] = {"all", NULL};
	const char *log, *id;
	int status;

	if (u->given && u->p->makefile) {
		report(
		    "%s is built here: --image is for what another host has built", u->p->name);
		return EXIT_TROUBLE;
	}
	if (!u->p->makefile)
		return pull(u);
	say("BUILD", "%s", u->p->name);
	status = pipeline_make(u->a, u->p, all, false, &log);
	if (status)
		return failed_step(u, "the build", log);
	id = stamped(u->p, "build-stamp", "image");
	if (!id || engine_image(&u->a->engine, id, &u->image) != 1) {
		report("%s: build-stamp names no image that there is", u->p->name);
		return EXIT_TROUBLE;
	}
	return EXIT_YES;
}

/* The tests spoke of exactly the image that was built. */
static int
test(struct upgrade *u)
{
	static const char *const tests[] = {"test", NULL};
	const char *log, *id;

	if (!u->p->makefile) {
		if (u->given || u->c.on.n || u->c.ready.kind != READY_NONE || u->force)
			return EXIT_YES;
		report(
		    "%s: nothing tests it: give it a test.bats and a Makefile, or a 'ready' in "
		    "settings.yaml, or say --force",
		    u->p->name);
		return EXIT_NO;
	}
	say("TEST", "%s %s", u->p->name, short_id(u->image.id));
	if (pipeline_make(u->a, u->p, tests, false, &log))
		return failed_step(u, "the test", log);
	id = stamped(u->p, "test-stamp", "image");
	if (!id || strcmp(id, u->image.id) != 0) {
		report("%s: what was tested is %s, what was built is %s: the sources changed "
		       "meanwhile",
		    u->p->name, id ? short_id(id) : "nothing", short_id(u->image.id));
		return EXIT_NO;
	}
	return EXIT_YES;
}

/* ---- the decision ---- */

static bool
is_what_runs(const struct upgrade *u)
{
	char digest[SHA256_HEX];

	container_digest(&u->c, digest);
	return u->runs && strcmp(u->now.image, u->image.id) == 0 && u->now.digest &&
	       strcmp(u->now.digest, digest) == 0 &&
	       !secrets_changed(u->a, &u->c, u->now.transaction);
}

static int
promote(struct journal *j, const struct replacement *r)
{
	return tags_move(j->a, r->place, container_image(r->want), r->image.id, false);
}

/* Nothing is started: the tags alone move. */
static int
promote_only(struct upgrade *u)
{
	if (tags_move(u->a, u->p, container_image(&u->c), u->image.id, false)) {
		if (tags_restore(&u->j)) {
			journal_close(&u->j);
			return EXIT_TROUBLE;
		}
		journal_end(&u->j);
		return EXIT_TROUBLE;
	}
	event(&u->a->host, u->p->name, "promoted", u->image.id, "%s", "upgrade");
	return journal_end(&u->j) ? EXIT_TROUBLE : EXIT_YES;
}

static int
put_in_place(struct upgrade *u)
{
	struct replacement r = {.verb = "upgrade",
	    .place = u->p,
	    .want = &u->c,
	    .image = u->image,
	    .settings = u->settings,
	    .due = u->due,
	    .promote = promote};
	int status = replace(&u->j, &r);

	/* Only what the image itself did counts against it. */
	if (status == EXIT_NO && r.image_failed)
		quarantine(&u->a->host, u->p->name, u->image.id, r.why);
	else if (status == EXIT_YES)
		quarantine_lift(&u->a->host, u->p->name, u->image.id);
	return status == EXIT_NO && r.put_off ? EXIT_PUT_OFF : status;
}

static int
upgrade_begun(struct upgrade *u)
{
	const char *why;
	int status;

	json_t *tags = tags_now(u->a, u->p, &u->c);

	if (!tags || journal_set(&u->j, "tags", tags) || journal_step(&u->j, "build"))
		return EXIT_TROUBLE;
	status = build(u);
	if (status)
		return status;
	why = quarantined(&u->a->host, u->p->name, u->image.id);
	if (why && !u->force) {
		report("%s: %s failed before (%s) and isn't tried again without --force",
		    u->p->name, short_id(u->image.id), why);
		return EXIT_NO;
	}
	if (journal_step(&u->j, "test"))
		return EXIT_TROUBLE;
	status = test(u);
	if (status == EXIT_YES && !signature_suffices(u->a, &u->c, u->image.id))
		status = EXIT_NO;
	return status;
}

/* In a swarm or a cluster, where "down" leaves what it is made from. 1, 0, -1 after a message.
 */
static int
runs_there(const struct upgrade *u)
{
	struct swarm_service service = {0};
	struct kube_state state = {0};
	int got = container_in_kube(&u->c) ? kube_see(u->a, &u->c, &state)
					   : swarm_see(u->a, &u->c, &service);

	return got < 1 ? got : state.replicas > 0 || service.replicas > 0;
}

static int
upgrade_locked(struct upgrade *u)
{
	int status, got;

	if (host_container(&u->a->host, u->p, false, NULL, NULL, &u->c) ||
	    resolve_needs(u->a, &u->c))
		return EXIT_TROUBLE;
	/* The text that was parsed: whoever edits it meanwhile changes the next upgrade. */
	u->settings = u->c.settings;
	got = engine_see(&u->a->engine, u->c.name, &u->now);
	if (got < 0 || (got == 1 && !owner_is_d(u->a, u->p, &u->now)))
		return EXIT_TROUBLE;
	u->runs = got == 1 && u->now.running;
	if (u->keep_down && container_in_cluster(&u->c)) {
		got = runs_there(u);
		if (got < 0)
			return EXIT_TROUBLE;
		u->runs = got;
	}
	if (journal_begin(u->a, u->p, "upgrade", &u->j))
		return EXIT_TROUBLE;
	status = upgrade_begun(u);
	if (status || interrupted)
		return replace_drop(&u->j) ? EXIT_TROUBLE : interrupted ? 130 : status;
	if ((u->c.on.n && !container_in_cluster(&u->c)) ||
	    (u->keep_down && !u->runs && !wave_is_here(&u->c)))
		return promote_only(u);
	if (!u->c.on.n && is_what_runs(u) && !u->force) {
		say("SAME", "%s runs %s already", u->p->name, short_id(u->image.id));
		return promote_only(u);
	}
	return put_in_place(u);
}

int
upgrade_one(struct app *a, const struct place *p, bool force, bool keep_down, bool due,
    const char *given)
{
	struct upgrade u = {
	    .a = a, .p = p, .force = force, .keep_down = keep_down, .due = due, .given = given};
	struct locks locks;
	int status;

	if (lock_container(a, p, false, &locks))
		return EXIT_TROUBLE;
	status = upgrade_locked(&u);
	unlock_container(&locks);
	if (status == EXIT_YES && u.c.on.n && !container_in_cluster(&u.c))
		status = there_upgrade(a, p, &u.c, u.image.id, force, keep_down, due);
	return start_pending(a, status);
}
