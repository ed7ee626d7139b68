#include "ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "digest.h"
#include "file.h"
#include "report.h"

static const char first_bytes[] = "{\"action\":\"";

/* Where the line starts that ends just before end: behind a newline or at 0. -1 with
 * errno. */
static off_t
line_start(int fd, off_t end)
{
	char chunk[4096];

	while (end > 0) {
		size_t want = end < (off_t)sizeof(chunk) ? (size_t)end : sizeof(chunk);
		ssize_t n = pread(fd, chunk, want, end - (off_t)want);
		size_t i;

		if (n != (ssize_t)want)
			return -1;
		for (i = want; i-- > 0;)
			if (chunk[i] == '\n')
				return end - (off_t)want + (off_t)i + 1;
		end -= (off_t)want;
	}
	return 0;
}

static char *
read_line(int fd, off_t start, off_t end)
{
	size_t n = (size_t)(end - start);
	char *line = xmalloc(n + 1);

	if (pread(fd, line, n, start) != (ssize_t)n) {
		free(line);
		return NULL;
	}
	line[n] = '\0';
	return line;
}

static int
starts_as_record(const char *line)
{
	size_t n = strlen(line);

	if (n > sizeof(first_bytes) - 1)
		n = sizeof(first_bytes) - 1;
	return strncmp(line, first_bytes, n) == 0;
}

/* Finds the last whole line and cuts off what a killed run began after it. */
static int
find_end(struct ledger *l, off_t size, const char *name)
{
	char *line;
	int ok;

	l->end = line_start(l->fd, size);
	if (l->end < 0 || !(line = read_line(l->fd, l->end, size))) {
		report("read '%s':", name);
		return -1;
	}
	ok = starts_as_record(line);
	free(line);
	if (!ok) {
		report("'%s' isn't a ledger", name);
		return -1;
	}
	if (l->end < size && ftruncate(l->fd, l->end)) {
		report("truncate '%s':", name);
		return -1;
	}
	if (l->end == 0)
		return 0;
	l->start = line_start(l->fd, l->end - 1);
	if (l->start < 0 || !(l->doubtful = read_line(l->fd, l->start, l->end))) {
		report("read '%s':", name);
		return -1;
	}
	if (!starts_as_record(l->doubtful)) {
		report("'%s' isn't a ledger", name);
		return -1;
	}
	return 0;
}

int
ledger_open(struct ledger *l, int fd, const char *name)
{
	struct stat st;

	*l = (struct ledger){.fd = fd};
	if (fstat(fd, &st)) {
		report("stat '%s':", name);
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		report("'%s' isn't a file", name);
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
		report("'%s' is in use by another run", name);
		return -1;
	}
	return find_end(l, st.st_size, name);
}

static int
is_doubtful(struct ledger *l, const struct strbuf *record)
{
	int same = l->doubtful && strcmp(l->doubtful, record->s) == 0;

	/* Only the first change can be the one that a killed run was at. */
	free(l->doubtful);
	l->doubtful = NULL;
	return same;
}

int
ledger_write(struct ledger *l, const struct strbuf *record)
{
	if (l->fd < 0 || is_doubtful(l, record))
		return 0;
	if (pwrite_all(l->fd, record->s, record->len, l->end)) {
		int saved = errno;

		if (ftruncate(l->fd, l->end)) {
			/* the next run cuts off what isn't a whole line */
		}
		errno = saved;
		return -1;
	}
	l->start = l->end;
	l->end += (off_t)record->len;
	return 0;
}

int
ledger_retract(struct ledger *l)
{
	if (l->fd < 0)
		return 0;
	if (ftruncate(l->fd, l->start))
		return -1;
	l->end = l->start;
	return 0;
}

int
ledger_close(struct ledger *l)
{
	int result = 0;

	if (l->fd >= 0) {
		result = fsync(l->fd);
		close(l->fd);
	}
	free(l->doubtful);
	*l = (struct ledger){.fd = -1};
	return result;
}

static const char *
type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "dir";
	case S_IFLNK:
		return "link";
	case S_IFCHR:
		return "char";
	case S_IFBLK:
		return "block";
	case S_IFIFO:
		return "fifo";
	default:
		return "socket";
	}
}

