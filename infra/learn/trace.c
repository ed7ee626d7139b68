#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "report.h"
#include "strbuf.h"

/* In place; what comes out is no longer. Returns -1 for a bad escape, or a NUL. */
static int
unescape(char *s)
{
	char *to = s;

	for (; *s; to++) {
		unsigned value = 0, k;

		if (*s != '\\') {
			*to = *s++;
			continue;
		}
		for (k = 1; k <= 3; k++) {
			if (s[k] < '0' || s[k] > '7')
				return -1;
			value = value * 8 + (unsigned)(s[k] - '0');
		}
		if (value == 0 || value > 255)
			return -1;
		*to = (char)value;
		s += 4;
	}
	*to = '\0';
	return 0;
}

struct reading {
	const char *name;
	char **program;
	size_t programs, room;
	void (*visit)(const struct trace_line *l, void *arg);
	void *arg;
};

/* "e NUMBER PATH": numbers count up from 0. */
static int
take_program(struct reading *r, char *number, char *path)
{
	char *end;

	if (strtoul(number, &end, 10) != r->programs || *end || unescape(path))
		return -1;
	if (r->programs == r->room) {
		r->room = r->room ? r->room * 2 : 64;
		r->program = xreallocarray(r->program, r->room, sizeof(*r->program));
	}
	r->program[r->programs++] = path;
	return 0;
}

static int
take_line(struct reading *r, char *line)
{
	static const char kinds[] = "xolsrwbpdqcnug!";
	char *field[4], *save = line, *end;
	struct trace_line l;
	unsigned long program;
	size_t n;

	for (n = 0; n < 4; n++)
		if (!(field[n] = strsep(&save, "\t")))
			break;
	if (save || n < 3 || !*field[0] || field[0][1])
		return -1;
	if (n == 3)
		return *field[0] == 'e' ? take_program(r, field[1], field[2]) : -1;
	if (!strchr(kinds, *field[0]) || unescape(field[3]))
		return -1;
	l.kind = (enum trace_kind) * field[0];
	l.when = strtoll(field[1], &end, 10);
	if (*end)
		return -1;
	program = strtoul(field[2], &end, 10);
	if (*end || program >= r->programs)
		return -1;
	l.program = r->program[program];
	l.subject = field[3];
	r->visit(&l, r->arg);
	return 0;
}

int
trace_parse(const char *name, char *text, size_t n,
    void (*visit)(const struct trace_line *l, void *arg), void *arg)
{
	struct reading r = {.name = name, .visit = visit, .arg = arg};
	size_t head = strlen(TRACE_HEAD), number = 1;
	char *end = text + n, *stop;
	int status = 0;

	if (n < head || memcmp(text, TRACE_HEAD, head) != 0) {
		report("'%s' isn't a trace", name);
		return -1;
	}
	for (text += head; (stop = memchr(text, '\n', (size_t)(end - text))); text = stop + 1) {
		number++;
		*stop = '\0';
		if (strlen(text) != (size_t)(stop - text) || take_line(&r, text)) {
			report("%s:%zu: not a line of a trace", name, number);
			status = -1;
			break;
		}
	}
	free(r.program);
	return status;
}

int
trace_read(const char *file, void (*visit)(const struct trace_line *l, void *arg), void *arg)
{
	cleanup_fd int fd =
	    open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	cleanup_free char *text = NULL;
	struct stat st;
	size_t n = 0;

	if (fd < 0 || fstat(fd, &st)) {
		report("open '%s':", file);
		return -1;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)TRACE_BYTES_MAX * 2) {
		report("'%s' isn't a trace", file);
		return -1;
	}
	text = xmalloc((size_t)st.st_size + 1);
	while (n < (size_t)st.st_size) {
		ssize_t k = read(fd, text + n, (size_t)st.st_size - n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0) {
			report("read '%s':", file);
			return -1;
		}
		if (k == 0)
			break;
		n += (size_t)k;
	}
	return trace_parse(file, text, n, visit, arg);
}
