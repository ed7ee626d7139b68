/* From a rule's path to the files that it names. */
#ifndef FILEWATCH_SCAN_H
#define FILEWATCH_SCAN_H

#include <stdbool.h>
#include <sys/stat.h>

struct config;
struct rule;

struct scan_visitor {
	/* A file that the rule names; st is that of a link's target. For error != 0 there is
	 * a file, but it can't be looked at. */
	void (*file)(
	    void *arg, const char *path, const struct stat *st, bool is_link, int error);
	/* A directory in which files of that rule may appear. NULL: not asked. */
	void (*directory)(void *arg, const char *path, const struct stat *st);
	/* A directory that can't be read, so that files may stay unseen. */
	void (*trouble)(void *arg, const char *path, int error);
};

/* Wildcards don't match directories, unless the rule is about empty ones. Directories are
 * entered across mounts, but not through symbolic links below the first wildcard. */
void scan_rule(int rootfd, const struct config *c, const struct rule *r,
    const struct scan_visitor *v, void *arg);

/* stat(2) below rootfd as if that were "/", following links; *is_link: path itself is one.
 * Returns 0 or an errno. */
int look_at(int rootfd, const char *path, struct stat *st, bool *is_link);

#endif
