#include "pipeline.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine_args.h"
#include "inside.h"
#include "instance.h"
#include "life.h"
#include "replace.h"
#include "report.h"
#include "run.h"
#include "schedule.h"
#include "state.h"
#include "strbuf.h"
#include "verbs.h"
#include "volumes.h"

enum { TAIL_LINES = 20 };

int
pipeline_make(struct app *a, const struct place *p, const char *const *targets, bool loud,
    const char **log)
{
	struct words argv = {0};
	int fd = -1, status;

	*log = NULL;
	if (!p->makefile) {
		report("%s: its folder has no Makefile, so that nothing can be built", p->name);
		return -1;
	}
	words_add(&argv, "make");
	words_add(&argv, "--no-print-directory");
	words_add(&argv, "-C");
	words_add(&argv, p->folder);
	for (; *targets; targets++)
		words_add(&argv, *targets);
	if (!loud) {
		*log = state_log(&a->host, p->name, targets[-1], &fd);
		if (!*log)
			return -1;
	}
	status = run(&(struct run){.argv = (const char *const *)argv.w, .log = fd});
	if (fd >= 0)
		close(fd);
	if (status < 0)
		report("start make:");
	return status;
}

const char *
stamped(const struct place *p, const char *stamp, const char *key)
{
	cleanup_file FILE *f = fopen(pool_printf("%s/%s", p->folder, stamp), "re");
	cleanup_free char *line = NULL;
	size_t cap = 0, len = strlen(key);

	while (f && getline(&line, &cap, f) > 0) {
		if (strncmp(line, key, len) != 0 || line[len] != ' ')
			continue;
		line[strcspn(line, "\n")] = '\0';
		return pool_dup(line + len + 1);
	}
	return NULL;
}

void
show_log_end(const char *path)
{
	cleanup_file FILE *f = fopen(path, "re");
	char *ring[TAIL_LINES] = {NULL}, *line = NULL;
	size_t cap = 0, n = 0;

	while (f && getline(&line, &cap, f) > 0) {
		free(ring[n % TAIL_LINES]);
		ring[n++ % TAIL_LINES] = xstrdup(line);
	}
	for (size_t i = n > TAIL_LINES ? n - TAIL_LINES : 0; i < n; i++)
		fprintf(stderr, "    %s", ring[i % TAIL_LINES]);
	for (size_t i = 0; i < TAIL_LINES; i++)
		free(ring[i]);
	free(line);
}

/* The image of "FROM [--flag] IMAGE …" or "COPY --from=IMAGE …", where it is one of ours. */
static const char *
from_ours(const struct app *a, char *line)
{
	char *save = NULL, *word = strtok_r(line, " \t\n", &save);
	bool from = word && strcasecmp(word, "FROM") == 0;
	size_t len = strlen(a->host.repo1);

	if (!from && (!word || strcasecmp(word, "COPY") != 0))
		return NULL;
	while ((word = strtok_r(NULL, " \t\n", &save)) && strncmp(word, "--", 2) == 0)
		if (!from && strncmp(word, "--from=", 7) == 0) {
			word += 7;
			break;
		}
	if (!word || strncmp(word, a->host.repo1, len) != 0 || word[len] != '/')
		return NULL;
	word += len + 1;
	return pool_dupn(word, strcspn(word, ":@"));
}

void
base_names(const struct app *a, const struct place *p, struct words *out)
{
	cleanup_file FILE *f = fopen(pool_printf("%s/Dockerfile", p->folder), "re");
	cleanup_free char *line = NULL;
	const char *name;
	size_t cap = 0;

	while (f && getline(&line, &cap, f) > 0)
		/* An image may begin with another of its own name: what it was, or a part. */
		if ((name = from_ours(a, line)) && strcmp(name, p->name) != 0)
			words_add(out, name);
}

/* ---- tags ---- */

static int
tag_by_hand(struct app *a, const char *image, const char *to, const char *was)
{
	struct image now;
	int got = engine_image(&a->engine, to, &now);

	if (got < 0)
		return -1;
	if (got == 1 && strcmp(now.id, image) == 0)
		return 0;
	if (got == 1 && was && engine_call(&a->engine, NULL, "tag", now.id, was, NULL))
		return -1;
	return engine_call(&a->engine, NULL, "tag", image, to, NULL) ? -1 : 0;
}

int
move_tags(struct app *a, const struct place *p, const char *reference, const char *image,
    bool by_hand)
{
	static const char *const install[] = {"install", NULL};
	const char *log;
	struct image live;

	if (!p->makefile) /* a digest names one image for ever */
		return strchr(reference, '@') ? 0 : tag_by_hand(a, image, reference, NULL);
	if (by_hand)
		return tag_by_hand(a, image, pool_printf("%s/%s:live", a->host.repo1, p->name),
		    pool_printf("%s/%s:prev", a->host.repo1, p->name));
	if (pipeline_make(a, p, install, false, &log)) {
		if (log)
			show_log_end(log);
		return -1;
	}
	if (engine_image(
		&a->engine, pool_printf("%s/%s:live", a->host.repo1, p->name), &live) != 1 ||
	    strcmp(live.id, image) != 0) {
		report("%s: what was promoted isn't %s", p->name, short_id(image));
		return -1;
	}
	return 0;
}

