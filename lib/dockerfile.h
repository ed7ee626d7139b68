/*
 * Reading a Dockerfile: instructions, build stages, and which images a build needs. As the
 * Dockerfile reference says it and BuildKit and Buildah do it: instructions and stage names
 * in any case, parser directives, continuation lines with comments between, here-documents,
 * ARG before FROM, variables with their modifiers. What only the engine can judge (an
 * instruction that nobody knows, a flag) is left to it.
 */
#ifndef WHITTLE_DOCKERFILE_H
#define WHITTLE_DOCKERFILE_H

#include <stdbool.h>
#include <stddef.h>

struct docker_step {
	size_t line; /* where it begins, from 1 */
	char *name;  /* "RUN", in capitals */
	char **flag; /* "mount=type=cache,target=/x", without "--" */
	size_t flags;
	char *value;     /* the rest as it is written, lines joined. ENTRYPOINT, CMD, SHELL and
			  * others have an exec form, which is JSON: an array of strings. */
	char **document; /* here-documents, in their order */
	size_t documents;
};

struct docker_variable {
	char *name;
	char *value; /* NULL: declared without a value */
	bool of_env; /* of ENV, which later stages have too and no ARG changes */
};

struct docker_variables {
	struct docker_variable *v;
	size_t n;
};

struct docker_stage {
	size_t line;
	char *name;  /* in small letters; NULL: none */
	char *image; /* what FROM names, variables replaced */
	size_t base; /* the stage that FROM names; NO_STAGE: an image */
	struct docker_step *step;
	size_t steps;
	struct docker_variables variables; /* of ARG and ENV, at the stage's end */
};

#define NO_STAGE ((size_t)-1)

struct dockerfile {
	char *file;  /* in messages */
	char escape; /* '\\' or '`' */
	struct docker_stage *stage;
	size_t stages;
	struct docker_variables global;  /* of ARG before the first FROM */
	struct docker_variables given;   /* --build-arg */
	struct docker_variables context; /* --build-context */
	char *target;                    /* --target, NULL: the last stage */
};

/*
 * Reads bytes. params (NULL-terminated, or NULL) are the words for the engine's build, of which
 * --build-arg, --build-context and --target matter. Returns 0, or -1 after one report()
 * "FILE:LINE: …": no FROM, a here-document without end, a FROM whose variable has no value,
 * a target that isn't there, more than 4 MiB or 1000 stages, a
 * NUL byte. The caller frees in both cases.
 */
int dockerfile_parse(struct dockerfile *d, const char *file, const char *bytes, size_t n,
    const char *const *params);

/* The same of a file. */
int dockerfile_read(struct dockerfile *d, const char *file, const char *const *params);
void dockerfile_free(struct dockerfile *d);

/* The stage that is built: --target's, else the last one. */
const struct docker_stage *dockerfile_result(const struct dockerfile *d);

/*
 * The images that the result needs: of FROM, COPY --from and RUN --mount=from= in it and in
 * the stages that it is made of; each once, scratch left out. NULL-terminated; NULL after a
 * report(). free_strings() it.
 */
char **dockerfile_images(const struct dockerfile *d);
void free_strings(char **strings);

/* The last instruction of that name in the stage, or in those that it starts from; NULL. */
const struct docker_step *dockerfile_last(
    const struct dockerfile *d, const struct docker_stage *s, const char *name);

/*
 * Quotes taken from a word of the stage's, and its variables replaced by what they are at the
 * stage's end. NULL after a report(); the caller frees.
 */
char *dockerfile_word(const struct dockerfile *d, const struct docker_stage *s,
    const struct docker_step *step, const char *word);

#endif
