#include "accounts.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "strbuf.h"

enum { FILE_MAX = 16 * 1024 * 1024 };

static void
cut_fields(struct account_line *l)
{
	size_t max = sizeof(l->field) / sizeof(l->field[0]);
	char *p;

	if (*l->text == '\0')
		return;
	l->cut = p = xstrdup(l->text);
	/* The last field takes the rest, further colons with it. */
	while (l->fields < max) {
		l->field[l->fields++] = p;
		p = l->fields < max ? strchr(p, ':') : NULL;
		if (!p)
			break;
		*p++ = '\0';
	}
}

int
accounts_read(int fd, struct accounts *a)
{
	struct strbuf b = STRBUF_INIT;
	char *p, *end;

	*a = (struct accounts){NULL, 0};
	if (file_read(fd, FILE_MAX, &b)) {
		int saved = errno;

		strbuf_free(&b);
		errno = saved;
		return -1;
	}
	for (p = b.s, end = p ? p + b.len : p; p < end;) {
		char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((nl ? nl : end) - p);
		struct account_line *l;

		if (a->count % 64 == 0)
			a->line = xreallocarray(a->line, a->count + 64, sizeof(*a->line));
		l = &a->line[a->count++];
		memset(l, 0, sizeof(*l));
		l->text = xstrndup(p, len);
		cut_fields(l);
		p += len + 1;
	}
	strbuf_free(&b);
	return 0;
}

void
accounts_free(struct accounts *a)
{
	size_t i;

	for (i = 0; i < a->count; i++) {
		free(a->line[i].text);
		free(a->line[i].cut);
	}
	free(a->line);
	*a = (struct accounts){NULL, 0};
}

int
account_id(const char *field, uid_t *id)
{
	unsigned long long n = 0;
	const char *p;

	for (p = field; *p >= '0' && *p <= '9' && n < UINT32_MAX; p++)
		n = n * 10 + (unsigned)(*p - '0');
	/* 2^32-1 is (uid_t)-1: "no id" to chown(2) and friends. */
	if (p == field || *p || n >= UINT32_MAX) {
		errno = EINVAL;
		return -1;
	}
	*id = (uid_t)n;
	return 0;
}

int
accounts_lookup(const struct accounts *a, const char *name, uid_t *id)
{
	size_t i;

	for (i = 0; i < a->count; i++) {
		const struct account_line *l = &a->line[i];

		if (l->fields > 2 && strcmp(l->field[0], name) == 0)
			return account_id(l->field[2], id);
	}
	errno = ENOENT;
	return -1;
}

const char *
accounts_name(const struct accounts *a, uid_t id)
{
	size_t i;
	uid_t got;

	for (i = 0; i < a->count; i++) {
		const struct account_line *l = &a->line[i];

		if (l->fields > 2 && account_id(l->field[2], &got) == 0 && got == id)
			return l->field[0];
	}
	return NULL;
}
