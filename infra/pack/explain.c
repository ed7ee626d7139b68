/* pack explain: where a file of an image comes from, or which rule removed it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"
#include "json.h"
#include "ledger.h"
#include "record.h"
#include "report.h"
#include "store.h"
#include "strbuf.h"
#include "usage.h"
#include "verbs.h"

struct question {
	const char *path; /* with a leading '/'; NULL: every one */
	struct record record;
	struct manifest manifest;
	json_t *sbom, *origin;
	json_t *owners;  /* by path: the part of the bill of materials that has it */
	json_t *changes; /* by path: the ledger's lines about it, in order */
	json_t *tests;   /* by image: of how many tests none touched what was carved */
};

static int
collect_change(json_t *line, void *arg)
{
	struct question *q = arg;
	cleanup_free char *path = json_get_text(line, "path");
	const char *action = json_string_value(json_object_get(line, "action"));
	const char *image = json_string_value(json_object_get(line, "image"));
	const char *key = json_string_value(json_object_get(line, "path"));

	if (action && image && strcmp(action, "carve") == 0) {
		json_object_set(q->tests, image, json_object_get(line, "tests"));
	} else if (action && strcmp(action, "package") != 0 && path && key &&
		   (!q->path || strcmp(path, q->path) == 0)) {
		if (!json_object_get(q->changes, key))
			json_object_set_new(q->changes, key, json_array());
		json_array_append(json_object_get(q->changes, key), line);
	}
	return 0;
}

static int
read_ledger(struct question *q)
{
	cleanup_free char *text = NULL;
	size_t n;

	q->changes = json_object();
	q->tests = json_object();
	if (record_text(&q->record, STORE_LEDGER, LABEL_LEDGER, &text, &n))
		return -1;
	return ledger_each(
	    (struct bytes){(unsigned char *)text, n}, STORE_LEDGER, collect_change, q);
}

static void
index_owners(struct question *q)
{
	json_t *parts = json_object_get(q->sbom, "components"), *part, *file;
	size_t i, k;

	q->owners = json_object();
	json_array_foreach (parts, i, part) {
		json_t *files = json_object_get(part, "components");

		json_array_foreach (files, k, file) {
			const char *path = json_string_value(json_object_get(file, "name"));

			if (path)
				json_object_set(q->owners, path, part);
		}
	}
}

/* What one of these says of a path, which may be of any bytes. */
static json_t *
about(const json_t *by_path, const char *path)
{
	json_t *text = json_text(path), *found;

	found = json_object_get(by_path, json_string_value(text));
	json_decref(text);
	return found;
}

/* "package busybox 1.36.1-r29 (apk)", in a sentence about where a file is from. */
static char *
part_words(const json_t *part, const char *image)
{
	const char *name = json_string_value(json_object_get(part, "name"));
	const char *version = json_string_value(json_object_get(part, "version"));
	const char *kind = json_property(part, "whittle:kind");

	if (!part)
		return xstrdup("nothing that the bill of materials names");
	if (strcmp(kind, "image") == 0)
		return xasprintf("%s's own files", strcmp(name, image) ? name : "the image");
	if (strcmp(kind, "apk") == 0)
		return xasprintf("Alpine's package %s %s", name, version ? version : "");
	if (strcmp(kind, "deb") == 0)
		return xasprintf("Debian's package %s %s", name, version ? version : "");
	if (strcmp(kind, "program") == 0)
		return xasprintf("whittle's program %s %s", name, version ? version : "");
	return xasprintf("the source %s %s", name, version ? version : "");
}

static char *
step_words(const struct question *q, const char *path)
{
	json_t *steps = json_object_get(q->origin, "steps");
	const char *base = json_string_value(json_object_get(q->origin, "base"));
	struct strbuf legible = STRBUF_INIT;
	const json_t *at;
	const char *text;
	json_int_t step;

	strbuf_put_visible(&legible, path, strlen(path));
	at = json_object_get(json_object_get(q->origin, "files"), legible.s);
	strbuf_free(&legible);
	step = json_integer_value(at);
	if (!at && base)
		return xasprintf("the base %s", base);
	text = json_string_value(json_array_get(steps, (size_t)step));
	return text ? xasprintf("layer %lld, by: %s", (long long)step + 1, text)
		    : xasprintf("layer %lld", (long long)step + 1);
}

/* A text of the ledger, which comes out of the image. */
static char *
legible(const json_t *line, const char *key)
{
	const char *text = json_string_value(json_object_get(line, key));
	struct strbuf b = STRBUF_INIT;

	if (!text)
		return xstrdup("?");
	strbuf_put_visible(&b, text, strlen(text));
	return strbuf_steal(&b);
}

