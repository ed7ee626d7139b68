/* Looking for text in files that grow, in steps that don't hold anything up. */
#ifndef FILEWATCH_SEARCH_H
#define FILEWATCH_SEARCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct needle;
struct rule;

/* How far one needle's search has come. */
struct cursor {
	int64_t pos;   /* before this, nothing was found and nothing can begin */
	int64_t hit;   /* where it was found, -1: not (yet) */
	bool mid_line; /* pos is within a line too long for the window */
	bool done;     /* found, or looked at all there was */
};

struct search {
	struct cursor not_found, found; /* for the rule's two needles */
	uint64_t dev, ino;
	int64_t seen_size, mtime, ctime; /* when last begun; times in ns */
	int64_t end;                     /* read up to here */
	uint64_t head, tail;             /* of the bytes before end: is it still that file? */
	bool begun;
};

/* Why text can't be looked for in a file, whose bytes aren't those of the text: "it is
 * compressed (gzip)". NULL where nothing speaks against it. */
const char *search_obstacle(int fd);

/* Nothing speaks for a change since search_begin(). */
bool search_is_current(const struct search *s, const struct stat *st);

/*
 * The file is looked at (again): fd is open on it, st is its state. A file that only
 * grew is searched from where the last search ended; one that was replaced, truncated
 * or written over is searched whole. Returns true where there is something to read.
 */
bool search_begin(struct search *s, const struct rule *r, int fd, const struct stat *st);

/* Reads up to about budget bytes. Returns how many it read, or -1 with errno. */
int64_t search_step(struct search *s, const struct rule *r, int fd, int64_t budget);

bool search_is_pending(const struct search *s, const struct rule *r);

#endif
