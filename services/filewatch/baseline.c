#include "baseline.h"

#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "digest.h"
#include "file.h"
#include "mtree.h"
#include "report.h"
#include "strbuf.h"

enum { FILE_MAX = 512 * 1024 * 1024 };

/* ---- entries ---- */

void
entry_free(struct entry *e)
{
	free(e->path);
	free(e->link);
}

struct entry
entry_copy(const struct entry *e)
{
	struct entry copy = *e;

	copy.path = xstrdup(e->path);
	copy.link = e->link ? xstrdup(e->link) : NULL;
	return copy;
}

static const struct {
	mode_t type;
	const char *name;
} types[] = {{S_IFREG, "file"}, {S_IFDIR, "dir"}, {S_IFLNK, "link"}, {S_IFIFO, "fifo"},
    {S_IFSOCK, "socket"}, {S_IFCHR, "char"}, {S_IFBLK, "block"}};

const char *
entry_type(const struct entry *e)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if ((e->mode & S_IFMT) == types[i].type)
			return types[i].name;
	return "unknown";
}

void
baseline_free(struct baseline *b)
{
	size_t i;

	for (i = 0; i < b->count; i++)
		entry_free(&b->entry[i]);
	for (i = 0; i < b->excludes; i++) {
		pattern_free(&b->exclude[i]);
		free(b->exclude_text[i]);
	}
	free(b->entry);
	free(b->exclude);
	free(b->exclude_text);
	*b = (struct baseline){0};
}

