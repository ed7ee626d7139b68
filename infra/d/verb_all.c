/* Verbs for all containers that they are about, each in its turn. */
#include "options.h"
#include "outdated.h"
#include "report.h"
#include "say.h"
#include "schedule.h"
#include "select.h"
#include "service.h"
#include "verbs.h"

static int
all_of_them(struct app *a, int argc, char **argv, const char *verb, enum pick_which which)
{
	return no_arguments(a, argc, argv) ? EXIT_TROUBLE : schedule_verb(a, verb, which);
}

int
do_up_all(struct app *a, int argc, char **argv)
{
	return all_of_them(a, argc, argv, "up", PICK_AUTOSTART);
}

int
do_down_all(struct app *a, int argc, char **argv)
{
	return all_of_them(a, argc, argv, "down", PICK_RUNNING);
}

int
do_restart_all(struct app *a, int argc, char **argv)
{
	return all_of_them(a, argc, argv, "restart", PICK_RUNNING);
}

int
do_build_all(struct app *a, int argc, char **argv)
{
	return all_of_them(a, argc, argv, "build", PICK_BUILDABLE);
}

int
do_test_all(struct app *a, int argc, char **argv)
{
	return all_of_them(a, argc, argv, "test", PICK_TESTABLE);
}

/* ---- what an upgrade leaves as it is ---- */

/* The first, a security fix where there is one, and how many more there are. */
static void
say_due(const struct place *p, const struct findings *found)
{
	const struct finding *first = NULL;
	const char *does;
	size_t n = 0, fixes = 0;

	for (size_t i = 0; i < found->n; i++) {
		const struct finding *f = &found->v[i];

		if (f->kind == FOUND_TROUBLE)
			report("%s: %s", p->name, finding_text(f));
		if (f->kind == FOUND_TROUBLE || f->kind == FOUND_HELD)
			continue;
		if (!first || (f->security && !first->security))
			first = f;
		fixes += f->security;
		n++;
	}
	if (!first)
		return;
	/* What isn't written down in a file comes with the upgrade itself. */
	does = first->kind == FOUND_DIGEST && !first->from ? "d upgrade" : "d bump";
	say(fixes ? "SECURITY" : "DUE", "%s: %s%s: %s %s", p->name, finding_text(first),
	    n == 1 ? "" : pool_printf(" and %zu more", n - 1), does, p->name);
}

/* Versions are pinned: packages of a lock, images by their digest or tag. An upgrade builds
 * what the files name; what is newer than that is told, those with security fixes first. */
static void
tell_due(struct app *a)
{
	struct findings *found = pool_zero(a->places.n + 1, sizeof(*found));
	struct container c;

	for (size_t i = 0; i < a->places.n; i++)
		if (describe(a, &a->places.v[i], false, &c) == 0)
			outdated_find(a, &a->places.v[i], &c, &found[i]);
	for (int security = 1; security >= 0; security--)
		for (size_t i = 0; i < a->places.n; i++) {
			int has = 0;

			for (size_t k = 0; k < found[i].n; k++)
				has |= found[i].v[k].security;
			if (has == security)
				say_due(&a->places.v[i], &found[i]);
		}
}

int
do_upgrade_all(struct app *a, int argc, char **argv)
{
	int status = all_of_them(a, argc, argv, "upgrade", PICK_BUILDABLE);

	if (status != EXIT_TROUBLE)
		tell_due(a);
	return status;
}
