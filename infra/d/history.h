/* What happened to a container: JSON Lines that are only ever appended to. */
#ifndef WHITTLE_HISTORY_H
#define WHITTLE_HISTORY_H

#include <jansson.h>
#include <stdbool.h>

struct host;

/* Appends an event to the history, runs the host's hook and queues it for notifiers. image may
 * be NULL; name NULL: it is about the host, and in no history. */
void event(const struct host *h, const char *name, const char *what, const char *image,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* The same of a failure of what is tried again and again, as at boot: where it is what happened
 * to the container last, notifiers have heard of it. */
void event_repeated(const struct host *h, const char *name, const char *what, const char *image,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Sends what notifiers are due; the history says what didn't arrive. What only asks does so
 * where it made an event (always false). */
void events_send(const struct host *h, bool always);

/* Calls one for each line of the history that is JSON, oldest first. 0, or -1 after a
 * message; no history is no trouble. */
int history_each(
    const struct host *h, const char *name, void (*one)(const json_t *, void *), void *arg);

#endif
