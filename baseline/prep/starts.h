/* What an image starts, and as whom: no rule removes that, or what it needs to be started. */
#ifndef PREP_STARTS_H
#define PREP_STARTS_H

#include <stddef.h>

#include "strbuf.h"

struct starts {
	struct strbuf script; /* command lines, as a shell would read them */
	char **user;          /* names or numbers of accounts */
	size_t users;
	char **group; /* the same of groups; grows by the accounts' own */
	size_t groups;
	char **mount; /* absolute paths of what is mounted once the image runs */
	size_t mounts;
};

/*
 * Reads lines of two words or more: "run COMMAND LINE", "user NAME[:GROUP]", "mount PATH".
 * Empty lines and those that begin with '#' are skipped. Returns 0, or -1 after a report() with
 * FILE:LINE.
 */
int starts_parse(struct starts *s, const char *file, const char *bytes, size_t n);
int starts_read(struct starts *s, int fd, const char *file);
void starts_free(struct starts *s);

/* Whether an account or a group stays, by its name or its number. */
int starts_have_user(const struct starts *s, const char *name, const char *uid);
int starts_have_group(const struct starts *s, const char *name, const char *gid);

/* An account that stays, by its number perhaps: its groups stay with it. */
void starts_add_account(struct starts *s, const char *name, const char *gid);

#endif
