#include "there.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cluster_verbs.h"
#include "path.h"
#include "report.h"
#include "run.h"
#include "say.h"
#include "select.h"
#include "service.h"
#include "strbuf.h"
#include "waves.h"

/* What has to be on a host before the verb is. */
struct cargo {
	const struct place *p;
	struct words files; /* of the directory, relative to it */
	const char *image;  /* NULL: none */
};

/* ---- which files ---- */

static void
add_file(struct cargo *cargo, const char *path)
{
	const char *below = path ? path_below(cargo->p->directory, path) : NULL;

	if (below && *below && !words_have(&cargo->files, below))
		words_add(&cargo->files, below);
}

/* The settings and what they name in their own directory: nothing that the image is built of.
 */
static void
find_files(struct cargo *cargo, const struct container *c)
{
	words_add(&cargo->files, "settings.yaml");
	add_file(cargo, c->seccomp);
	add_file(cargo, c->ready.ca);
	for (size_t i = 0; i < c->env_files.n; i++)
		add_file(cargo, c->env_files.w[i]);
	for (size_t i = 0; i < c->mount_ro.n; i++)
		add_file(cargo, c->mount_ro.v[i].source);
	for (size_t i = 0; i < c->vols.n; i++)
		add_file(cargo, c->vols.v[i].contents);
	for (size_t i = 0; i < c->secrets.n; i++)
		if (c->secrets.v[i].kind != SECRET_COMMAND && c->secrets.v[i].source.n)
			add_file(cargo, c->secrets.v[i].source.w[0]);
}

/* ---- bringing ---- */

/* infra/send speaks ssh's words and ends with its status. */
static struct far_answer
bring(struct app *a, const struct fleet_host *h, const void *arg)
{
	const struct cargo *cargo = arg;
	struct far_answer answer = {0};
	struct words argv = {0};
	struct strbuf err = STRBUF_INIT;

	far_variables(h);
	/* Where pack here finds what is kept about images. */
	setenv("WHITTLE_STATE", a->engine.store, 1);
	words_addf(&argv, "%s/infra/send", a->host.project);
	words_add(&argv, a->engine.pack);
	words_add(&argv, cargo->p->name);
	words_add(&argv, !cargo->image                         ? "-"
			 : strncmp(cargo->image, "sha256:", 7) ? cargo->image
							       : cargo->image + 7);
	words_add(&argv, cargo->p->directory);
	words_add_all(&argv, &cargo->files);
	say("SEND", "%s to %s", cargo->p->name, h->name);
	answer =
	    far_judge(run(&(struct run){
			  .argv = (const char *const *)argv.w, .err = &err, .most = 1 << 20}),
		&err);
	if (answer.kind == FAR_ANSWERED && answer.status) {
		report("%s: bring %s: %s", h->name, cargo->p->name,
		    *answer.why ? answer.why : "no reason given");
		answer.status = EXIT_TROUBLE;
	} else {
		far_tell(h, &answer);
	}
	strbuf_free(&err);
	return answer;
}

/* The hosts that `on` means, each once. */
static int
hosts_of(struct app *a, const struct container *c, struct fleet *out)
{
	struct fleet some;

	*out = (struct fleet){0};
	for (size_t i = 0; i < c->on.n; i++) {
		if (!fleet_pick(&a->host.fleet, c->on.w[i], &some)) {
			report(
			    "%s: on: no host and no label is called '%s' (d hosts lists them)",
			    c->key, c->on.w[i]);
			return -1;
		}
		for (size_t k = 0; k < some.n; k++)
			if (!fleet_host(out, some.v[k].name))
				*GROW(*out) = some.v[k];
	}
	/* By waves, whatever the order in `on` is. */
	some = *out;
	fleet_pick(&some, NULL, out);
	return 0;
}

/* Brings it, and runs the verb by waves. */
static int
start_there(struct app *a, const struct place *p, const struct container *c, const char *image,
    const struct words *words)
{
	struct cargo cargo = {.p = p, .image = image};
	struct words missed = {0};
	struct fleet some;

	if (hosts_of(a, c, &some))
		return EXIT_TROUBLE;
	if (!a->host.project) {
		report("%s: there is no project to bring it from: settings.yaml(5), project",
		    p->name);
		return EXIT_TROUBLE;
	}
	find_files(&cargo, c);
	words_add(&missed, missed_here);
	words_add(&missed, words->w[0]);
	words_add(&missed, p->name);
	return waves_run(a, &some, words, bring, &cargo, &missed);
}

/* One host answers as if it were this one. */
static int
ask_there(struct app *a, const struct container *c, const struct words *words)
{
	struct far_answer answer;
	struct fleet some;

	if (hosts_of(a, c, &some))
		return EXIT_TROUBLE;
	if (some.n != 1)
		return waves_run(a, &some, words, NULL, NULL, NULL);
	answer = far_d(&some.v[0], words, isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
	return far_tell(&some.v[0], &answer) ? EXIT_TROUBLE : answer.status;
}

int
there_upgrade(struct app *a, const struct place *p, const struct container *c,
    const char *image, bool force, bool keep_down, bool due)
{
	struct words words = {0};

	words_add(&words, "upgrade");
	if (force)
		words_add(&words, "--force");
	if (keep_down)
		words_add(&words, "--keep-down");
	if (due)
		words_add(&words, "--due");
	if (p->makefile) {
		words_add(&words, "--image");
		words_add(&words, image);
	}
	words_add(&words, p->name);
	return start_there(a, p, c, p->makefile ? image : NULL, &words);
}

/* The place that the words name: by the first of them that names one, *at. */
static const struct place *
place_among(struct app *a, int argc, char **argv, int *at)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		size_t len = strlen(argv[i]), n = 0;
		const struct place *found = place_find(a, argv[i]);

		for (size_t k = 0; !found && *argv[i] != '-' && k < a->places.n; k++)
			if (strncmp(a->places.v[k].name, argv[i], len) == 0)
				n++;
		for (size_t k = 0; n == 1 && !found && k < a->places.n; k++)
			if (strncmp(a->places.v[k].name, argv[i], len) == 0)
				found = &a->places.v[k];
		if (found) {
			*at = i;
			return found;
		}
	}
	return NULL;
}

bool
there_run(struct app *a, int argc, char **argv, int *status)
{
	int at = 0;
	const struct place *p = place_among(a, argc, argv, &at), *other;
	struct words words = {0};
	struct container c;
	bool starts = strcmp(a->verb->name, "up") == 0 || strcmp(a->verb->name, "restart") == 0;

	if (!p || host_container(&a->host, p, false, NULL, NULL, &c) || !c.on.n)
		return false;
	if (container_in_cluster(&c))
		return cluster_verb(a, &c, argc, argv, status);
	*status = EXIT_TROUBLE;
	words_add(&words, a->called_as);
	for (int i = 1; i < argc; i++) {
		other = place_find(a, argv[i]);
		if (other && other != p) {
			report("%s runs on other hosts: one container at a time", p->name);
			return true;
		}
		/* Whole: there its start may be another's as well. */
		words_add(&words, i == at ? p->name : argv[i]);
	}
	*status = starts ? start_there(a, p, &c, NULL, &words) : ask_there(a, &c, &words);
	return true;
}
