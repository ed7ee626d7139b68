/* Opening files beneath a root that may be hostile: openat2(2), with a fallback. */
#ifndef WHITTLE_BENEATH_H
#define WHITTLE_BENEATH_H

#include <sys/types.h>

/*
 * Opens path below the directory rootfd as a process whose root that directory is would find
 * it: absolute links and ".." stay inside (RESOLVE_IN_ROOT), /proc's magic links are
 * refused. flags as open(2), with O_CLOEXEC added; mode for O_CREAT. Where the kernel
 * has no openat2 (before 5.6, or a seccomp profile that doesn't know it), the path is
 * walked step by step with O_NOFOLLOW and links are resolved here.
 *
 * Returns a descriptor, or -1 with errno: that of open(2), ELOOP for more than 40 links.
 */
int open_in_root(int rootfd, const char *path, int flags, mode_t mode);

/* The same, but any link in the path, the last part's too, is refused with ELOOP. */
int open_no_links(int rootfd, const char *path, int flags, mode_t mode);

/* An O_PATH descriptor of the directory with this path below top ("" for top itself), which
 * may be longer than PATH_MAX; a link in it is refused with ELOOP. -1 with errno. */
int open_directory_below(int top, const char *path);

/* The fallback alone, whatever the kernel knows: for the tests. */
int beneath_fallback(int rootfd, const char *path, int flags, mode_t mode, int links_ok);

#endif
