/* The tags that say which image is live. */
#ifndef WHITTLE_TAGS_H
#define WHITTLE_TAGS_H

#include "app.h"
#include "journal.h"

/* What the tags are, by reference, null for none: for the way back. NULL after a message. */
json_t *tags_now(struct app *a, const struct place *p, const struct container *c);

/* :live is that image, :prev what :live was. Where the directory has a pipeline it promotes,
 * unless by_hand; where it has none the image comes from elsewhere, and the name that the
 * settings give it is all that moves. 0, or -1 after a message. */
int tags_move(struct app *a, const struct place *p, const char *reference, const char *image,
    bool by_hand);

/* The tags as they were when the transaction began. 0, or -1 after a message. */
int tags_restore(struct journal *j);

#endif
