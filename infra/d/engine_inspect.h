/* One container, one image, as the engine has it. */
#ifndef WHITTLE_ENGINE_INSPECT_H
#define WHITTLE_ENGINE_INSPECT_H

#include "seen.h"

struct engine;

/* One container, by name or id. Returns 1, 0 where there is none, -1 after a message. */
int engine_see(const struct engine *e, const char *name, struct seen *out);

/* Returns 1, 0 where there is none, -1 after a message. */
int engine_image(const struct engine *e, const char *reference, struct image *out);

#endif
