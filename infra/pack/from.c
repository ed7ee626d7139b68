/* pack from: the images that a Dockerfile's build needs. */
#include <getopt.h>
#include <stdio.h>

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

int
verb_from(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	int opt;

	while ((opt = getopt_long(argc, argv, "+h", options, NULL)) != -1)
		return verb_usage("from", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
	if (optind == argc)
		return verb_usage("from", EXIT_TROUBLE);
	return print_images(argv[optind], (const char *const *)argv + optind + 1);
}
