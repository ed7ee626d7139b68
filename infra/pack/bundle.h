/* An image as one file: a docker-archive that any engine loads, and in its directory whittle/
 * what is kept about the image. For a registry, which takes images alone, that directory is an
 * image of its own: there is nothing to start in it. */
#ifndef PACK_BUNDLE_H
#define PACK_BUNDLE_H

struct image;
struct record;

/*
 * Writes the archive of an image with one layer to path, as a whole or not at all, named tag
 * in an engine. with: the record whose files go along; NULL for none. The same image makes
 * the same bytes. Returns 0, or -1 after a report().
 */
int bundle_write(
    const char *path, const struct image *i, const char *tag, const struct record *with);

/* The archive of an image that holds the record of image i and nothing else. As above. */
int bundle_write_record(const char *path, const struct image *i, const struct record *r);

/* Puts the files in whittle/ into the store, each checked against the image's labels: those
 * of the image's own archive, or those in the layer of an image that bundle_write_record()
 * wrote. Refused where they aren't there. Returns 0, or -1 after a report(). */
int bundle_keep(const struct image *i, const char *state);
int bundle_keep_record(const struct image *record, const struct image *i, const char *state);

/* Loads an image into the engine by an archive of our own that holds nothing else, named
 * NAME:tag by the image's own label. Returns 0, or -1 after a report(). */
int bundle_load(const struct image *i, const char *tag);

/* The name that the image's label has; NULL after a report() where that is no name. */
const char *bundle_name(const struct image *i);

#endif
