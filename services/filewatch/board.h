/* Where the watcher leaves its result, and whoever answers requests takes it. */
#ifndef FILEWATCH_BOARD_H
#define FILEWATCH_BOARD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct status;

struct counters {
	_Atomic uint64_t scans, events, overflows, watches, bytes_searched, bytes_hashed,
	    reloads, reloads_failed, requests, neighbour_ended;
	_Atomic int64_t last_scan;     /* ns since 1970, 0: none yet */
	_Atomic int64_t scan_duration; /* ns, of the last full scan */
};

struct board {
	pthread_mutex_t lock;
	struct status *status; /* NULL until the first scan is through */
	/* The watcher's word when it will be seen again, by the monotonic clock in ns. If it
	 * hangs (in a dead network file system, say), this passes. */
	_Atomic int64_t promise;
	_Atomic int64_t stale; /* ns that the promise may be overdue */
	struct counters counters;
};

void board_init(struct board *b);
void board_clear(struct board *b);
/* Takes s over. */
void board_publish(struct board *b, struct status *s);
/* The caller drops it. NULL: none yet. */
struct status *board_take(struct board *b);
bool board_is_stale(const struct board *b);

#endif
