/* Whose the files of a container's volumes are, in the host's numbers. */
#ifndef WHITTLE_VOLUME_IDS_H
#define WHITTLE_VOLUME_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "identity.h"
#include "idmap.h"
#include "userns.h"

/* The image's accounts, the host's, and the map between them. Set a, c, image and id (the
 * container, where there is one; else NULL), the rest by id_context_open(). */
struct id_context {
	struct app *a;
	const struct container *c;
	const struct image *image;
	const char *id;
	struct userns_files host;
	struct image_accounts accounts;
	struct idmap map;  /* inside to the host */
	struct idmap self; /* this process's own namespace to the host */
	bool accounts_read;
};

/* 0, or -1 after a message; to be closed in both cases. */
int id_context_open(struct id_context *p);
void id_context_close(struct id_context *p);

/* All return 0 with ids as this process has to name them, or -1 after a message. */
int id_outside(const struct id_context *p, bool group, uint32_t inside, uint32_t *out);

/* "user/x", "group/x": inside, by the image's accounts; otherwise the host's own name or
 * number. */
int id_of_owner(struct id_context *p, const char *who, bool group, uint32_t *out);

/* The user that the service runs as, and its group. */
int id_of_service(struct id_context *p, uint32_t *uid, uint32_t *gid);

#endif
