/* All containers, all images. */
#ifndef WHITTLE_ENGINE_LIST_H
#define WHITTLE_ENGINE_LIST_H

#include "seen.h"

struct engine;

/* Every container that there is. Returns 0, or -1 after a message. */
int engine_see_all(const struct engine *e, struct seen_list *out);

/* The same without addresses and upper directories, where that can be had more quickly. */
int engine_list(const struct engine *e, struct seen_list *out);

const struct seen *seen_named(const struct seen_list *all, const char *name);

/* Every image that has a name, and those without one where dangling is set. */
int engine_images(const struct engine *e, bool dangling, struct images *out);

/* Whether the engine lists its images. half gets the IDs of those that are half made
 * (lib/engine.h); where they keep it from listing, perhaps only the first one's. */
bool engine_lists_images(const struct engine *e, struct words *half);

/* engine_list(), and meanwhile those images of these names that there are. */
int engine_list_with_images(const struct engine *e, const struct words *names,
    struct seen_list *all, struct images *images);
const struct image *image_tagged(const struct images *all, const char *tag);

#endif
