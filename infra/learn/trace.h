/* What the recorder writes down, one line a thing, and how it is read again. */
#ifndef LEARN_TRACE_H
#define LEARN_TRACE_H

#include <stddef.h>
#include <stdint.h>

/*
 * A trace is a text: its first line TRACE_HEAD, then lines of fields with a tab between them,
 *
 *   e ID PATH             a program; the lines below name it by its number
 *   KIND MILLISECONDS ID SUBJECT
 *
 * KIND is one of the letters below. MILLISECONDS count from 1970. Bytes of a field below 0x20,
 * DEL and the backslash stand as \ooo. A line that a killed recorder left without its end is
 * none. Nothing stands twice: a program that opens the same file a thousand times has a line.
 */
#define TRACE_HEAD   "whittle-trace 1\n"
#define TRACE_CALL32 "i386 "

enum trace_kind {
	TRACE_EXECUTED = 'x', /* a path */
	TRACE_OPENED = 'o',
	TRACE_LISTED = 'l',
	TRACE_LOOKED = 's',   /* stat, access, chdir, connect … */
	TRACE_LINK = 'r',     /* read as a link */
	TRACE_WRITTEN = 'w',  /* opened for writing, made, renamed, removed … */
	TRACE_SOCKET = 'b',   /* a socket bound to a path */
	TRACE_BOUND = 'p',    /* a socket bound to ADDRESS:PORT */
	TRACE_DATAGRAM = 'd', /* the same, and it is a datagram socket */
	TRACE_LISTENS = 'q',  /* the same, and it listens there */
	TRACE_CALL = 'c',   /* a system call's number, behind TRACE_CALL32 a 32-bit program's */
	TRACE_TASKS = 'n',  /* so many threads at once */
	TRACE_USER = 'u',   /* a call that changes users or groups, such as "setuid 33" */
	TRACE_SIGNAL = 'g', /* a signal's number that came from outside */
	TRACE_NOTE = '!',   /* what the recorder couldn't see, in words */
};

enum {
	TRACE_LINES_MAX = 2000000, /* what is more isn't written, and a note says so */
	TRACE_BYTES_MAX = 512 * 1024 * 1024,
	TRACE_LINE_MAX = 4 * 4096 * 4,
};

struct trace_line {
	enum trace_kind kind;
	int64_t when;        /* milliseconds since 1970 */
	const char *program; /* a path, "" where it isn't known */
	const char *subject; /* unescaped; may hold any byte but NUL */
};

/*
 * Reads a trace and calls visit for each line. What can't be one ends the reading: a file that
 * was written in a container is as hostile as what ran there. Returns 0, or -1 after a
 * report().
 */
int trace_read(
    const char *file, void (*visit)(const struct trace_line *l, void *arg), void *arg);
int trace_parse(const char *name, char *text, size_t n,
    void (*visit)(const struct trace_line *l, void *arg), void *arg);

#endif
