/* Lists of names. */
#include <jansson.h>
#include <stdio.h>

#include "options.h"
#include "report.h"
#include "select.h"
#include "service.h"
#include "verbs.h"

int
do_list_all(struct app *a, int argc, char **argv)
{
	if (no_arguments(a, argc, argv))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < a->places.n; i++)
		printf("%s\n", a->places.v[i].name);
	return EXIT_YES;
}

int
do_list_buildable(struct app *a, int argc, char **argv)
{
	if (no_arguments(a, argc, argv))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < a->places.n; i++)
		if (a->places.v[i].makefile && a->places.v[i].dockerfile)
			printf("%s\n", a->places.v[i].name);
	return EXIT_YES;
}

int
do_list_testable(struct app *a, int argc, char **argv)
{
	if (no_arguments(a, argc, argv))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < a->places.n; i++)
		if (a->places.v[i].tests)
			printf("%s\n", a->places.v[i].name);
	return EXIT_YES;
}

int
do_list_autostart(struct app *a, int argc, char **argv)
{
	int status = EXIT_YES;
	struct container c;

	if (no_arguments(a, argc, argv))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < a->places.n; i++) {
		if (describe(a, &a->places.v[i], false, &c))
			status = EXIT_TROUBLE;
		else if (wave_is_here(&c))
			printf("%s\n", c.key);
	}
	return status;
}

int
do_list_autostart_waves(struct app *a, int argc, char **argv)
{
	struct container *c = pool_zero(a->places.n + 1, sizeof(*c));
	int status = EXIT_YES;
	size_t n = 0;

	if (no_arguments(a, argc, argv))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < a->places.n; i++) {
		if (describe(a, &a->places.v[i], false, &c[n]))
			status = EXIT_TROUBLE;
		else
			n += wave_is_here(&c[n]);
	}
	for (int wave = 0; wave < 100; wave++) {
		bool any = false;

		for (size_t i = 0; i < n; i++) {
			if (c[i].wave != wave)
				continue;
			if (!any)
				printf("%d:", wave);
			printf(" %s", c[i].key);
			any = true;
		}
		if (any)
			printf("\n");
	}
	return status;
}

/* ---- settings ---- */

int
do_list_all_settings(struct app *a, int argc, char **argv)
{
	bool test = false;
	const struct option_of options[] = {SWITCH('T', "test-mode", test), NO_MORE};
	json_t *list = json_array();
	struct container c;
	struct places all;
	int status = EXIT_YES;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 0 || pick_all(a, argc, argv, &all)) {
		json_decref(list);
		return EXIT_TROUBLE;
	}
	for (size_t i = 0; i < all.n; i++) {
		if (test ? host_container(&a->host, &all.v[i], true, NULL, NULL, &c)
			 : settings_in_force(a, &all.v[i], &c))
			status = EXIT_TROUBLE;
		else
			json_array_append_new(list, json_loads(container_json(&c), 0, NULL));
	}
	json_dumpf(list, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
	printf("\n");
	json_decref(list);
	return status;
}
