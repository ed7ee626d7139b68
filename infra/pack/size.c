/* pack size: what an image weighs, by directory and by part, and what prep saved. */
#include <getopt.h>
#include <stddef.h>
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
#include "surface.h"
#include "tracker.h"
#include "usage.h"
#include "verbs.h"

/* Bytes and files by some name. */
struct row {
	char *name;
	double bytes; /* hard links share theirs */
	unsigned long count;
};

struct table {
	struct row *row;
	size_t count;
	double bytes;
	unsigned long files;
};

static struct row *
row_of(struct table *t, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		if (strncmp(t->row[i].name, name, len) == 0 && !t->row[i].name[len])
			return &t->row[i];
	t->row = xreallocarray(t->row, t->count + 1, sizeof(*t->row));
	t->row[t->count] = (struct row){xstrndup(name, len), 0, 0};
	return &t->row[t->count++];
}

static void
add(struct table *t, const char *name, size_t len, double bytes)
{
	struct row *r = row_of(t, name, len);

	r->bytes += bytes;
	r->count++;
	t->bytes += bytes;
	t->files++;
}

static int
compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->bytes != y->bytes ? (x->bytes < y->bytes ? 1 : -1) : strcmp(x->name, y->name);
}

static void
table_free(struct table *t)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		free(t->row[i].name);
	free(t->row);
}

static double
bytes_of(const struct manifest_entry *e)
{
	return (double)e->size / (double)e->nlink;
}

/* "/usr/lib" of "/usr/lib/x/y": two levels say enough. */
static size_t
directory_length(const char *path)
{
	const char *first = strchr(path + 1, '/'),
		   *second = first ? strchr(first + 1, '/') : NULL;

	return second ? (size_t)(second - path) : first ? (size_t)(first - path) : 1;
}

static void
add_directories(struct table *t, const struct manifest *m)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (strcmp(m->entry[i].type, "dir") != 0)
			add(t, m->entry[i].path, directory_length(m->entry[i].path),
			    bytes_of(&m->entry[i]));
}

static void
add_parts(struct table *t, const struct manifest *m, const json_t *sbom)
{
	json_t *parts = json_object_get(sbom, "components"), *part, *file;
	size_t i, k;

	json_array_foreach (parts, i, part) {
		const char *ref = json_string_value(json_object_get(part, "bom-ref"));
		json_t *files = json_object_get(part, "components");

		json_array_foreach (files, k, file) {
			const char *path = json_string_value(json_object_get(file, "name"));
			const struct manifest_entry *e = path ? manifest_find(m, path) : NULL;

			if (ref)
				add(t, ref, strlen(ref), e ? bytes_of(e) : 0);
		}
	}
}

static int
add_removed(json_t *line, void *arg)
{
	const char *action = json_string_value(json_object_get(line, "action"));
	const char *rule = json_string_value(json_object_get(line, "rule"));
	const char *type = json_string_value(json_object_get(line, "type"));
	int file = type && strcmp(type, "file") == 0;

	if (!action || strcmp(action, "remove") || !rule)
		return 0;
	add(arg, rule, strlen(rule),
	    file ? (double)json_integer_value(json_object_get(line, "size")) : 0);
	return 0;
}

static void
print_table(struct table *t, const char *title)
{
	size_t i;

	if (!t->count)
		return;
	qsort(t->row, t->count, sizeof(*t->row), compare_rows);
	printf("\n%s\n", title);
	for (i = 0; i < t->count; i++) {
		struct strbuf name = STRBUF_INIT;

		strbuf_put_visible(&name, t->row[i].name, strlen(t->row[i].name));
		printf("%12.0f %5.1f%% %6lu  %s\n", t->row[i].bytes,
		    t->bytes > 0 ? 100 * t->row[i].bytes / t->bytes : 0, t->row[i].count,
		    name.s);
		strbuf_free(&name);
	}
}

struct base_search {
	const char *diff_id; /* "sha256:…" */
	double bytes;
};

static double
total_of(const struct manifest *m)
{
	double bytes = 0;
	size_t i;

	for (i = 0; i < m->count; i++)
		bytes += bytes_of(&m->entry[i]);
	return bytes;
}

