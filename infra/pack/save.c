/* pack save, pack load: an image with all that is kept about it, as one file. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "cleanup.h"
#include "engine_image.h"
#include "image.h"
#include "names.h"
#include "record.h"
#include "report.h"
#include "strbuf.h"
#include "usage.h"
#include "verbs.h"

static int
save(const char *name, const char *file, const char *state)
{
	struct record r;
	struct image i = {.file = NULL};
	cleanup_free char *tag = NULL;
	int bad = record_open(&r, name, state) || engine_save(r.id, &i);

	if (!bad) {
		tag = strchr(name, ':') && !strchr(name, '/') && strncmp(name, "sha256:", 7)
			  ? full_image_name(name)
			  : full_image_name(r.name);
		bad = bundle_write(file, &i, tag, &r);
	}
	image_close(&i);
	record_close(&r);
	return bad ? EXIT_TROUBLE : EXIT_YES;
}

static int
load(const char *file, const char *tag, const char *state)
{
	struct image i;
	int bad = image_open(&i, file) || bundle_keep(&i, state) || bundle_load(&i, tag);

	if (!bad)
		printf("sha256:%s\n", i.id);
	image_close(&i);
	return bad ? EXIT_TROUBLE : EXIT_YES;
}

int
verb_save(int argc, char **argv)
{
	enum { STORE = 256 };
	static const struct option options[] = {{"store", required_argument, NULL, STORE},
	    {"output", required_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *state = NULL, *file = NULL;
	int opt;

	while ((opt = getopt_long(argc, argv, "+o:h", options, NULL)) != -1)
		if (opt == STORE)
			state = optarg;
		else if (opt == 'o')
			file = optarg;
		else
			return verb_usage("save", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
	if (argc - optind != 1 || !file)
		return verb_usage("save", EXIT_TROUBLE);
	return save(argv[optind], file, state);
}

int
verb_load(int argc, char **argv)
{
	enum { STORE = 256 };
	static const struct option options[] = {{"store", required_argument, NULL, STORE},
	    {"tag", required_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *state = NULL, *tag = "latest";
	int opt;

	while ((opt = getopt_long(argc, argv, "+t:h", options, NULL)) != -1)
		if (opt == STORE)
			state = optarg;
		else if (opt == 't')
			tag = optarg;
		else
			return verb_usage("load", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
	if (argc - optind != 1 || !is_tag(tag))
		return verb_usage("load", EXIT_TROUBLE);
	return load(argv[optind], tag, state);
}
