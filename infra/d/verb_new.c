/* Making a container's directory, and mending what keeps one from starting: infra/new,
 * infra/fix; following a repository: infra/sync; which call this program in their turn. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "app.h"
#include "report.h"
#include "verbs.h"

static int
hand_over(struct app *a, const char *script, int argc, char **argv)
{
	struct words args = {0};

	if (!a->host.project) {
		report("there is no project whose containers these are: settings.yaml(5), "
		       "project");
		return EXIT_TROUBLE;
	}
	words_addf(&args, "%s/infra/%s", a->host.project, script);
	for (int i = 1; i < argc; i++)
		words_add(&args, argv[i]);
	signal(SIGPIPE, SIG_DFL);
	execv(args.w[0], args.w);
	report("start '%s':", args.w[0]);
	return EXIT_TROUBLE;
}

int
do_new(struct app *a, int argc, char **argv)
{
	return hand_over(a, "new", argc, argv);
}

int
do_fix(struct app *a, int argc, char **argv)
{
	return hand_over(a, "fix", argc, argv);
}

int
do_sync(struct app *a, int argc, char **argv)
{
	return hand_over(a, "sync", argc, argv);
}
