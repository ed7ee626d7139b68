#include "mounts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "fnv.h"
#include "path.h"
#include "strbuf.h"

/* Blanks and the like stand there as \ooo. In place. */
static void
unescape(char *s)
{
	char *to = s;

	for (; *s; s++)
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*to++ = (char)((s[1] & 7) << 6 | (s[2] & 7) << 3 | (s[3] & 7));
			s += 3;
		} else {
			*to++ = *s;
		}
	*to = '\0';
}

/* "36 35 98:0 / /mnt/point rw …": the ID and the fifth field. */
static void
take_line(struct mounts *m, char *line)
{
	char *field[5], *rest;
	int i;

	field[0] = strtok_r(line, " ", &rest);
	for (i = 1; i < 5 && field[i - 1]; i++)
		field[i] = strtok_r(NULL, " ", &rest);
	if (i < 5 || !field[4])
		return;
	unescape(field[4]);
	m->mount = xreallocarray(m->mount, m->count + 1, sizeof(*m->mount));
	m->mount[m->count++] = (struct mount){xstrdup(field[4]), strtoull(field[0], NULL, 10)};
}

void
mounts_read(struct mounts *m, int fd)
{
	struct strbuf text = STRBUF_INIT;
	char *line, *rest;

	*m = (struct mounts){0};
	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return;
	file_read(fd, SIZE_MAX, &text);
	for (line = text.s ? strtok_r(text.s, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest))
		take_line(m, line);
	strbuf_free(&text);
}

void
mounts_free(struct mounts *m)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		free(m->mount[i].path);
	free(m->mount);
	*m = (struct mounts){0};
}

uint64_t
mounts_around(const struct mounts *m, const char *directory)
{
	uint64_t h = FNV_START;
	size_t i;

	for (i = 0; i < m->count; i++)
		if (path_below(m->mount[i].path, directory) ||
		    path_below(directory, m->mount[i].path))
			h = fnv_add(h, &m->mount[i].id, sizeof(m->mount[i].id));
	return h;
}
