#include "usage.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "streams.h"

static const struct program *program;

static int
usage(int status)
{
	FILE *to = status == EXIT_TROUBLE ? stderr : stdout;
	const struct verb *v;

	fprintf(to, "usage: %s VERB [ARGUMENT...]\n\n", program->name);
	if (program->about)
		fprintf(to, "%s:\n\n", program->about);
	for (v = program->verbs; v->name; v++)
		fprintf(to, "  %-11s %s\n", v->name, v->summary);
	fprintf(to,
	    "\n%s VERB --help says more, %s all.\n"
	    "Exit status: 0 yes or done, 1 no (a finding, a mismatch), 2 trouble.\n",
	    program->name, program->manual);
	return status;
}

static const struct verb *
find_verb(const char *name)
{
	const struct verb *v;

	for (v = program->verbs; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

int
verb_usage(const char *verb, int status)
{
	const struct verb *v = find_verb(verb);

	if (!v)
		return status;
	fprintf(status == EXIT_TROUBLE ? stderr : stdout, "usage: %s %s %s\n", program->name,
	    v->name, v->arguments);
	if (status == EXIT_TROUBLE)
		return status;
	printf("\n%s; see %s\n", v->summary, program->manual);
	if (v->options[0])
		printf("\n%s%s", v->options[0], v->options[1] ? v->options[1] : "");
	return status;
}

int
program_run(const struct program *p, int argc, char **argv)
{
	const struct verb *v;

	streams_begin();
	report_prog = p->name;
	program = p;
	if (argc < 2)
		return usage(EXIT_TROUBLE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return streams_end(usage(EXIT_YES));
	v = find_verb(argv[1]);
	if (!v) {
		report("no verb '%s'; %s --help lists them", argv[1], p->name);
		return EXIT_TROUBLE;
	}
	return streams_end(v->run(argc - 1, argv + 1));
}
