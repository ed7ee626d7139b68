#include "missed.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "keep.h"
#include "report.h"
#include "runs.h"
#include "strbuf.h"
#include "tree.h"

struct miss {
	char *path, *program, *when;
};

struct search {
	struct tree tree;
	struct keep keep;
	char **carved; /* in byte order, once all are read */
	size_t carved_count, carved_room;
	struct miss *miss;
	size_t count;
	struct strbuf path;
};

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *
text(const json_t *line, const char *key)
{
	const char *s = json_string_value(json_object_get(line, key));

	return s ? s : "";
}

/* A path whose bytes aren't UTF-8 stands in hex as well. */
static char *
path_of(const json_t *line)
{
	const char *hex = text(line, "path_hex");
	size_t n = strlen(hex) / 2, i;
	char *path;

	if (!n)
		return xstrdup(text(line, "path"));
	path = xcalloc(n + 1, 1);
	for (i = 0; i < n; i++) {
		unsigned byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			break;
		path[i] = (char)byte;
	}
	return path;
}

static int
read_ledger(struct search *s, const char *name)
{
	cleanup_file FILE *f = fopen(name, "re");
	cleanup_free char *line = NULL;
	size_t room = 0, number = 0;
	ssize_t n;

	if (!f) {
		report("open '%s':", name);
		return -1;
	}
	while ((n = getline(&line, &room, f)) > 0) {
		json_t *j = json_loadb(line, (size_t)n, 0, NULL);

		number++;
		if (!j) {
			report("%s:%zu: not a line of a ledger", name, number);
			return -1;
		}
		if (strcmp(text(j, "action"), "remove") == 0 &&
		    strcmp(text(j, "rule"), "carve") == 0) {
			if (s->carved_count == s->carved_room) {
				s->carved_room = s->carved_room ? s->carved_room * 2 : 1024;
				s->carved = xreallocarray(
				    s->carved, s->carved_room, sizeof(*s->carved));
			}
			s->carved[s->carved_count++] = path_of(j);
		}
		json_decref(j);
	}
	if (s->carved_count)
		qsort(s->carved, s->carved_count, sizeof(*s->carved), compare);
	return 0;
}

static int
was_carved(const struct search *s, const char *path)
{
	return s->carved_count &&
	       bsearch(&path, s->carved, s->carved_count, sizeof(*s->carved), compare);
}

/* A line of the list that says no to it. */
static int
is_forbidden(const struct search *s, const char *path)
{
	size_t i;

	for (i = 0; i < s->keep.count; i++) {
		const struct keep_line *l = &s->keep.line[i];
		size_t n = strlen(l->path);

		if (!l->not_this)
			continue;
		if (fnmatch(l->path, path, FNM_PATHNAME) == 0 ||
		    (l->below && fnmatch(l->path, path, FNM_PATHNAME | FNM_LEADING_DIR) == 0) ||
		    (l->below && strncmp(l->path, path, n) == 0 && path[n] == '/'))
			return 1;
	}
	return 0;
}

static void
add_miss(struct search *s, const struct trace_line *l, const struct tests *tests)
{
	struct strbuf when = STRBUF_INIT;
	size_t i;

	for (i = 0; i < s->count; i++)
		if (strcmp(s->miss[i].path, s->path.s) == 0)
			return;
	runs_put_when(&when, tests, runs_test_at(tests, l->when));
	s->miss = xreallocarray(s->miss, s->count + 1, sizeof(*s->miss));
	s->miss[s->count++] =
	    (struct miss){xstrdup(s->path.s), xstrdup(l->program), strbuf_steal(&when)};
}

/* Goes along a path as far as the tree has it; from there on it is looked for, one part more
 * at a time, among what was carved: a link in its middle may be what went. */
static void
take_line(const struct trace_line *l, const struct tests *tests, void *arg)
{
	struct search *s = arg;
	const char *at = l->subject;
	uint32_t here = TREE_ROOT, next;
	size_t n;
	int carved = 0;

	if (!strchr("xolsrwb", (int)l->kind) || *at != '/' || strncmp(at, "/.whittle", 9) == 0)
		return;
	for (at += strspn(at, "/"); *at; at += strspn(at, "/")) {
		cleanup_free char *part = xstrndup(at, n = strcspn(at, "/"));

		next = tree_resolve(&s->tree, here, part, 1);
		if (next == NO_ENTRY && errno != ENOENT)
			return;
		if (next == NO_ENTRY)
			break;
		here = next;
		at += n;
	}
	strbuf_cut(&s->path, 0);
	if (here != TREE_ROOT)
		tree_path(&s->tree, here, &s->path);
	for (; *at; at += strspn(at, "/")) {
		strbuf_putc(&s->path, '/');
		strbuf_add(&s->path, at, n = strcspn(at, "/"));
		at += n;
		carved = was_carved(s, s->path.s);
	}
	if (carved && !is_forbidden(s, s->path.s))
		add_miss(s, l, tests);
}

