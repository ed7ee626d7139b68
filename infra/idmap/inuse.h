/* Who uses a directory: containers that mount it, overlays that stand on it, processes that
 * have files in it open. */
#ifndef IDMAP_INUSE_H
#define IDMAP_INUSE_H

struct strbuf;

/*
 * Adds one line for each user of the directory fd, whose absolute path without links is
 * path, at most max lines. Returns how many users were found, however many. Of processes
 * that this one may not look into nothing is known. A view of a whole file system, as
 * service managers give to services, is no use of the directory, the files open in it are.
 */
unsigned directory_users(int fd, const char *path, unsigned max, struct strbuf *lines);

#endif
