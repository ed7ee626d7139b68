/* Files below etc/ that others write too: locked as shadow's tools do, replaced whole. */
#ifndef IDMAP_ETCFILE_H
#define IDMAP_ETCFILE_H

#include <stddef.h>

struct strbuf;

/* Held until etc_unlock(): etc/.pwd.lock as lckpwdf(3) takes it, and FILE.lock beside
 * subuid and subgid. */
struct etc_lock {
	int etc;       /* a descriptor of the directory */
	int pwd;       /* of .pwd.lock, -1 where not held */
	unsigned held; /* how many FILE.lock are ours */
};

/* Returns 0, or -1 after a report(); waits up to 3 s for another program to finish. */
int etc_lock(struct etc_lock *l, int etc);
void etc_unlock(struct etc_lock *l);

/* The whole file name in the directory dirfd, "" where it isn't there. Returns 0, or -1
 * after a report(). A link is refused: replacing it would part it from its target. */
int etc_read(int dirfd, const char *name, struct strbuf *text);

/*
 * Puts text in the file's place, so that at any moment the old or the new one is there
 * whole; owner and mode stay, a new file is root's with mode. With backup the old one is
 * kept as "name-". Returns 0, or -1 after a report().
 */
int etc_replace(
    int dirfd, const char *name, const struct strbuf *text, unsigned mode, int backup);

#endif