void
baseline_add(struct baseline *b, struct entry *e)
{
	if (b->count == b->room) {
		b->room = b->room ? 2 * b->room : 64;
		b->entry = xreallocarray(b->entry, b->room, sizeof(*b->entry));
	}
	b->entry[b->count++] = *e;
	*e = (struct entry){0};
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

void
baseline_sort(struct baseline *b)
{
	if (b->count)
		qsort(b->entry, b->count, sizeof(*b->entry), by_path);
}

const struct entry *
baseline_find(const struct baseline *b, const char *path)
{
	const struct entry key = {.path = (char *)(uintptr_t)path};

	return b->count ? bsearch(&key, b->entry, b->count, sizeof(*b->entry), by_path) : NULL;
}

bool
baseline_has_below(const struct baseline *b, const char *directory)
{
	cleanup_free char *prefix =
	    xasprintf("%s/", strcmp(directory, "/") == 0 ? "" : directory);
	size_t low = 0, high = b->count, n = strlen(prefix);

	/* The first entry that isn't before the prefix. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(b->entry[middle].path, prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < b->count && strncmp(b->entry[low].path, prefix, n) == 0;
}

const char *
baseline_exclude(struct baseline *b, const char *pattern)
{
	struct pattern p;
	const char *wrong = pattern_parse(&p, pattern);

	if (wrong)
		return wrong;
	b->exclude = xreallocarray(b->exclude, b->excludes + 1, sizeof(*b->exclude));
	b->exclude_text =
	    xreallocarray(b->exclude_text, b->excludes + 1, sizeof(*b->exclude_text));
	b->exclude[b->excludes] = p;
	b->exclude_text[b->excludes++] = xstrdup(pattern);
	return NULL;
}

bool
baseline_is_excluded(const struct baseline *b, const char *path)
{
	size_t i;

	for (i = 0; i < b->excludes; i++)
		if (pattern_matches(&b->exclude[i], path))
			return true;
	return false;
}

/* ---- reading ---- */

/* "./a//b/" is "/a/b", "." is "/". NULL for a path that leads out of the tree. */
static char *
path_from_root(const char *name)
{
	struct strbuf out = STRBUF_INIT;

	while (*name) {
		size_t n = strcspn(name, "/");

		if (n == 2 && name[0] == '.' && name[1] == '.') {
			strbuf_free(&out);
			return NULL;
		}
		if (n > 0 && !(n == 1 && *name == '.')) {
			strbuf_putc(&out, '/');
			strbuf_add(&out, name, n);
		}
		name += n + (name[n] == '/');
	}
	if (out.len == 0)
		strbuf_putc(&out, '/');
	return strbuf_steal(&out);
}

/* libarchive doesn't tell what a line said from what it left out. Keywords stand after a
 * blank, and blanks in names are escaped, so a keyword that the whole text doesn't hold
 * was said of no entry. */
static unsigned
known_keywords(const char *bytes, size_t n)
{
	static const struct {
		const char *keyword;
		unsigned what;
	} table[] = {{"type=", WHAT_TYPE}, {"size=0", WHAT_SIZE}, {"mode=", WHAT_MODE},
	    {"uid=", WHAT_UID}, {"gid=", WHAT_GID}};
	unsigned known = 0;
	size_t i, len;
	const char *p;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		len = strlen(table[i].keyword);
		for (p = bytes; (p = memmem(p, (size_t)(bytes + n - p), table[i].keyword, len));
		     p += len)
			if (p > bytes && (p[-1] == ' ' || p[-1] == '\t'))
				break;
		if (p)
			known |= table[i].what;
	}
	return known;
}

static bool
is_zero(const unsigned char *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (bytes[i])
			return false;
	return true;
}

static int
take_entry(struct baseline *b, const char *name, struct archive_entry *from, unsigned known)
{
	const char *path = archive_entry_pathname(from), *link = archive_entry_symlink(from);
	const unsigned char *sha256 = archive_entry_digest(from, ARCHIVE_ENTRY_DIGEST_SHA256);
	struct entry e = {.known = known,
	    .mode = archive_entry_mode(from),
	    .uid = (uid_t)archive_entry_uid(from),
	    .gid = (gid_t)archive_entry_gid(from),
	    .path = path ? path_from_root(path) : NULL};

	if (!e.path) {
		report("%s: '%s' leads out of the tree", name, path ? path : "?");
		return -1;
	}
	/* A size that wasn't said is 0 as well. */
	if (S_ISREG(e.mode)) {
		e.size = archive_entry_size(from);
		e.known |= e.size ? WHAT_SIZE : 0;
	} else {
		e.known &= ~(unsigned)WHAT_SIZE;
	}
	if (S_ISREG(e.mode) && sha256 && !is_zero(sha256, DIGEST_BYTES)) {
		e.known |= WHAT_SHA256 | WHAT_CAPS;
		memcpy(e.sha256, sha256, DIGEST_BYTES);
	}
	if (S_ISLNK(e.mode)) {
		/* Permissions of links mean nothing to Linux. */
		e.known &= ~(unsigned)WHAT_MODE;
		e.known |= link ? WHAT_LINK : 0;
		e.link = link ? xstrdup(link) : NULL;
	}
	baseline_add(b, &e);
	return 0;
}

static int
take_archive(struct baseline *b, const char *name, struct archive *a, unsigned known)
{
	struct archive_entry *e;
	int r;

	while ((r = archive_read_next_header(a, &e)) == ARCHIVE_OK)
		if (take_entry(b, name, e, known))
			return -1;
	if (r == ARCHIVE_EOF)
		return 0;
	/* A warning too: a keyword that isn't understood isn't verified. */
	report("%s: %s", name,
	    archive_error_string(a) ? archive_error_string(a) : "bad mtree file");
	return -1;
}

static int
read_entries(struct baseline *b, const char *name, const char *bytes, size_t n)
{
	struct archive *a = archive_read_new();
	int status = -1;

	if (!a || archive_read_support_format_mtree(a) != ARCHIVE_OK)
		report("%s: %s", name, a ? archive_error_string(a) : "out of memory");
	else if (n == 0 || archive_read_open_memory(a, bytes, n) != ARCHIVE_OK)
		report("%s: not an mtree file", name);
	else
		status = take_archive(b, name, a, known_keywords(bytes, n));
	archive_read_free(a);
	return status;
}

static int
no_doubles(const struct baseline *b, const char *name)
{
	size_t i;

	for (i = 1; i < b->count; i++) {
		if (strcmp(b->entry[i - 1].path, b->entry[i].path) != 0)
			continue;
		report("%s: duplicate entry '%s'", name, b->entry[i].path);
		return -1;
	}
	return 0;
}

static int
unhex(const char *text, size_t n, unsigned char *out)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const char two[3] = {text[2 * i], text[2 * i + 1], '\0'};

		if (!isxdigit((unsigned char)two[0]) || !isxdigit((unsigned char)two[1]))
			return -1;
		out[i] = (unsigned char)strtoul(two, NULL, 16);
	}
	return 0;
}

/* "# xattr ./PATH NAME=HEX …": of the attributes, capabilities are compared. */
static int
take_xattrs(struct baseline *b, const char *line)
{
	static const char wanted[] = " security.capability=";
	size_t n = strcspn(line, " "), digits;
	cleanup_free char *name = mtree_unescape(line, n);
	cleanup_free char *path = path_from_root(name);
	struct entry *e = path ? (struct entry *)(uintptr_t)baseline_find(b, path) : NULL;
	const char *hex = strstr(line + n, wanted);

	if (!e)
		return -1;
	if (!hex)
		return 0;
	hex += sizeof(wanted) - 1;
	digits = strcspn(hex, " ");
	if (digits % 2 || digits / 2 > CAPS_MAX || unhex(hex, digits / 2, e->caps))
		return -1;
	e->caps_len = (unsigned char)(digits / 2);
	e->known |= WHAT_CAPS;
	return 0;
}

