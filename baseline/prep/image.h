/* prep as /prep in an image that is being built. */
#ifndef PREP_IMAGE_H
#define PREP_IMAGE_H

#include "conf.h"

/* Whether this process is /prep in a container, not on a machine that runs. */
int image_is_ours(void);

/*
 * The settings: the environment, then file (where it is NULL, /prep.conf if that exists),
 * then what /prep-local assigns. For the last one prep runs itself again through the
 * image's shell, so this function may not return. Returns 0, or -1 after a report().
 */
int image_settings(struct conf *c, const char *file, char *const *argv);

/* Opens the image's ledger. Returns a descriptor, or -1 after a report(). */
int image_ledger(int rootfd);

/* The list of what the image keeps, where it has one. */
extern const char image_keep_path[];
extern const char image_ledger_path[];

#endif