static void
put_visible(struct strbuf *b, const char *s)
{
	strbuf_put_visible(b, s, strlen(s));
}

/* "file, mode 0755, owner 0:0, 1234 bytes, sha256 …", from a line of the ledger. */
static void
put_what(struct strbuf *b, const json_t *line)
{
	cleanup_free char *type = legible(line, "type"), *mode = legible(line, "mode");
	cleanup_free char *sha256 = legible(line, "sha256"), *part = legible(line, "part");
	cleanup_free char *target = json_get_text(line, "target");

	strbuf_printf(b, "%s, mode %s, owner %lld:%lld", type, mode,
	    (long long)json_integer_value(json_object_get(line, "uid")),
	    (long long)json_integer_value(json_object_get(line, "gid")));
	if (target) {
		strbuf_puts(b, ", to ");
		put_visible(b, target);
	} else if (json_object_get(line, "sha256")) {
		strbuf_printf(b, ", %lld bytes, sha256 %s",
		    (long long)json_integer_value(json_object_get(line, "size")), sha256);
	}
	if (json_object_get(line, "part"))
		strbuf_printf(b, ", part of %s", part);
}

/* A line of the ledger as a sentence. */
static void
put_change(struct strbuf *b, const struct question *q, const json_t *line)
{
	const char *action = json_string_value(json_object_get(line, "action"));
	cleanup_free char *rule = legible(line, "rule"), *image = legible(line, "image");
	const char *done = strcmp(action, "remove") == 0 ? "removed"
			   : strcmp(action, "edit") == 0 ? "edited"
			   : strcmp(action, "cut") == 0  ? "relieved of applets"
			   : strcmp(action, "mode") == 0 ? "given another mode"
							 : "given another owner";

	long long tests = json_integer_value(json_object_get(q->tests, image));

	if (strcmp(action, "keep") == 0) {
		cleanup_free char *why = legible(line, "why");

		strbuf_printf(b, "kept in %s: %s", image, why);
		return;
	}
	if (strcmp(rule, "carve") == 0 && strcmp(action, "remove") == 0)
		strbuf_printf(b,
		    "carved from %s; never touched by %lld test%s; it was: ", image, tests,
		    tests == 1 ? "" : "s");
	else if (strcmp(rule, "build") == 0)
		strbuf_printf(b, "%s by a step of %s's Dockerfile; it was: ", done, image);
	else
		strbuf_printf(b, "%s by prep's rule %s in %s; it was: ", done, rule, image);
	put_what(b, line);
}

static void
put_present(struct strbuf *b, const struct question *q, const struct manifest_entry *e)
{
	cleanup_free char *part = part_words(about(q->owners, e->path), q->record.name);
	cleanup_free char *step = step_words(q, e->path);

	strbuf_printf(b, ": %s, mode %04o, owner %lu:%lu", e->type, e->mode, e->uid, e->gid);
	if (e->target) {
		strbuf_puts(b, ", to ");
		put_visible(b, e->target);
	} else if (*e->sha256) {
		strbuf_printf(b, ", %llu bytes, sha256 %s", e->size, e->sha256);
	}
	if (strcmp(e->type, "dir") != 0) {
		strbuf_puts(b, "\n  from ");
		put_visible(b, part);
	}
	strbuf_puts(b, "\n  in ");
	put_visible(b, step);
	strbuf_putc(b, '\n');
}

/* e: what the image has there; NULL: nothing. */
static void
print_answer(const struct question *q, const char *path, const struct manifest_entry *e)
{
	const json_t *changes = about(q->changes, path), *line;
	struct strbuf b = STRBUF_INIT;
	size_t i;

	put_visible(&b, path);
	if (e)
		put_present(&b, q, e);
	else if (json_array_size(changes))
		strbuf_puts(&b, ": not in the image\n");
	else
		strbuf_puts(&b, ": not in the image, and never was in what it was made from\n");
	json_array_foreach (changes, i, line) {
		strbuf_puts(&b, "  ");
		put_change(&b, q, line);
		strbuf_putc(&b, '\n');
	}
	fputs(b.s, stdout);
	strbuf_free(&b);
}

static json_t *
present_json(const struct question *q, const struct manifest_entry *e)
{
	const json_t *part = about(q->owners, e->path);
	cleanup_free char *from = part_words(part, q->record.name);
	cleanup_free char *step = step_words(q, e->path);
	char mode[8];
	json_t *j;

	snprintf(mode, sizeof(mode), "%04o", e->mode);
	j = json_pack("{s:s, s:s, s:I, s:I, s:o}", "type", e->type, "mode", mode, "uid",
	    (json_int_t)e->uid, "gid", (json_int_t)e->gid, "in", json_text(step));
	if (strcmp(e->type, "dir") != 0)
		json_set_text(j, "from", from);
	if (e->target)
		json_set_text(j, "target", e->target);
	if (*e->sha256) {
		json_object_set_new(j, "size", json_integer((json_int_t)e->size));
		json_object_set_new(j, "sha256", json_string(e->sha256));
	}
	if (part)
		json_object_set(j, "part", json_object_get(part, "bom-ref"));
	return j;
}

