/* Building and testing an image, by its directory's pipeline. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine_call.h"
#include "engine_json.h"
#include "history.h"
#include "instance.h"
#include "options.h"
#include "pipeline.h"
#include "report.h"
#include "say.h"
#include "select.h"
#include "signals.h"
#include "upgrade.h"
#include "verbs.h"

/* The container whose directory this is run in; NULL after a message. */
static const struct place *
place_here(struct app *a, const char *directory)
{
	cleanup_free char *here = realpath(directory ? directory : ".", NULL);

	for (size_t i = 0; here && i < a->places.n; i++) {
		cleanup_free char *there = realpath(a->places.v[i].directory, NULL);

		if (there && strcmp(here, there) == 0)
			return &a->places.v[i];
	}
	report("'%s' is not a container's directory", directory ? directory : ".");
	return NULL;
}

struct build_options {
	bool all, live, test;
	const char *params, *cd, *name, *repo, *tag;
};

/* What was built gets one more name. */
static int
name_it(struct app *a, const struct place *p, const struct build_options *o)
{
	const char *image = stamped(p, "build-stamp", "image");

	if (!o->name && !o->repo && !o->tag)
		return 0;
	if (!image) {
		report("%s: no build-stamp: can't tell which image it has", p->name);
		return -1;
	}
	return engine_call(&a->engine, NULL, "tag", image,
		   pool_printf("%s/%s:%s", o->repo ? o->repo : a->host.repo1,
		       o->name ? o->name : p->name, o->tag ? o->tag : "latest"),
		   NULL)
		   ? -1
		   : 0;
}

static int
status_of_make(int status)
{
	return status == 0 ? EXIT_YES : status == 2 || status == 1 ? EXIT_NO : EXIT_TROUBLE;
}

static int
build_one(struct app *a, const struct place *p, const struct build_options *o)
{
	const char *targets[4] = {NULL}, *log, *image;
	size_t n = 0;
	int status;

	if (!(o->live && !o->test && !o->params))
		targets[n++] = "all";
	if (o->test)
		targets[n++] = "test";
	if (o->live)
		targets[n++] = "install";
	if (o->params)
		setenv("BUILD_PARAMS", o->params, 1);
	status = pipeline_make(a, p, targets, true, &log);
	image = stamped(p, "build-stamp", "image");
	if (status) {
		event(&a->host, p->name, "failed", NULL, "make %s", targets[n - 1]);
		return status_of_make(status);
	}
	event(&a->host, p->name,
	    o->live   ? "promoted"
	    : o->test ? "tested"
		      : "built",
	    image, "%s", "");
	return name_it(a, p, o) ? EXIT_TROUBLE : EXIT_YES;
}

int
do_build(struct app *a, int argc, char **argv)
{
	struct build_options o = {0};
	const struct option_of options[] = {SWITCH('a', "all", o.all),
	    SWITCH('s', "setlive", o.live), SWITCH('t', "test", o.test),
	    VALUED('b', "build_params", o.params), VALUED(0, "cd", o.cd),
	    VALUED(0, "name", o.name), VALUED(0, "repo", o.repo), VALUED(0, "tag", o.tag),
	    NO_MORE};
	const struct place *here;
	struct places all;
	int status = EXIT_YES, got;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 0)
		return EXIT_TROUBLE;
	if (argc == 0) {
		here = place_here(a, o.cd);
		if (!here)
			return EXIT_TROUBLE;
		all = (struct places){(struct place *)here, 1};
	} else if (pick_all(a, argc, argv, &all)) {
		return EXIT_TROUBLE;
	}
	for (size_t i = 0; i < all.n; i++) {
		got = o.all ? upgrade_one(a, &all.v[i], false, false, false, NULL)
			    : build_one(a, &all.v[i], &o);
		status = got > status ? got : status;
	}
	return status;
}

/* ---- test ---- */

struct test_options {
	const char *image;
	struct words flags, cmd;
};

