/* Whether a container does what it is there for. */
#ifndef WHITTLE_READY_H
#define WHITTLE_READY_H

#include <stdbool.h>

struct container;
struct engine;
struct seen;

enum readiness { READY_YES, READY_NOT_YET, READY_NEVER, READY_UNKNOWN };

/*
 * Asks once. What is asked is the description's `ready`; where it says nothing, the health
 * check; where there is none, whether it runs. why gets the reason for a no.
 */
enum readiness ready_ask(const struct engine *e, const struct container *c,
    const struct seen *now, bool has_health, const char **why);

/*
 * Waits until the container with that id is ready, and has been for `stable`; no longer
 * than `within` (plus stable). READY_NEVER with why where it ended, was ready and is no
 * longer, or the time is up; READY_UNKNOWN where the time is up and the engine didn't say what
 * became of it, which is no fault of the image. Stops early where the program was interrupted.
 * progress may be NULL; it is called when it is ready the first time.
 */
enum readiness ready_wait(const struct engine *e, const struct container *c, const char *id,
    bool has_health, void (*progress)(void *), void *arg, const char **why);

#endif
