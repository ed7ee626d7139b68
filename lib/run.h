/* Running another program, without a shell. */
#ifndef WHITTLE_RUN_H
#define WHITTLE_RUN_H

#include <stddef.h>

struct strbuf;

struct run {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
	const char *const *env;  /* NULL: this process's */
	const char *cwd;         /* NULL: this process's */
	struct strbuf *out;      /* standard output is added here; NULL: not captured */
	struct strbuf *err;      /* the same for standard error */
	size_t most; /* of each that much is kept; what is over is read and dropped. 0: all */
	const char *in; /* standard input's bytes; NULL: /dev/null */
	size_t in_len;
	int log; /* where it is above 0, what isn't captured goes to that descriptor */
	unsigned discard_out : 1; /* to /dev/null where out is NULL */
	unsigned discard_err : 1;
	unsigned timeout_ms;       /* 0: none; then the child's process group gets SIGTERM and,
				    * 2 s later, SIGKILL */
	const volatile int *hurry; /* once that isn't 0 the time is up after hurry_ms; */
	unsigned hurry_ms;         /* NULL: never */
};

/*
 * Starts, waits, collects. Returns the exit status: 0..255 of the child, 128 + N where
 * signal N ended it, 126 or 127 where it could not be started (as a shell does), 124
 * where the time was up. -1 with errno where not even fork worked.
 * The child gets no descriptor but 0, 1 and 2, and default signal handling; a hangup or
 * an interrupt that this process ignores it ignores as well, as under nohup(1).
 */
int run(const struct run *r);

/*
 * From here on an interrupt, a termination or a hangup that isn't ignored ends the child that
 * run() waits for, and its process group, before it ends this process as it would have: a child
 * with a limit has a group of its own, which a terminal's Ctrl-C doesn't reach. For programs
 * that change nothing; others catch signals themselves.
 */
void run_ends_child(void);

#endif
