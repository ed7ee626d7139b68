/* What runs say about a service beside its files: what settings.yaml is made of. */
#ifndef LEARN_FACTS_H
#define LEARN_FACTS_H

/*
 * Prints as JSON what the runs did in the image whose files are below root:
 *
 *   written  those of the mounts (paths in the container) and those directories of the image
 *            that something was written into, each with the first program that did
 *   listens  "80/tcp", "53/udp": ports that something waited at, but not at loopback alone
 *   users    {"uid": N, "gid": N}: what processes became, in order
 *   tasks    how many threads there were at once
 *
 * All lists are sorted but users. mounts ends with NULL. An exit status.
 */
int facts(const char *root, char *const *mounts, char **runs);

#endif
