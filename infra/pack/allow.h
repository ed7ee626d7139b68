/* What a container's directory says is meant: a file of lines "KIND PATTERN". */
#ifndef PACK_ALLOW_H
#define PACK_ALLOW_H

#include <stddef.h>

#include "bytes.h"

/* The kinds of finding that a new image can bring. */
enum finding { FINDING_SETUID, FINDING_ACCOUNT, FINDING_PORT, FINDING_EXECUTABLE, FINDINGS };

struct allow {
	struct {
		enum finding kind;
		char *pattern;
	} * line;
	size_t count;
};

/* The word for a kind: "setuid", "account", "port", "executable". */
const char *finding_word(enum finding kind);

/* "KIND PATTERN" a line, "#" begins a comment; a pattern is fnmatch(3)'s, with '/' special.
 * Refused with a report() that names what and the line: anything else. Returns 0 or -1; the
 * caller frees in both cases. */
int allow_parse(struct allow *a, struct bytes text, const char *what);
void allow_free(struct allow *a);
int is_allowed(const struct allow *a, enum finding kind, const char *name);

#endif
