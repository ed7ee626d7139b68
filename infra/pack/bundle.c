#include "bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "config.h"
#include "engine_image.h"
#include "file.h"
#include "image.h"
#include "inode.h"
#include "json.h"
#include "layer.h"
#include "manifest.h"
#include "names.h"
#include "record.h"
#include "report.h"
#include "store.h"
#include "strbuf.h"
#include "tarball.h"

/* What goes along, and the label that vouches for it. */
static const struct {
	const char *name, *label;
	int may_miss;
} kept[] = {
    {STORE_CDX, LABEL_CDX, 0},
    {STORE_SPDX, LABEL_SPDX, 0},
    {STORE_LEDGER, LABEL_LEDGER, 0},
    {STORE_MANIFEST, LABEL_MANIFEST, 0},
    {STORE_PASSWD, NULL, 0},
    {STORE_GROUP, NULL, 0},
    {STORE_ORIGIN, NULL, 1},
    {STORE_PROVENANCE, NULL, 1},
    {STORE_PROVENANCE ".sig", NULL, 1},
};
enum { KEPT = sizeof(kept) / sizeof(kept[0]) };

static time_t
date_of(const struct image *i)
{
	const char *created = json_string_value(json_object_get(i->config, "created"));
	struct tm tm = {0};

	return created && strptime(created, "%Y-%m-%dT%H:%M:%SZ", &tm) ? timegm(&tm) : 0;
}

static struct bytes
text_bytes(const char *text)
{
	return (struct bytes){(const unsigned char *)text, strlen(text)};
}

static int
add_record(struct tarball *t, const struct record *r, time_t date)
{
	size_t k, n;

	for (k = 0; k < KEPT; k++) {
		cleanup_free char *text = NULL, *name = xasprintf("whittle/%s", kept[k].name);

		if (record_text(r, kept[k].name, kept[k].label, &text, &n))
			return -1;
		if (text)
			tarball_add_file(
			    t, name, (struct bytes){(unsigned char *)text, n}, date);
	}
	return 0;
}

/* What an archive is made of. */
struct content {
	struct bytes config, layer;
	const char *id, *diff_id; /* their digests */
	const char *tag;
	const struct record *with; /* NULL */
	time_t date;
};

static int
write_members(int fd, const struct content *c)
{
	cleanup_free struct tarball *t = xmalloc(sizeof(*t));
	cleanup_free char *config = xasprintf("%s.json", c->id), *manifest = NULL;
	cleanup_free char *layer = xasprintf("%s.tar", c->diff_id);
	json_t *j = json_pack(
	    "[{s:s, s:[s], s:[s]}]", "Config", config, "RepoTags", c->tag, "Layers", layer);
	char unused[SHA256_HEX];

	manifest = json_canonical(j);
	json_decref(j);
	tarball_start(t, fd);
	tarball_add_file(t, layer, c->layer, c->date);
	tarball_add_file(t, config, c->config, c->date);
	tarball_add_file(t, "manifest.json", text_bytes(manifest), c->date);
	if (c->with && add_record(t, c->with, c->date))
		return -1;
	if (tarball_end(t, unused)) {
		report("write the archive:");
		return -1;
	}
	return 0;
}

static int
write_archive(const char *path, const struct content *c)
{
	cleanup_free char *prefix = xasprintf("%s.new.", path), *new = NULL;
	cleanup_fd int fd = file_temporary(AT_FDCWD, prefix, &new);

	if (fd < 0) {
		report("write '%s':", path);
		return -1;
	}
	if (write_members(fd, c) == 0) {
		if (fchmod(fd, 0644) == 0 && file_close(&fd) == 0 &&
		    file_put(AT_FDCWD, new, path) == 0)
			return 0;
		report("write '%s':", path);
	}
	unlink(new);
	return -1;
}

int
bundle_write(
    const char *path, const struct image *i, const char *tag, const struct record *with)
{
	struct content c = {.config = i->config_bytes,
	    .id = i->id,
	    .tag = tag,
	    .with = with,
	    .date = date_of(i)};

	if (i->layers != 1) {
		report(
		    "%s: the image has %zu layers: it wasn't made by pack", i->file, i->layers);
		return -1;
	}
	c.layer = i->layer[0].tar;
	c.diff_id = i->layer[0].diff_id;
	return write_archive(path, &c);
}

/* The record's files as a layer, in memory. The caller unmaps. */
static int
make_layer(const struct record *r, time_t date, struct bytes *layer, char diff_id[SHA256_HEX])
{
	cleanup_free struct tarball *t = xmalloc(sizeof(*t));
	cleanup_fd int fd = memfd_create("record", MFD_CLOEXEC);

	if (fd < 0) {
		report("make a file in memory:");
		return -1;
	}
	tarball_start(t, fd);
	if (add_record(t, r, date))
		return -1;
	if (tarball_end(t, diff_id) || bytes_map_fd(layer, fd)) {
		report("write the record's layer:");
		return -1;
	}
	return 0;
}

int
bundle_write_record(const char *path, const struct image *i, const struct record *r)
{
	struct content c = {.tag = "localhost/whittle/record:latest", .date = date_of(i)};
	cleanup_free char *of = xasprintf("sha256:%s", i->id), *text = NULL;
	char diff_id[SHA256_HEX], id[SHA256_HEX];
	json_t *config;
	int bad;

	if (make_layer(r, c.date, &c.layer, diff_id))
		return -1;
	config = json_pack("{s:O, s:O, s:{s:{s:s}}}", "architecture",
	    json_object_get(i->config, "architecture"), "os", json_object_get(i->config, "os"),
	    "config", "Labels", LABEL_RECORD_OF, of);
	config_finish(config, diff_id, c.date);
	text = json_canonical(config);
	json_decref(config);
	c.config = text_bytes(text);
	sha256_bytes(text, c.config.n, id);
	c.id = id;
	c.diff_id = diff_id;
	bad = write_archive(path, &c);
	bytes_unmap(&c.layer);
	return bad;
}

