#include "image.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cleanup.h"
#include "layer.h"
#include "report.h"
#include "strbuf.h"

enum { JSON_MAX = 16 * 1024 * 1024, PARTS_MAX = 100000, LAYERS_MAX = 1000 };

/* A member of the archive. Older dockers store a layer that is there twice as a link. */
struct part {
	char *name;
	struct bytes data;
	char *link; /* where it leads, from the archive's root */
};

struct opening {
	struct image *image;
	size_t count;
};

static int
compare_parts(const void *a, const void *b)
{
	return strcmp(((const struct part *)a)->name, ((const struct part *)b)->name);
}

static void
part_free(void *p)
{
	struct part *part = p;

	free(part->name);
	free(part->link);
	free(part);
}

static int
refuse(const struct opening *o, const char *subject, const char *why)
{
	report("%s: refused '%s': %s", o->image->file, subject, why);
	return -1;
}

/* What a symbolic link in the archive means: "a/layer.tar" -> "../b/layer.tar" is
 * "b/layer.tar". NULL where that is outside. */
static char *
link_destination(const char *name, const char *target)
{
	const char *slash = strrchr(name, '/'), *why;

	if (slash && strncmp(target, "../", 3) == 0 &&
	    !memchr(name, '/', (size_t)(slash - name)))
		return clean_path(target + 3, &why);
	return NULL;
}

static int
read_part(struct opening *o, struct archive *a, struct archive_entry *e)
{
	const char *raw = archive_entry_pathname(e), *why;
	int64_t size = archive_entry_size(e), offset = 0;
	const void *block = NULL;
	struct part *part, **found;
	size_t n = 0;

	if (!raw)
		return refuse(o, "", "a member without a name");
	if (archive_entry_filetype(e) == AE_IFDIR)
		return 0;
	if (++o->count > PARTS_MAX)
		return refuse(o, raw, "too many members");
	part = xcalloc(1, sizeof(*part));
	part->name = clean_path(raw, &why);
	if (!part->name) {
		free(part);
		return refuse(o, raw, why);
	}
	found = tsearch(part, &o->image->parts, compare_parts);
	if (!found || *found != part) {
		part_free(part);
		return refuse(o, raw, "the same member twice");
	}
	if (archive_entry_symlink(e)) {
		part->link = link_destination(part->name, archive_entry_symlink(e));
		return part->link ? 0 : refuse(o, raw, "a link that leads out of the archive");
	}
	if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e))
		return refuse(o, raw, "neither a file nor a folder");
	if (size < 0 || (uint64_t)size > o->image->map.n)
		return refuse(o, raw, "larger than the whole archive");
	if (size > 0 && (archive_read_data_block(a, &block, &n, &offset) != ARCHIVE_OK ||
			    offset || n != (size_t)size))
		return refuse(o, raw, "its content ends early");
	part->data = (struct bytes){block, n};
	return 0;
}

static int
read_parts(struct opening *o)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	int status = ARCHIVE_FATAL, bad = 0;

	if (!a) {
		report("%s: out of memory", o->image->file);
		return -1;
	}
	archive_read_support_format_tar(a);
	if (!o->image->map.n ||
	    archive_read_open_memory(a, o->image->map.p, o->image->map.n) != ARCHIVE_OK) {
		report("%s: not a tar archive", o->image->file);
		bad = 1;
	}
	while (!bad && (status = archive_read_next_header(a, &e)) == ARCHIVE_OK)
		bad = read_part(o, a, e) != 0;
	if (!bad && status != ARCHIVE_EOF) {
		const char *error = archive_error_string(a);

		report("%s: not a sound tar archive: %s", o->image->file,
		    error ? error : "unreadable");
		bad = 1;
	}
	archive_read_free(a);
	return bad ? -1 : 0;
}

int
image_part(const struct image *i, const char *name, struct bytes *data)
{
	const char *why;
	cleanup_free char *clean = clean_path(name, &why);
	struct part key = {.name = clean}, **found;
	int links;

	for (links = 0; clean && links < 3; links++) {
		found = tfind(&key, &i->parts, compare_parts);
		if (!found)
			return -1;
		if (!(*found)->link) {
			*data = (*found)->data;
			return 0;
		}
		key.name = (*found)->link;
	}
	return -1;
}

static int
find_part(const struct opening *o, const char *name, struct bytes *data)
{
	return image_part(o->image, name, data)
		   ? refuse(o, name, "the archive has no such member")
		   : 0;
}