/* A test instance around a command, or around the directory's test.bats. */
static int
test_around(
    struct app *a, const struct place *p, const struct words *cmd, const struct test_options *o)
{
	const struct instance_wish w = {
	    .flags = &o->flags, .image = o->image, .owner = getpid(), .wait = true};
	struct instance i;
	int status = instance_start(a, p, &w, &i);

	if (status != EXIT_YES)
		return status;
	status = instance_around(a, p, cmd, &i);
	if (status < 0)
		return EXIT_TROUBLE;
	/* The pipeline names the image, and says itself how its tests went. */
	if (!o->image) {
		say(status ? "FAILED" : "PASSED", "%s %s", p->name, short_id(i.image.id));
		event(&a->host, p->name, status ? "failed" : "tested", i.image.id, "%s",
		    cmd->w[0]);
	}
	return interrupted ? 130 : status ? EXIT_NO : EXIT_YES;
}

static int
test_one(struct app *a, const struct place *p, const struct test_options *o)
{
	static const char *const test[] = {"test", NULL};
	struct words bats = {0};
	const char *log;
	int status;

	if (!p->tests) {
		report("%s has no test.bats: there is nothing to test it by", p->name);
		return EXIT_NO;
	}
	if (!p->makefile) {
		return bats_words(a, p, "test.bats", &bats) ? EXIT_NO
							    : test_around(a, p, &bats, o);
	}
	status = pipeline_make(a, p, test, true, &log);
	event(&a->host, p->name, status ? "failed" : "tested",
	    stamped(p, status ? "build-stamp" : "test-stamp", "image"), "%s", "make test");
	return status_of_make(status);
}

/* ---- learn ---- */

int
do_learn(struct app *a, int argc, char **argv)
{
	static const char *const learn[] = {"learn", NULL};
	bool forget = false, take = false, doubt = false;
	const char *times = NULL;
	const struct option_of options[] = {VALUED('n', "times", times),
	    SWITCH(0, "forget", forget), SWITCH(0, "write", take), SWITCH(0, "doubt", doubt),
	    NO_MORE};
	struct places all;
	int status = EXIT_YES, got;
	const char *log;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	if (pick_all(a, argc, argv, &all))
		return EXIT_TROUBLE;
	if (times && (!*times || strspn(times, "0123456789") != strlen(times))) {
		report("-n '%s': not a number", times);
		return EXIT_TROUBLE;
	}
	if (doubt && (times || forget)) {
		report("--doubt learns nothing: neither -n nor --forget goes with it");
		return EXIT_TROUBLE;
	}
	setenv("LEARN",
	    pool_printf("%s%s%s%s", times ? "-n " : "", times ? times : "",
		forget ? " --forget" : "", take ? " --write" : ""),
	    1);
	setenv("DOUBT", doubt ? "1" : "", 1);
	for (size_t i = 0; i < all.n; i++) {
		got = status_of_make(pipeline_make(a, &all.v[i], learn, true, &log));
		status = got > status ? got : status;
	}
	return status;
}

int
do_test(struct app *a, int argc, char **argv)
{
	struct test_options o = {0};
	const struct option_of own[] = {VALUED(0, "image-id", o.image), NO_MORE};
	struct key_options keys;
	struct places all;
	int status = EXIT_YES, got, names = 0;

	key_options(&keys, own);
	argc = take_options(a, argc, &argv, keys.option, true);
	if (argc < 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	while (names < argc && strcmp(argv[names], "--") != 0)
		names++;
	for (int i = names + 1; i < argc; i++)
		words_add(&o.cmd, argv[i]);
	keys_given(&keys, &o.flags);
	if (pick_all(a, names, argv, &all))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < all.n; i++) {
		got = o.cmd.n ? test_around(a, &all.v[i], &o.cmd, &o)
			      : test_one(a, &all.v[i], &o);
		status = got > status ? got : status;
	}
	return status;
}
