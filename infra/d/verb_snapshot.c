/* Copying a container's data by hand. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine_inspect.h"
#include "generations.h"
#include "life.h"
#include "lock.h"
#include "options.h"
#include "owner.h"
#include "replace.h"
#include "report.h"
#include "select.h"
#include "service.h"
#include "snapshots.h"
#include "verbs.h"

/* It is stopped meanwhile, and a container anew with what it ran with comes after. */
static int
snapshot_running(
    struct app *a, const struct place *p, struct container *c, const struct seen *now)
{
	const struct generation *back = generation_gone_back_to(&a->host, p->name);
	struct journal j;
	struct replacement r = {.verb = "snapshot",
	    .place = p,
	    .want = c,
	    .settings = c->settings,
	    .generation = back ? back->n : 0,
	    .snapshot = true};

	if (engine_image(&a->engine, now->image, &r.image) != 1 || resolve_needs(a, c) ||
	    journal_begin(a, p, "snapshot", &j))
		return EXIT_TROUBLE;
	return replace(&j, &r);
}

static int
snapshot_stopped(struct app *a, const struct place *p, const struct container *c)
{
	struct journal j;
	int bad;

	/* The journal is for its ID alone: what is cut off here is no container's affair. */
	if (journal_begin(a, p, "snapshot", &j))
		return EXIT_TROUBLE;
	bad = snapshot_take(a, c, j.id, "by hand");
	bad |= journal_end(&j);
	bad |= snapshots_prune(a, p->name, c->keep > 0 ? c->keep : a->host.keep);
	return bad ? EXIT_TROUBLE : EXIT_YES;
}

static int
snapshot_locked(struct app *a, const struct place *p)
{
	struct container c;
	struct seen now;
	int got;

	if (describe(a, p, false, &c))
		return EXIT_TROUBLE;
	if (!c.data.paths.n) {
		report(
		    "%s: its settings have no 'snapshot', or nothing that it is of", p->name);
		return EXIT_NO;
	}
	got = engine_see(&a->engine, c.name, &now);
	if (got < 0 || (got == 1 && !owner_is_d(a, p, &now)))
		return EXIT_TROUBLE;
	return got == 1 && now.running ? snapshot_running(a, p, &c, &now)
				       : snapshot_stopped(a, p, &c);
}

static int
snapshot_one(struct app *a, const struct place *p)
{
	struct locks locks;
	int status;

	if (lock_container(a, p, false, &locks))
		return EXIT_TROUBLE;
	status = snapshot_locked(a, p);
	unlock_container(&locks);
	return start_pending(a, status);
}

int
do_snapshot(struct app *a, int argc, char **argv)
{
	const char *part = NULL, *source = NULL, *id = NULL, *other = NULL;
	const struct option_of options[] = {VALUED(0, "part", part),
	    VALUED(0, "source", source), VALUED(0, "id", id), VALUED(0, "other", other),
	    NO_MORE};

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 0)
		return EXIT_TROUBLE;
	/* d itself asks so, as rootless podman's user inside its namespace. */
	if (part && source && id)
		return snapshot_part(a, part, source, id, other) ? EXIT_TROUBLE : EXIT_YES;
	if (argc < 1)
		return usage(a);
	return each_named(a, argc, argv, snapshot_one);
}
