#include "options.h"
#include "report.h"
#include "select.h"
#include "signals.h"
#include "upgrade.h"
#include "verbs.h"

int
do_upgrade(struct app *a, int argc, char **argv)
{
	bool force = false, keep_down = false, due = false;
	const char *image = NULL;
	const struct option_of options[] = {SWITCH('f', "force", force),
	    SWITCH(0, "keep-down", keep_down), SWITCH(0, "due", due), VALUED(0, "image", image),
	    NO_MORE};
	struct places all;
	int status = EXIT_YES, got;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	if (image && argc != 1) {
		report("--image is for one container");
		return EXIT_TROUBLE;
	}
	if (pick_all(a, argc, argv, &all))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < all.n && !interrupted; i++) {
		got = upgrade_one(a, &all.v[i], force, keep_down, due, image);
		status = got > status ? got : status;
	}
	return status;
}
