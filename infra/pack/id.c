/* pack id: which image a name means. */
#include <getopt.h>
#include <stdio.h>

#include "engine_image.h"
#include "report.h"
#include "usage.h"
#include "verbs.h"

int
verb_id(int argc, char **argv)
{
	static const struct option options[] = {
	    {"reference", no_argument, NULL, 'r'}, {"help", no_argument, NULL, 'h'}, {0}};
	int (*find)(const char *, char[SHA256_HEX]) = engine_find_id;
	char id[SHA256_HEX];
	int opt, status = EXIT_YES, got;

	while ((opt = getopt_long(argc, argv, "+rh", options, NULL)) != -1)
		if (opt == 'r')
			find = engine_find_local;
		else
			return verb_usage("id", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
	if (optind == argc)
		return verb_usage("id", EXIT_TROUBLE);
	for (; optind < argc; optind++) {
		got = find(argv[optind], id);
		if (got < 0)
			return EXIT_TROUBLE;
		if (got) {
			putchar('\n');
			status = EXIT_NO;
		} else {
			printf("sha256:%s\n", id);
		}
	}
	return status;
}
