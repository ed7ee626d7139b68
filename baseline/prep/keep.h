/* The list of what an image keeps. */
#ifndef PREP_KEEP_H
#define PREP_KEEP_H

#include <stddef.h>

/*
 * A line is a path, blanks, '#' and the reason. A slash at a path's end: the directory alone.
 * Two stars as the last part of a path: all below the directory, and itself. '*', '?' and []
 * fit within one part. '!' before a path: this isn't kept, whatever else says so. A backslash
 * and three octal digits stand for a byte: a blank, '#', a control byte. "# tests: N" says by
 * how many tests the list was learned; other lines that begin with '#' are comments.
 */
struct keep_line {
	char *path; /* as tree_glob() takes it; without the two stars */
	unsigned below : 1, directory : 1, not_this : 1, pattern : 1;
	char *reason; /* "" where there is none */
	char *text;   /* the path as it is written */
	char *before; /* the comments above it, as they are written; "" where there are none */
	size_t line;
};

struct keep {
	struct keep_line *line;
	size_t count;
	unsigned long tests;
	char *after; /* the comments below the last line, as they are written */
	char *name;  /* the file's */
};

/* Refused with FILE:LINE: a path that isn't absolute, that has ".." in it, a bad escape, more
 * than 16 MiB. Every bad line is reported. Returns 0, or -1 after that; keep_free() in both
 * cases. */
int keep_read(struct keep *k, int fd, const char *file);
int keep_parse(struct keep *k, const char *file, const char *bytes, size_t n);
void keep_free(struct keep *k);

struct strbuf;
/* A path as it stands in the list. */
void keep_put_path(struct strbuf *b, const char *path);

#endif
