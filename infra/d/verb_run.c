/* Starting a container otherwise than its settings say, or beside itself, once. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "engine_args.h"
#include "engine_call.h"
#include "instance.h"
#include "life.h"
#include "once.h"
#include "options.h"
#include "report.h"
#include "secrets.h"
#include "select.h"
#include "verbs.h"

struct run_options {
	bool print, dry, test, latest;
	const char *owner, *image;
};

static int
run_service(struct app *a, const struct place *p, const struct words *flags)
{
	struct container c;
	const char *why;

	if (host_container(&a->host, p, false, flags, NULL, &c))
		return EXIT_TROUBLE;
	why = engine_refusal(&a->engine, &c);
	if (why) {
		report("%s: %s", p->name, why);
		return EXIT_TROUBLE;
	}
	return up_described(a, p, &c, UP_PLAIN);
}

static int
run_test(struct app *a, const struct place *p, const struct run_options *o,
    const struct words *flags, const struct words *cmd)
{
	const struct instance_wish w = {.flags = flags,
	    .cmd = cmd,
	    .image = o->image,
	    .owner = o->owner ? (pid_t)atoi(o->owner) : 0,
	    .wait = true};
	struct instance i;
	int status = instance_start(a, p, &w, &i);

	if (status == EXIT_YES)
		instance_print(&i);
	return status;
}

/* ---- beside the service, once ---- */

static int
run_once(struct app *a, const struct place *p, const struct words *flags,
    const struct words *cmd, bool shell)
{
	struct once once = {.start = {.shell = shell, .cmd = cmd, .interactive = true}};
	int got;

	once.start.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	if (once_prepare(a, p, flags, NULL, pool_printf("run-%d", (int)getpid()), &once))
		return EXIT_TROUBLE;
	got = engine_attached(&a->engine, &once.args);
	secrets_forget(once.c.name, NULL);
	if (shell && (got == 126 || got == 127))
		report("%s has no shell inside: d debug %s looks at it from beside", p->name,
		    p->name);
	return got;
}

/* ---- the verbs ---- */

int
do_run(struct app *a, int argc, char **argv)
{
	struct run_options o = {0};
	const struct option_of own[] = {SWITCH(0, "print-cmd", o.print),
	    SWITCH(0, "test", o.dry), SWITCH('T', "test-mode", o.test),
	    SWITCH('l', "latest", o.latest), VALUED(0, "owner", o.owner),
	    VALUED(0, "image-id", o.image), NO_MORE};
	struct words flags = {0}, cmd = {0};
	struct key_options keys;
	const struct place *p;

	key_options(&keys, own);
	argc = take_options(a, argc, &argv, keys.option, true);
	if (argc < 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	p = pick(a, argv[0]);
	if (!p)
		return EXIT_TROUBLE;
	for (int i = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1; i < argc; i++)
		words_add(&cmd, argv[i]);
	if (o.latest) {
		words_add(&flags, "--tag");
		words_add(&flags, "latest");
	}
	keys_given(&keys, &flags);
	if (o.print || o.dry)
		return print_command(a, p, o.test, &flags, cmd.n ? &cmd : NULL);
	if (o.test)
		return run_test(a, p, &o, &flags, cmd.n ? &cmd : NULL);
	return cmd.n ? run_once(a, p, &flags, &cmd, false) : run_service(a, p, &flags);
}

int
do_shell(struct app *a, int argc, char **argv)
{
	struct words cmd = {0};
	const struct place *p;

	argc = take_options(a, argc, &argv, NO_OPTIONS, true);
	if (argc < 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	p = pick(a, argv[0]);
	for (int i = 1; i < argc; i++)
		words_add(&cmd, argv[i]);
	return p ? run_once(a, p, NULL, &cmd, true) : EXIT_TROUBLE;
}
