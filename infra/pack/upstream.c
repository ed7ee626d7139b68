#include "upstream.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "grow.h"
#include "record.h"
#include "report.h"
#include "run.h"
#include "settings.h"
#include "sources.h"
#include "store.h"
#include "strbuf.h"
#include "version.h"

static int
is_address(const char *s)
{
	return strncmp(s, "https://", 8) == 0 || strncmp(s, "http://", 7) == 0;
}

/* "NAME VERSION REASON", of which the reason is all that is left of the line. */
static int
take_hold(struct upstreams *u, char *words)
{
	char *at, *name = strtok_r(words, " \t", &at), *below = strtok_r(NULL, " \t", &at);
	char *reason = strtok_r(NULL, "", &at);

	if (!name || !below || !reason)
		return -1;
	reason += strspn(reason, " \t");
	if (*reason == '\0' || !is_release(below) || upstreams_hold(u, name))
		return -1;
	u->hold = grow(u->hold, u->holds);
	u->hold[u->holds++] = (struct hold){xstrdup(name), xstrdup(below), xstrdup(reason)};
	return 0;
}

static int
take_line(struct upstreams *u, char *line)
{
	char *word[6], *at, *w;
	size_t n = 0;
	struct upstream *l;

	line[strcspn(line, "#")] = '\0';
	if (strncmp(line, "@hold", 5) == 0 && (line[5] == ' ' || line[5] == '\t'))
		return take_hold(u, line + 6);
	for (w = strtok_r(line, " \t\r", &at); w && n < 6; w = strtok_r(NULL, " \t\r", &at))
		word[n++] = w;
	if (n == 0)
		return 0;
	if (n == 2 && strcmp(word[0], "@security") == 0 && is_address(word[1])) {
		u->security = grow(u->security, u->securities);
		u->security[u->securities++] = xstrdup(word[1]);
		return 0;
	}
	if (n != 5 || !is_address(word[1]) || !is_address(word[3]) ||
	    (strncmp(word[2], "yaml:", 5) && !strstr(word[2], "{VERSION}")))
		return -1;
	u->line = grow(u->line, u->count);
	l = &u->line[u->count++];
	*l = (struct upstream){xstrdup(word[0]), xstrdup(word[1]), xstrdup(word[2]),
	    xstrdup(word[3]), strcmp(word[4], "-") ? xstrdup(word[4]) : NULL};
	return 0;
}

int
upstreams_parse(struct upstreams *u, struct bytes text, const char *what)
{
	cleanup_free char *copy = bytes_text(text);
	char *rest = copy, *line;
	unsigned long number = 0;

	*u = (struct upstreams){0};
	while ((line = strsep(&rest, "\n"))) {
		number++;
		if (take_line(u, line)) {
			report("%s:%lu: want \"NAME LIST PATTERN ADDRESS SIGNATURE\", "
			       "\"@security ADDRESS\" or, once a name, \"@hold NAME VERSION "
			       "REASON\"",
			    what, number);
			return -1;
		}
	}
	return 0;
}

void
upstreams_free(struct upstreams *u)
{
	size_t i;

	for (i = 0; i < u->count; i++) {
		free(u->line[i].name);
		free(u->line[i].list);
		free(u->line[i].pattern);
		free(u->line[i].address);
		free(u->line[i].signature);
	}
	free(u->line);
	for (i = 0; i < u->securities; i++)
		free(u->security[i]);
	free(u->security);
	for (i = 0; i < u->holds; i++) {
		free(u->hold[i].name);
		free(u->hold[i].below);
		free(u->hold[i].reason);
	}
	free(u->hold);
	*u = (struct upstreams){0};
}

const struct upstream *
upstreams_find(const struct upstreams *u, const char *name)
{
	size_t i;

	for (i = 0; i < u->count; i++)
		if (strcmp(u->line[i].name, name) == 0)
			return &u->line[i];
	return NULL;
}

const struct hold *
upstreams_hold(const struct upstreams *u, const char *name)
{
	size_t i;

	for (i = 0; i < u->holds; i++)
		if (strcmp(u->hold[i].name, name) == 0)
			return &u->hold[i];
	return NULL;
}

/* "3.20" of "3.20.3". */
static size_t
series_length(const char *version)
{
	size_t n = strcspn(version, ".");

	return version[n] ? n + 1 + strspn(version + n + 1, "0123456789") : n;
}

char *
fill_in(const char *text, const char *version)
{
	struct strbuf b = STRBUF_INIT;

	while (*text) {
		if (strncmp(text, "{VERSION}", 9) == 0) {
			strbuf_puts(&b, version);
			text += 9;
		} else if (strncmp(text, "{SERIES}", 8) == 0) {
			strbuf_add(&b, version, series_length(version));
			text += 8;
		} else {
			strbuf_putc(&b, *text++);
		}
	}
	return strbuf_steal(&b);
}

