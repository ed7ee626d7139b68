#include "sources.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "grow.h"
#include "report.h"
#include "strbuf.h"

static const struct {
	const char *name, *cpe, *license;
} known[] = {
    {"busybox", "busybox:busybox", "GPL-2.0-only"},
    {"dnsmasq", "thekelleys:dnsmasq", "GPL-2.0-only OR GPL-3.0-only"},
    {"jansson", "jansson_project:jansson", "MIT"},
    {"libarchive", "libarchive:libarchive", "BSD-2-Clause"},
    {"libc6", "gnu:glibc", "LGPL-2.1-or-later"},
    {"libmicrohttpd", "gnu:libmicrohttpd", "LGPL-2.1-or-later"},
    {"libpcap", "tcpdump:libpcap", "BSD-3-Clause"},
    {"libyaml", "pyyaml:libyaml", "MIT"},
    {"musl", "musl-libc:musl", "MIT"},
    {"nettle", "nettle_project:nettle", "LGPL-3.0-or-later OR GPL-2.0-or-later"},
    {"rclone", "rclone:rclone", "MIT"},
    {"strace", "strace_project:strace", "LGPL-2.1-or-later"},
    {"tcpdump", "tcpdump:tcpdump", "BSD-3-Clause"},
    {"zlib", "zlib:zlib", "Zlib"},
};

const char *
source_cpe(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].cpe;
	return NULL;
}

const char *
source_license(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].license;
	return NULL;
}

/* A text file of words: calls take with those of each line, "#" begins a comment. */
static int
each_line(struct bytes text, const char *what, int (*take)(char **word, size_t n, void *arg),
    const char *wanted, void *arg)
{
	cleanup_free char *copy = bytes_text(text);
	char *line, *rest = copy, *mark, *word, *at;
	unsigned long number = 0;

	while ((line = strsep(&rest, "\n"))) {
		char *words[64];
		size_t n = 0;

		number++;
		if ((mark = strchr(line, '#')))
			*mark = '\0';
		for (word = strtok_r(line, " \t\r", &at); word;
		     word = strtok_r(NULL, " \t\r", &at))
			if (n < sizeof(words) / sizeof(words[0]))
				words[n++] = word;
		if (n && take(words, n, arg)) {
			report("%s:%lu: want \"%s\"", what, number, wanted);
			return -1;
		}
	}
	return 0;
}

static int
take_pin(char **word, size_t n, void *arg)
{
	struct pins *p = arg;

	if (n < 4 || n > 5 || strlen(word[2]) != 64 ||
	    strspn(word[2], "0123456789abcdef") != 64)
		return -1;
	p->pin = grow(p->pin, p->count);
	p->pin[p->count++] = (struct pin){xstrdup(word[0]), xstrdup(word[1]), xstrdup(word[2]),
	    xstrdup(word[3]), n == 5 ? xstrdup(word[4]) : NULL};
	return 0;
}

int
pins_parse(struct pins *p, struct bytes text, const char *what)
{
	*p = (struct pins){NULL, 0};
	return each_line(text, what, take_pin, "NAME VERSION SHA256 ORIGIN [INSTEAD-OF]", p);
}

void
pins_free(struct pins *p)
{
	size_t i;

	for (i = 0; i < p->count; i++) {
		free(p->pin[i].name);
		free(p->pin[i].version);
		free(p->pin[i].sha256);
		free(p->pin[i].origin);
		free(p->pin[i].instead_of);
	}
	free(p->pin);
	*p = (struct pins){NULL, 0};
}

const struct pin *
pins_find(const struct pins *p, const char *name, const char *version)
{
	size_t i;

	for (i = 0; i < p->count; i++)
		if (strcmp(p->pin[i].name, name) == 0 &&
		    (!version || strcmp(p->pin[i].version, version) == 0))
			return &p->pin[i];
	return NULL;
}

static int
take_claim(char **word, size_t n, void *arg)
{
	struct claims *c = arg;
	struct claim *claim;
	size_t i;

	if (n < 2 || *word[0] != '/')
		return -1;
	c->claim = grow(c->claim, c->count);
	claim = &c->claim[c->count++];
	*claim = (struct claim){xstrdup(word[0] + 1), xcalloc(n - 1, sizeof(char *)), n - 1};
	for (i = 1; i < n; i++)
		claim->name[i - 1] = xstrdup(word[i]);
	return 0;
}

int
claims_parse(struct claims *c, struct bytes text, const char *what)
{
	*c = (struct claims){NULL, 0};
	return each_line(text, what, take_claim, "/PATTERN SOURCE [SOURCE...]", c);
}

void
claims_free(struct claims *c)
{
	size_t i, k;

	for (i = 0; i < c->count; i++) {
		for (k = 0; k < c->claim[i].names; k++)
			free(c->claim[i].name[k]);
		free(c->claim[i].name);
		free(c->claim[i].pattern);
	}
	free(c->claim);
	*c = (struct claims){NULL, 0};
}

const struct claim *
claims_find(const struct claims *c, const char *path)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		if (fnmatch(c->claim[i].pattern, path, FNM_PATHNAME) == 0)
			return &c->claim[i];
	return NULL;
}
