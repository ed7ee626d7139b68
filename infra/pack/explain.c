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
	const char *path; /* with a leading '/' */
	struct record record;
	struct manifest manifest;
	json_t *sbom, *origin;
	json_t *changes; /* the ledger's lines about path, in order */
	json_t *tests;   /* by image: of how many tests none touched what was carved */
};

static int
collect_change(json_t *line, void *arg)
{
	struct question *q = arg;
	cleanup_free char *path = json_get_text(line, "path");
	const char *action = json_string_value(json_object_get(line, "action"));
	const char *image = json_string_value(json_object_get(line, "image"));

	if (action && image && strcmp(action, "carve") == 0)
		json_object_set(q->tests, image, json_object_get(line, "tests"));
	else if (action && strcmp(action, "package") != 0 && path && strcmp(path, q->path) == 0)
		json_array_append(q->changes, line);
	return 0;
}

static int
read_ledger(struct question *q)
{
	cleanup_free char *text = NULL;
	size_t n;

	q->changes = json_array();
	q->tests = json_object();
	if (record_text(&q->record, STORE_LEDGER, LABEL_LEDGER, &text, &n))
		return -1;
	return ledger_each(
	    (struct bytes){(unsigned char *)text, n}, STORE_LEDGER, collect_change, q);
}

static const json_t *
owner_in_sbom(const json_t *sbom, const char *path)
{
	json_t *parts = json_object_get(sbom, "components"), *part, *file;
	json_t *text = json_text(path);
	const json_t *found = NULL;
	size_t i, k;

	json_array_foreach (parts, i, part) {
		json_t *files = json_object_get(part, "components");

		json_array_foreach (files, k, file)
			if (json_equal(json_object_get(file, "name"), text))
				found = part;
	}
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
step_words(const struct question *q)
{
	json_t *steps = json_object_get(q->origin, "steps");
	const char *base = json_string_value(json_object_get(q->origin, "base"));
	struct strbuf legible = STRBUF_INIT;
	const json_t *at;
	const char *text;
	json_int_t step;

	strbuf_put_visible(&legible, q->path, strlen(q->path));
	at = json_object_get(json_object_get(q->origin, "files"), legible.s);
	strbuf_free(&legible);
	step = json_integer_value(at);
	if (!at && base)
		return xasprintf("the base %s", base);
	text = json_string_value(json_array_get(steps, (size_t)step));
	return text ? xasprintf("layer %lld, by: %s", (long long)step + 1, text)
		    : xasprintf("layer %lld", (long long)step + 1);
}

static void
print_visible(const char *s)
{
	struct strbuf b = STRBUF_INIT;

	strbuf_put_visible(&b, s, strlen(s));
	fputs(b.s ? b.s : "", stdout);
	strbuf_free(&b);
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

/* "file, mode 0755, owner 0:0, 1234 bytes, sha256 …", from a line of the ledger. */
static void
print_what(const json_t *line)
{
	cleanup_free char *type = legible(line, "type"), *mode = legible(line, "mode");
	cleanup_free char *sha256 = legible(line, "sha256"), *part = legible(line, "part");
	cleanup_free char *target = json_get_text(line, "target");

	printf("%s, mode %s, owner %lld:%lld", type, mode,
	    (long long)json_integer_value(json_object_get(line, "uid")),
	    (long long)json_integer_value(json_object_get(line, "gid")));
	if (target) {
		fputs(", to ", stdout);
		print_visible(target);
	} else if (json_object_get(line, "sha256")) {
		printf(", %lld bytes, sha256 %s",
		    (long long)json_integer_value(json_object_get(line, "size")), sha256);
	}
	if (json_object_get(line, "part"))
		printf(", part of %s", part);
	putchar('\n');
}

static void
print_change(const struct question *q, const json_t *line)
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

		printf("  kept in %s: %s\n", image, why);
		return;
	}
	if (strcmp(rule, "carve") == 0 && strcmp(action, "remove") == 0)
		printf("  carved from %s; never touched by %lld test%s; it was: ", image, tests,
		    tests == 1 ? "" : "s");
	else if (strcmp(rule, "build") == 0)
		printf("  %s by a step of %s's Dockerfile; it was: ", done, image);
	else
		printf("  %s by prep's rule %s in %s; it was: ", done, rule, image);
	print_what(line);
}

