/* The applets of a BusyBox that somebody else compiled: which there are. */
#ifndef APPLETS_FIND_H
#define APPLETS_FIND_H

#include <stddef.h>

#include "applets_elf.h"

struct applet {
	char *name; /* NULL: it was cut, and its name with it */
	int alive;
	size_t same_as; /* the first living applet with this one's entry point: an alias */
	int builtin;    /* a living shell of this program has a command of that name built in */
	int doomed;     /* the caller's: applets_cut() takes it away */
	/* where it stands in the file */
	size_t name_at, name_len;
	struct elf_pointer entry;
};

struct applets {
	struct elf elf;
	unsigned char *image; /* the whole file */
	size_t size;
	struct applet *applet; /* in the program's own order */
	size_t count;
	int has_offsets;   /* a table says where in the names a search may begin */
	int is_ash;        /* it has the shell of that name … */
	unsigned of_ash;   /* … which has these built in; and what a living shell has: */
	unsigned builtins; /* see applets_has_builtin() */
	int is_busybox;    /* it names itself so, also where its tables are not certain */
	char why[200];     /* what a call that failed has to say, follows the file's name */
	/* what applets_cut() did */
	int changed;   /* the image is another than before */
	size_t cut;    /* applets that lived before */
	size_t erased; /* bytes of code overwritten with trap instructions */
};

/*
 * Reads a BusyBox and finds its tables: the names, a run of strings in strict byte order
 * that an empty one ends, and the entry points, a run of as many pointers to code in that
 * order (applets/applet_tables.c of BusyBox 1.30 to 1.37). Where they aren't found beyond
 * doubt, it fails and why says what didn't match. Returns 0 or -1; applets_free() in both
 * cases. applets_parse() owns image, which malloc(3) gave.
 */
int applets_read(struct applets *a, int fd);
int applets_parse(struct applets *a, unsigned char *image, size_t size);
void applets_free(struct applets *a);

/* Sets why. Returns -1. */
int applets_refuse(struct applets *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Finds the tables anew, in an image that was changed. */
int applets_reread(struct applets *a);

/* The applet of a name, dead or alive; NULL where there is none. */
struct applet *applets_find(const struct applets *a, const char *name);

/* How many entries have lost their names to a cut. */
size_t applets_nameless(const struct applets *a);

/* Whether a living shell of this program has a command of that name built in, which is
 * also the name of some applet. */
int applets_has_builtin(const struct applets *a, const char *name);

/* "busybox" and what begins so is answered before any table is looked at: never cut. */
int applets_is_dispatcher(const char *name);

#endif
