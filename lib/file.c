#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cleanup.h"
#include "strbuf.h"

int
file_read(int fd, size_t max, struct strbuf *out)
{
	char chunk[16384];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			strbuf_add(out, chunk, (size_t)n);
		if (out->len > max) {
			errno = EFBIG;
			return -1;
		}
	}
	return 0;
}

int
write_all(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

int
pwrite_all(int fd, const void *bytes, size_t n, off_t offset)
{
	const char *p = bytes;

	while (n > 0) {
		ssize_t done = pwrite(fd, p, n, offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		p += done;
		n -= (size_t)done;
		offset += done;
	}
	return 0;
}

/* ---- directories ---- */

static int
make_directory(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	/* On a read-only file system EROFS may come before EEXIST. */
	if (errno != EEXIST && errno != EROFS)
		return -1;
	if (stat(path, &st))
		return -1;
	if (S_ISDIR(st.st_mode))
		return 0;
	errno = ENOTDIR;
	return -1;
}

int
make_directories(const char *path, mode_t mode)
{
	cleanup_free char *copy = xstrdup(path);
	size_t end = strlen(copy);
	char *p;

	while (end > 1 && copy[end - 1] == '/')
		copy[--end] = '\0';
	for (p = copy; *p && (p = strchr(p + 1, '/'));) {
		*p = '\0';
		if (make_directory(copy, 0755))
			return -1;
		*p = '/';
	}
	return make_directory(copy, mode);
}

/* ---- files ---- */

static void
remove_keeping_errno(int dirfd, const char *name)
{
	int saved = errno;

	unlinkat(dirfd, name, 0);
	errno = saved;
}

static int
set_attributes(int fd, const struct new_file *f)
{
	if (!f->like)
		return fchmod(fd, f->mode);
	/* The owner first: chown(2) takes bits of the mode away. */
	if (fchown(fd, f->like->st_uid, f->like->st_gid))
		return -1;
	return fchmod(fd, f->like->st_mode & 07777);
}

/* Takes the descriptor, whatever comes of it. */
static int
fill(int fd, const struct new_file *f)
{
	if (write_all(fd, f->bytes, f->n) == 0 && set_attributes(fd, f) == 0)
		return file_close(&fd);
	int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

int
file_create(int dirfd, const char *name, const struct new_file *f)
{
	int fd;

	if (unlinkat(dirfd, name, 0) && errno != ENOENT)
		return -1;
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (fill(fd, f) == 0)
		return 0;
	remove_keeping_errno(dirfd, name);
	return -1;
}

int
file_temporary(int dirfd, const char *prefix, char **name)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	int tries, i, fd = -1;

	for (tries = 0; tries < 100; tries++) {
		unsigned char random[6];
		char end[7] = "";

		*name = NULL;
		if (getrandom(random, sizeof(random), 0) != sizeof(random))
			return -1;
		for (i = 0; i < 6; i++)
			end[i] = letters[random[i] % 64];
		*name = xasprintf("%s%s", prefix, end);
		fd = openat(
		    dirfd, *name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			break;
		free(*name);
	}
	if (fd < 0)
		free(steal_pointer(name));
	return fd;
}

int
file_close(int *fd)
{
	int bad = fsync(*fd), saved = errno;

	/* What a pipe or a device can't do is no failure. */
	if (bad && (saved == EINVAL || saved == EROFS))
		bad = 0;
	if (close(steal_fd(fd)) && !bad)
		return -1;
	errno = saved;
	return bad;
}

int
file_sync_directory(int dirfd, const char *name)
{
	cleanup_free char *copy = xstrdup(name);
	cleanup_fd int fd = openat(dirfd, dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == EACCES ? 0 : -1;
	return fsync(fd) && errno != EINVAL && errno != EROFS ? -1 : 0;
}

int
file_put(int dirfd, const char *temporary, const char *name)
{
	if (renameat(dirfd, temporary, dirfd, name)) {
		remove_keeping_errno(dirfd, temporary);
		return -1;
	}
	return file_sync_directory(dirfd, name);
}

int
file_put_synced(int dirfd, const char *temporary, const char *name)
{
	int fd = openat(dirfd, temporary, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || file_close(&fd)) {
		remove_keeping_errno(dirfd, temporary);
		return -1;
	}
	return file_put(dirfd, temporary, name);
}

int
file_replace(int dirfd, const char *name, const struct new_file *f, const char *temporary)
{
	cleanup_free char *prefix = NULL, *own = NULL;
	int fd;

	if (temporary)
		return file_create(dirfd, temporary, f) ? -1 : file_put(dirfd, temporary, name);
	prefix = xasprintf("%s.new.", name);
	fd = file_temporary(dirfd, prefix, &own);
	if (fd < 0)
		return -1;
	if (fill(fd, f)) {
		remove_keeping_errno(dirfd, own);
		return -1;
	}
	return file_put(dirfd, own, name);
}
