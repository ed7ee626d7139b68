#include "manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "digest.h"
#include "grow.h"
#include "inode.h"
#include "mtree.h"
#include "report.h"
#include "tree.h"

static void
put_xattrs(struct strbuf *b, const char *path, const struct inode *i)
{
	size_t k, n;

	if (!i->xattr_count)
		return;
	/* mtree(5) has no word for these: a comment, which other readers skip. */
	strbuf_puts(b, "# xattr ./");
	mtree_put_name(b, path);
	for (k = 0; k < i->xattr_count; k++) {
		strbuf_putc(b, ' ');
		mtree_put_name(b, i->xattrs[k].name);
		strbuf_putc(b, '=');
		for (n = 0; n < i->xattrs[k].size; n++)
			strbuf_printf(b, "%02x", i->xattrs[k].value[n]);
	}
	strbuf_putc(b, '\n');
}

static void
put_entry(struct strbuf *b, const char *path, struct inode *i, unsigned names)
{
	char hex[SHA256_HEX];
	size_t len = strlen(path);
	cleanup_free char *plain = xstrndup(path, len && path[len - 1] == '/' ? len - 1 : len);

	put_xattrs(b, plain, i);
	strbuf_puts(b, *plain ? "./" : ".");
	mtree_put_name(b, plain);
	strbuf_printf(b, " type=%s mode=%04o uid=%lu gid=%lu", inode_type(i), i->mode & 07777,
	    (unsigned long)i->uid, (unsigned long)i->gid);
	if (S_ISREG(i->mode)) {
		inode_hash(i);
		hex_of(i->sha256, sizeof(i->sha256), hex);
		if (names > 1)
			strbuf_printf(b, " nlink=%u", names);
		strbuf_printf(b, " size=%zu sha256digest=%s", i->data.n, hex);
	} else if (S_ISLNK(i->mode)) {
		strbuf_puts(b, " link=");
		mtree_put_name(b, i->target);
	}
	strbuf_putc(b, '\n');
}

void
manifest_write(struct strbuf *b, const struct node *root, const struct listing *l)
{
	size_t k;

	strbuf_puts(b, "#mtree\n");
	put_entry(b, "", root->inode, 1);
	for (k = 0; k < l->count; k++)
		put_entry(b, l->item[k].path, l->item[k].node->inode, l->item[k].names);
}

/* NULL where mtree_put_name() didn't write it. */
static char *
take_name(const char *s, size_t n)
{
	return mtree_is_escaped(s, n) ? mtree_unescape(s, n) : NULL;
}

/* "./etc/passwd" and "." to "/etc/passwd" and "/". */
static char *
take_path(const char *s, size_t n)
{
	if (n == 0 || *s != '.' || (n > 1 && s[1] != '/'))
		return NULL;
	return n == 1 ? xstrdup("/") : take_name(s + 1, n - 1);
}

static int
take_number(const char *s, size_t n, int base, unsigned long long max, unsigned long long *out)
{
	char text[24], *end;

	if (n == 0 || n >= sizeof(text) || *s < '0' || *s > '9')
		return -1;
	memcpy(text, s, n);
	text[n] = '\0';
	*out = strtoull(text, &end, base);
	return *end || *out > max ? -1 : 0;
}

static int
take_word(struct manifest_entry *e, const char *s, size_t n)
{
	const char *equals = memchr(s, '=', n), *v;
	size_t key, len;
	unsigned long long number;

	if (!equals)
		return -1;
	key = (size_t)(equals - s);
	v = equals + 1;
	len = n - key - 1;
#define IS(word) (key == sizeof(word) - 1 && memcmp(s, word, key) == 0)
	if (IS("type") && len && len < sizeof(e->type)) {
		memcpy(e->type, v, len);
		e->type[len] = '\0';
	} else if (IS("mode") && !take_number(v, len, 8, 07777, &number)) {
		e->mode = (unsigned)number;
	} else if (IS("uid") && !take_number(v, len, 10, UINT32_MAX, &number)) {
		e->uid = (unsigned long)number;
	} else if (IS("gid") && !take_number(v, len, 10, UINT32_MAX, &number)) {
		e->gid = (unsigned long)number;
	} else if (IS("nlink") && !take_number(v, len, 10, UINT32_MAX, &number) && number) {
		e->nlink = (unsigned long)number;
	} else if (IS("size") && !take_number(v, len, 10, INT64_MAX, &number)) {
		e->size = number;
	} else if (IS("sha256digest") && len == SHA256_HEX - 1) {
		memcpy(e->sha256, v, len);
		e->sha256[len] = '\0';
		return strspn(e->sha256, "0123456789abcdef") == len ? 0 : -1;
	} else if (IS("link") && !e->target) {
		e->target = take_name(v, len);
		return e->target ? 0 : -1;
	} else {
		return -1;
	}
#undef IS
	return 0;
}

