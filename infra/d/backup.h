/*
 * Backups of a container's data: a tar of a snapshot's copies, in a file or in what restic(1)
 * or borg(1) keep. It begins with backup.json (of what, when, image, settings, sources), has
 * each source below data/N, and ends with manifest.json, every entry's mode, owner, size and
 * digest: one without it isn't whole.
 */
#ifndef WHITTLE_BACKUP_H
#define WHITTLE_BACKUP_H

#include <jansson.h>

#include "app.h"

/* Writes a snapshot's copies; settings are those of the container. *where gets what it is in.
 * 0, or -1 after a message; then there is no such file. */
int backup_write(struct app *a, const struct container *c, const char *id, const char *image,
    const char *to, const char **where);

/*
 * Reads one, checks every entry by the manifest, and makes it the snapshot `id`; or writes it
 * below the directory `into`, each source by its number in c->data.paths; with neither it is
 * only checked. *about gets backup.json with "files" and "bytes". 0, or -1 after a message;
 * then no snapshot was made.
 */
int backup_read(struct app *a, const struct container *c, const char *from, const char *id,
    const char *into, json_t **about);

#endif
