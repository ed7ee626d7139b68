#include "mtree.h"

#include <string.h>

#include "strbuf.h"

enum { ESCAPED = 4 }; /* "\ooo" */

void
mtree_put_name(struct strbuf *out, const char *name)
{
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;

		if (c <= ' ' || c >= 0x7f || strchr("\\#=*?[", c))
			strbuf_printf(out, "\\%03o", c);
		else
			strbuf_putc(out, (char)c);
	}
}

static bool
is_octal(char c, char max)
{
	return c >= '0' && c <= max;
}

/* The byte that s, a backslash, begins to write; 0 where that is none. */
static char
escaped_byte(const char *s, size_t n)
{
	if (n < ESCAPED || !is_octal(s[1], '3') || !is_octal(s[2], '7') || !is_octal(s[3], '7'))
		return '\0';
	return (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
}

char *
mtree_unescape(const char *s, size_t n)
{
	struct strbuf out = STRBUF_INIT;
	const char *end = s + n;

	while (s < end) {
		char byte = *s == '\\' ? escaped_byte(s, (size_t)(end - s)) : '\0';

		strbuf_putc(&out, byte ? byte : *s);
		s += byte ? ESCAPED : 1;
	}
	return strbuf_steal(&out);
}

bool
mtree_is_escaped(const char *s, size_t n)
{
	const char *end = s + n;

	for (; (s = memchr(s, '\\', (size_t)(end - s))); s += ESCAPED)
		if (!escaped_byte(s, (size_t)(end - s)))
			return false;
	return true;
}
