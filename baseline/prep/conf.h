/* prep's switches: their names, defaults and values, from a file or the environment. */
#ifndef PREP_CONF_H
#define PREP_CONF_H

#include <regex.h>
#include <stddef.h>

#include "endings.h"

enum conf_key {
	ACCOUNTS_DONT_DELETE_REGEX,
	APK_CLEANUP,
	APPLETS_KEEP,
	APPLETS_RM,
	CRONTABS_REMOVE,
	GROUP_DONT_DELETE_REGEX,
	HARDEN_SELF_REMOVE,
	PROBE_RM,
	ROOT_RM_HOMEDIR,
	RUNTIME_MOUNTS,
	SBIN_DONT_DELETE_REGEX,
	SECRETS_ALLOW_REGEX,
	SECRETS_FAIL,
	SHELL_DISABLE_LOGIN,
	SHELL_RM,
	SUDO_RM,
	SUID_ACTION,
	SUID_DONT_DELETE_REGEX,
	SYSDIRS_RM_REGEX,
	SYSDIRS_UID0_AND_755,
	WORLD_WRITABLE_DIRS_RM,
	WORLD_WRITABLE_FILES_RM,
	CONF_KEYS,
	CONF_ALWAYS = CONF_KEYS /* for a pass without a switch */
};

enum { SUID_REMOVE, SUID_STRIP };

struct conf {
	struct conf_value {
		char *text;
		int word; /* of a key with a choice: which, 0 being the first */
		regex_t regex;
		int compiled;           /* regex holds an expression */
		struct endings endings; /* the same, where it is a list of names */
	} value[CONF_KEYS];
};

/* All defaults. */
void conf_init(struct conf *c);
void conf_free(struct conf *c);

/*
 * Sets a key. where goes before the message: "FILE:LINE" or what the value came from.
 * Returns 0, or -1 after a report().
 */
int conf_set(struct conf *c, const char *where, const char *name, const char *value);

/*
 * Reads KEY=value lines. '#' begins a comment line; a value may stand in single or double
 * quotes, as in a shell, but nothing is expanded. Refused with FILE:LINE: another shape,
 * an unknown key, a key twice, a value that its key doesn't take, control bytes, more
 * than 1 MiB. Every bad line is reported. Returns 0, or -1 after that.
 */
int conf_read(struct conf *c, int fd, const char *file);
int conf_parse(struct conf *c, const char *file, const char *bytes, size_t n);

/*
 * Takes the keys that the environment holds. A variable that looks like one of prep's
 * and isn't known is refused: a switch with a slip in its name would be off in silence.
 * Returns 0, or -1 after a report(); where names where the environment came from.
 */
int conf_environ(struct conf *c, const char *where, char *const *env);

/* Puts every value into this process's environment. */
void conf_export(const struct conf *c);

const char *conf_name(enum conf_key key);
const char *conf_default(enum conf_key key);
const char *conf_meaning(enum conf_key key);

/* The number of the word that a choice has: 0 is off, for the most. */
int conf_word(const struct conf *c, enum conf_key key);

/* Whether the key's expression is found in text. An empty expression matches nothing. */
int conf_matches(const struct conf *c, enum conf_key key, const char *text);

/*
 * The same for a line of passwd(5) or group(5): a match that begins in the name has to
 * hold the whole name, so that ^bob doesn't also mean bobby.
 */
int conf_matches_account(const struct conf *c, enum conf_key key, const char *line);

#endif
