/* A recorded run of the tests: a directory RUN of traces, which whatever runs in the container
 * writes to as well, and RUN.tests beside it, which nobody but us does: when each test was
 * over. */
#ifndef LEARN_RUNS_H
#define LEARN_RUNS_H

#include <stddef.h>
#include <stdint.h>

#include "trace.h"

struct strbuf;

struct test {
	int64_t over; /* milliseconds since 1970 */
	char *name;
};

struct tests {
	struct test *test; /* the first is the end of what was before all of them */
	size_t count;
	unsigned long passed;
};

/* Copies TAP from standard input to standard output, and writes to a file when each test was
 * over: "MILLISECONDS begin|ok|not NAME" with tabs between. No link is followed to the file. An
 * exit status. */
int runs_tests(const char *file);

/* The number of the test that a time falls into: 0 for what was before the first, count for
 * what was after the last. */
size_t runs_test_at(const struct tests *t, int64_t when);

/* " at the start", " in 'NAME'" or " at the end". */
void runs_put_when(struct strbuf *b, const struct tests *tests, size_t test);

/*
 * Calls visit for each line of the run's traces. most, which may be NULL, becomes the number of
 * tests that passed where that is more. Returns 0, or -1 after a report().
 */
int runs_read(const char *run, unsigned long *most,
    void (*visit)(const struct trace_line *l, const struct tests *tests, void *arg), void *arg);

#endif