/* ---- build ---- */

/* The container whose folder this is run in; NULL after a message. */
static const struct place *
place_here(struct app *a, const char *folder)
{
	cleanup_free char *here = realpath(folder ? folder : ".", NULL);

	for (size_t i = 0; here && i < a->places.n; i++) {
		cleanup_free char *there = realpath(a->places.v[i].folder, NULL);

		if (there && strcmp(here, there) == 0)
			return &a->places.v[i];
	}
	report("'%s' is no container's folder", folder ? folder : ".");
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
		report("%s: no build-stamp, so that its image isn't known", p->name);
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
made(int status)
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
		return made(status);
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
		got = o.all ? upgrade_one(a, &all.v[i], false, false)
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

/* A test instance around a command, or around the folder's test.bats. */
static int
test_around(
    struct app *a, const struct place *p, const struct words *cmd, const struct test_options *o)
{
	struct instance i;
	int status = instance_start(a, p, &o->flags, NULL, o->image, getpid(), true, &i);

	if (status != EXIT_YES)
		return status;
	instance_export(&i);
	setenv("TEST_IMAGE", i.image.id, 1);
	setenv("TEST_NAME", p->name, 1);
	status = run(&(struct run){.argv = (const char *const *)cmd->w, .cwd = p->folder});
	if (instance_stop(a, p))
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
		report("%s has no test.bats: what isn't tested doesn't pass", p->name);
		return EXIT_NO;
	}
	if (!p->makefile) {
		words_add(&bats,
		    a->host.project ? pool_printf("%s/tests/run", a->host.project) : "bats");
		words_add(&bats, "test.bats");
		return test_around(a, p, &bats, o);
	}
	status = pipeline_make(a, p, test, true, &log);
	event(&a->host, p->name, status ? "failed" : "tested",
	    stamped(p, status ? "build-stamp" : "test-stamp", "image"), "%s", "make test");
	return made(status);
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

int
do_build_all(struct app *a, int argc, char **argv)
{
	return no_arguments(a, argc, argv) ? EXIT_TROUBLE
					   : schedule_verb(a, "build", PICK_BUILDABLE);
}

int
do_test_all(struct app *a, int argc, char **argv)
{
	return no_arguments(a, argc, argv) ? EXIT_TROUBLE
					   : schedule_verb(a, "test", PICK_TESTABLE);
}

/* ---- prep ---- */

static int
mode_named(const char *word, enum volumes_mode *mode)
{
	static const char *const words[] = {"create", "say", "plan", "repair"};

	for (size_t i = 0; i < 4; i++)
		if (strcmp(word, words[i]) == 0) {
			*mode = (enum volumes_mode)i;
			return 0;
		}
	report("--mode is create, say, plan or repair");
	return -1;
}

static int
prep_one(
    struct app *a, const struct place *p, bool test, const char *id, enum volumes_mode mode)
{
	struct container c;
	struct image image;
	struct seen now;
	const char *reference;
	int has, got;

	if (host_container(&a->host, p, test, NULL, NULL, &c))
		return EXIT_TROUBLE;
	has = image_of(a, &c, &reference, &image);
	if (has < 0)
		return EXIT_TROUBLE;
	if (!id && c.userns && strcmp(c.userns, "auto") == 0 &&
	    engine_see(&a->engine, c.name, &now) == 1)
		id = now.id;
	got = volumes_prepare(a, &c, has ? &image : NULL, id, mode);
	return got < 0 ? EXIT_TROUBLE : got ? EXIT_NO : EXIT_YES;
}

int
do_prep(struct app *a, int argc, char **argv)
{
	bool repair = false, dry = false, test = false;
	const char *word = NULL, *id = NULL;
	const struct option_of options[] = {SWITCH('r', "repair", repair),
	    SWITCH('n', "dry-run", dry), SWITCH('T', "test-mode", test),
	    VALUED(0, "mode", word), VALUED(0, "container", id), NO_MORE};
	enum volumes_mode mode;
	struct places all;
	int status = EXIT_YES, got;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 0)
		return EXIT_TROUBLE;
	mode = dry ? VOLUMES_PLAN : repair ? VOLUMES_REPAIR : VOLUMES_SAY;
	if ((word && mode_named(word, &mode)) || pick_all(a, argc, argv, &all))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < all.n; i++) {
		got = prep_one(a, &all.v[i], test, id, mode);
		status = got > status ? got : status;
	}
	return status;
}
