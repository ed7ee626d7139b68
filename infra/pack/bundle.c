#include "bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "config.h"
#include "engine.h"
#include "image.h"
#include "json.h"
#include "manifest.h"
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

static int
write_members(int fd, const struct image *i, const char *tag, const struct record *with)
{
	cleanup_free struct tarball *t = xmalloc(sizeof(*t));
	cleanup_free char *config = xasprintf("%s.json", i->id), *manifest = NULL;
	cleanup_free char *layer = xasprintf("%s.tar", i->layer[0].diff_id);
	json_t *j = json_pack(
	    "[{s:s, s:[s], s:[s]}]", "Config", config, "RepoTags", tag, "Layers", layer);
	time_t date = date_of(i);
	char unused[SHA256_HEX];

	manifest = json_canonical(j);
	json_decref(j);
	tarball_start(t, fd);
	tarball_add_file(t, layer, i->layer[0].tar, date);
	tarball_add_file(t, config, i->config_bytes, date);
	tarball_add_file(t, "manifest.json", text_bytes(manifest), date);
	if (with && add_record(t, with, date))
		return -1;
	if (tarball_end(t, unused)) {
		report("write the archive:");
		return -1;
	}
	return 0;
}

int
bundle_write(
    const char *path, const struct image *i, const char *tag, const struct record *with)
{
	cleanup_free char *new = xasprintf("%s.new.XXXXXX", path);
	cleanup_fd int fd = -1;

	if (i->layers != 1) {
		report(
		    "%s: the image has %zu layers: it wasn't made by pack", i->file, i->layers);
		return -1;
	}
	fd = mkostemp(new, O_CLOEXEC);
	if (fd < 0) {
		report("write '%s':", path);
		return -1;
	}
	if (write_members(fd, i, tag, with) == 0) {
		if (fchmod(fd, 0644) == 0 && fsync(fd) == 0 && rename(new, path) == 0)
			return 0;
		report("write '%s':", path);
	}
	unlink(new);
	return -1;
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

static int
refuse(const struct image *i, const char *name, const char *why)
{
	report("%s: refused 'whittle/%s': %s", i->file, name, why);
	return -1;
}

static int
check_accounts(const struct image *i)
{
	struct bytes manifest, passwd, group;
	struct manifest m;
	int bad = 0;

	image_part(i, "whittle/" STORE_MANIFEST, &manifest);
	image_part(i, "whittle/" STORE_PASSWD, &passwd);
	image_part(i, "whittle/" STORE_GROUP, &group);
	if (manifest_parse(&m, manifest, i->file))
		bad = -1;
	else if (!is_in_manifest(&m, "/etc/passwd", passwd))
		bad = refuse(i, STORE_PASSWD, "it isn't the image's /etc/passwd");
	else if (!is_in_manifest(&m, "/etc/group", group))
		bad = refuse(i, STORE_GROUP, "it isn't the image's /etc/group");
	manifest_free(&m);
	return bad;
}

int
bundle_keep(const struct image *i, const char *state)
{
	cleanup_free char *root = store_root(state);
	const char *name = bundle_name(i);
	struct store_file file[KEPT + 1];
	size_t k, n = 0;

	if (!name)
		return -1;
	for (k = 0; k < KEPT; k++) {
		cleanup_free char *part = xasprintf("whittle/%s", kept[k].name);

		file[n].name = kept[k].name;
		if (image_part(i, part, &file[n].data)) {
			if (!kept[k].may_miss)
				return refuse(i, kept[k].name, "the file has no such member");
			continue;
		}
		if (kept[k].label && !is_vouched_for(i, kept[k].label, file[n].data))
			return refuse(i, kept[k].name, "the image's labels name another");
		n++;
	}
	if (check_accounts(i))
		return -1;
	file[n++] = (struct store_file){STORE_CONFIG, i->config_bytes};
	return store_put(root, name, i->id, file, n);
}

int
bundle_load(const struct image *i, const char *tag)
{
	const char *name = bundle_name(i);
	cleanup_free char *folder = name ? scratch_folder() : NULL, *file = NULL, *full = NULL;
	char id[SHA256_HEX];
	int bad;

	if (!folder)
		return -1;
	file = xasprintf("%s/image.tar", folder);
	full = xasprintf("localhost/whittle/%s:%s", name, tag);
	bad =
	    bundle_write(file, i, full, NULL) || engine_load(file) || engine_image_id(full, id);
	unlink(file);
	rmdir(folder);
	if (!bad && strcmp(id, i->id) != 0) {
		report("%s: the engine took it for another image, %s", i->file, id);
		bad = -1;
	}
	return bad ? -1 : 0;
}
