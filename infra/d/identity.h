/* Who runs in a container: one answer for engine arguments, volumes and checks, by number and
 * from the image's own accounts. */
#ifndef WHITTLE_IDENTITY_H
#define WHITTLE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "accounts.h"
#include "pool.h"

struct app;
struct container;
struct image;

struct identity {
	uint32_t uid, gid;   /* inside the container */
	struct words groups; /* the image's further groups of that user, and the settings' */
	bool was_root;       /* the image would run as root; nobody runs instead */
};

/*
 * The settings' user, else the image's; nobody (65534:65534) where the image would run as
 * root and the settings don't ask for it. Names, and the group of a user that is given alone,
 * come from the image's /etc/passwd and /etc/group as both engines find them.
 * Returns 1, 0 where the image isn't there and the settings name no user by number, -1 after
 * a message.
 */
int identity_of(
    struct app *a, const struct container *c, const struct image *image, struct identity *out);

/* Whether that is root; who NULL: as far as the settings alone say it. */
bool identity_is_root(const struct container *c, const struct identity *who);

/* The image's accounts. image NULL: those that the container's directory has for it. */
struct image_accounts {
	struct accounts passwd, group;
};

int image_accounts_read(struct app *a, const struct container *c, const struct image *image,
    struct image_accounts *out);
void image_accounts_free(struct image_accounts *a);

/* The id of a user or a group of the image, by name or number. 0, or -1 after a message. */
int image_account(
    const struct image_accounts *a, const char *key, bool group, const char *who, uid_t *id);

#endif
