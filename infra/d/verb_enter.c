/* Running something inside a container. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine_call.h"
#include "engine_inspect.h"
#include "options.h"
#include "report.h"
#include "select.h"
#include "service.h"
#include "verbs.h"

static void
add_terminal(struct words *args)
{
	words_add(args, isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? "-it" : "-i");
}

static int
exec_in(struct app *a, const struct place *p, const char *user, int argc, char **argv)
{
	struct words args = {0};
	struct seen now;
	int status = see_running(a, p, NULL, &now);

	if (status)
		return status;
	words_add(&args, "exec");
	add_terminal(&args);
	if (user) {
		words_add(&args, "-u");
		words_add(&args, user);
	}
	words_add(&args, now.id);
	if (argc == 0)
		words_add(&args, "/bin/sh");
	for (int i = 0; i < argc; i++)
		words_add(&args, argv[i]);
	status = engine_attached(&a->engine, &args);
	if (argc == 0 && (status == 126 || status == 127))
		report("%s has no shell inside: d debug %s looks at it from beside", p->name,
		    p->name);
	return status;
}

static int
enter(struct app *a, int argc, char **argv, const char *user)
{
	const struct place *p;

	argc = take_options(a, argc, &argv, NO_OPTIONS, true);
	if (argc < 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	p = pick(a, argv[0]);
	return p ? exec_in(a, p, user, argc - 1, argv + 1) : EXIT_TROUBLE;
}

int
do_enter(struct app *a, int argc, char **argv)
{
	return enter(a, argc, argv, strcmp(a->called_as, "e0") == 0 ? "0" : NULL);
}

int
do_console(struct app *a, int argc, char **argv)
{
	return enter(a, argc, argv, "0");
}

int
do_run_in_all(struct app *a, int argc, char **argv)
{
	int status = EXIT_YES, got;
	struct container c;
	struct seen now;

	argc = take_options(a, argc, &argv, NO_OPTIONS, true);
	if (argc < 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	for (size_t i = 0; i < a->places.n; i++) {
		const struct place *p = &a->places.v[i];

		if (describe(a, p, false, &c)) {
			status = EXIT_TROUBLE;
			continue;
		}
		if (engine_see(&a->engine, c.name, &now) != 1 || !now.running)
			continue;
		printf("== %s\n", p->name);
		fflush(stdout);
		got = exec_in(a, p, NULL, argc, argv);
		status = got > status ? got : status;
	}
	return status;
}
