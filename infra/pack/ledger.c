#include "ledger.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "digest.h"
#include "inode.h"
#include "json.h"
#include "layer.h"
#include "leftovers.h"
#include "parts.h"
#include "report.h"
#include "tree.h"

static const char ledger_path[] = "var/lib/whittle/ledger.jsonl";
static const char ledger_directory[] = "var/lib/whittle";

int
ledger_each(
    struct bytes text, const char *what, int (*visit)(json_t *line, void *arg), void *arg)
{
	const char *p = (const char *)text.p, *end = p + text.n, *stop;
	unsigned long line = 0;
	json_error_t error;
	json_t *object;
	int got;

	for (; text.n && p < end; p = stop + 1) {
		line++;
		stop = memchr(p, '\n', (size_t)(end - p));
		stop = stop ? stop : end;
		if (stop == p)
			continue;
		object = json_loadb(p, (size_t)(stop - p), JSON_REJECT_DUPLICATES, &error);
		if (!json_is_object(object)) {
			report("%s:%lu: %s", what, line, object ? "not an object" : error.text);
			json_decref(object);
			return -1;
		}
		got = visit(object, arg);
		json_decref(object);
		if (got)
			return got;
	}
	return 0;
}

struct taking {
	struct strbuf *out;
	const char *name;
	struct parts *parts;
	void *spoken; /* tsearch(3) tree of paths with a "remove" line */
};

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
put_line(struct strbuf *out, const json_t *line)
{
	cleanup_free char *text = json_canonical(line);

	strbuf_puts(out, text);
	strbuf_putc(out, '\n');
}

/* A link goes with what it leads to. */
static size_t
part_of_target(struct parts *parts, const char *path, const char *target)
{
	const char *slash = strrchr(path, '/'), *why;
	cleanup_free char *joined =
	    *target == '/'
		? xstrdup(target + 1)
		: xasprintf("%.*s%s", (int)(slash ? slash - path + 1 : 0), path, target);
	cleanup_free char *clean = clean_path(joined, &why);

	return clean ? parts_of_path(parts, clean) : PART_NONE;
}

static void
add_part(struct parts *parts, json_t *line, const char *path)
{
	const char *type = json_string_value(json_object_get(line, "type"));
	cleanup_free char *target = json_get_text(line, "target");
	size_t part;

	path += *path == '/';
	if (type && strcmp(type, "dir") == 0)
		return;
	part = parts_of_path(parts, path);
	if (part == PART_NONE && target)
		part = part_of_target(parts, path, target);
	if (part != PART_NONE)
		json_object_set_new(line, "part", json_text(parts->part[part].ref));
}

static int
take_line(json_t *line, void *arg)
{
	struct taking *t = arg;
	const char *action = json_string_value(json_object_get(line, "action"));
	char *path = json_get_text(line, "path"), **found;

	if (!action || !path) {
		free(path);
		report("%s: a line without an action or a path", ledger_path);
		return -1;
	}
	if (is_leftover_path(path + (*path == '/'))) {
		free(path);
		return 0;
	}
	json_object_set_new(line, "image", json_string(t->name));
	add_part(t->parts, line, path);
	put_line(t->out, line);
	if (strcmp(action, "remove") != 0) {
		free(path);
		return 0;
	}
	found = tsearch(path, &t->spoken, compare);
	if (!found || *found != path)
		free(path);
	return 0;
}

static json_t *
line_about(const struct gone *g, const char *path, const char *name)
{
	const struct inode *i = g->inode;
	char mode[8], hex[SHA256_HEX];
	json_t *line;

	snprintf(mode, sizeof(mode), "%04o", i->mode & 07777);
	line = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "action", "remove", "rule",
	    "build", "image", name, "type", inode_type(i), "mode", mode, "uid",
	    (json_int_t)i->uid, "gid", (json_int_t)i->gid);
	json_set_text(line, "path", path);
	if (S_ISREG(i->mode)) {
		inode_hash(g->inode);
		hex_of(i->sha256, sizeof(i->sha256), hex);
		json_object_set_new(line, "size", json_integer((json_int_t)i->data.n));
		json_object_set_new(line, "sha256", json_string(hex));
	} else if (S_ISLNK(i->mode)) {
		json_set_text(line, "target", i->target);
	}
	return line;
}

static int
compare_gone(const void *a, const void *b)
{
	const struct gone *x = *(const struct gone *const *)a,
			  *y = *(const struct gone *const *)b;
	int order = strcmp(x->path, y->path);

	return order ? order : x < y ? -1 : 1;
}

/* What a RUN step took away itself: the last state that a layer knows. */
static void
add_untold(struct tree *t, struct taking *taking)
{
	const struct gone **sorted = xreallocarray(NULL, t->gone_count, sizeof(*sorted));
	size_t i;

	for (i = 0; i < t->gone_count; i++)
		sorted[i] = &t->gone[i];
	if (t->gone_count)
		qsort(sorted, t->gone_count, sizeof(*sorted), compare_gone);
	for (i = 0; i < t->gone_count; i++) {
		cleanup_free char *path = xasprintf("/%s", sorted[i]->path);
		json_t *line;

		if (i + 1 < t->gone_count && strcmp(sorted[i]->path, sorted[i + 1]->path) == 0)
			continue;
		if (tree_find(t, sorted[i]->path) || tfind(path, &taking->spoken, compare) ||
		    is_leftover_path(sorted[i]->path))
			continue;
		line = line_about(sorted[i], path, taking->name);
		add_part(taking->parts, line, path);
		put_line(taking->out, line);
		json_decref(line);
	}
	free(sorted);
}

int
ledger_take(struct tree *t, const char *name, struct bytes before, struct parts *parts,
    struct strbuf *out)
{
	struct taking taking = {.out = out, .name = name, .parts = parts};
	struct node *n = tree_find(t, ledger_path);
	int status = 0;

	if (before.n)
		strbuf_add(out, before.p, before.n);
	if (n && S_ISREG(n->inode->mode)) {
		status = ledger_each(n->inode->data, ledger_path, take_line, &taking);
		tree_drop(t, n);
	}
	n = tree_find(t, ledger_directory);
	if (n && S_ISDIR(n->inode->mode) && !n->children)
		tree_drop(t, n);
	if (status == 0)
		add_untold(t, &taking);
	tdestroy(taking.spoken, free);
	return status;
}

void
ledger_add_packages(const struct parts *parts, const char *name, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < parts->count; i++) {
		const struct part *part = &parts->part[i];
		json_t *line;

		if (part->listed || !is_package(part->kind))
			continue;
		line = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "action", "package", "image",
		    name, "path", "/", "part", json_text(part->ref), "origin",
		    json_text(part->origin ? part->origin : part->name), "version",
		    json_text(part->origin_version ? part->origin_version : part->version));
		put_line(out, line);
		json_decref(line);
	}
}
