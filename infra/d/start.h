/* What one start of a container needs beside its description. */
#ifndef WHITTLE_START_H
#define WHITTLE_START_H

struct app;
struct container;
struct image;
struct start;

/*
 * Fills in who runs, and the volumes that go along from the container that is replaced (old,
 * its id; NULL: there is none). Its facts must be set; where they are NULL, what doesn't need
 * the image is filled in. 0, or -1 after a message.
 */
int start_complete(struct app *a, const struct container *c, const char *old, struct start *s);

#endif
