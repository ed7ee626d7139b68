/* The watcher: one thread that knows when to look at what. */
#ifndef FILEWATCH_WATCH_H
#define FILEWATCH_WATCH_H

#include <signal.h>
#include <stdbool.h>

struct board;
struct config;
struct status;
struct watcher;

/* The signals that a watcher takes; block them before any thread is started. */
void watch_signals(sigset_t *set);

/* Opens all that it needs while it still may. Takes config and the notifier's socket (-1:
 * none) over. NULL after a message. */
struct watcher *watch_open(struct config *c, struct board *b, int notifier);
void watch_close(struct watcher *w);

/* Looks at everything once, to the end, without events. The caller drops the result. */
struct status *watch_once(struct config *c);

/* Until SIGTERM or SIGINT. */
void watch_run(struct watcher *w);

#endif
