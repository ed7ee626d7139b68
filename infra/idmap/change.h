/* One inode's change: planned from what it is, made, and unmade. */
#ifndef IDMAP_CHANGE_H
#define IDMAP_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "convert.h"
#include "journal.h"
#include "sweep.h"

/* What a plan's values point into; one for each thread, zero at first. */
struct change_room {
	char *list;
	size_t list_size;
	unsigned char *value[2][XATTR_KINDS]; /* old, new */
	size_t value_size[XATTR_KINDS];
};

void change_room_free(struct change_room *r);

/*
 * What is to be done with an inode. Returns a verdict: CHANGE with *e filled, whose name
 * and values live as long as at's name and room do; UNMAPPED with *bad the id; BROKEN
 * where an ACL or capability isn't understood. -1 with errno where it can't be read.
 */
int change_plan(const struct convert *c, const struct inode_at *at, const struct statx *st,
    struct change_room *room, struct journal_entry *e, uint32_t *bad);

enum change_result {
	CHANGE_MADE,
	CHANGE_REFUSED, /* errno says why; nothing was changed */
	CHANGE_HALF,    /* errno says why; the owner was changed, the rest wasn't */
};

/* Gives the inode the entry's new values, or with back its old ones. st is what it is now. */
enum change_result change_make(const struct inode_at *at, const struct statx *st,
    const struct journal_entry *e, bool back);

/* Is st still what the entry is about: the same inode, with the old or the new owner? */
bool change_is_about(const struct statx *st, const struct journal_entry *e);

/* The id that stands for all that this process's user namespace has no name for; 2^32-1
 * where it has one for each. */
uint32_t overflow_id(void);

#endif
