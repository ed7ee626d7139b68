/*
 * What d keeps about a container, in $WHITTLE_STATE/d/NAME: lock, journal, generations,
 * quarantine (each whole or not there at all), history (JSON Lines, only ever appended to),
 * logs of builds and tests.
 */
#ifndef WHITTLE_STATE_H
#define WHITTLE_STATE_H

#include <jansson.h>
#include <stdbool.h>

#include "pool.h"

struct host;

/* The folder's path, the folder made where it isn't there. NULL after a message. */
const char *state_folder(const struct host *h, const char *name);

/* Names of containers that anything is kept about. */
void state_names(const struct host *h, struct words *out);

/*
 * Takes the container's lock for `what` ("d u filewatch"). It is held until the
 * descriptor is closed or the process ends. Where another holds it: waits up to wait_ms
 * after a notice. Returns the descriptor, or -1 after a message.
 */
int state_lock(const struct host *h, const char *name, const char *what, unsigned wait_ms);

/* Whether somebody holds it now. */
bool state_is_locked(const struct host *h, const char *name);

/* A file of JSON: NULL where it isn't there (errno ENOENT) or after a message. */
json_t *state_read(const struct host *h, const char *name, const char *file);
bool state_has(const struct host *h, const char *name, const char *file);

/* Whole and on the disk, or as it was before. 0, or -1 after a message. */
int state_write(const struct host *h, const char *name, const char *file, const json_t *o);
int state_remove(const struct host *h, const char *name, const char *file);

/* The text that a container's log or a build leaves behind; the path, NULL after a message. */
const char *state_log(const struct host *h, const char *name, const char *kind, int *fd);

/* "2026-11-22T04:51:47Z" */
const char *state_now(void);

/* Appends an event to the history and runs the host's hook. image may be NULL. */
void event(const struct host *h, const char *name, const char *what, const char *image,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Calls one for each line of the history that is JSON, oldest first. 0, or -1 after a
 * message; no history is no trouble. */
int history_each(
    const struct host *h, const char *name, void (*one)(const json_t *, void *), void *arg);

/* ---- images that failed ---- */

/* Why an image isn't to be tried again; NULL where it may be. */
const char *quarantined(const struct host *h, const char *name, const char *image);
void quarantine(const struct host *h, const char *name, const char *image, const char *why);
void quarantine_lift(const struct host *h, const char *name, const char *image);

/* ---- generations ---- */

struct generation {
	int n;
	const char *image, *settings, *time;
};

struct generations {
	struct generation *v; /* oldest first */
	size_t n;
	int current; /* its n; 0: none */
};

int generations_read(const struct host *h, const char *name, struct generations *out);
int generations_write(const struct host *h, const char *name, const struct generations *g);
const struct generation *generation_find(const struct generations *g, int n);

#endif