static int
by_path(const void *a, const void *b)
{
	const struct miss *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static void
print(const struct search *s)
{
	struct strbuf b = STRBUF_INIT;
	size_t i;

	for (i = 0; i < s->count; i++) {
		strbuf_cut(&b, 0);
		keep_put_path(&b, s->miss[i].path);
		strbuf_puts(&b, "  # missed");
		if (*s->miss[i].program) {
			strbuf_puts(&b, " by ");
			strbuf_put_visible(&b, s->miss[i].program, strlen(s->miss[i].program));
		}
		strbuf_puts(&b, s->miss[i].when);
		puts(b.s);
	}
	strbuf_free(&b);
}

static void
let_go(struct search *s)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		free(s->miss[i].path);
		free(s->miss[i].program);
		free(s->miss[i].when);
	}
	free(s->miss);
	for (i = 0; i < s->carved_count; i++)
		free(s->carved[i]);
	free(s->carved);
	tree_free(&s->tree);
	keep_free(&s->keep);
	strbuf_free(&s->path);
}

int
missed(const char *root, const char *ledger, const char *list, char **runs)
{
	cleanup_fd int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int keep = list ? open(list, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;
	struct search s = {.count = 0};
	int bad = fd < 0, status;

	if (bad)
		report("open '%s':", root);
	if (!bad && keep >= 0)
		bad = keep_read(&s.keep, keep, list);
	if (!bad)
		bad = tree_read(&s.tree, fd) || read_ledger(&s, ledger);
	for (; !bad && *runs; runs++)
		bad = runs_read(*runs, NULL, take_line, &s);
	if (s.count)
		qsort(s.miss, s.count, sizeof(*s.miss), by_path);
	if (!bad)
		print(&s);
	status = bad ? EXIT_TROUBLE : s.count ? EXIT_NO : EXIT_YES;
	let_go(&s);
	return status;
}

/* ---- what configuration names ---- */

enum { CONF_MAX = 1024 * 1024 };

/* A text below /etc, or one that is called as configuration is. */
static int
is_configuration(const struct search *s, uint32_t i, const char *path)
{
	static const char *const ends[] = {
	    ".cfg", ".cnf", ".conf", ".ini", ".json", ".toml", ".xml", ".yaml", ".yml"};
	const struct entry *e = &s->tree.e[i];
	size_t n = strlen(path), k;

	if (!is_file(e) || e->size > CONF_MAX || e->account)
		return 0;
	if (strncmp(path, "/etc/", 5) == 0)
		return 1;
	for (k = 0; k < sizeof(ends) / sizeof(ends[0]); k++)
		if (n > strlen(ends[k]) && strcmp(path + n - strlen(ends[k]), ends[k]) == 0)
			return 1;
	return 0;
}

static void
add_named(struct search *s, const char *path, const char *file)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (strcmp(s->miss[i].path, path) == 0)
			return;
	s->miss = xreallocarray(s->miss, s->count + 1, sizeof(*s->miss));
	s->miss[s->count++] = (struct miss){xstrdup(path), xstrdup(file), xstrdup("")};
}

/* Words of what paths are made of. One with neither a slash nor a dot in it is no path. */
static void
look_for_names(struct search *s, const char *text, size_t n, const char *file)
{
	static const char part[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789/._+@%-";
	const char *end = text + n, *slash = strrchr(file, '/');

	while (text < end) {
		cleanup_free char *word = NULL, *path = NULL;
		size_t len = 0;

		if (*text == '#') { /* a comment, in nearly all of them */
			while (text < end && *text != '\n')
				text++;
			continue;
		}
		while (text + len < end && text[len] && strchr(part, text[len]))
			len++;
		if (!len) {
			text++;
			continue;
		}
		word = xstrndup(text, len);
		text += len;
		while (len > 1 && (word[len - 1] == '.' || word[len - 1] == '/'))
			word[--len] = '\0';
		if (*word == '/')
			path = xstrdup(word);
		else if (strpbrk(word, "/."))
			path = xasprintf("%.*s/%s", (int)(slash - file), file, word);
		if (path && was_carved(s, path))
			add_named(s, path, file);
	}
}

static int
look_into(struct search *s, uint32_t i, const char *path)
{
	cleanup_fd int fd = tree_open(&s->tree, i);
	cleanup_free char *text = xmalloc(CONF_MAX);
	size_t n = 0;
	ssize_t k;

	if (fd < 0)
		return -1;
	while (n < CONF_MAX && (k = read(fd, text + n, CONF_MAX - n)) > 0)
		n += (size_t)k;
	if (!memchr(text, '\0', n))
		look_for_names(s, text, n, path);
	return 0;
}

int
missed_named(const char *root, const char *ledger)
{
	cleanup_fd int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct search s = {.count = 0};
	struct strbuf path = STRBUF_INIT, line = STRBUF_INIT;
	int bad = fd < 0, status;
	uint32_t i;
	size_t k;

	if (bad)
		report("open '%s':", root);
	if (!bad)
		bad = tree_read(&s.tree, fd) || read_ledger(&s, ledger);
	for (i = 1; !bad && i < s.tree.count; i++)
		if (is_configuration(&s, i, tree_path(&s.tree, i, &path)))
			bad = look_into(&s, i, path.s);
	if (s.count)
		qsort(s.miss, s.count, sizeof(*s.miss), by_path);
	for (k = 0; !bad && k < s.count; k++) {
		strbuf_cut(&line, 0);
		keep_put_path(&line, s.miss[k].path);
		strbuf_puts(&line, "  # named by ");
		strbuf_put_visible(&line, s.miss[k].program, strlen(s.miss[k].program));
		puts(line.s);
	}
	status = bad ? EXIT_TROUBLE : s.count ? EXIT_NO : EXIT_YES;
	let_go(&s);
	strbuf_free(&path);
	strbuf_free(&line);
	return status;
}
