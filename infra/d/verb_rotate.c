/* What uses a secret that is another one now gets it. */
#include <stdio.h>

#include "engine_inspect.h"
#include "life.h"
#include "options.h"
#include "report.h"
#include "say.h"
#include "secrets.h"
#include "select.h"
#include "service.h"
#include "signals.h"
#include "verbs.h"

/* 1 where it runs with another one, 0, or -1 after a message. */
static int
runs_with_old(struct app *a, const struct place *p)
{
	struct container c;
	struct seen now;
	int got;

	if (describe(a, p, false, &c))
		return -1;
	got = c.secrets.n ? engine_see(&a->engine, c.name, &now) : 0;
	return got == 1 ? now.running && secrets_changed(a, &c, now.transaction) : got;
}

int
do_rotate(struct app *a, int argc, char **argv)
{
	bool dry = false;
	const struct option_of options[] = {SWITCH('n', "dry-run", dry), NO_MORE};
	struct places all;
	int status = EXIT_YES, found = 0, got;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 0 || pick_all(a, argc, argv, &all))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < all.n && !interrupted; i++) {
		int old = runs_with_old(a, &all.v[i]);

		found += old == 1;
		if (old == 1 && dry)
			printf("%s has an old secret\n", all.v[i].name);
		got = old < 0       ? EXIT_TROUBLE
		      : old && !dry ? up_one(a, &all.v[i], UP_RESTART)
				    : EXIT_YES;
		status = got > status ? got : status;
	}
	if (!found && status == EXIT_YES)
		say("ROTATE", "nothing runs with an old secret");
	return status == EXIT_YES && dry && found ? EXIT_NO : status;
}
