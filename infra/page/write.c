#include "write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "file.h"
#include "pages.h"
#include "report.h"
#include "site.h"
#include "strbuf.h"

static const char list_name[] = ".whittle-page";
enum { LIST_MAX = 16 << 20, FILE_MAX = 64 << 20 };

struct writing {
	const struct site *s;
	const char *directory;
	int fd;
	time_t now;
	struct strbuf list;
};

/* The directory of a path below the top, made where it isn't there, without following a link
 * that somebody put into the way. */
static int
open_parent(const struct writing *w, const char *path)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *parent = slash ? xstrndup(path, (size_t)(slash - path)) : NULL;

	if (!parent)
		return fcntl(w->fd, F_DUPFD_CLOEXEC, 0);
	for (char *p = parent; *p; p++)
		if (*p == '/') {
			*p = '\0';
			mkdirat(w->fd, parent, 0777);
			*p = '/';
		}
	mkdirat(w->fd, parent, 0777);
	return open_no_links(w->fd, parent, O_RDONLY | O_DIRECTORY, 0);
}

static int
is_there(int at, const char *name, const struct strbuf *body)
{
	cleanup_fd int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct strbuf old = STRBUF_INIT;
	int same = fd >= 0 && file_read(fd, FILE_MAX, &old) == 0 && old.len == body->len &&
		   (!old.len || memcmp(old.s, body->s, old.len) == 0);

	strbuf_free(&old);
	return same;
}

/* Whoever reads meets the old page or the new one, whole. It isn't synced: after a power
 * failure all of it is made anew, and hundreds of waits for the disk would take longer than the
 * rest. */
static int
replace(int at, const char *name, const struct strbuf *body)
{
	cleanup_free char *prefix = xasprintf("%s.new.", name);
	cleanup_free char *temporary = NULL;
	cleanup_fd int fd = file_temporary(at, prefix, &temporary);
	int error;

	if (fd < 0)
		return -1;
	if (fchmod(fd, 0644) == 0 && write_all(fd, body->s ? body->s : "", body->len) == 0 &&
	    renameat(at, temporary, at, name) == 0)
		return 0;
	error = errno;
	unlinkat(at, temporary, 0);
	errno = error;
	return -1;
}

static int
write_file(struct writing *w, const char *path, const struct strbuf *body)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	cleanup_fd int at = open_parent(w, path);

	if (at < 0 || (!is_there(at, name, body) && replace(at, name, body))) {
		report("write '%s/%s':", w->directory, path);
		return -1;
	}
	return 0;
}

static int
write_page(struct writing *w, const struct page *p, const struct item *i)
{
	cleanup_free char *path = xasprintf("%s%s", i ? i->path : "", p->path);
	struct strbuf body = STRBUF_INIT;
	int bad;

	p->render(&body, w->s, i, w->now);
	bad = write_file(w, path, &body);
	strbuf_printf(&w->list, "%s\n", path);
	strbuf_free(&body);
	return bad;
}

/* Removes what the earlier list has and the new one hasn't. Only paths of the shape that is
 * written here are taken from it. */
static void
remove_old(struct writing *w)
{
	cleanup_fd int fd = openat(w->fd, list_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct strbuf old = STRBUF_INIT;
	char *line, *save = NULL;

	if (fd < 0 || file_read(fd, LIST_MAX, &old) || !old.len) {
		strbuf_free(&old);
		return;
	}
	for (line = strtok_r(old.s, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		cleanup_free char *mark = xasprintf("\n%s\n", line);
		char *slash = strrchr(line, '/');
		cleanup_fd int at = -1;

		if (strncmp(line, "at/", 3) != 0 || strstr(line, "..") ||
		    strstr(w->list.s, mark))
			continue;
		*slash = '\0';
		at = open_no_links(w->fd, line, O_RDONLY | O_DIRECTORY, 0);
		if (at >= 0)
			unlinkat(at, slash + 1, 0);
		unlinkat(w->fd, line, AT_REMOVEDIR); /* where it is empty now */
	}
	strbuf_free(&old);
}

int
write_site(const struct site *s, const char *directory)
{
	struct writing w = {.s = s, .directory = directory, .fd = -1, .now = time(NULL)};
	cleanup_fd int fd = -1;
	int bad = 0;

	if (make_directories(directory, 0777)) {
		report("make the directory '%s':", directory);
		return -1;
	}
	fd = w.fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		report("open '%s':", directory);
		return -1;
	}
	strbuf_puts(&w.list, "\n");
	/* Containers' pages first, so that no link of the index leads nowhere. */
	for (size_t k = 0; k < s->items && !bad; k++)
		for (size_t p = 0; item_pages[p].path && !bad; p++)
			bad = write_page(&w, &item_pages[p], &s->item[k]);
	for (size_t p = 0; site_pages[p].path && !bad; p++)
		bad = write_page(&w, &site_pages[p], NULL);
	if (!bad) {
		remove_old(&w);
		bad = write_file(&w, list_name, &w.list);
	}
	strbuf_free(&w.list);
	return bad ? -1 : 0;
}
