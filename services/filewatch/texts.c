#include "texts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "digest.h"
#include "file.h"
#include "report.h"
#include "run.h"
#include "strbuf.h"
#include "verify.h"

enum { TEXT_MAX = 256 * 1024, DIFF_MS = 20000 };

/* Adds the text of a descriptor if its digest is `hex`. Whether it did. */
static bool
read_text(int fd, const char *hex, struct strbuf *out)
{
	char is[SHA256_HEX];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > TEXT_MAX ||
	    file_read(fd, TEXT_MAX, out))
		return false;
	sha256_bytes(out->len ? out->s : "", out->len, is);
	return strcmp(is, hex) == 0 && (!out->len || !memchr(out->s, '\0', out->len));
}

static bool
read_found(int rootfd, const struct entry *e, const char *hex, struct strbuf *out)
{
	cleanup_fd int fd = open_no_links(rootfd, e->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

	return read_text(fd, hex, out);
}

static int
keep_text(int directory, int rootfd, const struct entry *e)
{
	char hex[SHA256_HEX];
	struct strbuf text = STRBUF_INIT;
	struct new_file new = {.mode = 0600};
	int bad = 0;

	hex_of(e->sha256, DIGEST_BYTES, hex);
	if (faccessat(directory, hex, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (read_found(rootfd, e, hex, &text)) {
		new.bytes = text.s;
		new.n = text.len;
		bad = file_replace(directory, hex, &new, NULL);
	}
	strbuf_free(&text);
	return bad;
}

int
keep_texts(const char *directory, int rootfd, const struct baseline *b)
{
	cleanup_fd int fd = -1;

	if (make_directories(directory, 0700) == 0)
		fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		report("open '%s':", directory);
		return -1;
	}
	for (size_t i = 0; i < b->count; i++)
		if (b->entry[i].known & WHAT_SHA256 && keep_text(fd, rootfd, &b->entry[i])) {
			report("keep the text of '%s' in '%s':", b->entry[i].path, directory);
			return -1;
		}
	return 0;
}

/* For people's eyes, but with its tabs and lines. */
static void
put_lines(struct strbuf *out, const struct strbuf *text)
{
	const char *p = text->s, *end = p + text->len;

	while (p < end) {
		size_t n = 0;

		while (p + n < end && p[n] != '\n' && p[n] != '\t')
			n++;
		strbuf_put_visible(out, p, n);
		if (p + n < end)
			strbuf_putc(out, p[n++]);
		p += n;
	}
	if (text->len && end[-1] != '\n')
		strbuf_putc(out, '\n');
}

static int
run_diff(struct strbuf *out, const char *path, const char *old, const struct strbuf *new)
{
	struct strbuf before = STRBUF_INIT, after = STRBUF_INIT, said = STRBUF_INIT;
	int status;

	strbuf_printf(&before, "--label=a%s", path);
	strbuf_printf(&after, "--label=b%s", path);
	status = run(&(struct run){.argv = (const char *const[]){"diff", "-u", before.s,
				       after.s, "--", old, "-", NULL},
	    .in = new->len ? new->s : "",
	    .in_len = new->len,
	    .out = &said,
	    .timeout_ms = DIFF_MS});
	if (said.len)
		put_lines(out, &said);
	if (status > 1)
		report("diff failed with status %d", status);
	strbuf_free(&before);
	strbuf_free(&after);
	strbuf_free(&said);
	return status > 1 ? -1 : 0;
}

int
diff_text(struct strbuf *out, const char *directory, int rootfd, const struct difference *d)
{
	char was[SHA256_HEX], now[SHA256_HEX];
	struct strbuf old = STRBUF_INIT, new = STRBUF_INIT, path = STRBUF_INIT;
	cleanup_fd int fd = -1;
	int bad = 0;

	if (d->kind != DIFFERENCE_CHANGED || !(d->what & WHAT_SHA256))
		return 0;
	hex_of(d->was->sha256, DIGEST_BYTES, was);
	hex_of(d->now.sha256, DIGEST_BYTES, now);
	strbuf_printf(&path, "%s/%s", directory, was);
	fd = open(path.s, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (read_text(fd, was, &old) && read_found(rootfd, &d->now, now, &new))
		bad = run_diff(out, d->now.path, path.s, &new);
	strbuf_free(&old);
	strbuf_free(&new);
	strbuf_free(&path);
	return bad;
}
