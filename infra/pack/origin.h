/* Which step of the build a file comes from, for people: kept beside the image, not part of
 * it, since engines cut a build into different layers. */
#ifndef PACK_ORIGIN_H
#define PACK_ORIGIN_H

#include <jansson.h>

struct image;
struct listing;

/*
 * {"base": NAME, "steps": [TEXT...], "files": {"/path": STEP...}}: a text for each layer of
 * the archive; files lists those that aren't from the lowest. free(3) it.
 */
char *origin_write(const struct image *i, const struct listing *l);

/* Those texts, "RUN …" and the like, an array; empty where the history doesn't speak of every
 * layer. json_decref() it. */
json_t *origin_steps(const struct image *i);

#endif