static int
is_whole(const struct manifest_entry *e)
{
	if (strcmp(e->type, "file") == 0)
		return *e->sha256 && !e->target;
	if (strcmp(e->type, "link") == 0)
		return !*e->sha256 && e->target;
	return (!strcmp(e->type, "dir") || !strcmp(e->type, "fifo")) && !*e->sha256 &&
	       !e->target;
}

static int
take_entry(struct manifest *m, const char *s, const char *end, char **xattrs)
{
	struct manifest_entry *e;
	size_t n;

	m->entry = grow(m->entry, m->count);
	e = &m->entry[m->count++];
	*e = (struct manifest_entry){.nlink = 1};
	e->xattrs = *xattrs ? *xattrs : xstrdup("");
	*xattrs = NULL;
	n = strcspn(s, " \n");
	e->path = take_path(s, n);
	if (!e->path)
		return -1;
	for (s += n; s < end && *s == ' '; s += n) {
		s++;
		n = strcspn(s, " \n");
		if (take_word(e, s, n))
			return -1;
	}
	return s == end && is_whole(e) ? 0 : -1;
}

static int
compare_entries(const void *a, const void *b)
{
	return strcmp(
	    ((const struct manifest_entry *)a)->path, ((const struct manifest_entry *)b)->path);
}

static int
bad_line(const char *what, unsigned long line, const char *why)
{
	report("%s:%lu: %s", what, line, why);
	return -1;
}

int
manifest_parse(struct manifest *m, struct bytes text, const char *what)
{
	/* A copy that ends in a NUL, so that no search runs over the end. */
	cleanup_free char *copy = bytes_text(text);
	char *p, *end = copy + text.n, *stop, *xattrs = NULL;
	unsigned long line = 1;
	size_t i;

	*m = (struct manifest){NULL, 0};
	if (text.n < 7 || memcmp(copy, "#mtree\n", 7) || memchr(copy, '\0', text.n))
		return bad_line(what, 1, "not an mtree(5) manifest");
	for (p = copy + 7; p < end; p = stop + 1) {
		line++;
		stop = strchr(p, '\n');
		if (!stop)
			stop = end;
		if (strncmp(p, "# xattr ", 8) == 0) {
			const char *words = p + 8 + strcspn(p + 8, " \n");

			free(xattrs);
			xattrs = xstrndup(words + (*words == ' '), (size_t)(stop - words));
			xattrs[strcspn(xattrs, "\n")] = '\0';
			continue;
		}
		if (*p == '#' || p == stop)
			continue;
		if (take_entry(m, p, stop, &xattrs)) {
			free(xattrs);
			return bad_line(what, line,
			    "a malformed entry: type, mode, uid, gid and a digest or a link "
			    "target are required");
		}
	}
	free(xattrs);
	if (m->count)
		qsort(m->entry, m->count, sizeof(*m->entry), compare_entries);
	for (i = 1; i < m->count; i++)
		if (strcmp(m->entry[i - 1].path, m->entry[i].path) == 0) {
			report("%s: duplicate entry '%s'", what, m->entry[i].path);
			return -1;
		}
	return 0;
}

void
manifest_free(struct manifest *m)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		free(m->entry[i].path);
		free(m->entry[i].target);
		free(m->entry[i].xattrs);
	}
	free(m->entry);
	*m = (struct manifest){NULL, 0};
}

const struct manifest_entry *
manifest_find(const struct manifest *m, const char *path)
{
	struct manifest_entry key = {.path = (char *)path};

	return m->count ? bsearch(&key, m->entry, m->count, sizeof(*m->entry), compare_entries)
			: NULL;
}
