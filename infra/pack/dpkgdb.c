#include "dpkgdb.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

enum { LICENSES_MAX = 16 };

/* A line of text without its end; 0 where there is none any more. */
static int
next_line(struct bytes *text, const char **line, size_t *n)
{
	const char *s = (const char *)text->p, *nl;

	if (!text->n)
		return 0;
	nl = memchr(s, '\n', text->n);
	*line = s;
	*n = nl ? (size_t)(nl - s) : text->n;
	text->p += nl ? *n + 1 : *n;
	text->n -= nl ? *n + 1 : *n;
	return 1;
}

/* The value of a field in a paragraph, its first line; NULL. */
static char *
field(struct bytes paragraph, const char *key)
{
	size_t len = strlen(key), n;
	const char *line;

	while (next_line(&paragraph, &line, &n))
		if (n > len && memcmp(line, key, len) == 0 && line[len] == ':') {
			for (line += len + 1, n -= len + 1; n && *line == ' '; n--)
				line++;
			return xstrndup(line, n);
		}
	return NULL;
}

/* "libc6 (>= 2.34), perl:any | python3" is "libc6 perl": of alternatives the first. */
static void
put_names(struct strbuf *out, const char *relations)
{
	const char *p = relations;

	while (*p) {
		size_t n;

		p += strspn(p, " ,");
		n = strcspn(p, " ,:|(");
		if (n) {
			strbuf_add(out, p, n);
			strbuf_putc(out, ' ');
		}
		p += strcspn(p, ",");
	}
}

static void
put(struct strbuf *out, char letter, const char *value)
{
	if (value && *value)
		strbuf_printf(out, "%c:%s\n", letter, value);
}

static int
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr("-.+", c);
}

/* A short name as SPDX has it, where Debian's differs by its plus alone. */
static void
put_license(struct strbuf *out, const char *name, size_t n)
{
	if (n > 1 && name[n - 1] == '+')
		strbuf_printf(out, "%.*s-or-later", (int)(n - 1), name);
	else
		strbuf_add(out, name, n);
}

/* What a copyright file in Debian's machine-readable form names, each once. */
static void
put_licenses(struct strbuf *out, struct bytes copyright)
{
	const char *line, *seen[LICENSES_MAX];
	size_t n, len[LICENSES_MAX], count = 0, i;

	while (count < LICENSES_MAX && next_line(&copyright, &line, &n)) {
		if (n < 9 || memcmp(line, "License:", 8) != 0)
			continue;
		for (line += 8, n -= 8; n && *line == ' '; n--)
			line++;
		for (i = 0; i < n && is_name_char(line[i]); i++)
			;
		if (i == 0 || i != n) /* a sentence, or several: not an identifier */
			continue;
		for (i = 0; i < count; i++)
			if (len[i] == n && memcmp(seen[i], line, n) == 0)
				break;
		if (i < count)
			continue;
		strbuf_puts(out, count ? " AND " : "L:");
		put_license(out, line, n);
		seen[count] = line;
		len[count++] = n;
	}
	if (count)
		strbuf_putc(out, '\n');
}

static void
put_path(struct strbuf *out, const struct dpkg_source *from, const char *path)
{
	static const char *const tops[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};
	const char *slash = strrchr(path, '/'), *prefix = "";
	size_t first = strcspn(path, "/"), i;

	if (!*path || strcmp(path, ".") == 0 || !slash)
		return;
	for (i = 0; i < sizeof(tops) / sizeof(tops[0]); i++)
		if (strlen(tops[i]) == first && memcmp(path, tops[i], first) == 0 &&
		    from->is_link(from->arg, tops[i]))
			prefix = "usr/";
	strbuf_printf(out, "F:%s%.*s\nR:%s\n", prefix, (int)(slash - path), path, slash + 1);
}

static void
put_files(
    struct strbuf *out, const struct dpkg_source *from, const char *name, const char *arch)
{
	cleanup_free char *plain = xasprintf("var/lib/dpkg/info/%s.list", name);
	cleanup_free char *with = xasprintf("var/lib/dpkg/info/%s:%s.list", name, arch);
	struct bytes list = from->content(from->arg, plain);
	const char *line;
	size_t n;

	if (!list.n)
		list = from->content(from->arg, with);
	while (next_line(&list, &line, &n)) {
		cleanup_free char *path = NULL;

		if (n < 2 || *line != '/')
			continue;
		path = xstrndup(line + 1, n - 1);
		put_path(out, from, path);
	}
}

/* "openssl", or "gcc-14 (14.2.0-19)" where its version is another one. */
static void
put_source(struct strbuf *out, char *source, const char *name)
{
	char *version = source ? strchr(source, '(') : NULL;

	if (version) {
		version++;
		version[strcspn(version, ")")] = '\0';
		put(out, 'O', version);
	}
	if (source)
		source[strcspn(source, " ")] = '\0';
	put(out, 'o', source ? source : name);
}

static void
put_package(struct strbuf *out, struct bytes p, const struct dpkg_source *from)
{
	cleanup_free char *status = field(p, "Status"), *name = field(p, "Package");
	cleanup_free char *version = field(p, "Version"), *arch = field(p, "Architecture");
	cleanup_free char *about = field(p, "Description"), *url = field(p, "Homepage");
	cleanup_free char *source = field(p, "Source"), *needs = field(p, "Depends");
	cleanup_free char *first = field(p, "Pre-Depends"), *provides = field(p, "Provides");
	cleanup_free char *copyright = NULL;

	if (!status || strcmp(status, "install ok installed") != 0 || !name || !version)
		return;
	put(out, 'P', name);
	put(out, 'V', version);
	put(out, 'A', arch);
	put(out, 'T', about);
	put(out, 'U', url);
	put_source(out, source, name);
	copyright = xasprintf("usr/share/doc/%s/copyright", name);
	put_licenses(out, from->content(from->arg, copyright));
	strbuf_puts(out, "D:");
	put_names(out, first ? first : "");
	put_names(out, needs ? needs : "");
	strbuf_puts(out, "\np:");
	put_names(out, provides ? provides : "");
	strbuf_putc(out, '\n');
	put_files(out, from, name, arch ? arch : "");
	strbuf_putc(out, '\n');
}

void
dpkgdb_convert(struct strbuf *out, struct bytes status, const struct dpkg_source *from)
{
	struct bytes paragraph = {status.p, 0};
	const char *line;
	size_t n;

	while (next_line(&status, &line, &n)) {
		if (n) {
			paragraph.n = (size_t)(line + n - (const char *)paragraph.p);
			continue;
		}
		put_package(out, paragraph, from);
		paragraph = (struct bytes){status.p, 0};
	}
	if (paragraph.n)
		put_package(out, paragraph, from);
}