/* "# exclude PATTERN", with \ooo as in names. */
static int
take_exclude(struct baseline *b, const char *text)
{
	size_t n = strlen(text);
	cleanup_free char *pattern = mtree_unescape(text, n);

	/* To libarchive, a backslash at its end makes the next line a part of the comment. */
	return (n && text[n - 1] == '\\') || baseline_exclude(b, pattern) ? -1 : 0;
}

static int
take_comment(struct baseline *b, const char *line)
{
	static const char xattr[] = "# xattr ", exclude[] = "# exclude ";

	if (strncmp(line, xattr, sizeof(xattr) - 1) == 0)
		return take_xattrs(b, line + sizeof(xattr) - 1);
	if (strncmp(line, exclude, sizeof(exclude) - 1) == 0)
		return take_exclude(b, line + sizeof(exclude) - 1);
	return 0;
}

static int
read_comments(struct baseline *b, const char *name, const char *bytes, size_t n)
{
	const char *p = bytes, *end = bytes + n;
	size_t number;

	for (number = 1; p < end; number++) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((newline ? newline : end) - p);

		if (*p == '#') {
			cleanup_free char *line = xstrndup(p, len);

			if (take_comment(b, line)) {
				report("%s:%zu: malformed comment '%s'", name, number, line);
				return -1;
			}
		}
		p += len + 1;
	}
	return 0;
}

/* The byte that vis(3) writes as "\M-c", "\M^c", "\^c" or, where it means something to a
 * reader, as "\c"; and how long that is. 0 for what libarchive reads by itself: "\ooo", and
 * "\n" and other letters. */
static size_t
vis_byte(const char *s, size_t n, unsigned char *byte)
{
	size_t meta = n > 3 && s[1] == 'M' && (s[2] == '-' || s[2] == '^'), at = 1 + meta;
	unsigned char c;

	if (n > at + 1 && (s[at] == '^' || meta)) {
		c = (unsigned char)s[at + 1];
		if (s[at] == '^')
			c = c == '?' ? 0x7f : c & 0x1f;
		*byte = meta ? c | 0x80 : c;
		return at + 2;
	}
	if (n < 2 || !ispunct((unsigned char)s[1]))
		return 0;
	*byte = (unsigned char)s[1];
	return 2;
}

static void
put_octal_line(struct strbuf *out, const char *s, const char *end)
{
	unsigned char byte;
	const char *mark;
	size_t len;

	while ((mark = memchr(s, '\\', (size_t)(end - s)))) {
		strbuf_add(out, s, (size_t)(mark - s));
		len = vis_byte(mark, (size_t)(end - mark), &byte);
		if (len)
			strbuf_printf(out, "\\%03o", byte);
		else
			strbuf_putc(out, '\\');
		s = mark + (len ? len : 1);
	}
	strbuf_add(out, s, (size_t)(end - s));
}

static int
has_vis(const char *s, size_t n)
{
	const char *end = s + n;
	unsigned char byte;

	for (; (s = memchr(s, '\\', (size_t)(end - s))); s++)
		if (vis_byte(s, (size_t)(end - s), &byte))
			return 1;
	return 0;
}

/* What the BSDs' mtree writes, with all such bytes as \ooo. Comments stay as they are. */
static void
put_octal_for_vis(struct strbuf *out, const char *s, size_t n)
{
	const char *end = s + n, *next;

	for (; s < end; s = next) {
		next = memchr(s, '\n', (size_t)(end - s));
		next = next ? next + 1 : end;
		if (*s == '#')
			strbuf_add(out, s, (size_t)(next - s));
		else
			put_octal_line(out, s, next);
	}
}

static int
parse_text(struct baseline *b, const char *name, const char *bytes, size_t n)
{
	if (read_entries(b, name, bytes, n))
		return -1;
	baseline_sort(b);
	return no_doubles(b, name) || read_comments(b, name, bytes, n) ? -1 : 0;
}

int
baseline_parse(struct baseline *b, const char *name, const char *bytes, size_t n)
{
	struct strbuf plain = STRBUF_INIT;
	int status;

	*b = (struct baseline){0};
	if (memchr(bytes, '\0', n)) {
		report("%s: not an mtree file: it isn't text", name);
		return -1;
	}
	if (!has_vis(bytes, n))
		return parse_text(b, name, bytes, n);
	put_octal_for_vis(&plain, bytes, n);
	status = parse_text(b, name, plain.s, plain.len);
	strbuf_free(&plain);
	return status;
}
static int
read_file(const char *file, struct strbuf *out)
{
	cleanup_fd int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -1 : file_read(fd, FILE_MAX, out);
}

int
baseline_read(struct baseline *b, const char *file)
{
	struct strbuf text = STRBUF_INIT;
	int status = -1;

	*b = (struct baseline){0};
	if (read_file(file, &text))
		report("read '%s':", file);
	else
		status = baseline_parse(b, file, text.s ? text.s : "", text.len);
	strbuf_free(&text);
	return status;
}

