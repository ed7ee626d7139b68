/* The watch over a neighbour's files: a neighbour that isn't as it was built is ended, so
 * that its engine starts it again from its image. */
#ifndef FILEWATCH_SIDECAR_H
#define FILEWATCH_SIDECAR_H

struct config;
struct counters;
struct mailbox;
struct sidecar_watch;

/* Where it could never do its work (the host's pid namespace, a neighbour that is process 1),
 * it refuses with advice: -1 after a message. */
int sidecar_check(const struct config *c);

/* Starts the thread. NULL after a message. c is kept. */
struct sidecar_watch *sidecar_start(
    const struct config *c, int told, struct counters *counters);
void sidecar_stop(struct sidecar_watch *s);

struct mailbox *sidecar_mailbox(struct sidecar_watch *s);

#endif