static void
print_changes(const struct question *q)
{
	json_t *line;
	size_t i;

	json_array_foreach (q->changes, i, line)
		print_change(q, line);
}

static void
print_present(const struct question *q, const struct manifest_entry *e)
{
	cleanup_free char *part = part_words(owner_in_sbom(q->sbom, q->path), q->record.name);
	cleanup_free char *step = step_words(q);

	print_visible(q->path);
	printf(": %s, mode %04o, owner %lu:%lu", e->type, e->mode, e->uid, e->gid);
	if (e->target) {
		fputs(", to ", stdout);
		print_visible(e->target);
	} else if (*e->sha256) {
		printf(", %llu bytes, sha256 %s", e->size, e->sha256);
	}
	putchar('\n');
	if (strcmp(e->type, "dir") != 0) {
		fputs("  from ", stdout);
		print_visible(part);
		putchar('\n');
	}
	fputs("  in ", stdout);
	print_visible(step);
	putchar('\n');
	print_changes(q);
}

static json_t *
present_json(const struct question *q, const struct manifest_entry *e)
{
	const json_t *part = owner_in_sbom(q->sbom, q->path);
	cleanup_free char *step = step_words(q);
	char mode[8];
	json_t *j;

	snprintf(mode, sizeof(mode), "%04o", e->mode);
	j = json_pack("{s:s, s:s, s:I, s:I, s:o}", "type", e->type, "mode", mode, "uid",
	    (json_int_t)e->uid, "gid", (json_int_t)e->gid, "in", json_text(step));
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

static void
print_json(const struct question *q, const struct manifest_entry *e)
{
	json_t *j = json_pack("{s:b, s:O}", "present", e != NULL, "changes", q->changes);
	cleanup_free char *text = NULL;

	json_set_text(j, "path", q->path);
	if (e)
		json_object_set_new(j, "is", present_json(q, e));
	text = json_canonical(j);
	puts(text);
	json_decref(j);
}

/* 0 it is there or was, 1 neither. */
static int
answer(struct question *q, int json)
{
	const struct manifest_entry *e = manifest_find(&q->manifest, q->path);

	if (json)
		print_json(q, e);
	else if (e)
		print_present(q, e);
	else if (json_array_size(q->changes)) {
		print_visible(q->path);
		puts(": not in the image");
		print_changes(q);
	} else {
		print_visible(q->path);
		puts(": not in the image, and never was in what it was made from");
	}
	return e || json_array_size(q->changes) ? EXIT_YES : EXIT_NO;
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
	enum { STORE = 256, JSON };
	static const struct option options[] = {{"store", required_argument, NULL, STORE},
	    {"json", no_argument, NULL, JSON}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *state = NULL;
	cleanup_free char *path = NULL;
	struct question q = {.path = NULL};
	int opt, json = 0, status = EXIT_TROUBLE;

	while ((opt = getopt_long(argc, argv, "+h", options, NULL)) != -1)
		if (opt == STORE)
			state = optarg;
		else if (opt == JSON)
			json = 1;
		else
			return verb_usage("explain", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
	if (argc - optind != 2)
		return verb_usage("explain", EXIT_TROUBLE);
	q.path = path = clean_question(argv[optind + 1]);
	if (record_open(&q.record, argv[optind], state) == 0 &&
	    record_manifest(&q.record, &q.manifest) == 0 &&
	    record_json(&q.record, STORE_CDX, LABEL_CDX, &q.sbom) == 0 &&
	    record_json(&q.record, STORE_ORIGIN, NULL, &q.origin) == 0 && read_ledger(&q) == 0)
		status = answer(&q, json);
	json_decref(q.sbom);
	json_decref(q.origin);
	json_decref(q.changes);
	json_decref(q.tests);
	manifest_free(&q.manifest);
	record_close(&q.record);
	return status;
}
