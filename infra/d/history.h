/* What happened to a container: JSON Lines that are only ever appended to. */
#ifndef WHITTLE_HISTORY_H
#define WHITTLE_HISTORY_H

#include <jansson.h>

struct host;

/* Appends an event to the history and runs the host's hook. image may be NULL. */
void event(const struct host *h, const char *name, const char *what, const char *image,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Calls one for each line of the history that is JSON, oldest first. 0, or -1 after a
 * message; no history is no trouble. */
int history_each(
    const struct host *h, const char *name, void (*one)(const json_t *, void *), void *arg);

#endif
