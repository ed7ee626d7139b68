/* A rule's tree and its baseline, compared in the background for as long as it runs. */
#ifndef FILEWATCH_INTEGRITY_H
#define FILEWATCH_INTEGRITY_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct counters;
struct integrity;
struct mailbox;
struct rule;

/* Starts the thread. It writes to the eventfd told whenever there is something new. NULL
 * after a message. r and c are kept. */
struct integrity *integrity_start(
    const struct rule *r, const struct config *c, int told, struct counters *counters);
/* Ends it, also in the middle of a large file. */
void integrity_stop(struct integrity *i);

/* Where its result comes. */
struct mailbox *integrity_mailbox(struct integrity *i);

/* It is at work, and didn't get any further for so many ns: some read hangs. */
bool integrity_is_stuck(struct integrity *i, int64_t patience);
bool integrity_is_busy(const struct integrity *i);

#endif