static int
is_that_base(const char *directory, const char *name, const char *id, void *arg)
{
	struct base_search *s = arg;
	struct record r = {xstrdup(directory), xstrdup(name), "", NULL};
	cleanup_free char *path = record_path(&r, STORE_CONFIG);
	struct manifest m = {NULL, 0};
	const char *layer;
	int found;

	memcpy(r.id, id, SHA256_HEX);
	r.config = json_load_file(path, 0, NULL);
	layer = json_string_value(json_array_get(
	    json_object_get(json_object_get(r.config, "rootfs"), "diff_ids"), 0));
	found = layer && strcmp(layer, s->diff_id) == 0 && record_manifest(&r, &m) == 0;
	if (found)
		s->bytes = total_of(&m);
	manifest_free(&m);
	record_close(&r);
	return found;
}

/* The base by its label "NAME@sha256:…" that names its layer. */
static int
find_base(const struct record *r, const char *state, struct base_search *s)
{
	cleanup_free char *root = store_root(state);
	const char *label = config_get_label(r->config, LABEL_BASE);
	const char *at = label ? strchr(label, '@') : NULL;

	if (!at)
		return 0;
	s->diff_id = at + 1;
	return store_each(root, is_that_base, s);
}

struct report_on {
	struct table directories, parts, removed;
	struct base_search base;
	int has_base;
	struct surfaces surfaces;
	json_t *tracker;
};

static const struct figure {
	const char *name;
	size_t at;
} figures[] = {
    {"files", offsetof(struct surface, files)},
    {"programs", offsetof(struct surface, programs)},
    {"packages", offsetof(struct surface, packages)},
    {"setuid", offsetof(struct surface, setuid)},
    {"shells", offsetof(struct surface, shells)},
    {"vulnerabilities", offsetof(struct surface, vulnerabilities)},
};

/* Without a tracker the last one isn't known. */
static size_t
figures_of(const struct surfaces *s)
{
	return sizeof(figures) / sizeof(figures[0]) - !s->tracked;
}

static unsigned long
value_of(const struct surface *s, size_t figure)
{
	return *(const unsigned long *)(const void *)((const char *)s + figures[figure].at);
}

static void
print_surfaces(const struct surfaces *s)
{
	size_t k;

	printf("\nbefore prep and after%s\n", s->carved ? ", carved by a list" : "");
	printf("%12.0f %12.0f  bytes\n", s->before.bytes, s->after.bytes);
	for (k = 0; k < figures_of(s); k++)
		printf("%12lu %12lu  %s\n", value_of(&s->before, k), value_of(&s->after, k),
		    figures[k].name);
}

/* "113.0 -> 10.0 MB, 5508 -> 46 files, …" */
static void
print_summary(const struct surfaces *s)
{
	size_t k;

	printf("%.1f -> %.1f MB", s->before.bytes / 1e6, s->after.bytes / 1e6);
	for (k = 0; k < figures_of(s); k++)
		printf(", %lu -> %lu %s", value_of(&s->before, k), value_of(&s->after, k),
		    figures[k].name);
	putchar('\n');
}

static json_t *
surface_json(const struct surfaces *s, const struct surface *one)
{
	json_t *j = json_pack("{s:I}", "bytes", (json_int_t)(one->bytes + 0.5));
	size_t k;

	for (k = 0; k < figures_of(s); k++)
		json_object_set_new(
		    j, figures[k].name, json_integer((json_int_t)value_of(one, k)));
	return j;
}

static void
print_report(const struct record *r, struct report_on *o)
{
	const char *label = config_get_label(r->config, LABEL_BASE);

	printf("%s %.12s: %.0f bytes in %lu files and links\n", r->name, r->id,
	    o->directories.bytes, o->directories.files);
	if (o->has_base)
		printf("its base, %.*s: %.0f bytes; the image has %+.0f\n",
		    (int)strcspn(label, "@"), label, o->base.bytes,
		    o->directories.bytes - o->base.bytes);
	printf(
	    "removed on the way: %lu things, %.0f bytes\n", o->removed.files, o->removed.bytes);
	print_surfaces(&o->surfaces);
	print_table(&o->directories, "by directory");
	print_table(&o->parts, "by part");
	print_table(&o->removed, "removed, by rule");
}

