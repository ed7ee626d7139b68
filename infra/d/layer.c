#include "layer.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "seen.h"
#include "strbuf.h"

/* mountinfo writes blanks and the like as \ooo, proc(5). */
static char *
unescape_octal(const char *s, size_t n)
{
	char *out = pool_dupn(s, n), *to = out;

	for (const char *p = out; *p; p++) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
		    p[3] >= '0' && p[3] <= '7') {
			*to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 3;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
	return out;
}

/* Where the option's value begins, from `from` on; NULL where it isn't there any more. */
static const char *
option(const char *from, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = from; *p; p += *p == ',') {
		if (strncmp(p, name, len) == 0 && p[len] == '=')
			return p + len + 1;
		for (; *p && *p != ','; p++)
			p += *p == '\\' && p[1];
	}
	return NULL;
}

static bool
has_flag(const char *options, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = options; *p; p += *p == ',') {
		if (strncmp(p, name, len) == 0 && (p[len] == ',' || !p[len]))
			return true;
		for (; *p && *p != ','; p++)
			p += *p == '\\' && p[1];
	}
	return false;
}

/* Its parts: up to the next comma, between colons where `list` is set; overlayfs has '\'
 * before a comma, colon or '\' that belongs to a name. */
static void
add_parts(const char *p, bool list, struct words *out)
{
	struct strbuf part = STRBUF_INIT;

	for (;; p++) {
		bool end = !*p || *p == ',';

		if (*p == '\\' && p[1]) {
			strbuf_putc(&part, *++p);
		} else if (end || (list && *p == ':')) {
			if (part.len)
				words_add(out, part.s);
			strbuf_cut(&part, 0);
		} else {
			strbuf_putc(&part, *p);
		}
		if (end)
			break;
	}
	strbuf_free(&part);
}

/* podman may name lower layers from the directory of all layers on ("l/ABC"): of
 * …/overlay/ID/diff that is …/overlay. */
static void
make_absolute(struct layers *l)
{
	size_t len = strlen(l->upper);

	for (int up = 0; up < 2; up++) {
		while (len && l->upper[len - 1] == '/')
			len--;
		while (len && l->upper[len - 1] != '/')
			len--;
	}
	for (size_t i = 0; i < l->lower.n; i++)
		if (l->lower.w[i][0] != '/')
			l->lower.w[i] =
			    pool_printf("%.*s%s", (int)len, l->upper, l->lower.w[i]);
}

static int
from_options(const char *options, struct layers *out)
{
	struct words upper = {0};
	const char *at = option(options, "upperdir");

	if (at)
		add_parts(at, false, &upper);
	if (!upper.n)
		return -1;
	out->upper = upper.w[0];
	at = option(options, "lowerdir");
	if (at)
		add_parts(at, true, &out->lower);
	/* Mounted by fsconfig(2), one by one. */
	for (at = options; (at = option(at, "lowerdir+"));)
		add_parts(at, false, &out->lower);
	make_absolute(out);
	out->userxattr = has_flag(options, "userxattr");
	return 0;
}

/* The word that begins at p, and where the next one does. */
static char *
field(const char **p)
{
	size_t len = strcspn(*p, " \n");
	char *got = unescape_octal(*p, len);

	*p += len + ((*p)[len] == ' ');
	return got;
}

int
layers_parse(const char *mountinfo, struct layers *out)
{
	const char *line = mountinfo, *end;

	for (; *line; line = *end ? end + 1 : end) {
		const char *p = line, *target, *options, *type;
		bool optional = true;

		end = line + strcspn(line, "\n");
		for (int i = 0; i < 4; i++)
			field(&p);
		target = field(&p);
		options = field(&p);
		while (optional && p < end)
			optional = strcmp(field(&p), "-") != 0;
		type = p < end ? field(&p) : "";
		if (p >= end || strcmp(target, "/") != 0 || strcmp(type, "overlay") != 0)
			continue;
		field(&p);
		*out = (struct layers){.read_only = strncmp(options, "ro", 2) == 0};
		return from_options(field(&p), out);
	}
	return -1;
}

int
layers_of(const struct seen *now, struct layers *out)
{
	struct strbuf text = STRBUF_INIT;
	cleanup_fd int fd =
	    open(pool_printf("/proc/%d/mountinfo", (int)now->pid), O_RDONLY | O_CLOEXEC);
	int got = -1;

	if (fd >= 0 && file_read(fd, SIZE_MAX, &text) == 0 && text.s)
		got = layers_parse(text.s, out);
	strbuf_free(&text);
	return got;
}

/* ---- patterns ---- */

/* "[a-z]" or "[!a-z]": whether c is of it; *p is left behind it. */
static bool
in_class(const char **p, char c)
{
	const char *s = *p + 1;
	bool negated = *s == '!' || *s == '^', in = false;

	s += negated;
	do {
		char from = *s, to = s[1] == '-' && s[2] && s[2] != ']' ? s[2] : from;

		in |= c >= from && c <= to;
		s += to != from || (s[1] == '-' && s[2] && s[2] != ']') ? 3 : 1;
	} while (*s && *s != ']');
	*p = *s ? s + 1 : s;
	return in != negated && c != '/';
}

static bool
match(const char *p, const char *s)
{
	for (; *p; p++, s++) {
		if (p[0] == '*' && p[1] == '*') {
			for (p += 2;; s++) {
				if (match(p, s))
					return true;
				if (!*s)
					return false;
			}
		}
		if (*p == '*') {
			for (p++;; s++) {
				if (match(p, s))
					return true;
				if (!*s || *s == '/')
					return false;
			}
		}
		if (!*s)
			return false;
		if (*p == '[' && strchr(p, ']')) {
			if (!in_class(&p, *s))
				return false;
			p--;
		} else if (*p == '?') {
			if (*s == '/')
				return false;
		} else {
			p += *p == '\\' && p[1];
			if (*p != *s)
				return false;
		}
	}
	return !*s;
}

bool
path_matches(const char *pattern, const char *path)
{
	size_t len = strlen(pattern);

	if (match(pattern, path))
		return true;
	/* The directory itself too: what is below it makes it be copied up. */
	return len > 3 && strcmp(pattern + len - 3, "/**") == 0 &&
	       match(pool_dupn(pattern, len - 3), path);
}
