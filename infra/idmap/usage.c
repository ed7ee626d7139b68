#include "usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

static const char map_options[] =
    "  -m, --map MAP       [u:|g:|b:]INSIDE:OUTSIDE:COUNT[,…] | subid:USER | rootless:USER |\n"
    "                      docker[:SETTING] | podman[:USERNS] | container:NAME | pid:PID\n"
    "      --user USER     podman: whose rootless podman\n"
    "      --uidmap R      podman: as given to podman run; also --gidmap R; repeatable\n"
    "  -R, --root DIR      where etc/passwd, subuid and the rest are (default /)\n";

static const struct verb *verbs;

void
usage_set(const struct verb *table)
{
	verbs = table;
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
usage(int status)
{
	FILE *to = status == EXIT_TROUBLE ? stderr : stdout;
	const struct verb *v;

	fputs("usage: idmap VERB [OPTION…] [ARGUMENT…]\n\n"
	      "user namespaces' mappings of user and group ids:\n\n",
	    to);
	for (v = verbs; v->name; v++)
		fprintf(to, "  %-8s %s\n", v->name, v->what);
	fputs("\nidmap VERB --help says more, idmap(8) all.\n"
	      "Exit status: 0 yes or done, 1 no, 2 trouble.\n",
	    to);
	return status;
}

void
verb_help(const char *name)
{
	const struct verb *v = find_verb(name);

	printf("usage: idmap %s %s\n\n%s\n\n%s%s", v->name, v->usage, v->what,
	    v->map ? map_options : "", v->own);
	exit(EXIT_YES);
}

void
wrong_usage(const char *name)
{
	const struct verb *v = find_verb(name);

	fprintf(stderr, "usage: idmap %s %s\n", v->name, v->usage);
	exit(EXIT_TROUBLE);
}
