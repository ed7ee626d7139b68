/* What else is needed, in a tree, by what is kept. */
#ifndef PREP_CLOSURE_H
#define PREP_CLOSURE_H

#include "keep.h"
#include "tree.h"

struct kept {
	const char *reason; /* NULL: not kept; else words, "%s" in them stands for by's path */
	uint32_t by;        /* the entry that needs it; NO_ENTRY: the list itself */
	unsigned implied : 1;   /* something other than the list needs it too */
	unsigned forbidden : 1; /* the list says that it isn't kept */
	unsigned examined : 1;
};

struct closure {
	const struct tree *tree;
	struct kept *kept; /* one for each entry of the tree */
	uint32_t *queue;
	size_t queued, done, room;
	struct strbuf path;
	struct strbuf lists; /* which package has which files, once it was asked for */
	void (*families)(struct closure *c, uint32_t i, const char *path);
};

/* families: called with each file and link that is kept, for what comes with it (families.h).
 */
void closure_init(struct closure *c, const struct tree *t,
    void (*families)(struct closure *c, uint32_t i, const char *path));
void closure_free(struct closure *c);

/*
 * Keeps what each line of the list names, and what that needs: a link's target and the links
 * on the way; a program's loader and libraries (ld.so(8) and musl's rules: RPATH, RUNPATH,
 * ld.so.cache, the usual directories); the interpreter of a script, and the programs that a
 * shell script names; and what comes with it by families.c. A line that fits nothing calls
 * stale, which may be NULL.
 */
void closure_of_list(struct closure *c, const struct keep *k,
    void (*stale)(const struct keep_line *l, void *arg), void *arg);

/* For one entry; closure_run() is due then. What another rule removes isn't kept. */
void closure_keep(struct closure *c, uint32_t i, const char *reason, uint32_t by);
void closure_run(struct closure *c);

/* A path as the entry by would find it, with the links on the way. Returns whether it
 * exists. */
int closure_path(struct closure *c, const char *path, const char *reason, uint32_t by);

/* A program by its name alone, where PATH usually leads. */
int closure_program(struct closure *c, const char *name, const char *reason, uint32_t by);

/* A directory with all below. */
void closure_below(struct closure *c, uint32_t directory, const char *reason, uint32_t by);

/* All files of the Debian package that has path, as far as they stand below a directory that
 * begin fits (as fnmatch(3) has it) and end in one of ends. Returns whether a package has it.
 */
int closure_package(struct closure *c, const char *path, const char *begin,
    const char *const *ends, const char *reason, uint32_t by);

/* Why an entry is kept, in words, in b, whose text it replaces. */
const char *closure_why(struct closure *c, uint32_t i, struct strbuf *b);

/* The file's bytes, up to a limit of 4 MiB, with a NUL behind them; NULL where there are none.
 * free(3) it. */
char *closure_text(struct closure *c, uint32_t i, size_t *n);

#endif
