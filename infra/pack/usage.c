#include "usage.h"

#include <stdio.h>
#include <string.h>

#include "report.h"

static const struct verb none[1], *verbs = none;

void
usage_set(const struct verb *table)
{
	verbs = table;
}

int
usage(int status)
{
	FILE *to = status == EXIT_TROUBLE ? stderr : stdout;
	const struct verb *v;

	fputs("usage: pack VERB [ARG...]\n\n", to);
	for (v = verbs; v->name; v++)
		fprintf(to, "  %-11s %s\n", v->name, v->summary);
	fputs("\npack VERB --help tells more. Exit status: 0 yes or done, 1 no (a finding, a\n"
	      "mismatch), 2 trouble.\n",
	    to);
	return status;
}

const struct verb *
find_verb(const char *name)
{
	const struct verb *v;

	for (v = verbs; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

int
verb_usage(const char *verb, int status)
{
	FILE *to = status == EXIT_TROUBLE ? stderr : stdout;
	const struct verb *v = find_verb(verb);

	if (v)
		fprintf(to, "usage: pack %s %s\n\n%s; see pack(1)\n", v->name, v->arguments,
		    v->summary);
	return status;
}