static json_t *
parse_json(const struct opening *o, const char *name, struct bytes b)
{
	json_error_t error;
	json_t *json;

	if (b.n > JSON_MAX) {
		refuse(o, name, "more than 16 MiB of JSON");
		return NULL;
	}
	json = json_loadb((const char *)b.p, b.n, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		report("%s: '%s': line %d: %s", o->image->file, name, error.line, error.text);
	return json;
}

static int
is_gzip(struct bytes b)
{
	return b.n > 2 && b.p[0] == 0x1f && b.p[1] == 0x8b;
}

/* Into a file without a name in TMPDIR, so that memory stays bounded. */
static FILE *
open_scratch(void)
{
	const char *dir = getenv("TMPDIR");
	cleanup_free char *name = xasprintf("%s/pack.XXXXXX", dir && *dir ? dir : "/tmp");
	int fd = mkstemp(name);

	if (fd < 0)
		return NULL;
	unlink(name);
	return fdopen(fd, "w+");
}

static int
unpack_to(struct opening *o, const char *name, struct bytes packed, FILE *to)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	unsigned long long total = 0, limit = packed.n * 100ULL;
	char chunk[65536];
	la_ssize_t n = -1;

	if (limit < 64 << 20)
		limit = 64 << 20;
	archive_read_support_format_raw(a);
	archive_read_support_filter_gzip(a);
	if (archive_read_open_memory(a, packed.p, packed.n) == ARCHIVE_OK &&
	    archive_read_next_header(a, &e) == ARCHIVE_OK)
		while ((n = archive_read_data(a, chunk, sizeof(chunk))) > 0) {
			total += (unsigned long long)n;
			if (total > limit || fwrite(chunk, 1, (size_t)n, to) != (size_t)n)
				break;
		}
	archive_read_free(a);
	if (total > limit)
		return refuse(o, name, "it unpacks to more than a hundred times its size");
	if (n < 0)
		return refuse(o, name, "not sound gzip data");
	if (n > 0 || fflush(to)) {
		report("%s: unpack '%s':", o->image->file, name);
		return -1;
	}
	return 0;
}

static int
unpack(struct opening *o, const char *name, struct image_layer *l)
{
	cleanup_file FILE *scratch = open_scratch();

	if (!scratch) {
		report("unpack to TMPDIR:");
		return -1;
	}
	if (unpack_to(o, name, l->tar, scratch))
		return -1;
	if (bytes_map_fd(&l->unpacked, fileno(scratch))) {
		report("unpack to TMPDIR:");
		return -1;
	}
	l->tar = l->unpacked;
	return 0;
}

static int
open_layer(struct opening *o, const char *name, const char *diff_id, struct image_layer *l)
{
	if (find_part(o, name, &l->tar))
		return -1;
	if (is_gzip(l->tar) && unpack(o, name, l))
		return -1;
	sha256_bytes(l->tar.p, l->tar.n, l->diff_id);
	if (strncmp(diff_id, "sha256:", 7) || strcmp(diff_id + 7, l->diff_id))
		return refuse(o, name,
		    "the layer isn't the one that the config names: its digest differs");
	return 0;
}

static int
open_layers(struct opening *o, const json_t *names)
{
	struct image *i = o->image;
	const json_t *ids = json_object_get(json_object_get(i->config, "rootfs"), "diff_ids");
	size_t k, n = json_array_size(names);

	if (!json_is_array(names) || !json_is_array(ids) || n != json_array_size(ids))
		return refuse(o, "manifest.json", "its layers aren't those of the config");
	if (n == 0 || n > LAYERS_MAX)
		return refuse(o, "manifest.json", n ? "too many layers" : "no layers");
	i->layer = xcalloc(n, sizeof(*i->layer));
	i->layers = n;
	for (k = 0; k < n; k++) {
		const char *name = json_string_value(json_array_get(names, k));
		const char *id = json_string_value(json_array_get(ids, k));

		if (!name || !id)
			return refuse(o, "manifest.json", "a layer without a name or a digest");
		if (open_layer(o, name, id, &i->layer[k]))
			return -1;
	}
	return 0;
}

static int
open_config(struct opening *o, const json_t *manifest)
{
	struct image *i = o->image;
	const json_t *one = json_array_get(manifest, 0);
	const char *config = json_string_value(json_object_get(one, "Config"));

	if (json_array_size(manifest) != 1)
		return refuse(
		    o, "manifest.json", "it speaks of no image or of several; one is wanted");
	if (!config)
		return refuse(o, "manifest.json", "it names no config");
	if (find_part(o, config, &i->config_bytes))
		return -1;
	sha256_bytes(i->config_bytes.p, i->config_bytes.n, i->id);
	i->config = parse_json(o, config, i->config_bytes);
	if (!i->config)
		return -1;
	i->tags = json_incref(json_object_get(one, "RepoTags"));
	return 0;
}

static int
open_archive(struct image *i, const char *file, int with_layers)
{
	struct opening o = {.image = i};
	struct bytes text;
	json_t *manifest = NULL;
	int status = -1;

	*i = (struct image){.file = file};
	if (bytes_map(&i->map, file)) {
		report("open '%s':", file);
		return -1;
	}
	if (!read_parts(&o) && !find_part(&o, "manifest.json", &text) &&
	    (manifest = parse_json(&o, "manifest.json", text)))
		status = open_config(&o, manifest);
	if (!status && with_layers)
		status =
		    open_layers(&o, json_object_get(json_array_get(manifest, 0), "Layers"));
	json_decref(manifest);
	return status;
}

int
image_open(struct image *i, const char *file)
{
	return open_archive(i, file, 1);
}

int
image_open_config(struct image *i, const char *file)
{
	return open_archive(i, file, 0);
}

void
image_close(struct image *i)
{
	size_t k;

	for (k = 0; k < i->layers; k++)
		bytes_unmap(&i->layer[k].unpacked);
	free(i->layer);
	json_decref(i->config);
	json_decref(i->tags);
	tdestroy(i->parts, part_free);
	bytes_unmap(&i->map);
	*i = (struct image){.file = NULL};
}