int
fetch_to(const char *address, const char *path)
{
	cleanup_free char *new = xasprintf("%s.new.%ld", path, (long)getpid());
	const char *argv[] = {"curl", "-fsSL", "--connect-timeout", "20", "--retry", "2",
	    "--speed-limit", "1000", "--speed-time", "60", "-o", new, address, NULL};
	struct strbuf err = STRBUF_INIT;
	struct run r = {.argv = argv, .err = &err, .discard_out = 1};
	int status = run(&r);

	if (status == 0 && file_put_synced(AT_FDCWD, new, path) == 0) {
		strbuf_free(&err);
		return 0;
	}
	unlink(new);
	if (err.len)
		err.s[strcspn(err.s, "\n")] = '\0';
	report("fetch '%s': %s", address,
	    status == 127 ? "curl isn't installed"
	    : err.len     ? err.s
			  : "can't be written");
	strbuf_free(&err);
	return -1;
}

/* The file's own name, and a bit of the address's digest against confusion. */
static char *
saved_name(const struct lists *l, const char *address)
{
	const char *slash = strrchr(address, '/');
	char hex[SHA256_HEX];

	sha256_bytes(address, strlen(address), hex);
	return xasprintf("%s/%.12s-%s", l->cache, hex, slash[1] ? slash + 1 : "index");
}

static void
say_how_old(const char *path, const char *address)
{
	struct stat st;
	struct tm tm;
	char date[32];

	if (stat(path, &st))
		return;
	gmtime_r(&st.st_mtime, &tm);
	strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	report("note: '%s' as it was on %s", address, date);
}

char *
list_text(const struct lists *l, const char *address, size_t *n)
{
	cleanup_free char *path = saved_name(l, address);
	char *text;
	int fresh = 0;

	if (!l->offline) {
		if (make_directories(l->cache, 0755)) {
			report("make directory '%s':", l->cache);
			return NULL;
		}
		fresh = fetch_to(address, path) == 0;
	}
	text = read_whole(path, n);
	if (!text)
		report("no saved copy of '%s' in '%s'", address, l->cache);
	else if (!fresh)
		say_how_old(path, address);
	return text;
}

static void
offer(struct release *r, const struct hold *hold, const char *version, const char *sha256)
{
	if (!is_release(version))
		return;
	if (hold && version_compare(version, hold->below) >= 0) {
		r->held = 1;
		return;
	}
	if (r->version && version_compare(version, r->version) <= 0)
		return;
	free(r->version);
	r->version = xstrdup(version);
	snprintf(r->sha256, sizeof(r->sha256), "%s", sha256 ? sha256 : "");
}

static const char *
text_of(const struct node *map, const char *key)
{
	const struct node *n = settings_get(map, key);

	return n && n->kind == NODE_SCALAR ? n->text : "";
}

/* Alpine's latest-releases.yaml: a list of maps, one a flavor. */
static int
search_yaml(const struct upstream *u, const struct hold *hold, const char *text, size_t n,
    struct release *r)
{
	struct settings s;
	size_t i;
	int bad = settings_parse(&s, u->list, text, n);

	for (i = 0; !bad && s.root && s.root->kind == NODE_LIST && i < s.root->count; i++) {
		const struct node *one = s.root->item[i];

		if (one->kind == NODE_MAP &&
		    strcmp(text_of(one, "flavor"), u->pattern + 5) == 0)
			offer(r, hold, text_of(one, "version"),
			    strlen(text_of(one, "sha256")) == 64 ? text_of(one, "sha256")
								 : NULL);
	}
	settings_free(&s);
	return bad;
}

/* Every place where the pattern's beginning and end stand around something. */
static void
search_text(
    const struct upstream *u, const struct hold *hold, const char *text, struct release *r)
{
	const char *mark = strstr(u->pattern, "{VERSION}"), *p = text;
	cleanup_free char *before = xstrndup(u->pattern, (size_t)(mark - u->pattern));
	const char *after = mark + 9;

	while ((p = strstr(p, before))) {
		char version[64];
		size_t n;

		p += strlen(before) ? strlen(before) : 1;
		n = strspn(p, "0123456789.abcdefghijklmnopqrstuvwxyz");
		/* The end may be made of the same letters: ".tar.gz". */
		while (n && strncmp(p + n, after, strlen(after)) != 0)
			n--;
		if (n == 0 || n >= sizeof(version))
			continue;
		memcpy(version, p, n);
		version[n] = '\0';
		offer(r, hold, version, NULL);
	}
}

int
newest_release(const struct upstream *u, const struct hold *hold, const char *text, size_t n,
    struct release *r)
{
	*r = (struct release){0};
	if (strncmp(u->pattern, "yaml:", 5) == 0) {
		if (search_yaml(u, hold, text, n, r))
			return -1;
	} else {
		search_text(u, hold, text, r);
	}
	if (r->version || r->held)
		return 0;
	report("'%s' names no release of %s", u->list, u->name);
	return -1;
}

void
release_free(struct release *r)
{
	free(r->version);
	*r = (struct release){0};
}

int
upstreams_read(const char *lock, const char *upstreams, struct pins *p, struct upstreams *u)
{
	struct bytes text;
	int bad;

	if (bytes_map(&text, lock)) {
		report("open '%s':", lock);
		return -1;
	}
	bad = pins_parse(p, text, lock);
	bytes_unmap(&text);
	if (bad)
		return -1;
	if (bytes_map(&text, upstreams)) {
		report("open '%s':", upstreams);
		return -1;
	}
	bad = upstreams_parse(u, text, upstreams);
	bytes_unmap(&text);
	return bad;
}
