/* What the program and each of its verbs say about how to call them. */
#ifndef PACK_USAGE_H
#define PACK_USAGE_H

struct verb {
	const char *name;
	/* Gets its own name in argv[0], returns an exit status. */
	int (*run)(int argc, char **argv);
	const char *arguments; /* for --help */
	const char *summary;
};

/* The program's verbs, up to a NULL name; main says so before anything else is called. */
void usage_set(const struct verb *verbs);

/* NULL where there is none of that name. */
const struct verb *find_verb(const char *name);

/* All verbs on standard output or, for EXIT_TROUBLE, on standard error; returns status. */
int usage(int status);

/* The same about one: "pack VERB ARGUMENTS" and what it does. */
int verb_usage(const char *verb, int status);

#endif