const char *
bundle_name(const struct image *i)
{
	const char *name = config_get_label(i->config, LABEL_IMAGE);

	if (name && is_image_name(name))
		return name;
	report("%s: the image wasn't made by pack: it has no proper label '%s'", i->file,
	    LABEL_IMAGE);
	return NULL;
}

static int
is_vouched_for(const struct image *i, const char *label, struct bytes data)
{
	const char *want = config_get_label(i->config, label);
	char hex[SHA256_HEX];

	sha256_bytes(data.p, data.n, hex);
	return want && strncmp(want, "sha256:", 7) == 0 && strcmp(want + 7, hex) == 0;
}

/* The image's accounts are files of its manifest. */
static int
is_in_manifest(const struct manifest *m, const char *path, struct bytes data)
{
	const struct manifest_entry *e = manifest_find(m, path);
	char hex[SHA256_HEX];

	sha256_bytes(data.p, data.n, hex);
	return e ? strcmp(e->sha256, hex) == 0 : data.n == 0;
}

/* A record's files as they came along with an image. */
struct files {
	const char *from; /* what they came in, for messages */
	struct bytes file[KEPT];
	int there[KEPT];
};

static int
refuse(const struct files *f, const char *name, const char *why)
{
	report("%s: refused 'whittle/%s': %s", f->from, name, why);
	return -1;
}

static struct bytes
file_of(const struct files *f, const char *name)
{
	size_t k = 0;

	while (strcmp(kept[k].name, name) != 0)
		k++;
	return f->file[k];
}

static int
check_accounts(const struct files *f)
{
	struct manifest m;
	int bad = 0;

	if (manifest_parse(&m, file_of(f, STORE_MANIFEST), f->from))
		bad = -1;
	else if (!is_in_manifest(&m, "/etc/passwd", file_of(f, STORE_PASSWD)))
		bad = refuse(f, STORE_PASSWD, "it isn't the image's /etc/passwd");
	else if (!is_in_manifest(&m, "/etc/group", file_of(f, STORE_GROUP)))
		bad = refuse(f, STORE_GROUP, "it isn't the image's /etc/group");
	manifest_free(&m);
	return bad;
}

static int
keep(const struct image *i, const struct files *f, const char *state)
{
	cleanup_free char *root = store_root(state);
	const char *name = bundle_name(i);
	struct store_file file[KEPT + 1];
	size_t k, n = 0;

	if (!name)
		return -1;
	for (k = 0; k < KEPT; k++) {
		if (!f->there[k]) {
			if (!kept[k].may_miss)
				return refuse(f, kept[k].name, "it isn't there");
			continue;
		}
		if (kept[k].label && !is_vouched_for(i, kept[k].label, f->file[k]))
			return refuse(f, kept[k].name, "the image's labels name another");
		file[n++] = (struct store_file){kept[k].name, f->file[k]};
	}
	if (check_accounts(f))
		return -1;
	file[n++] = (struct store_file){STORE_CONFIG, i->config_bytes};
	return store_put(root, name, i->id, file, n);
}

int
bundle_keep(const struct image *i, const char *state)
{
	struct files f = {.from = i->file};
	size_t k;

	for (k = 0; k < KEPT; k++) {
		cleanup_free char *part = xasprintf("whittle/%s", kept[k].name);

		f.there[k] = members_find(&i->members, part, &f.file[k]) == 0;
	}
	return keep(i, &f, state);
}

static void
take_file(struct files *f, const struct layer_entry *e)
{
	size_t k;

	if (e->kind != ENTRY_INODE || !S_ISREG(e->inode->mode) ||
	    strncmp(e->path, "whittle/", 8) != 0)
		return;
	for (k = 0; k < KEPT; k++)
		if (strcmp(e->path + 8, kept[k].name) == 0) {
			f->file[k] = e->inode->data;
			f->there[k] = 1;
		}
}

int
bundle_keep_record(const struct image *record, const struct image *i, const char *state)
{
	struct files f = {.from = record->file};
	struct layer l = {NULL, 0};
	size_t e;
	int bad;

	if (record->layers != 1) {
		report("%s: not the record of an image: it has %zu layers", record->file,
		    record->layers);
		return -1;
	}
	bad = layer_read(&l, record->layer[0].tar, record->file, 0);
	for (e = 0; !bad && e < l.count; e++)
		take_file(&f, &l.entry[e]);
	bad = bad || keep(i, &f, state) ? -1 : 0;
	layer_free(&l);
	return bad;
}

int
bundle_load(const struct image *i, const char *tag)
{
	const char *name = bundle_name(i);
	cleanup_free char *directory = name ? scratch_directory() : NULL, *file = NULL,
			  *full = NULL;
	char id[SHA256_HEX];
	int bad;

	if (!directory)
		return -1;
	file = xasprintf("%s/image.tar", directory);
	full = xasprintf("localhost/whittle/%s:%s", name, tag);
	bad =
	    bundle_write(file, i, full, NULL) || engine_load(file) || engine_image_id(full, id);
	unlink(file);
	rmdir(directory);
	if (!bad && strcmp(id, i->id) != 0) {
		report("%s: the engine loaded it as another image, %s", i->file, id);
		bad = -1;
	}
	return bad ? -1 : 0;
}
