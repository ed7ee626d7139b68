/* The engines' JSON as what d knows of containers and images. */
#ifndef WHITTLE_ENGINE_JSON_H
#define WHITTLE_ENGINE_JSON_H

#include <jansson.h>

#include "seen.h"

struct engine;
struct strbuf;

/* A document; NULL after a message. */
json_t *engine_json(const struct engine *e, const struct strbuf *text);

/* One of the objects of "container inspect", of "podman ps --format json", and of "image
 * inspect". */
void seen_from_inspect(const struct engine *e, const json_t *o, struct seen *out);
void seen_from_ps(const struct engine *e, const json_t *o, struct seen *out);
/* podman takes a container that was killed together with its monitor, in a reboot that left
 * /run as it was, to be running: one whose first process is gone isn't. */
void seen_doubt(const struct engine *e, struct seen *s);
void image_from_inspect(const struct engine *e, const json_t *o, struct image *out);

/* The image ID, "sha256:…", of what the engine calls it; "" for NULL. */
const char *image_id(const struct engine *e, const char *own);

/* The twelve digits by which people know it. */
const char *short_id(const char *id);

/* "2026-11-22T04:51:47.75Z" as seconds; 0 where it is none or "never". */
time_t engine_time(const char *text);

#endif
