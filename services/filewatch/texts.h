/* What text files said when a baseline was made, kept by their digests: a directory of files
 * named by SHA-256, so that a difference can be shown line by line. */
#ifndef FILEWATCH_TEXTS_H
#define FILEWATCH_TEXTS_H

struct baseline;
struct difference;
struct strbuf;

/* Keeps every text file of the baseline that isn't there yet, as it is below rootfd, where it
 * is still the baseline's. Files above 256 KiB and those with a NUL in them are no text.
 * Returns 0, or -1 after a message. */
int keep_texts(const char *directory, int rootfd, const struct baseline *b);

/* Adds what diff(1) says of a changed text file, unified, or nothing where either side isn't
 * known or no text. Returns 0, or -1 after a message. */
int diff_text(
    struct strbuf *out, const char *directory, int rootfd, const struct difference *d);

#endif
