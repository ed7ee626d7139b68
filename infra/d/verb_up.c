/* Starting and stopping. */
#include "engine_call.h"
#include "engine_inspect.h"
#include "engine_json.h"
#include "history.h"
#include "instance.h"
#include "life.h"
#include "lock.h"
#include "options.h"
#include "owner.h"
#include "recover.h"
#include "report.h"
#include "say.h"
#include "secrets.h"
#include "select.h"
#include "service.h"
#include "verbs.h"

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
	return each_named(a, argc, argv, test ? instance_start_one : up_plain);
}

int
do_down(struct app *a, int argc, char **argv)
{
	bool test = false;

	argc = take_options(a, argc, &argv,
	    (const struct option_of[]){SWITCH('T', "test-mode", test), NO_MORE}, false);
	if (argc < 0)
		return EXIT_TROUBLE;
	return each_named(a, argc, argv, test ? instance_stop_one : down_one);
}

int
do_restart(struct app *a, int argc, char **argv)
{
	argc = without_options(a, argc, &argv);
	return argc < 0 ? EXIT_TROUBLE : each_named(a, argc, argv, up_again);
}

static int
adopt_one(struct app *a, const struct place *p)
{
	struct container c;
	struct locks locks;
	struct seen now;
	int got, bad;

	if (describe(a, p, false, &c) || lock_container(a, p, false, &locks))
		return EXIT_TROUBLE;
	got = engine_see(&a->engine, c.name, &now);
	bad = got == 1 && owner_adopt(a, p, &now);
	unlock_container(&locks);
	if (got == 0)
		report("%s: no container has the name '%s'", p->name, c.name);
	if (got < 1 || bad)
		return got == 0 ? EXIT_NO : EXIT_TROUBLE;
	say("ADOPT", "%s %s: the next restart or upgrade replaces it", c.name,
	    short_id(now.id));
	event(&a->host, p->name, "adopted", now.image, "%s",
	    now.maker ? now.maker : "made by hand");
	return EXIT_YES;
}

int
do_adopt_name(struct app *a, int argc, char **argv)
{
	argc = without_options(a, argc, &argv);
	return argc < 0 ? EXIT_TROUBLE : each_named(a, argc, argv, adopt_one);
}

/* Of containers it has happened by now, as before any verb that changes something. */
int
do_recover(struct app *a, int argc, char **argv)
{
	struct words left = {0};

	if (no_arguments(a, argc, argv))
		return EXIT_TROUBLE;
	recover_left(a, &left);
	instances_sweep(a);
	return secrets_sweep(a, false) < 0 || left.n ? EXIT_TROUBLE : EXIT_YES;
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
	if (!owner_is_d(a, p, &now) ||
	    engine_call(&a->engine, NULL, "kill", "-s", "HUP", now.id, NULL))
		return EXIT_TROUBLE;
	event(&a->host, p->name, "reloaded", now.image, "%s", "SIGHUP");
	return EXIT_YES;
}

int
do_hup(struct app *a, int argc, char **argv)
{
	argc = without_options(a, argc, &argv);
	return argc < 0 ? EXIT_TROUBLE : each_named(a, argc, argv, hup_one);
}
