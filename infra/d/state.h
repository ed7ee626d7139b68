/*
 * What d keeps about a container, in $WHITTLE_STATE/d/NAME: its lock, files of JSON (each
 * whole or not there at all), logs of builds and tests.
 */
#ifndef WHITTLE_STATE_H
#define WHITTLE_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "pool.h"

struct host;

/*
 * Makes directories as make_directories() does, but whatever the umask: containers' users, who
 * are others to the host, have to get through to what is mounted from below them. Returns 0, or
 * -1 with errno.
 */
int make_open_directories(const char *path, mode_t mode);

/* The directory's path, made where it isn't there. NULL after a message. */
const char *state_directory(const struct host *h, const char *name);
const char *state_path(const struct host *h, const char *name, const char *file);

/* Names of containers that anything is kept about. */
void state_names(const struct host *h, struct words *out);

/*
 * Takes the container's lock for `what` ("d u filewatch"). It is held until the
 * descriptor is closed or the process ends. Where another holds it: waits up to wait_ms
 * after a notice; the wait ends at a signal. shared: with others that take it so. Returns
 * the descriptor, or -1 after a message.
 */
int state_lock(
    const struct host *h, const char *name, const char *what, unsigned wait_ms, bool shared);

/* How long it is waited for, by WHITTLE_WAIT; ms. */
unsigned state_patience(void);

/* Whether somebody holds it now; looking takes nothing. */
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

#endif
