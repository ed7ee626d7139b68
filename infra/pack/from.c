/* pack from: the images that a Dockerfile's build needs. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "dockerfile.h"
#include "report.h"
#include "usage.h"
#include "verbs.h"

static int
print_images(const char *file, const char *const *params)
{
	struct dockerfile d;
	char **images = NULL;

	if (dockerfile_read(&d, file, params) == 0)
		images = dockerfile_images(&d);
	for (char **i = images; i && *i; i++)
		puts(*i);
	free_strings(images);
	dockerfile_free(&d);
	return images ? EXIT_YES : EXIT_TROUBLE;
}

/* What the built image starts, and as whom, by the last instruction of each kind, and FROM
 * what it has the others. */
static int
print_starts(const char *file, const char *const *params)
{
	static const char *const names[] = {"ENTRYPOINT", "CMD", "HEALTHCHECK", "USER"};
	const struct docker_stage *s;
	struct dockerfile d;
	int bad = dockerfile_read(&d, file, params);

	if (!bad) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			const struct docker_step *step =
			    dockerfile_last(&d, dockerfile_result(&d), names[i]);

			if (step)
				printf("%s %s\n", step->name, step->value);
		}
		for (s = dockerfile_result(&d); s->base != NO_STAGE; s = &d.stage[s->base])
			;
		if (strcmp(s->image, "scratch") != 0)
			printf("FROM %s\n", s->image);
	}
	dockerfile_free(&d);
	return bad ? EXIT_TROUBLE : EXIT_YES;
}

int
verb_from(int argc, char **argv)
{
	static const struct option options[] = {
	    {"starts", no_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {0}};
	int (*print)(const char *file, const char *const *params) = print_images;
	int opt;

	while ((opt = getopt_long(argc, argv, "+h", options, NULL)) != -1)
		if (opt == 's')
			print = print_starts;
		else
			return verb_usage("from", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
	if (optind == argc)
		return verb_usage("from", EXIT_TROUBLE);
	return print(argv[optind], (const char *const *)argv + optind + 1);
}
