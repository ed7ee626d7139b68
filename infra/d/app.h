/* What every verb works with. */
#ifndef WHITTLE_APP_H
#define WHITTLE_APP_H

#include <stdbool.h>

#include "engine.h"
#include "host.h"
#include "seen.h"

struct app {
	struct host host;
	struct engine engine;
	struct places places;
	struct words duplicates;  /* directories whose name is another's as well, or none */
	int unread;               /* directories of containers that couldn't be read */
	bool lost;                /* where it was called, nobody is any more */
	const struct verb *verbs; /* all of them; the last has a name of NULL */
	const struct verb *verb;
	const char *called_as;      /* the verb's name or alias, as typed */
	struct needs_node *needs;   /* needs.c's, by place */
	struct words restart_after; /* to be started once no lock is held any more */
};

typedef int verb_fn(struct app *a, int argc, char **argv);

enum verb_kind {
	WRITES = 0,               /* files of its own alone */
	EXACT = 1 << 0,           /* an ambiguous name is refused */
	CHANGES = EXACT | 1 << 1, /* what an earlier run left is recovered before */
	ALONE = 1 << 2,           /* needs neither host settings nor engine */
	ELSEWHERE = 1 << 3,       /* needs host settings and no engine */
	THERE = 1 << 4,           /* goes to the hosts that the container runs on */
	READS = 1 << 5,           /* only asks, but for --rm, --notify, --test, --output */
	DRY = 1 << 6,             /* only asks with -n, --dry-run */
	FROM_HERE = 1 << 7,       /* takes files from where it is called */
	LISTS = 1 << 8,           /* only asks with -l, --list */
	NAMED = 1 << 9,           /* only asks with nothing but a name */
	CHECKS = 1 << 10,         /* only asks alone, or with "check" */
};

struct verb {
	const char *name;
	const char *aliases; /* between blanks */
	const char *group;
	const char *args; /* as shown in help */
	const char *help;
	verb_fn *run; /* argv[0] is the verb, argv[argc] NULL */
	unsigned kind;
};

#endif
