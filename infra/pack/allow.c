#include "allow.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "grow.h"
#include "report.h"
#include "strbuf.h"

static const char *const words[FINDINGS] = {"setuid", "account", "port", "executable"};

const char *
finding_word(enum finding kind)
{
	return words[kind];
}

static int
take_line(struct allow *a, char *line)
{
	char *at, *kind, *pattern;
	size_t k;

	line[strcspn(line, "#")] = '\0';
	kind = strtok_r(line, " \t\r", &at);
	if (!kind)
		return 0;
	pattern = strtok_r(NULL, " \t\r", &at);
	for (k = 0; k < FINDINGS && strcmp(words[k], kind); k++)
		;
	if (!pattern || k == FINDINGS || strtok_r(NULL, " \t\r", &at))
		return -1;
	a->line = grow(a->line, a->count);
	a->line[a->count].kind = (enum finding)k;
	a->line[a->count++].pattern = xstrdup(pattern);
	return 0;
}

int
allow_parse(struct allow *a, struct bytes text, const char *what)
{
	cleanup_free char *copy = bytes_text(text);
	char *rest = copy, *line;
	unsigned long number = 0;

	*a = (struct allow){NULL, 0};
	while ((line = strsep(&rest, "\n"))) {
		number++;
		if (take_line(a, line)) {
			report("%s:%lu: want \"setuid|account|port|executable PATTERN\"", what,
			    number);
			return -1;
		}
	}
	return 0;
}

void
allow_free(struct allow *a)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		free(a->line[i].pattern);
	free(a->line);
	*a = (struct allow){NULL, 0};
}

int
is_allowed(const struct allow *a, enum finding kind, const char *name)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		if (a->line[i].kind == kind &&
		    fnmatch(a->line[i].pattern, name, FNM_PATHNAME) == 0)
			return 1;
	return 0;
}