static json_t *
answer_json(const struct question *q, const char *path, const struct manifest_entry *e)
{
	json_t *changes = about(q->changes, path), *why = json_array(), *line, *j;
	size_t i;

	json_array_foreach (changes, i, line) {
		struct strbuf b = STRBUF_INIT;

		put_change(&b, q, line);
		json_array_append_new(why, json_text(b.s));
		strbuf_free(&b);
	}
	j = json_pack("{s:b, s:o, s:o}", "present", e != NULL, "changes",
	    changes ? json_incref(changes) : json_array(), "why", why);
	json_set_text(j, "path", path);
	if (e)
		json_object_set_new(j, "is", present_json(q, e));
	return j;
}

static void
print_json(json_t *j)
{
	cleanup_free char *text = json_canonical(j);

	puts(text);
	json_decref(j);
}

/* 0 it is there or was, 1 neither. */
static int
answer(const struct question *q, int json)
{
	const struct manifest_entry *e = manifest_find(&q->manifest, q->path);

	if (json)
		print_json(answer_json(q, q->path, e));
	else
		print_answer(q, q->path, e);
	return e || about(q->changes, q->path) ? EXIT_YES : EXIT_NO;
}

/* What is there, by path, then what isn't any more, as the ledger has it. */
static int
answer_all(const struct question *q, int json)
{
	json_t *all = json_array(), *there = json_object(), *lines;
	const char *path;
	size_t i;

	for (i = 0; i < q->manifest.count; i++) {
		const struct manifest_entry *e = &q->manifest.entry[i];
		json_t *text = json_text(e->path);

		json_object_set_new(there, json_string_value(text), json_true());
		json_decref(text);
		if (json)
			json_array_append_new(all, answer_json(q, e->path, e));
		else
			print_answer(q, e->path, e);
	}
	json_object_foreach (q->changes, path, lines) {
		if (json_object_get(there, path))
			continue;
		if (json)
			json_array_append_new(all, answer_json(q, path, NULL));
		else
			print_answer(q, path, NULL);
	}
	json_decref(there);
	if (json)
		print_json(all);
	else
		json_decref(all);
	return EXIT_YES;
}

/* "etc//passwd/" to "/etc/passwd". */
static char *
clean_question(const char *path)
{
	struct strbuf b = STRBUF_INIT;
	size_t len;

	for (; *path; path += len + (path[len] == '/')) {
		len = strcspn(path, "/");
		if (len && !(len == 1 && *path == '.')) {
			strbuf_putc(&b, '/');
			strbuf_add(&b, path, len);
		}
	}
	if (!b.len)
		strbuf_putc(&b, '/');
	return strbuf_steal(&b);
}

int
verb_explain(int argc, char **argv)
{
	enum { STORE = 256, JSON, ALL };
	static const struct option options[] = {{"store", required_argument, NULL, STORE},
	    {"json", no_argument, NULL, JSON}, {"all", no_argument, NULL, ALL},
	    {"help", no_argument, NULL, 'h'}, {0}};
	const char *state = NULL;
	cleanup_free char *path = NULL;
	struct question q = {.path = NULL};
	int opt, json = 0, all = 0, status = EXIT_TROUBLE;

	while ((opt = getopt_long(argc, argv, "+h", options, NULL)) != -1)
		if (opt == STORE)
			state = optarg;
		else if (opt == JSON)
			json = 1;
		else if (opt == ALL)
			all = 1;
		else
			return verb_usage("explain", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
	if (argc - optind != 2 - all)
		return verb_usage("explain", EXIT_TROUBLE);
	if (!all)
		q.path = path = clean_question(argv[optind + 1]);
	if (record_open(&q.record, argv[optind], state) == 0 &&
	    record_manifest(&q.record, &q.manifest) == 0 &&
	    record_json(&q.record, STORE_CDX, LABEL_CDX, &q.sbom) == 0 &&
	    record_json(&q.record, STORE_ORIGIN, NULL, &q.origin) == 0 &&
	    read_ledger(&q) == 0) {
		index_owners(&q);
		status = all ? answer_all(&q, json) : answer(&q, json);
	}
	json_decref(q.sbom);
	json_decref(q.origin);
	json_decref(q.owners);
	json_decref(q.changes);
	json_decref(q.tests);
	manifest_free(&q.manifest);
	record_close(&q.record);
	return status;
}