static json_t *
table_json(const struct table *t)
{
	json_t *j = json_object();
	size_t i;

	for (i = 0; i < t->count; i++)
		json_object_set_new(j, t->row[i].name,
		    json_pack("{s:I, s:I}", "bytes", (json_int_t)(t->row[i].bytes + 0.5),
			"files", (json_int_t)t->row[i].count));
	return j;
}

static void
print_json(const struct record *r, const struct report_on *o)
{
	json_t *j = json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:o, s:o}", "image", r->name,
	    "id", r->id, "bytes", (json_int_t)(o->directories.bytes + 0.5), "files",
	    (json_int_t)o->directories.files, "removed_bytes", (json_int_t)o->removed.bytes,
	    "directories", table_json(&o->directories), "parts", table_json(&o->parts),
	    "removed", table_json(&o->removed));
	cleanup_free char *text = NULL;

	json_object_set_new(j, "before", surface_json(&o->surfaces, &o->surfaces.before));
	json_object_set_new(j, "after", surface_json(&o->surfaces, &o->surfaces.after));
	if (o->has_base)
		json_object_set_new(
		    j, "base_bytes", json_integer((json_int_t)(o->base.bytes + 0.5)));
	text = json_canonical(j);
	puts(text);
	json_decref(j);
}

static int
weigh(const struct record *r, const char *state, struct report_on *o)
{
	cleanup_free char *ledger = NULL;
	struct manifest m = {NULL, 0};
	json_t *sbom = NULL;
	size_t n;
	int bad = record_manifest(r, &m) || record_json(r, STORE_CDX, LABEL_CDX, &sbom) ||
		  record_text(r, STORE_LEDGER, LABEL_LEDGER, &ledger, &n);

	if (!bad) {
		add_directories(&o->directories, &m);
		add_parts(&o->parts, &m, sbom);
		bad = ledger_each((struct bytes){(unsigned char *)ledger, n}, STORE_LEDGER,
			  add_removed, &o->removed) != 0 ||
		      surfaces_of(&o->surfaces, r->name, &m, sbom,
			  (struct bytes){(unsigned char *)ledger, n}, o->tracker) != 0;
		o->has_base = find_base(r, state, &o->base);
	}
	manifest_free(&m);
	json_decref(sbom);
	return bad ? -1 : 0;
}

int
verb_size(int argc, char **argv)
{
	enum { STORE = 256, JSON, TRACKER };
	static const struct option options[] = {{"store", required_argument, NULL, STORE},
	    {"json", no_argument, NULL, JSON}, {"tracker", required_argument, NULL, TRACKER},
	    {"summary", no_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *state = NULL, *tracker = NULL;
	struct report_on o = {.has_base = 0};
	struct record r = {.directory = NULL};
	int opt, json = 0, summary = 0, status = EXIT_TROUBLE;

	while ((opt = getopt_long(argc, argv, "+sh", options, NULL)) != -1)
		if (opt == STORE)
			state = optarg;
		else if (opt == JSON)
			json = 1;
		else if (opt == TRACKER)
			tracker = optarg;
		else if (opt == 's')
			summary = 1;
		else
			return verb_usage("size", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
	if (argc - optind != 1)
		return verb_usage("size", EXIT_TROUBLE);
	if (tracker && !(o.tracker = tracker_read(tracker)))
		return EXIT_TROUBLE;
	if (record_open(&r, argv[optind], state) == 0 && weigh(&r, state, &o) == 0) {
		if (json)
			print_json(&r, &o);
		else if (summary)
			print_summary(&o.surfaces);
		else
			print_report(&r, &o);
		status = EXIT_YES;
	}
	table_free(&o.directories);
	table_free(&o.parts);
	table_free(&o.removed);
	json_decref(o.tracker);
	record_close(&r);
	return status;
}
