/* Verbs for all containers that they are about, each in its turn. */
#include "options.h"
#include "report.h"
#include "schedule.h"
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

int
do_upgrade_all(struct app *a, int argc, char **argv)
{
	return all_of_them(a, argc, argv, "upgrade", PICK_BUILDABLE);
}
