/* What a container's volumes need on the host. */
#include <string.h>

#include "engine_inspect.h"
#include "mounts.h"
#include "options.h"
#include "report.h"
#include "select.h"
#include "service.h"
#include "verbs.h"
#include "volumes.h"

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
prep_one(struct app *a, const struct place *p, bool test, const char *of, const char *id,
    enum volumes_mode mode)
{
	struct container c;
	struct image image;
	struct seen now;
	const char *reference;
	int has, got;

	if (test ? host_container(&a->host, p, true, NULL, NULL, &c)
		 : settings_in_force(a, p, &c))
		return EXIT_TROUBLE;
	has = of ? engine_image(&a->engine, of, &image) : image_of(a, &c, &reference, &image);
	if (has < 0)
		return EXIT_TROUBLE;
	if (!id && c.userns && strcmp(c.userns, "auto") == 0 &&
	    engine_see(&a->engine, c.name, &now) == 1)
		id = now.id;
	got = volumes_prepare(a, &c, has ? &image : NULL, id, mode);
	return got < 0 ? EXIT_TROUBLE : got ? EXIT_NO : EXIT_YES;
}

/* Where its data is now is where it belongs. */
static int
remember(struct app *a, const struct place *p)
{
	struct container c;

	return settings_in_force(a, p, &c) || mounts_remember(a, &c) ? -1 : 0;
}

int
do_prep(struct app *a, int argc, char **argv)
{
	bool repair = false, dry = false, test = false;
	const char *word = NULL, *id = NULL, *image = NULL;
	const struct option_of options[] = {SWITCH('r', "repair", repair),
	    SWITCH('n', "dry-run", dry), SWITCH('T', "test-mode", test),
	    VALUED(0, "mode", word), VALUED(0, "container", id), VALUED(0, "image", image),
	    NO_MORE};
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
		got = prep_one(a, &all.v[i], test, image, id, mode);
		/* With --mode another d asked, who is this user outside. */
		if (got != EXIT_TROUBLE && !dry && !test && !word && remember(a, &all.v[i]))
			got = EXIT_TROUBLE;
		status = got > status ? got : status;
	}
	return status;
}
