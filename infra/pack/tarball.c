#include "tarball.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "inode.h"
#include "strbuf.h"

/* POSIX.1-2017, pax, "ustar Interchange Format". */
struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
	char target[100], magic[8], uname[32], gname[32], major[8], minor[8], prefix[155],
	    rest[12];
};
_Static_assert(sizeof(struct ustar) == TAR_BLOCK, "a header is a block");

enum { SHORT_ID_MAX = 07777777 };
static const uint64_t short_size_max = 077777777777;
static const unsigned char zeros[TAR_BLOCK * 2];

void
tarball_start(struct tarball *t, int fd)
{
	t->fd = fd;
	t->error = 0;
	t->written = 0;
	t->buffered = 0;
	sha256_init(&t->sum);
}

static void
put_out(struct tarball *t, const unsigned char *p, size_t n)
{
	if (!t->error && write_all(t->fd, p, n))
		t->error = errno;
}

static void
flush(struct tarball *t)
{
	put_out(t, t->buffer, t->buffered);
	t->buffered = 0;
}

static void
put(struct tarball *t, const void *bytes, size_t n)
{
	sha256_update(&t->sum, n, bytes);
	t->written += n;
	if (n > sizeof(t->buffer) - t->buffered)
		flush(t);
	if (n > sizeof(t->buffer)) {
		put_out(t, bytes, n);
		return;
	}
	memcpy(t->buffer + t->buffered, bytes, n);
	t->buffered += n;
}

size_t
tar_padding(uint64_t size)
{
	return (size_t)(-size % TAR_BLOCK);
}

static void
put_number(char *field, size_t size, uint64_t value)
{
	snprintf(field, size, "%0*llo", (int)size - 1, (unsigned long long)value);
}

static void
seal(struct ustar *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = 0;
	size_t i;

	memset(h->checksum, ' ', sizeof(h->checksum));
	for (i = 0; i < sizeof(*h); i++)
		sum += p[i];
	snprintf(h->checksum, sizeof(h->checksum), "%06o", sum);
}

static int
is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80)
			return 0;
	return 1;
}

/* In name alone, or cut at a '/' into prefix and name. Returns 0 where it doesn't fit. */
static int
fit_path(struct ustar *h, const char *path)
{
	size_t len = strlen(path);
	const char *cut;

	if (!is_ascii(path))
		return 0;
	if (len <= sizeof(h->name)) {
		memcpy(h->name, path, len);
		return 1;
	}
	cut = strchr(path + len - sizeof(h->name) - 1, '/');
	if (!cut || !cut[1] || cut == path || (size_t)(cut - path) > sizeof(h->prefix))
		return 0;
	memcpy(h->prefix, path, (size_t)(cut - path));
	memcpy(h->name, cut + 1, strlen(cut + 1));
	return 1;
}

