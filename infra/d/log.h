/* The last lines of containers' logs, and of d's own. They are counted here: podman 4's --tail
 * shows nothing of a log whose last line was written in pieces. */
#ifndef WHITTLE_LOG_H
#define WHITTLE_LOG_H

#include <stddef.h>

struct engine;
struct strbuf;

struct log_query {
	const char *id;    /* the container's ID or name */
	const char *since; /* as the engine takes it; NULL: from the beginning */
	size_t lines;      /* 0: all */
	unsigned limit_ms; /* 0: none */
};

/* Cuts what comes before the last lines, of which there is at least one. */
void last_lines(struct strbuf *b, size_t lines);

/* What a container wrote to its two outputs, in its order. seen gets how many bytes there were
 * in all, and may be NULL. Returns the engine's exit status (out then has its message), 124
 * where the time was up, -1 after a message. */
int log_read(
    const struct engine *e, const struct log_query *q, struct strbuf *out, long long *seen);

/* Writes what comes after the first bytes to standard output, for as long as it runs. The same.
 */
int log_follow(const struct engine *e, const struct log_query *q, long long after);

/* The end of a file, indented, to standard error. */
void show_log_end(const char *path);

#endif