/* "action", "path", "rule" and what was there. */
static void
begin(struct strbuf *b, const struct plan *p, uint32_t i, const char *action, uint8_t pass)
{
	const struct tree *t = p->tree;
	const struct entry *e = &t->e[i];
	struct strbuf path = STRBUF_INIT;
	const uint32_t *names;

	strbuf_cut(b, 0);
	strbuf_printf(b, "{\"action\":\"%s\",", action);
	strbuf_put_json_member(b, "path", tree_path(t, i, &path));
	strbuf_printf(b,
	    ",\"rule\":\"%s\",\"type\":\"%s\",\"mode\":\"%04o\",\"uid\":%u,\"gid\":%u",
	    plan_pass(p, pass)->name, type_of(e->mode), (unsigned)(e->mode & 07777),
	    (unsigned)e->uid, (unsigned)e->gid);
	if (is_file(e) || is_link(e))
		strbuf_printf(b, ",\"size\":%lld", (long long)e->size);
	if (is_link(e)) {
		strbuf_putc(b, ',');
		strbuf_put_json_member(b, "target", tree_target(t, i));
	}
	if (S_ISCHR(e->mode) || S_ISBLK(e->mode))
		strbuf_printf(b, ",\"major\":%u,\"minor\":%u", major(e->rdev), minor(e->rdev));
	if (tree_names_of(t, i, &names)) {
		strbuf_putc(b, ',');
		strbuf_put_json_member(
		    b, "hardlink", tree_path(t, names[names[0] == i], &path));
	}
	if (e->capability)
		strbuf_printf(b, ",\"capability\":\"%s\"", t->text.s + e->capability);
	strbuf_free(&path);
}

static void
end(struct strbuf *b)
{
	strbuf_puts(b, "}\n");
}

void
record_removal(struct strbuf *b, const struct plan *p, uint32_t i, const char *sha256)
{
	begin(b, p, i, "remove", p->tree->e[i].remove);
	if (sha256)
		strbuf_printf(b, ",\"sha256\":\"%s\"", sha256);
	end(b);
}

/* A rule would have removed it, but the image starts it, or needs it for that. */
void
record_spared(struct strbuf *b, const struct plan *p, uint32_t i)
{
	begin(b, p, i, "keep", p->tree->e[i].spared);
	strbuf_puts(b, ",\"why\":\"entry point\"");
	end(b);
}

void
record_kept(struct strbuf *b, const struct tree *t, uint32_t i, const char *why)
{
	struct strbuf path = STRBUF_INIT;

	strbuf_cut(b, 0);
	strbuf_puts(b, "{\"action\":\"keep\",");
	strbuf_put_json_member(b, "path", tree_path(t, i, &path));
	strbuf_puts(b, ",\"rule\":\"carve\",");
	strbuf_put_json_member(b, "why", why);
	strbuf_free(&path);
	end(b);
}

void
record_owner(struct strbuf *b, const struct plan *p, uint32_t i)
{
	begin(b, p, i, "owner", p->tree->e[i].chown);
	strbuf_printf(b, ",\"to_uid\":%u,\"to_gid\":%u", (unsigned)p->tree->e[i].new_uid,
	    (unsigned)p->tree->e[i].new_gid);
	end(b);
}

void
record_mode(struct strbuf *b, const struct plan *p, uint32_t i)
{
	begin(b, p, i, "mode", p->tree->e[i].chmod);
	strbuf_printf(b, ",\"to_mode\":\"%04o\"", (unsigned)p->tree->e[i].new_mode);
	if (p->tree->e[i].strip)
		strbuf_puts(b, ",\"to_capability\":\"\"");
	end(b);
}

void
record_cut(struct strbuf *b, const struct plan *p, uint32_t i, const struct busybox *busybox,
    const char *sha256)
{
	char to[SHA256_HEX];

	sha256_bytes(busybox->applets.image, busybox->applets.size, to);
	begin(b, p, i, "cut", p->tree->e[i].edit);
	strbuf_printf(b, ",\"sha256\":\"%s\",\"to_size\":%zu,\"to_sha256\":\"%s\",%s", sha256,
	    busybox->applets.size, to, busybox->cut.s);
	end(b);
}

void
record_edit(struct strbuf *b, const struct plan *p, uint32_t i, const struct edit *edit,
    const char *sha256)
{
	char to[SHA256_HEX];

	sha256_bytes(edit->text.s, edit->text.len, to);
	begin(b, p, i, "edit", p->tree->e[i].edit);
	strbuf_printf(b, ",\"sha256\":\"%s\",\"to_size\":%zu,\"to_sha256\":\"%s\",%s", sha256,
	    edit->text.len, to, edit->lines.s);
	end(b);
}
