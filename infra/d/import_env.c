#include "import_env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "strbuf.h"

enum { BYTES_MAX = 1 << 20 };

static const char blanks[] = " \t\r";

/* Without blanks at its end. */
static char *
trimmed(const char *s, size_t n)
{
	while (n && strchr(blanks, s[n - 1]))
		n--;
	return pool_dupn(s, n);
}

/* What stands in quotes at the beginning of a text; NULL: they don't end. In double ones "\n"
 * and so on are what C means by them; what else a backslash stands before is itself, a dollar
 * as "$$". */
static char *
in_quotes(const char *s)
{
	static const char from[] = "nrt", to[] = "\n\r\t";
	struct strbuf b = STRBUF_INIT;
	char quote = *s++, *got = NULL;
	const char *at;

	for (; *s && *s != quote; s++) {
		if (quote == '\'' || *s != '\\' || !s[1]) {
			strbuf_putc(&b, *s);
			continue;
		}
		s++;
		at = strchr(from, *s);
		if (*s == '$')
			strbuf_puts(&b, "$$");
		else
			strbuf_putc(&b, at ? to[at - from] : *s);
	}
	if (*s)
		got = pool_dup(b.s ? b.s : "");
	strbuf_free(&b);
	return got;
}

/* Up to a comment, which a blank stands before. */
static char *
unquoted(const char *s)
{
	size_t n = 0;

	while (s[n] && !(s[n] == '#' && (!n || strchr(blanks, s[n - 1]))))
		n++;
	return trimmed(s, n);
}

static const char *
value_of(const char *s, const struct import_fill *fill)
{
	char *quoted = *s == '"' || *s == '\'' ? in_quotes(s) : NULL;
	const char *value = quoted ? quoted : unquoted(s);

	return *s == '\'' && quoted ? value : fill->put(fill->with, value);
}

static void
add_line(const char *line, const struct import_fill *fill, struct pairs *out, bool *plain)
{
	const char *name = line + strspn(line, blanks), *sign, *value, *as_it_is;

	if (strncmp(name, "export", 6) == 0 && name[6] && strchr(blanks, name[6]))
		name += 6 + strspn(name + 6, blanks);
	if (!*name || *name == '#') {
		*plain = *plain && (!*line || *line == '#');
		return;
	}
	sign = strchr(name, '=');
	as_it_is = sign ? sign + 1 : NULL;
	value = as_it_is ? value_of(as_it_is + strspn(as_it_is, blanks), fill) : NULL;
	*GROW(*out) =
	    (struct pair){trimmed(name, sign ? (size_t)(sign - name) : strlen(name)), value};
	*plain = *plain && name == line && value && strcmp(value, as_it_is) == 0 &&
		 strcspn(name, blanks) > (size_t)(sign - name);
}

int
import_env(const char *path, const struct import_fill *fill, struct pairs *out, bool *plain)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	cleanup_file FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	cleanup_free char *line = NULL;
	size_t cap = 0;
	struct stat st;
	ssize_t n;

	*plain = true;
	if (!f || fstat(fd, &st))
		return -1;
	if (!S_ISREG(st.st_mode) || st.st_size > BYTES_MAX) {
		errno = EFBIG;
		return -1;
	}
	while ((n = getline(&line, &cap, f)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		add_line(line, fill, out, plain);
	}
	return ferror(f) ? -1 : 0;
}
