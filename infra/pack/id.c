/* pack id: which image a name means. */
#include <getopt.h>
#include <stdio.h>

#include "engine.h"
#include "pack.h"
#include "report.h"

int
verb_id(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	char id[SHA256_HEX];
	int opt, status = EXIT_YES, got;

	while ((opt = getopt_long(argc, argv, "+h", options, NULL)) != -1)
		return verb_usage("id", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
	if (optind == argc)
		return verb_usage("id", EXIT_TROUBLE);
	for (; optind < argc; optind++) {
		got = engine_find_id(argv[optind], id);
		if (got < 0)
			return EXIT_TROUBLE;
		printf(got ? "\n" : "sha256:%s\n", id);
		if (got)
			status = EXIT_NO;
	}
	return status;
}
