/* A saved copy of what a distribution knows of vulnerabilities: Debian's security tracker
 * (its JSON of all source packages) or Alpine's security database. */
#ifndef PACK_TRACKER_H
#define PACK_TRACKER_H

#include <jansson.h>

/* Reads one, of either kind. NULL after a report() where it is neither. json_decref() it. */
json_t *tracker_read(const char *path);

/*
 * The vulnerabilities that are open in a version of a source package, as members of an object:
 * {"CVE-…": true}. release: Debian's code name; of another release than those that the tracker
 * has a word about, nothing is known to be open. json_decref() it.
 */
json_t *tracker_open(
    const json_t *tracker, const char *source, const char *version, const char *release);

/* Compares versions as deb-version(7) says: [epoch:]upstream[-revision]. As strcmp(3). */
int deb_version_compare(const char *a, const char *b);

#endif
