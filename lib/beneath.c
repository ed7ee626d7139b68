#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "strbuf.h"

enum { LINKS_MAX = 40 };

static int
openat2_works(int rootfd, const char *path, int flags, mode_t mode, uint64_t resolve, int *fd)
{
	struct open_how how = {
	    .flags = (unsigned)(flags | O_CLOEXEC),
	    .mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
	    .resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	int tries;

	/* EAGAIN: a rename or mount went on beside it; the kernel asks to try again. */
	for (tries = 0; tries < 64; tries++) {
		*fd = (int)syscall(SYS_openat2, rootfd, path, &how, sizeof(how));
		if (*fd >= 0 || errno != EAGAIN)
			break;
	}
	/* EPERM: seccomp profiles older than the call. */
	return *fd >= 0 || (errno != ENOSYS && errno != EPERM);
}

/* The directories from the root to where the walk stands, so that ".." needs no trust. */
struct stack {
	int fd[PATH_MAX / 2];
	size_t n;
};

static void
pop_to(struct stack *s, size_t n)
{
	while (s->n > n)
		close(s->fd[--s->n]);
}

static int
read_link(int fd, struct strbuf *out)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target));

	if (n < 0)
		return -1;
	if (n == (ssize_t)sizeof(target)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strbuf_add(out, target, (size_t)n);
	return 0;
}

/*
 * The fallback: one part after the other, each opened O_PATH | O_NOFOLLOW from the
 * directory before it. A link's target is put before what is left of the path.
 */
static int
walk_parts(
    int rootfd, struct strbuf *left, int flags, mode_t mode, int links_ok, struct stack *s)
{
	int links = 0;

	for (;;) {
		char *p = left->s + strspn(left->s, "/");
		size_t n = strcspn(p, "/");
		int last = p[n + strspn(p + n, "/")] == '\0';
		int at = s->n ? s->fd[s->n - 1] : rootfd;
		cleanup_free char *name = xstrndup(p, n);
		cleanup_fd int fd = -1;
		struct stat st;

		if (n == 0 || (last && strcmp(name, ".") == 0))
			return openat(at, ".", flags | O_CLOEXEC, mode);
		if (strcmp(name, "..") == 0)
			pop_to(s, s->n ? s->n - 1 : 0);
		if (strcmp(name, "..") == 0 || strcmp(name, ".") == 0) {
			char *rest = xstrdup(p + n);

			strbuf_cut(left, 0);
			strbuf_puts(left, *rest ? rest : ".");
			free(rest);
			continue;
		}
		fd = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && !(last && errno == ENOENT && flags & O_CREAT))
			return -1;
		if (fd >= 0 && fstat(fd, &st))
			return -1;
		if (fd >= 0 && S_ISLNK(st.st_mode) && !(last && flags & O_NOFOLLOW)) {
			struct strbuf target = STRBUF_INIT;

			if (!links_ok || ++links > LINKS_MAX) {
				errno = ELOOP;
				return -1;
			}
			if (read_link(fd, &target)) {
				strbuf_free(&target);
				return -1;
			}
			if (target.s[0] == '/')
				pop_to(s, 0);
			strbuf_puts(&target, p + n);
			strbuf_free(left);
			*left = target;
			continue;
		}
		if (last) {
			/* A trailing slash asks for a directory. */
			if (p[n] == '/')
				flags |= O_DIRECTORY;
			return openat(at, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
		}
		if (s->n == sizeof(s->fd) / sizeof(s->fd[0])) {
			errno = ENAMETOOLONG;
			return -1;
		}
		if (!S_ISDIR(st.st_mode)) {
			errno = ENOTDIR;
			return -1;
		}
		s->fd[s->n++] = steal_fd(&fd);
		{
			char *rest = xstrdup(p + n);

			strbuf_cut(left, 0);
			strbuf_puts(left, rest);
			free(rest);
		}
	}
}

int
beneath_fallback(int rootfd, const char *path, int flags, mode_t mode, int links_ok)
{
	struct strbuf left = STRBUF_INIT;
	struct stack s = {.n = 0};
	int fd, saved;

	if (*path == '\0') {
		errno = ENOENT;
		return -1;
	}
	strbuf_puts(&left, path);
	fd = walk_parts(rootfd, &left, flags, mode, links_ok, &s);
	saved = errno;
	pop_to(&s, 0);
	strbuf_free(&left);
	errno = saved;
	return fd;
}

int
open_in_root(int rootfd, const char *path, int flags, mode_t mode)
{
	int fd;

	if (openat2_works(rootfd, path, flags, mode, RESOLVE_IN_ROOT, &fd))
		return fd;
	return beneath_fallback(rootfd, path, flags, mode, 1);
}

int
open_no_links(int rootfd, const char *path, int flags, mode_t mode)
{
	int fd;

	if (openat2_works(
		rootfd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS, &fd))
		return fd;
	return beneath_fallback(rootfd, path, flags, mode, 0);
}

int
open_directory_below(int top, const char *path)
{
	enum { PIECE = PATH_MAX / 2 };
	cleanup_fd int at = openat(top, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	while (at >= 0 && *path) {
		size_t n = strlen(path);
		cleanup_free char *piece = NULL;
		int next;

		if (n > PIECE)
			for (n = PIECE; n && path[n] != '/'; n--)
				;
		piece = xstrndup(path, n);
		path += n + (path[n] == '/');
		next = open_no_links(at, piece, O_PATH | O_DIRECTORY, 0);
		close(at);
		at = next;
	}
	return steal_fd(&at);
}
