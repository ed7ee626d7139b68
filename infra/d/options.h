/* A verb's options. */
#ifndef WHITTLE_OPTIONS_H
#define WHITTLE_OPTIONS_H

#include <stdbool.h>

#include "app.h"

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

/* Says how the verb is used; EXIT_TROUBLE. */
int usage(const struct app *a);

/* For verbs that take neither options nor words: 0, or -1 after a message. */
int no_arguments(struct app *a, int argc, char **argv);

/* Options of a verb, and --KEY VALUE for every key of settings.yaml behind them. */
struct key_options {
	const char **value; /* by the number of the key */
	struct option_of *option;
};

void key_options(struct key_options *k, const struct option_of *own);

/* Words "--KEY", "VALUE" of those that were given. */
void keys_given(const struct key_options *k, struct words *flags);

#endif