static void
put_pax(struct strbuf *b, const char *key, const void *value, size_t n)
{
	/* "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
	size_t fixed = strlen(key) + n + 3, len = fixed + 1;

	while (len != fixed + (size_t)snprintf(NULL, 0, "%zu", len))
		len = fixed + (size_t)snprintf(NULL, 0, "%zu", len);
	strbuf_printf(b, "%zu %s=", len, key);
	strbuf_add(b, value, n);
	strbuf_putc(b, '\n');
}

static void
put_pax_number(struct strbuf *b, const char *key, uint64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)value);

	put_pax(b, key, text, (size_t)n);
}

static int
is_utf8(const char *s)
{
	size_t len, left = strlen(s);

	for (; left; s += len, left -= len)
		if (!(len = utf8_sequence(s, left)))
			return 0;
	return 1;
}

/* Names are UTF-8 in pax headers, unless one says that they are bytes. */
static void
put_pax_names(struct strbuf *b, const char *path, const char *target)
{
	if ((path && !is_utf8(path)) || (target && !is_utf8(target)))
		put_pax(b, "hdrcharset", "BINARY", 6);
	if (path)
		put_pax(b, "path", path, strlen(path));
	if (target)
		put_pax(b, "linkpath", target, strlen(target));
}

static void
put_pax_xattrs(struct strbuf *b, const struct inode *i)
{
	size_t k;

	for (k = 0; k < i->xattr_count; k++) {
		struct strbuf key = STRBUF_INIT;

		strbuf_printf(&key, "SCHILY.xattr.%s", i->xattrs[k].name);
		put_pax(b, key.s, i->xattrs[k].value, i->xattrs[k].size);
		strbuf_free(&key);
	}
}

static void
put_content(struct tarball *t, const void *bytes, size_t n)
{
	if (n)
		put(t, bytes, n);
	put(t, zeros, tar_padding(n));
}

static void
start_header(struct ustar *h, char type, time_t mtime)
{
	memset(h, 0, sizeof(*h));
	put_number(h->mode, sizeof(h->mode), 0644);
	put_number(h->uid, sizeof(h->uid), 0);
	put_number(h->gid, sizeof(h->gid), 0);
	put_number(h->size, sizeof(h->size), 0);
	put_number(h->mtime, sizeof(h->mtime), (uint64_t)mtime);
	put_number(h->major, sizeof(h->major), 0);
	put_number(h->minor, sizeof(h->minor), 0);
	memcpy(h->magic, "ustar\00000", 8);
	h->type = type;
}

static void
put_extended(struct tarball *t, const struct strbuf *pax, time_t mtime)
{
	struct ustar h;

	start_header(&h, 'x', mtime);
	memcpy(h.name, "pax", 3);
	put_number(h.size, sizeof(h.size), pax->len);
	seal(&h);
	put(t, &h, sizeof(h));
	put_content(t, pax->s, pax->len);
}

static char
type_letter(const struct inode *i, const char *hard_link)
{
	if (hard_link)
		return '1';
	return S_ISLNK(i->mode) ? '2' : S_ISDIR(i->mode) ? '5' : S_ISFIFO(i->mode) ? '6' : '0';
}

void
tarball_add(struct tarball *t, const char *path, const struct inode *i, const char *hard_link,
    time_t mtime)
{
	const char *target = hard_link ? hard_link : i->target;
	uint64_t size = hard_link || !S_ISREG(i->mode) ? 0 : i->data.n;
	struct strbuf pax = STRBUF_INIT;
	struct ustar h;

	start_header(&h, type_letter(i, hard_link), mtime);
	if (fit_path(&h, path))
		path = NULL;
	else
		strcpy(h.name, "see-pax-header");
	if (target && strlen(target) <= sizeof(h.target) && is_ascii(target)) {
		memcpy(h.target, target, strlen(target));
		target = NULL;
	}
	put_pax_names(&pax, path, target);
	put_number(h.mode, sizeof(h.mode), i->mode & 07777);
	if (i->uid <= SHORT_ID_MAX)
		put_number(h.uid, sizeof(h.uid), i->uid);
	else
		put_pax_number(&pax, "uid", i->uid);
	if (i->gid <= SHORT_ID_MAX)
		put_number(h.gid, sizeof(h.gid), i->gid);
	else
		put_pax_number(&pax, "gid", i->gid);
	if (size <= short_size_max)
		put_number(h.size, sizeof(h.size), size);
	else
		put_pax_number(&pax, "size", size);
	if (!hard_link)
		put_pax_xattrs(&pax, i);
	if (pax.len)
		put_extended(t, &pax, mtime);
	strbuf_free(&pax);
	seal(&h);
	put(t, &h, sizeof(h));
	put_content(t, i->data.p, (size_t)size);
}

void
tarball_header(unsigned char block[TAR_BLOCK], const char *path, uint64_t size, time_t mtime)
{
	struct ustar h;
	int k;

	start_header(&h, '0', mtime);
	fit_path(&h, path);
	if (size <= short_size_max) {
		put_number(h.size, sizeof(h.size), size);
	} else {
		/* GNU's form of a number that eleven octal digits don't hold. */
		memset(h.size, 0, sizeof(h.size));
		h.size[0] = (char)0x80;
		for (k = 0; k < 8; k++)
			h.size[11 - k] = (char)(size >> (8 * k));
	}
	seal(&h);
	memcpy(block, &h, TAR_BLOCK);
}

void
tarball_add_file(struct tarball *t, const char *path, struct bytes data, time_t mtime)
{
	unsigned char block[TAR_BLOCK];

	tarball_header(block, path, data.n, mtime);
	put(t, block, sizeof(block));
	put_content(t, data.p, data.n);
}

int
tarball_end(struct tarball *t, char hex[SHA256_HEX])
{
	unsigned char sum[SHA256_DIGEST_SIZE];

	put(t, zeros, sizeof(zeros));
	flush(t);
	sha256_digest(&t->sum, sizeof(sum), sum);
	hex_of(sum, sizeof(sum), hex);
	errno = t->error;
	return t->error ? -1 : 0;
}