/* ---- writing ---- */

/* libarchive's own writer can't be told a digest that it didn't compute itself, so that
 * files could neither be hashed on all cores nor taken over unread. */

static void
put_path(struct strbuf *out, const struct entry *e)
{
	strbuf_putc(out, '.');
	if (strcmp(e->path, "/") != 0)
		mtree_put_name(out, e->path);
}

static void
put_hex(struct strbuf *out, const unsigned char *bytes, size_t n)
{
	char hex[2 * DIGEST_BYTES + 1];

	hex_of(bytes, n, hex);
	strbuf_puts(out, hex);
}

static void
put_entry(struct strbuf *out, const struct entry *e)
{
	if (e->caps_len) {
		strbuf_puts(out, "# xattr ");
		put_path(out, e);
		strbuf_puts(out, " security.capability=");
		put_hex(out, e->caps, e->caps_len);
		strbuf_putc(out, '\n');
	}
	put_path(out, e);
	strbuf_printf(out, " type=%s", entry_type(e));
	if (e->known & WHAT_MODE)
		strbuf_printf(out, " mode=%04o", (unsigned)e->mode & 07777);
	if (e->known & WHAT_UID)
		strbuf_printf(out, " uid=%lu", (unsigned long)e->uid);
	if (e->known & WHAT_GID)
		strbuf_printf(out, " gid=%lu", (unsigned long)e->gid);
	if (e->known & WHAT_SIZE)
		strbuf_printf(out, " size=%" PRId64, e->size);
	if (e->known & WHAT_SHA256) {
		strbuf_puts(out, " sha256digest=");
		put_hex(out, e->sha256, DIGEST_BYTES);
	}
	if (e->known & WHAT_LINK) {
		strbuf_puts(out, " link=");
		mtree_put_name(out, e->link);
	}
	strbuf_putc(out, '\n');
}

/* Readable as far as it goes: wildcards stay as they are. */
static void
put_exclude(struct strbuf *out, const char *pattern)
{
	strbuf_puts(out, "# exclude ");
	for (; *pattern; pattern++) {
		unsigned char c = (unsigned char)*pattern;

		if (c < ' ' || c == 0x7f || c == '\\')
			strbuf_printf(out, "\\%03o", c);
		else
			strbuf_putc(out, (char)c);
	}
	strbuf_putc(out, '\n');
}

void
baseline_format(struct strbuf *out, const struct baseline *b)
{
	size_t i;

	strbuf_puts(out, "#mtree\n");
	for (i = 0; i < b->excludes; i++)
		put_exclude(out, b->exclude_text[i]);
	for (i = 0; i < b->count; i++)
		put_entry(out, &b->entry[i]);
}

/* As the old file's, so that whoever could read that one can read this one. */
static int
take_rights(int fd, const struct stat *old)
{
	mode_t mask;

	if (old) {
		if (fchown(fd, old->st_uid, old->st_gid) && errno != EPERM)
			return -1;
		return fchmod(fd, old->st_mode & 07777);
	}
	mask = umask(0);
	umask(mask);
	return fchmod(fd, 0644 & ~mask);
}

/* Whoever reads sees the old file or the new one, also after a power failure. */
static int
replace(const char *file, const struct strbuf *text, const struct stat *old)
{
	cleanup_free char *prefix = xasprintf("%s.new.", file), *temporary = NULL;
	cleanup_fd int fd = file_temporary(AT_FDCWD, prefix, &temporary);
	int saved;

	if (fd < 0)
		return -1;
	if (take_rights(fd, old) == 0 && write_all(fd, text->s, text->len) == 0 &&
	    file_close(&fd) == 0)
		return file_put(AT_FDCWD, temporary, file);
	saved = errno;
	unlink(temporary);
	errno = saved;
	return -1;
}

static int
write_file(const char *file, const struct strbuf *text)
{
	/* A link stays one: what it leads to is replaced. */
	cleanup_free char *end = realpath(file, NULL);
	cleanup_fd int fd = -1;
	struct stat old;

	if (strcmp(file, "-") == 0)
		return write_all(STDOUT_FILENO, text->s, text->len);
	if (!end)
		return errno == ENOENT ? replace(file, text, NULL) : -1;
	if (stat(end, &old))
		return -1;
	if (S_ISREG(old.st_mode))
		return replace(end, text, &old);
	/* A device or a pipe is written to, not replaced. */
	fd = open(end, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -1 : write_all(fd, text->s, text->len);
}

int
baseline_write(const struct baseline *b, const char *file)
{
	struct strbuf text = STRBUF_INIT;
	int status;

	baseline_format(&text, b);
	status = write_file(file, &text);
	if (status)
		report("write '%s':", file);
	strbuf_free(&text);
	return status;
}
