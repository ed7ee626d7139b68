/* What the program and each of its verbs say about how to call them. */
#ifndef IDMAP_USAGE_H
#define IDMAP_USAGE_H

#include <stdbool.h>

struct verb {
	const char *name;
	/* Gets its own name in argv[0], returns an exit status. */
	int (*run)(int argc, char **argv);
	const char *usage, *what;
	bool map;        /* it takes the options that name a map */
	const char *own; /* options of its own */
};

/* The program's verbs, up to a NULL name; main says so before anything else is called. */
void usage_set(const struct verb *verbs);

/* NULL where there is none of that name. */
const struct verb *find_verb(const char *name);

/* All verbs on standard output or, for EXIT_TROUBLE, on standard error; returns status. */
int usage(int status);

/* A wrong call: prints how the verb is called, and ends the program. */
_Noreturn void wrong_usage(const char *verb);

/* Prints what --help of a verb says, and ends the program. */
_Noreturn void verb_help(const char *verb);

#endif
