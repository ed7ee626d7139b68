#include "starts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "report.h"

enum { FILE_MAX = 1024 * 1024 };

static void
add(char ***list, size_t *count, const char *word, size_t n)
{
	*list = xreallocarray(*list, *count + 1, sizeof(**list));
	(*list)[(*count)++] = xstrndup(word, n);
}

static void
add_user(struct starts *s, const char *word, size_t n)
{
	const char *colon = memchr(word, ':', n);

	add(&s->user, &s->users, word, colon ? (size_t)(colon - word) : n);
	if (colon)
		add(&s->group, &s->groups, colon + 1, n - (size_t)(colon + 1 - word));
}

static int
is_keyword(const char *line, size_t n, const char *word)
{
	size_t len = strlen(word);

	return n > len + 1 && memcmp(line, word, len) == 0 && line[len] == ' ';
}

int
starts_parse(struct starts *s, const char *file, const char *bytes, size_t n)
{
	const char *p, *end = bytes + n;
	size_t number = 0, len;

	for (p = bytes; p < end; p += len + 1) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		len = (size_t)((nl ? nl : end) - p);
		number++;
		if (len == 0 || *p == '#')
			continue;
		if (is_keyword(p, len, "run")) {
			strbuf_add(&s->script, p + 4, len - 4);
			strbuf_putc(&s->script, '\n');
		} else if (is_keyword(p, len, "user")) {
			add_user(s, p + 5, len - 5);
		} else if (is_keyword(p, len, "mount") && p[6] == '/') {
			add(&s->mount, &s->mounts, p + 6, len - 6);
		} else {
			report("%s:%zu: want \"run COMMAND\", \"user NAME\" or \"mount /PATH\"",
			    file, number);
			return -1;
		}
	}
	return 0;
}

int
starts_read(struct starts *s, int fd, const char *file)
{
	struct strbuf b = STRBUF_INIT;
	int result = -1;

	if (file_read(fd, FILE_MAX, &b))
		report("read '%s':", file);
	else
		result = starts_parse(s, file, b.s ? b.s : "", b.len);
	strbuf_free(&b);
	return result;
}

static void
free_list(char **list, size_t count)
{
	while (count > 0)
		free(list[--count]);
	free(list);
}

void
starts_free(struct starts *s)
{
	strbuf_free(&s->script);
	free_list(s->user, s->users);
	free_list(s->group, s->groups);
	free_list(s->mount, s->mounts);
	memset(s, 0, sizeof(*s));
}

static int
have(char *const *list, size_t count, const char *name, const char *number)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(list[i], name) == 0 || strcmp(list[i], number) == 0)
			return 1;
	return 0;
}

int
starts_have_user(const struct starts *s, const char *name, const char *uid)
{
	return have(s->user, s->users, name, uid);
}

int
starts_have_group(const struct starts *s, const char *name, const char *gid)
{
	return have(s->group, s->groups, name, gid);
}

void
starts_add_account(struct starts *s, const char *name, const char *gid)
{
	add(&s->user, &s->users, name, strlen(name));
	add(&s->group, &s->groups, gid, strlen(gid));
}
