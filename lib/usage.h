/* Programs of several verbs: main, and what the program and each verb say of their call. */
#ifndef WHITTLE_USAGE_H
#define WHITTLE_USAGE_H

struct verb {
	const char *name;
	/* Gets its own name in argv[0], returns an exit status. */
	int (*run)(int argc, char **argv);
	const char *arguments, *summary;
	const char *options[2]; /* whole lines for its --help, NULL where there are no more */
};

struct program {
	const char *name, *manual; /* "pack", "pack(1)" */
	const char *about;         /* a line, NULL where the verbs say enough */
	const struct verb *verbs;  /* up to a NULL name */
};

/* main(): runs the verb that argv[1] names. */
int program_run(const struct program *p, int argc, char **argv);

/* How a verb of the program that runs is called: one line on standard error for EXIT_TROUBLE,
 * otherwise all of its --help on standard output. Returns status. */
int verb_usage(const char *verb, int status);

#endif
