/* Stopping and removing containers. What counts is what is there afterwards, not what the
 * engine answers: it may have done it and lost the answer, or only have said so. */
#ifndef WHITTLE_ENGINE_END_H
#define WHITTLE_ENGINE_END_H

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct seen;

/* Stops a container that was seen running. 0 once it doesn't run or is gone, -1 after a
 * message. */
int engine_stop(const struct engine *e, const struct seen *s, int64_t timeout_ms);

/* Removes a container, at once where it runs; what its image declares as volumes and no
 * setting names stays, unless it is throwaway too. 0, or -1 after a message. */
int engine_remove(const struct engine *e, const char *id, bool throwaway);

#endif
