/* The verbs, one a file. Each gets its own name in argv[0] and returns an exit status. */
#ifndef PACK_H
#define PACK_H

struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments; /* for --help */
	const char *summary;
};

extern const struct verb verbs[]; /* ends with a NULL name */

int verb_build(int argc, char **argv);
int verb_bump(int argc, char **argv);
int verb_diff(int argc, char **argv);
int verb_explain(int argc, char **argv);
int verb_from(int argc, char **argv);
int verb_id(int argc, char **argv);
int verb_load(int argc, char **argv);
int verb_outdated(int argc, char **argv);
int verb_provenance(int argc, char **argv);
int verb_pull(int argc, char **argv);
int verb_push(int argc, char **argv);
int verb_save(int argc, char **argv);
int verb_sign(int argc, char **argv);
int verb_size(int argc, char **argv);
int verb_verify(int argc, char **argv);

/* Whether a text is a proper tag of an image. */
int is_tag(const char *tag);

/* "pack VERB ARGUMENTS" and what it does on standard output or, for EXIT_TROUBLE, on
 * standard error; returns status. */
int verb_usage(const char *verb, int status);

#endif
