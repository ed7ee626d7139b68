/* The pages as files. */
#ifndef PAGE_WRITE_H
#define PAGE_WRITE_H

struct site;

/*
 * Writes every page below a directory, which is made where it isn't there: each whole or as it
 * was. Pages of containers that are gone are removed: what an earlier run wrote, as its list
 * (".whittle-page") says. Returns 0, or -1 after a report().
 */
int write_site(const struct site *s, const char *directory);

#endif
