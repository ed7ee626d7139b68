/* Copying a tree with all that belongs to it, from a place that may be hostile to one that
 * is ours. */
#ifndef WHITTLE_COPY_H
#define WHITTLE_COPY_H

#include <stdbool.h>

enum copied_how {
	COPIED,   /* byte by byte; unchanged files are hard links to an earlier copy's */
	CLONED,   /* the file system shares the blocks (FICLONE) */
	SNAPSHOT, /* a snapshot of a btrfs subvolume */
};

/*
 * Copies the entry `name` of the directory `from` to the new entry `as` of the directory
 * `to`: a subvolume of btrfs as a snapshot, read-only if `fixed`; what else is a directory or
 * a file with contents, owner, mode, times, extended attributes, holes and hard links.
 * Symbolic links are copied, not followed; mounts below are left out. earlier: an earlier
 * copy of the same, a directory whose files with the same size, time, owner, mode and
 * attributes are linked instead of copied; -1: none.
 * The copy is on the disk when this returns 0. -1 after a message; what there is by then
 * stays.
 */
int copy_entry(int from, const char *name, int to, const char *as, int earlier, bool fixed,
    enum copied_how *how);

/* The same for what is in a directory, into one that is there and empty. */
int copy_contents(int from, int to, enum copied_how *how);

/* An extended attribute that the kernel or the policy sets by itself. */
bool attribute_is_policy(const char *name);

/* Removes an entry and all below it, a subvolume too; none is fine. -1 after a message. */
int remove_entry(int at, const char *name);

/* Removes what is in a directory. -1 after a message. */
int remove_contents(int at);

#endif
