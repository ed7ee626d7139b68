/*
 * Messages on their way to notifiers. An event is only written to a queue on the disk, since it
 * happens in the middle of something; what is queued is sent once nothing is locked any more,
 * all that one notifier is due as one message. What doesn't arrive, and what waits for the end
 * of quiet hours, is sent by a later d.
 */
#ifndef WHITTLE_NOTIFY_H
#define WHITTLE_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>

struct host;
struct notifier;

/* Queues an event for those who want it. name NULL: it is about the host; image may be NULL. */
void notify_queue(const struct host *h, const char *name, const char *what, const char *image,
    const char *text);

/* Whether this process has queued anything. */
bool notify_has_queued(void);

/*
 * Sends what is due. undelivered is called for each message that didn't arrive, with the
 * reason; the first time, and when it is given up after a day. Failing is no failure of d's.
 */
void notify_flush(const struct host *h,
    void (*undelivered)(const struct host *, const char *name, const char *why));

/* How many messages wait for it. */
size_t notify_waiting(const struct host *h, const struct notifier *n);

#endif
