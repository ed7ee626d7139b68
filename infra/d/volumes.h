/* The files and directories that a container's mounts and vols need on the host. */
#ifndef WHITTLE_VOLUMES_H
#define WHITTLE_VOLUMES_H

#include "app.h"

enum volumes_mode {
	VOLUMES_CREATE, /* makes what isn't there, says nothing of what is otherwise */
	VOLUMES_SAY,    /* the same, and says what differs from what is wanted */
	VOLUMES_PLAN,   /* only says what is missing and what differs */
	VOLUMES_REPAIR, /* owner and mode of what is there are set, too */
};

/*
 * image: facts of the container's image, NULL where it isn't known. id: the container, where
 * there is one, whose own user namespace counts; NULL otherwise.
 * Returns how many things are left otherwise than wanted, or -1 after a message.
 */
int volumes_prepare(struct app *a, const struct container *c, const struct image *image,
    const char *id, enum volumes_mode mode);

/*
 * The two halves of it when a container is made: what isn't there is made before, since
 * engines refuse a mount without a source; where podman only then chooses the user
 * namespace (userns: auto), owners are set right after. 0, or -1 after a message.
 */
int volumes_before(struct app *a, const struct container *c, const struct image *image);
int volumes_after(
    struct app *a, const struct container *c, const struct image *image, const char *id);

/* Whose one of vols is to be, as this process has to name them. 0, or -1 after a message. */
struct id_context;
int volume_owner(struct id_context *p, const struct volume *v, uint32_t *uid, uint32_t *gid);

/* Removes a directory tree, in rootless podman's user namespace where that is needed. 0, or -1
 * after a message. */
int volumes_remove(struct app *a, const char *directory);

#endif
