/* A shift's way through the journal: what is half done is finished, or undone. */
#ifndef IDMAP_REPLAY_H
#define IDMAP_REPLAY_H

#include <stdbool.h>

struct shift;

/* Finishes what a killed run left half done. Returns 0, or -1 after a report(). */
int shift_redo(struct shift *s);

/*
 * Undoes the journal's last session or all of it, and drops what was undone; the journal
 * is closed then. Returns an exit status: EXIT_NO where inodes were gone or changed by
 * others since, EXIT_TROUBLE where the undo has to be run again.
 */
int shift_undo(struct shift *s, bool all);

#endif
