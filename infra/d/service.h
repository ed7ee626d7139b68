/* A container as its settings want it and as the engine has it. */
#ifndef WHITTLE_SERVICE_H
#define WHITTLE_SERVICE_H

#include "app.h"

/* Its settings as they count now: its directory's, or an earlier generation's that it has gone
 * back to. 0, or -1 after a message. */
int settings_in_force(struct app *a, const struct place *p, struct container *out);

/* The same, and the engine can do what they ask for; or its test instance's. */
int describe(struct app *a, const struct place *p, bool test, struct container *out);

/* Fills the names of the containers that it shares namespaces with. -1 after a message. */
int resolve_needs(struct app *a, struct container *c);

/* ip: "-" becomes the host name's address. 0, or -1 after a message. */
int resolve_address(struct container *c);

/* A container that has to run: its description may be NULL. EXIT_YES, EXIT_NO after
 * "doesn't run", EXIT_TROUBLE after a message. */
int see_running(struct app *a, const struct place *p, struct container *c, struct seen *now);

/* The image that would be started: by the description's repos and tag. 1, 0 where there
 * is none, -1 after a message. reference gets the name that it was found by, or the first
 * that was looked for. */
int image_of(
    struct app *a, const struct container *c, const char **reference, struct image *out);

/* The same for one that is about to be started: signed where the settings want that.
 * 0, or -1 after a message. */
int wanted_image(struct app *a, const struct container *c, struct image *image);

/* Whether the image is signed as the settings want it; false after a message. */
bool signature_suffices(struct app *a, const struct container *c, const char *image);

/* Every container that the engine has, as engine_list() tells, and those images of many
 * descriptions that there are. image_among() finds one's; it is asked for once more where
 * its name may be written in several ways. */
int look_at_all(struct app *a, const struct container *c, size_t n, struct seen_list *seen,
    struct images *images);
int image_among(
    struct app *a, const struct images *images, const struct container *c, struct image *out);

/*
 * Rootless podman's containers belong to ids that only its user namespace may touch: runs
 * this very command again inside it. Returns false where that isn't needed, else true
 * with *status.
 */
bool again_unshared(struct app *a, int argc, char **argv, int *status);

#endif
