/* BusyBox programs in a tree, and what is cut out of them. */
#ifndef PREP_BUSYBOX_H
#define PREP_BUSYBOX_H

#include "applets_find.h"
#include "plan.h"

/* One program; a file with several names is one. */
struct busybox {
	uint32_t entry;         /* the name that comes first in the tree */
	struct applets applets; /* the program as it is to be */
	struct strbuf cut;      /* "applets":["NAME",…],"builtin":[…]: of what goes */
	uint32_t renewed;       /* the first name that has the new file; NO_ENTRY: none yet */
};

struct busyboxes {
	struct busybox *one;
	size_t count;
};

/* Passes. The first plans the cut of whatever APPLETS_KEEP or APPLETS_RM say, the second
 * the removal of names that lead to no living applet. */
void busybox_cut(struct plan *p);
void busybox_unlink(struct plan *p);

/* The program behind an entry, NULL where it is none of them. */
struct busybox *busybox_of(const struct plan *p, uint32_t i);

/*
 * For the audit: calls found for each applet that a shell script of the tree calls, the first
 * time that it does, where it was cut, or is to be, and nothing else in the tree brings it.
 * The same for entry_point, a command line or NULL, with TREE_ROOT for the script.
 */
void busybox_find_calls(struct plan *p, const char *entry_point,
    void (*found)(void *arg, uint32_t script, const char *name, size_t line), void *arg);

void busybox_free(struct plan *p);

#endif
