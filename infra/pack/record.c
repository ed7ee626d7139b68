#include "record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "config.h"
#include "engine_image.h"
#include "image.h"
#include "imageid.h"
#include "report.h"
#include "store.h"
#include "strbuf.h"

char *
read_whole(const char *path, size_t *n)
{
	struct bytes b;
	char *text;

	if (bytes_map(&b, path))
		return NULL;
	text = xmalloc(b.n + 1);
	if (b.n)
		memcpy(text, b.p, b.n);
	text[b.n] = '\0';
	*n = b.n;
	bytes_unmap(&b);
	return text;
}

static int
find_id(const char *image, char id[SHA256_HEX])
{
	cleanup_free char *state = store_root(NULL);
	char means[SHA256_HEX];
	struct stat st;

	if (imageid_parse(image, id) == 0) {
		/* What a person has from the engine may be the engine's own. */
		if (imageid_known(state, id, means))
			memcpy(id, means, SHA256_HEX);
		return 0;
	}
	if (strchr(image, '/') && stat(image, &st) == 0 && S_ISREG(st.st_mode)) {
		struct image archive;
		int bad = image_open(&archive, image);

		memcpy(id, archive.id, SHA256_HEX);
		image_close(&archive);
		return bad;
	}
	return engine_image_id(image, id);
}

static int
read_config(struct record *r)
{
	cleanup_free char *path = record_path(r, STORE_CONFIG), *text = NULL;
	char hex[SHA256_HEX];
	size_t n;

	text = read_whole(path, &n);
	if (!text) {
		report("open '%s':", path);
		return -1;
	}
	sha256_bytes(text, n, hex);
	r->config = json_loadb(text, n, 0, NULL);
	if (strcmp(hex, r->id) || !json_is_object(r->config)) {
		report("'%s' was changed: it isn't the image's config", path);
		return RECORD_CHANGED;
	}
	return 0;
}

int
record_open(struct record *r, const char *image, const char *state)
{
	cleanup_free char *root = store_root(state);
	char *slash;

	*r = (struct record){.directory = NULL};
	if (find_id(image, r->id))
		return -1;
	r->directory = store_find(root, r->id);
	if (!r->directory) {
		report("nothing is kept about '%s' (%.12s) in '%s': it wasn't packed here",
		    image, r->id, root);
		return -1;
	}
	slash = strrchr(r->directory, '/');
	*slash = '\0';
	r->name = xstrdup(strrchr(r->directory, '/') + 1);
	*slash = '/';
	return read_config(r);
}

void
record_close(struct record *r)
{
	free(r->directory);
	free(r->name);
	json_decref(r->config);
	*r = (struct record){.directory = NULL};
}

char *
record_path(const struct record *r, const char *file)
{
	return xasprintf("%s/%s", r->directory, file);
}

/* The image ID vouches for the labels, the labels for the files. */
static int
check_digest(
    const struct record *r, const char *path, const char *key, const char *text, size_t n)
{
	const char *want = config_get_label(r->config, key);
	char hex[SHA256_HEX];

	sha256_bytes(text, n, hex);
	if (want && strncmp(want, "sha256:", 7) == 0 && strcmp(want + 7, hex) == 0)
		return 0;
	report("'%s' was changed: it isn't what the image's label '%s' names", path, key);
	return -1;
}

int
record_text(const struct record *r, const char *file, const char *key, char **text, size_t *n)
{
	cleanup_free char *path = record_path(r, file);

	*text = read_whole(path, n);
	if (!*text && errno == ENOENT && !key)
		return 0;
	if (!*text) {
		report("open '%s':", path);
		return -1;
	}
	if (key && check_digest(r, path, key, *text, *n)) {
		free(*text);
		*text = NULL;
		return -1;
	}
	return 0;
}

int
record_json(const struct record *r, const char *file, const char *key, json_t **json)
{
	cleanup_free char *path = record_path(r, file), *text = NULL;
	json_error_t error;
	size_t n;

	*json = NULL;
	if (record_text(r, file, key, &text, &n))
		return -1;
	if (!text)
		return 0;
	*json = json_loadb(text, n, 0, &error);
	if (*json)
		return 0;
	report("'%s': %s", path, error.text);
	return -1;
}

int
record_manifest(const struct record *r, struct manifest *m)
{
	cleanup_free char *path = record_path(r, STORE_MANIFEST), *text = NULL;
	size_t n;

	*m = (struct manifest){NULL, 0};
	if (record_text(r, STORE_MANIFEST, LABEL_MANIFEST, &text, &n))
		return -1;
	return manifest_parse(m, (struct bytes){(unsigned char *)text, n}, path);
}
