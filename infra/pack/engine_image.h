/* The container engine: infra/engine, or podman or docker themselves. */
#ifndef PACK_ENGINE_IMAGE_H
#define PACK_ENGINE_IMAGE_H

#include "digest.h"

struct image;
struct strbuf;

/* The command that runs the engine: WHITTLE_ENGINE, infra/engine beside this program's
 * directory, podman, docker. Never NULL. */
const char *engine_command(void);

/* "filewatch" and "filewatch:live" as the engine knows them: in localhost/whittle/, :latest
 * where no tag is given. An ID stays what it is. free(3) it. */
char *full_image_name(const char *name);

/* The image ID of what the engine knows by a reference, taken as it is; or the engine's own
 * ID of it (see imageid.h). Return 0, 1 where there is no such image, -1 after a report()
 * where the engine can't tell. */
int engine_find_id(const char *reference, char id[SHA256_HEX]);
int engine_find_local(const char *reference, char local[SHA256_HEX]);

/* The engine's own ID of an image; the image ID itself where the engine has no other.
 * Returns 0, or -1 after a report(). */
int engine_local_id(const char *id, char local[SHA256_HEX]);

/* The same for a name of ours, as full_image_name() completes it. A missing image is
 * reported too and -1. */
int engine_image_id(const char *name, char id[SHA256_HEX]);

/* An image's archive, in a file without a name in TMPDIR. Returns 0, or -1 after a report();
 * the caller closes in both cases. */
int engine_save(const char *name, struct image *i);

/* Gives the engine an archive; it takes the tags from it. Returns 0, or -1 after a report(). */
int engine_load(const char *file);

/* The last line of what a program said when it failed. */
const char *last_line(struct strbuf *said);

/* A directory of one's own in TMPDIR; NULL after a report(). free(3) it after rmdir(2). */
char *scratch_directory(void);

#endif
