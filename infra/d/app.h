/* What every verb works with, and the table of verbs. */
#ifndef WHITTLE_APP_H
#define WHITTLE_APP_H

#include <stdbool.h>

#include "engine.h"
#include "host.h"

struct app {
	struct host host;
	struct engine engine;
	struct places places;
	struct words twice; /* folders whose name is another's as well */
	const struct verb *verb;
	const char *called_as; /* the verb's name or alias, as typed */
};

typedef int verb_fn(struct app *a, int argc, char **argv);

enum verb_kind {
	READS = 0,
	CHANGES = 1 << 0, /* an ambiguous name is refused */
	ALONE = 1 << 1,   /* needs neither host settings nor engine */
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

/* Ends with a name of NULL. */
extern const struct verb verbs[];
const struct verb *verb_find(const char *word);

/* ---- options ---- */

/* One option of a verb: a switch, or one with a value. */
struct option_of {
	char letter; /* 0: none */
	const char *name;
	bool *set;
	const char **value;
	struct words *list; /* instead of value: may be given several times */
};

#define SWITCH(letter, name, flag)                                                             \
	{                                                                                      \
		letter, name, &(flag), NULL, NULL                                              \
	}
#define VALUED(letter, name, text)                                                             \
	{                                                                                      \
		letter, name, NULL, &(text), NULL                                              \
	}
#define LISTED(letter, name, words)                                                            \
	{                                                                                      \
		letter, name, NULL, NULL, &(words)                                             \
	}
#define NO_MORE                                                                                \
	{                                                                                      \
		0, NULL, NULL, NULL, NULL                                                      \
	}
#define NO_OPTIONS ((const struct option_of[]){NO_MORE})

/*
 * Takes the options (the last has a name of NULL and no letter) out of argv, which then
 * begins with what is left behind the verb. In a verb whose words after the first belong
 * to another command, `first` ends the options at the first that is none.
 * Returns how many words are left, or -1 after a message.
 */
int take_options(struct app *a, int argc, char ***argv, const struct option_of *o, bool first);

/* ---- names ---- */

/* The container that a word begins the name of; NULL after a message. */
const struct place *pick(struct app *a, const char *spec);

/* All that the words name, every one where there is none. -1 after a message. */
int pick_all(struct app *a, int argc, char **argv, struct places *out);

const struct place *place_find(const struct app *a, const char *name);

/* Says how the verb is used; EXIT_TROUBLE. */
int usage(const struct app *a);

/* For verbs that take neither options nor words: 0, or -1 after a message. */
int no_arguments(struct app *a, int argc, char **argv);

/* ---- a container ---- */

/* Its description; -1 after a message. A container gone back to an earlier generation has
 * that one's settings. */
int describe(struct app *a, const struct place *p, bool test, struct container *out);

/* The image that would be started: by the description's repos and tag. 1, 0 where there
 * is none, -1 after a message. reference gets the name that it was found by, or the first
 * that was looked for. */
int image_of(
    struct app *a, const struct container *c, const char **reference, struct image *out);

/* Every container that the engine has, as engine_list() tells, and those images of many
 * descriptions that there are. image_among() finds one's; it is asked for once more where
 * its name may be written in several ways. */
int look_at_all(struct app *a, const struct container *c, size_t n, struct seens *seen,
    struct images *images);
int image_among(
    struct app *a, const struct images *images, const struct container *c, struct image *out);

/* "90s", "3h", "12d" ago; "-" for 0. */
const char *age_text(time_t since);

/* Fills the names of the containers that it shares namespaces with. -1 after a message. */
int resolve_needs(struct app *a, struct container *c);

/* Prints the engine's command that would start it, quoted for a shell; what it would take
 * before, a network, on lines of its own. An exit status. */
int print_command(struct app *a, const struct place *p, bool test, const struct words *flags,
    const struct words *cmd);

/* Where this program's file is. */
const char *program_path(void);

/* Set by SIGINT, SIGTERM and SIGHUP. */
extern volatile int interrupted;

#endif
