/* What an intruder would find in an image. */
#ifndef WHITTLE_EXPOSURE_IMAGE_H
#define WHITTLE_EXPOSURE_IMAGE_H

struct app;
struct container;
struct findings;

/* By the manifest that its pack wrote, not by running it. id: "sha256:…". */
void exposure_of_image(
    const struct app *a, const struct container *c, const char *id, struct findings *to);

#endif
