#include "image.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "layer.h"
#include "oci.h"
#include "path.h"
#include "report.h"
#include "run.h"
#include "strbuf.h"

enum { JSON_MAX = 16 * 1024 * 1024, PARTS_MAX = 100000, LAYERS_MAX = 1000 };

/* A member of the archive. Older dockers store a layer that is there twice as a link. */
struct part {
	char *name;
	struct bytes data;
	char *link; /* where it leads, from the archive's root */
	int mapped; /* data is our own mapping */
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

	if (part->mapped)
		bytes_unmap(&part->data);
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
read_archive(struct opening *o)
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

/* One file of a layout's directory. */
static int
read_file(struct opening *o, int dir, const char *name, const char *path)
{
	cleanup_fd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct part *part, **found;

	if (++o->count > PARTS_MAX)
		return refuse(o, path, "too many members");
	part = xcalloc(1, sizeof(*part));
	part->name = xstrdup(path);
	if (fd < 0 || bytes_map_fd(&part->data, fd)) {
		report("%s: open '%s':", o->image->file, path);
		part_free(part);
		return -1;
	}
	part->mapped = 1;
	found = tsearch(part, &o->image->parts, compare_parts);
	if (found && *found == part)
		return 0;
	part_free(part);
	return refuse(o, path, "the same member twice");
}

/* An OCI image layout that isn't in an archive. */
static int
read_directory(struct opening *o)
{
	cleanup_fd int top = open(o->image->file, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *blobs = NULL;
	struct dirent *e;
	int fd =
	    top < 0 ? -1 : openat(top, "blobs", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int below =
	    fd < 0 ? -1 : openat(fd, "sha256", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	if (below < 0 || !(blobs = fdopendir(below))) {
		report("%s: a directory, but no OCI image layout:", o->image->file);
		if (below >= 0)
			close(below);
		return -1;
	}
	if (read_file(o, top, "index.json", "index.json"))
		return -1;
	while ((e = readdir(blobs))) {
		cleanup_free char *path = xasprintf("blobs/sha256/%s", e->d_name);

		if (!is_dots(e->d_name) && read_file(o, below, e->d_name, path))
			return -1;
	}
	return 0;
}

static int
read_parts(struct opening *o)
{
	struct stat st;

	if (stat(o->image->file, &st) == 0 && S_ISDIR(st.st_mode))
		return read_directory(o);
	if (bytes_map(&o->image->map, o->image->file)) {
		report("open '%s':", o->image->file);
		return -1;
	}
	return read_archive(o);
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

/* What a layer is compressed with; NULL: nothing that is known. */
static const char *
compression(struct bytes b)
{
	static const unsigned char zstd[] = {0x28, 0xb5, 0x2f, 0xfd};

	if (b.n > 2 && b.p[0] == 0x1f && b.p[1] == 0x8b)
		return "gzip";
	return b.n > sizeof(zstd) && memcmp(b.p, zstd, sizeof(zstd)) == 0 ? "zstd" : NULL;
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

/* The library starts zstd where it hasn't got it built in, and doesn't say that there is none.
 */
static int
needs_program(const char *by)
{
	const char *const argv[] = {"zstd", "-V", NULL};

	return strcmp(by, "zstd") == 0 &&
	       run(&(struct run){.argv = argv, .discard_out = 1, .discard_err = 1}) >= 126;
}

static int
unpack_to(struct opening *o, const char *name, const char *by, struct bytes packed, FILE *to)
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
	/* Where the library hasn't got it built in, the program zstd does it. */
	archive_read_support_filter_zstd(a);
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
	if (n < 0 && needs_program(by))
		return refuse(o, name, "its compression needs the program zstd: install that");
	if (n < 0) {
		cleanup_free char *why = xasprintf("not sound %s data", by);

		return refuse(o, name, why);
	}
	if (n > 0 || fflush(to)) {
		report("%s: unpack '%s':", o->image->file, name);
		return -1;
	}
	return 0;
}

static int
unpack(struct opening *o, const char *name, const char *by, struct image_layer *l)
{
	cleanup_file FILE *scratch = open_scratch();

	if (!scratch) {
		report("unpack to TMPDIR:");
		return -1;
	}
	if (unpack_to(o, name, by, l->tar, scratch))
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
	const char *by;

	if (find_part(o, name, &l->tar))
		return -1;
	if ((by = compression(l->tar)) && unpack(o, name, by, l))
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

static json_t *
find_manifest(struct opening *o)
{
	const json_t *source;
	const char *key;
	struct bytes text;
	json_t *manifest;

	if (image_part(o->image, "manifest.json", &text)) {
		if (image_part(o->image, "index.json", &text) == 0)
			return oci_manifest(o->image);
		refuse(o, "manifest.json",
		    image_part(o->image, "repositories", &text) == 0
			? "the archive has no such member, but schema 1, as docker before "
			  "1.10 wrote it: load it into an engine and save it again"
			: "the archive has no such member");
		return NULL;
	}
	manifest = parse_json(o, "manifest.json", text);
	json_object_foreach (
	    json_object_get(json_array_get(manifest, 0), "LayerSources"), key, source)
		if (json_array_size(json_object_get(source, "urls")) > 0) {
			refuse(o, key,
			    "a foreign layer, which is kept elsewhere and may not be handed "
			    "on");
			json_decref(manifest);
			return NULL;
		}
	return manifest;
}

static int
open_archive(struct image *i, const char *file, int with_layers)
{
	struct opening o = {.image = i};
	json_t *manifest = NULL;
	int status = -1;

	*i = (struct image){.file = file};
	if (read_parts(&o))
		return -1;
	manifest = find_manifest(&o);
	if (manifest)
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
