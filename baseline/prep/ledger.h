/* The ledger: one JSON object a line for each thing that was removed or changed, so that
 * what was there before is what is there after and what the ledger says. */
#ifndef PREP_LEDGER_H
#define PREP_LEDGER_H

#include <sys/types.h>

#include "busybox.h"
#include "plan.h"

struct ledger {
	int fd;         /* -1: nothing is written */
	off_t end;      /* of the last whole line */
	off_t start;    /* of that line */
	char *doubtful; /* that line, where an earlier run may have ended before the change */
};

/*
 * Takes fd (a ledger, or an empty file, open for reading and writing) over and goes to
 * its end; name is for messages. A line that a killed run left without its end is cut
 * off. Refused: what isn't a file or not a ledger, and one that another prep writes to.
 * Returns 0, or -1 after a report().
 */
int ledger_open(struct ledger *l, int fd, const char *name);

/*
 * Writes a record, which has to be before the change that it is about: a killed prep
 * then leaves at most one line too many, never one too few. That last line isn't written
 * a second time by the next run. Returns 0, or -1 with errno and nothing written.
 */
int ledger_write(struct ledger *l, const struct strbuf *record);

/* Takes the last record back: the change didn't come about. Returns 0, or -1 with errno. */
int ledger_retract(struct ledger *l);

/* Makes sure that it is on the disk. Returns 0, or -1 with errno. */
int ledger_close(struct ledger *l);

/* The records, that of what is kept (why: in words) among them. They replace what stands in b.
 * sha256 is NULL for what isn't a file. */
void record_removal(struct strbuf *b, const struct plan *p, uint32_t i, const char *sha256);
void record_kept(struct strbuf *b, const struct tree *t, uint32_t i, const char *why);
void record_spared(struct strbuf *b, const struct plan *p, uint32_t i);
void record_owner(struct strbuf *b, const struct plan *p, uint32_t i);
void record_mode(struct strbuf *b, const struct plan *p, uint32_t i);
void record_cut(struct strbuf *b, const struct plan *p, uint32_t i,
    const struct busybox *busybox, const char *sha256);
void record_edit(struct strbuf *b, const struct plan *p, uint32_t i, const struct edit *edit,
    const char *sha256);

#endif
