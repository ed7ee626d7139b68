/* Taking lines out of passwd(5), group(5), shadow(5) and gshadow(5). */
#ifndef PREP_EDIT_H
#define PREP_EDIT_H

#include <stdint.h>

#include "accounts.h"
#include "conf.h"
#include "starts.h"
#include "strbuf.h"

enum edit_file { EDIT_PASSWD, EDIT_GROUP, EDIT_SHADOW, EDIT_GSHADOW, EDITS };

/* Where they are. */
extern const char *const account_paths[EDITS];

/* The names in the first field of the lines that stay, sorted. */
struct edit_names {
	char **name;
	size_t count;
};

struct edit {
	uint32_t entry;          /* the file in the tree; NO_ENTRY where there is none */
	struct strbuf text;      /* the whole file, as it is to be */
	size_t removed, changed; /* how many lines */
	/*
	 * The same as members of a JSON object: "removed":[{"line":N,"text":…}],
	 * "changed":[{"line":N,"text":…,"to":…}]. A password's hash appears as its own
	 * SHA-256: a ledger is no place for secrets.
	 */
	struct strbuf lines;
	struct edit_names kept;
};

/* What the other files say, as far as it is known. */
struct edit_rules {
	const struct conf *conf;
	const struct edit_names *accounts; /* that stay: for all but EDIT_PASSWD */
	const struct edit_names *groups;   /* for EDIT_GSHADOW */
	struct starts *starts;             /* whose accounts stay, with their groups */
};

/*
 * What a file comes to. An account's password that is empty is locked; with
 * SHELL_DISABLE_LOGIN any other is, too. group loses members that are no account of
 * passwd any more; shadow and gshadow lose whatever passwd and group don't name.
 */
void edit_make(struct edit *e, enum edit_file file, const struct accounts *a,
    const struct edit_rules *rules);
void edit_free(struct edit *e);

#endif
