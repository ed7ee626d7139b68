/* The ledger: JSON Lines, one object for each thing that prep removed or changed, and for
 * each thing that a later layer of the build took away without prep. */
#ifndef PACK_LEDGER_H
#define PACK_LEDGER_H

#include <jansson.h>

#include "bytes.h"
#include "strbuf.h"

struct parts;
struct tree;

/*
 * Takes prep's ledger (/var/lib/whittle/ledger.jsonl) out of the tree and puts the whole
 * story into out: before (the base's ledger as this function wrote it; may be empty), then
 * prep's lines with "image": NAME added, then a line with the rule "build" for each path
 * that a layer had, that is gone and that no line speaks of. Where it is known, "part" says
 * what a path belongs to, by its name in the SBOMs. Keys sorted, no blanks.
 * Returns 0, or -1 after a report(): a ledger that isn't JSON Lines of objects.
 */
int ledger_take(struct tree *t, const char *name, struct bytes before, struct parts *parts,
    struct strbuf *out);

/* Adds a line with the action "package" for each package of a distribution that the image was
 * made with and that no file of it is left of. After parts_assign(). */
void ledger_add_packages(const struct parts *parts, const char *name, struct strbuf *out);

/* Calls visit for each line, its object borrowed. Returns 0, what visit returned if that
 * isn't 0, or -1 after a report() that names what and the line. */
int ledger_each(
    struct bytes text, const char *what, int (*visit)(json_t *line, void *arg), void *arg);

#endif
