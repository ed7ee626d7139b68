/* Writing files so that whoever reads, also after a power failure, meets the old content or
 * the new one, whole. */
#ifndef WHITTLE_FILE_H
#define WHITTLE_FILE_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct strbuf;

/* Adds everything up to the end. Returns 0, or -1 with errno: EFBIG where out has more than max
 * bytes by then. */
int file_read(int fd, size_t max, struct strbuf *out);

/* All n bytes, however many calls that takes. Return 0, or -1 with errno. */
int write_all(int fd, const void *bytes, size_t n);
int pwrite_all(int fd, const void *bytes, size_t n, off_t offset);

/*
 * Makes the directory and those above it that are missing: they get mode 0755, the last one
 * mode, each less the umask. What is there stays as it is. Returns 0, or -1 with errno:
 * ENOTDIR where a part of the path is something else.
 */
int make_directories(const char *path, mode_t mode);

/* A new file's content and attributes. */
struct new_file {
	const void *bytes;
	size_t n;
	const struct stat *like; /* its owner, group and mode; NULL: the process's own, and */
	mode_t mode;             /* this mode, whatever the umask */
};

/*
 * Creates name in the directory dirfd (or AT_FDCWD, for any path), written to the disk. A
 * file that is there already, as an interrupted run left it, is removed before; a symbolic
 * link is not followed. Returns 0, or -1 with errno; then there is no such file.
 */
int file_create(int dirfd, const char *name, const struct new_file *f);

/* A new file named PREFIX and six random characters, mode 0600, for writing. Returns a
 * descriptor and the name in *name, which the caller frees; or -1 with errno, *name NULL. */
int file_temporary(int dirfd, const char *prefix, char **name);

/* fsync(2) and close(2), both checked. *fd is -1 afterwards. Returns 0, or -1 with errno. */
int file_close(int *fd);

/*
 * Renames a complete file over name in the same directory and syncs that directory. A
 * directory that may not be read, or whose file system can't be synced, is not an error.
 * Returns 0, or -1 with errno; where the renaming failed, temporary is removed.
 */
int file_put(int dirfd, const char *temporary, const char *name);

/* What was renamed into the directory that holds name is there after a power failure too.
 * Returns 0, or -1 with errno; the exceptions are those of file_put(). */
int file_sync_directory(int dirfd, const char *name);

/* The same as file_put() for a file that another program wrote: it is synced first. */
int file_put_synced(int dirfd, const char *temporary, const char *name);

/*
 * All of it: name gets new content by way of a temporary file beside it, "NAME.new." and
 * six characters, or the name given, which only whoever holds a lock may share. Returns 0,
 * or -1 with errno.
 */
int file_replace(int dirfd, const char *name, const struct new_file *f, const char *temporary);

#endif
