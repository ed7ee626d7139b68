#include "cluster_verbs.h"

#include <stdio.h>
#include <string.h>

#include "kube.h"
#include "options.h"
#include "report.h"
#include "run.h"
#include "scan.h"
#include "swarm_see.h"

/* Of all copies, each line with its copy's name and node. */
static int
log_of(struct app *a, const struct container *c, int argc, char **argv)
{
	bool follow = false;
	const char *lines = NULL;
	const struct option_of options[] = {
	    SWITCH('f', "follow", follow), VALUED('n', "lines", lines), NO_MORE};
	struct words argv_of = {0};
	int status;

	argc = take_options(a, argc, &argv, options, false);
	if (argc != 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	if (container_in_kube(c))
		kube_words(a, &argv_of);
	else
		swarm_words(a, &argv_of);
	if (!container_in_kube(c))
		words_add(&argv_of, "service");
	words_add(&argv_of, "logs");
	if (follow)
		words_add(&argv_of, "--follow");
	if (lines)
		words_addf(&argv_of, "--tail=%s", lines);
	words_add(&argv_of,
	    container_in_kube(c) ? pool_printf("deployment/%s", kube_name(c)) : swarm_name(c));
	fflush(stdout);
	status = run(&(struct run){.argv = (const char *const *)argv_of.w});
	if (status < 0)
		report("start '%s':", argv_of.w[0]);
	return status < 0 ? EXIT_TROUBLE : status;
}

static int
is_up(struct app *a, const struct container *c)
{
	struct swarm_service s;
	struct kube_state k;
	bool kube = container_in_kube(c), up;
	int got = kube ? kube_see(a, c, &k) : swarm_see(a, c, &s);

	if (got < 0)
		return EXIT_TROUBLE;
	up = got == 1 && (kube ? k.ready : swarm_running(&s, NULL)) > 0;
	printf("%s\n", up ? "up" : "down");
	return up ? EXIT_YES : EXIT_NO;
}

/* Where its copies are: what could be looked at is there. */
static void
tell_nodes(struct app *a, const struct container *c)
{
	struct swarm_service s;

	if (container_in_kube(c) || swarm_see(a, c, &s) != 1)
		return;
	for (size_t i = 0; i < s.tasks.n; i++)
		if (s.tasks.v[i].wanted && strcmp(s.tasks.v[i].state, "running") == 0)
			report("%s: runs on %s as container %.12s", c->key, s.tasks.v[i].node,
			    s.tasks.v[i].container);
}

bool
cluster_verb(struct app *a, const struct container *c, int argc, char **argv, int *status)
{
	static const char *const replacing[] = {"up", "down", "restart", "back", "why", NULL};
	const char *verb = a->verb->name;

	for (size_t i = 0; replacing[i]; i++)
		if (strcmp(replacing[i], verb) == 0)
			return false;
	if (strcmp(verb, "log") == 0) {
		*status = log_of(a, c, argc, argv);
	} else if (strcmp(verb, "scan") == 0 && !container_in_kube(c)) {
		*status = scan_service(a, c, argc, argv);
	} else if (strcmp(verb, "is-up") == 0) {
		*status = is_up(a, c);
	} else {
		report("%s is run by a %s: d %s is for a container on a host", c->key,
		    container_in_kube(c) ? "Kubernetes cluster" : "swarm", verb);
		tell_nodes(a, c);
		*status = EXIT_TROUBLE;
	}
	return true;
}
