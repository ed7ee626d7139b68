#include "image.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "oci.h"
#include "report.h"
#include "run.h"
#include "strbuf.h"

enum { JSON_MAX = 16 * 1024 * 1024, LAYERS_MAX = 1000 };

struct opening {
	struct image *image;
};

static int
refuse(const struct opening *o, const char *subject, const char *why)
{
	report("%s: refused '%s': %s", o->image->file, subject, why);
	return -1;
}

static int
find_part(const struct opening *o, const char *name, struct bytes *data)
{
	return members_find(&o->image->members, name, data)
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
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

	if (limit < 64 << 20)
		limit = 64 << 20;
	/* A program that isn't there, or ends early, must not end us. */
	sigaction(SIGPIPE, &ignore, &before);
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
	sigaction(SIGPIPE, &before, NULL);
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

	if (members_find(&o->image->members, "manifest.json", &text)) {
		if (members_find(&o->image->members, "index.json", &text) == 0)
			return oci_manifest(&o->image->members);
		refuse(o, "manifest.json",
		    members_find(&o->image->members, "repositories", &text) == 0
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
	if (members_read(&i->members, file))
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
	members_free(&i->members);
	*i = (struct image){.file = NULL};
}
