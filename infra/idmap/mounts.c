#include "mounts.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "strbuf.h"

char *
read_proc(const char *path)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct strbuf b = STRBUF_INIT;

	if (fd < 0)
		return NULL;
	file_read(fd, SIZE_MAX, &b);
	return strbuf_steal(&b);
}

static bool
is_octal(char c)
{
	return c >= '0' && c <= '7';
}

void
unescape_mount(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && is_octal(s[1]) && is_octal(s[2]) && is_octal(s[3])) {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + s[3] - '0');
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* "36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw" */
static bool
cut(char *line, struct mount *m)
{
	char *dash = strstr(line, " - "), *save = NULL, *id;

	memset(m, 0, sizeof(*m));
	id = strtok_r(line, " ", &save);
	strtok_r(NULL, " ", &save);
	m->device = strtok_r(NULL, " ", &save);
	m->root = strtok_r(NULL, " ", &save);
	m->point = strtok_r(NULL, " ", &save);
	m->options = strtok_r(NULL, " ", &save);
	if (!dash || !m->options)
		return false;
	m->id = strtoul(id, NULL, 10);
	m->type = strtok_r(dash + 3, " ", &save);
	strtok_r(NULL, " ", &save);
	m->super = strtok_r(NULL, " ", &save);
	unescape_mount(m->root);
	unescape_mount(m->point);
	return m->type != NULL;
}

bool
next_mount(char **p, struct mount *m)
{
	char *line, *nl;

	while ((nl = strchr(*p, '\n'))) {
		line = *p;
		*nl = '\0';
		*p = nl + 1;
		if (cut(line, m))
			return true;
	}
	return false;
}

bool
mount_of(int fd, char *mountinfo, struct mount *m)
{
	cleanup_free char *file = xasprintf("/proc/self/fdinfo/%d", fd);
	cleanup_free char *text = read_proc(file);
	const char *key = text ? strstr(text, "mnt_id:") : NULL;
	unsigned long id = key ? strtoul(key + strlen("mnt_id:"), NULL, 10) : 0;
	char *p = mountinfo;

	while (key && next_mount(&p, m))
		if (m->id == id)
			return true;
	return false;
}
