#include "edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "report.h"
#include "settings.h"
#include "strbuf.h"

struct editing {
	const char *name;
	struct strbuf text;
	struct settings s;
	char **line; /* of the text, without their ends; the first is line[1] */
	size_t lines;
	size_t key, value; /* where the key stands, 0: nowhere; its value's last line */
	const struct node *node;
};

/* YAML knows more ends of a line than people: then its numbers of lines aren't ours. */
static int
has_odd_breaks(const struct strbuf *text)
{
	const char *at = text->s ? text->s : "", *end = at + text->len;

	for (; at < end; at++)
		if ((*at == '\r' && at[1] != '\n') || strncmp(at, "\xc2\x85", 2) == 0 ||
		    strncmp(at, "\xe2\x80\xa8", 3) == 0 || strncmp(at, "\xe2\x80\xa9", 3) == 0)
			return 1;
	return 0;
}

static void
split(struct editing *e)
{
	const char *at = e->text.s ? e->text.s : "", *end = at + e->text.len, *stop;

	e->line = xcalloc(2, sizeof(*e->line));
	for (; at < end && (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1) {
		e->line = xreallocarray(e->line, e->lines + 2, sizeof(*e->line));
		e->line[++e->lines] = xstrndup(at, (size_t)(stop - at));
	}
}

/* Nothing, or a comment of the level of keys, which is about the key below it. */
static int
is_between(const char *line)
{
	return *line == '#' || line[strspn(line, " \t\r")] == '\0';
}

static void
find_key(struct editing *e, const char *name)
{
	const struct node *root = e->s.root;
	size_t i, last = e->lines;

	e->key = 0;
	for (i = 0; root && root->kind == NODE_MAP && i < root->count; i++) {
		if (e->key) {
			last = root->key[i]->line - 1;
			break;
		}
		if (strcmp(root->key[i]->text, name) == 0) {
			e->key = root->key[i]->line;
			e->node = root->item[i];
		}
	}
	for (e->value = last; e->key && e->value > e->key && is_between(e->line[e->value]);)
		e->value--;
}

/* ---- lines ---- */

static void
put_lines(struct editing *e, struct strbuf *to, size_t from, size_t end)
{
	for (; from <= end; from++) {
		strbuf_puts(to, e->line[from]);
		strbuf_putc(to, '\n');
	}
}

/* What stands behind the value of a line: blanks and a comment, or nothing. */
static const char *
comment_of(const char *line)
{
	const char *at;
	char quote = 0;

	for (at = line; *at; at++) {
		if (quote) {
			if (*at == quote)
				quote = 0;
		} else if ((*at == '"' || *at == '\'') && at > line &&
			   strchr(" [{,:", at[-1])) {
			quote = *at;
		} else if (*at == '#' && at > line && (at[-1] == ' ' || at[-1] == '\t')) {
			while (at > line && (at[-1] == ' ' || at[-1] == '\t'))
				at--;
			return at;
		}
	}
	return "";
}

static int
is_flow(const struct editing *e)
{
	const char *at = strchr(e->line[e->key], ':');

	return at && at[1 + strspn(at + 1, " \t")] == '[';
}

static int
has_word(const struct node *n, const char *word)
{
	const char *at = n->text;
	size_t len = strlen(word);

	if (n->kind == NODE_MAP) {
		const struct node *path = settings_get(n, "path"),
				  *target = settings_get(n, "target");

		return (path && path->kind == NODE_SCALAR && strcmp(path->text, word) == 0) ||
		       (target && target->kind == NODE_SCALAR &&
			   strcmp(target->text, word) == 0);
	}
	if (n->kind != NODE_SCALAR)
		return 0;
	if (strcmp(at, word) == 0)
		return 1;
	for (; *at; at += strspn(at, ":,")) {
		size_t k = strcspn(at, ":,");

		if (k == len && strncmp(at, word, len) == 0)
			return 1;
		at += k;
	}
	return 0;
}

static int
is_dropped(const struct node *n, char **words)
{
	for (; *words; words++)
		if (has_word(n, *words))
			return 1;
	return 0;
}

/* A list between brackets is written anew; what stood in quotes does so again. */
static int
put_flow(struct editing *e, struct strbuf *to, char **words, const char *more)
{
	size_t i, n = 0;

	strbuf_add(to, e->line[e->key], strcspn(e->line[e->key], "["));
	for (i = 0; i < e->node->count; i++) {
		const struct node *item = e->node->item[i];

		if (words && is_dropped(item, words))
			continue;
		if (item->kind != NODE_SCALAR) {
			report("%s:%zu: a list of maps between brackets isn't changed: write a "
			       "line for each element",
			    e->name, item->line);
			return -1;
		}
		strbuf_printf(to, "%s%s%s%s", n++ ? ", " : "[", item->quoted ? "\"" : "",
		    item->text, item->quoted ? "\"" : "");
	}
	if (more)
		strbuf_printf(to, "%s%s", n ? ", " : "[", more);
	strbuf_printf(to, "]%s\n", comment_of(e->line[e->value]));
	return 0;
}

/* ---- the four changes ---- */

/* Each puts the new text into to; returns 1 where nothing changes, -1 after a report(). */

static int
set(struct editing *e, struct strbuf *to, char **args)
{
	const char *value = args[1];

	if (!e->key) {
		strbuf_add(to, e->text.s, e->text.len);
		strbuf_printf(to, "%s: %s\n", args[0], value);
		return 0;
	}
	if (e->node && e->node->kind == NODE_SCALAR && strcmp(e->node->text, value) == 0)
		return 1;
	put_lines(e, to, 1, e->key - 1);
	strbuf_printf(to, "%s: %s%s\n", args[0], value,
	    e->value == e->key ? comment_of(e->line[e->key]) : "");
	put_lines(e, to, e->value + 1, e->lines);
	return 0;
}

static int
add(struct editing *e, struct strbuf *to, char **args)
{
	const char *item = args[1];
	size_t i, indent = 2;

	if (!e->key) {
		strbuf_add(to, e->text.s, e->text.len);
		strbuf_printf(to, "%s:\n  - %s\n", args[0], item);
		return 0;
	}
	if (e->node->kind == NODE_SCALAR && *e->node->text) {
		if (strcmp(e->node->text, item) == 0)
			return 1;
		put_lines(e, to, 1, e->key - 1);
		strbuf_printf(to, "%s:\n  - %s%s\n  - %s\n", args[0], e->node->text,
		    comment_of(e->line[e->key]), item);
		put_lines(e, to, e->value + 1, e->lines);
		return 0;
	}
	for (i = 0; e->node->kind == NODE_LIST && i < e->node->count; i++)
		if (e->node->item[i]->kind == NODE_SCALAR &&
		    strcmp(e->node->item[i]->text, item) == 0)
			return 1;
	put_lines(e, to, 1, e->key - 1);
	if (is_flow(e)) {
		if (put_flow(e, to, NULL, item))
			return -1;
	} else {
		if (e->node->kind == NODE_LIST && e->node->count)
			indent = strspn(e->line[e->node->item[0]->line], " ");
		put_lines(e, to, e->key, e->value);
		strbuf_printf(to, "%*s- %s\n", (int)indent, "", item);
	}
	put_lines(e, to, e->value + 1, e->lines);
	return 0;
}

static int
unset(struct editing *e, struct strbuf *to, char **args)
{
	(void)args;
	if (!e->key)
		return 1;
	put_lines(e, to, 1, e->key - 1);
	put_lines(e, to, e->value + 1, e->lines);
	return 0;
}

static int
drop(struct editing *e, struct strbuf *to, char **args)
{
	char **words = args + 1;
	size_t i, gone = 0, next;

	if (!e->key)
		return 1;
	if (e->node->kind != NODE_LIST)
		return is_dropped(e->node, words) ? unset(e, to, args) : 1;
	for (i = 0; i < e->node->count; i++)
		gone += (size_t)is_dropped(e->node->item[i], words);
	if (!gone)
		return 1;
	if (gone == e->node->count)
		return unset(e, to, args);
	put_lines(e, to, 1, e->key - 1);
	if (is_flow(e)) {
		if (put_flow(e, to, words, NULL))
			return -1;
	} else {
		if (e->node->item[0]->line > e->key)
			put_lines(e, to, e->key, e->node->item[0]->line - 1);
		for (i = 0; i < e->node->count; i++) {
			next =
			    i + 1 < e->node->count ? e->node->item[i + 1]->line : e->value + 1;
			if (!is_dropped(e->node->item[i], words))
				put_lines(e, to, e->node->item[i]->line, next - 1);
		}
	}
	put_lines(e, to, e->value + 1, e->lines);
	return 0;
}

/* ---- all of it ---- */

static const struct change {
	const char *name;
	int args, more;
	int (*change)(struct editing *e, struct strbuf *to, char **args);
} changes[] = {{"set", 2, 0, set}, {"add", 2, 0, add}, {"drop", 2, 1, drop},
    {"unset", 1, 0, unset}, {NULL, 0, 0, NULL}};

/* NULL after a message. */
static const struct change *
change_of(char **words)
{
	const struct change *c;
	int n = 0;

	while (words[n])
		n++;
	for (c = changes; n && c->name; c++)
		if (strcmp(words[0], c->name) == 0 &&
		    (n - 1 == c->args || (n - 1 > c->args && c->more)))
			return c;
	report("usage: learn edit FILE set KEY VALUE | add KEY ITEM | drop KEY WORD... | "
	       "unset KEY");
	return NULL;
}

/* What comes out must be such a file as well, in which the other keys say what they said: YAML
 * has ways of writing that lines don't show. */
static int
changes_no_other(const struct editing *e, const char *key, const struct strbuf *b)
{
	const struct node *root = e->s.root;
	struct settings after = {0};
	int fine = settings_parse(&after, e->name, b->s ? b->s : "", b->len) == 0;
	size_t i;

	for (i = 0; fine && root && root->kind == NODE_MAP && i < root->count; i++)
		if (strcmp(root->key[i]->text, key) != 0 &&
		    !settings_same(
			root->item[i], settings_get(after.root, root->key[i]->text))) {
			report(
			    "%s: '%s' can't be changed without '%s', as it is written: do it "
			    "by hand",
			    e->name, key, root->key[i]->text);
			fine = 0;
		}
	settings_free(&after);
	return fine;
}

int
edit_text(const char *name, const char *text, size_t n, char **change, struct strbuf *out)
{
	const struct change *c = change_of(change);
	struct editing e = {.name = name};
	int status = -1;
	size_t k;

	if (!c)
		return EXIT_TROUBLE;
	strbuf_add(&e.text, text, n);
	if (n && text[n - 1] != '\n')
		strbuf_putc(&e.text, '\n');
	if (has_odd_breaks(&e.text)) {
		report("%s: lines that end otherwise than with a newline: not changed", name);
	} else if (settings_parse(&e.s, name, e.text.s ? e.text.s : "", e.text.len) == 0) {
		split(&e);
		find_key(&e, change[1]);
		status = c->change(&e, out, change + 1);
		if (status == 0 && !changes_no_other(&e, change[1], out))
			status = -1;
		/* The same value between quotes, say. */
		if (status == 0 && out->len == e.text.len &&
		    memcmp(out->s ? out->s : "", e.text.s ? e.text.s : "", out->len) == 0)
			status = 1;
	}
	for (k = 1; k <= e.lines; k++)
		free(e.line[k]);
	free(e.line);
	settings_free(&e.s);
	strbuf_free(&e.text);
	return status < 0 ? EXIT_TROUBLE : status == 1 ? EXIT_NO : EXIT_YES;
}

static int
read_file(const char *name, struct strbuf *text, struct stat *st)
{
	cleanup_fd int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char buffer[8192];
	ssize_t n = -1;

	if (fd >= 0 && fstat(fd, st) == 0)
		while ((n = read(fd, buffer, sizeof(buffer))) > 0)
			strbuf_add(text, buffer, (size_t)n);
	if (n < 0)
		report("read '%s':", name);
	return n < 0 ? -1 : 0;
}

int
edit(char **argv)
{
	struct strbuf text = STRBUF_INIT, out = STRBUF_INIT;
	int status = EXIT_TROUBLE;
	struct stat st;

	if (read_file(argv[0], &text, &st) == 0)
		status = edit_text(argv[0], text.s ? text.s : "", text.len, argv + 1, &out);
	if (status == EXIT_YES) {
		struct new_file f = {.bytes = out.s ? out.s : "", .n = out.len, .like = &st};

		if (file_replace(AT_FDCWD, argv[0], &f, NULL)) {
			report("write '%s':", argv[0]);
			status = EXIT_TROUBLE;
		}
	}
	strbuf_free(&text);
	strbuf_free(&out);
	return status;
}
