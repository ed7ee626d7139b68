#include "cosign.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "digest.h"
#include "engine.h"
#include "engine_image.h"
#include "file.h"
#include "record.h"
#include "report.h"
#include "run.h"
#include "skopeo.h"
#include "store.h"
#include "strbuf.h"

/*
 * What is kept of a signature, in STATE/cosign/IMAGEID/: "payload" and "signature", a text and
 * its signature (cosign's specification, SIGNATURE_SPEC: simple signing); "manifest", whose
 * digest the text names; where that is an index of several architectures, "image", the manifest
 * in it whose config is the image. Nothing of it is trusted for standing there.
 */
enum { INDEX_MAX = 64 };

int
cosign_key(const char *file)
{
	size_t n;
	cleanup_free char *text = read_whole(file, &n);

	return text && strstr(text, "-----BEGIN PUBLIC KEY-----") != NULL;
}

static json_t *
json_file(const char *directory, const char *name, char hex[SHA256_HEX])
{
	cleanup_free char *path = xasprintf("%s/%s", directory, name), *text = NULL;
	size_t n;

	text = read_whole(path, &n);
	if (!text)
		return NULL;
	if (hex)
		sha256_bytes(text, n, hex);
	return json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
}

static const char *
text_at(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static int
is_config(const json_t *manifest, const char *id)
{
	const char *digest = text_at(json_object_get(manifest, "config"), "digest");

	return is_digest(digest) && strcmp(digest + 7, id) == 0;
}

static int
lists(const json_t *index, const char *hex)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(index, "manifests"), i, one) {
		const char *digest = text_at(one, "digest");

		if (is_digest(digest) && strcmp(digest + 7, hex) == 0)
			return 1;
	}
	return 0;
}

/* Whether the manifest with the digest that was signed is that of the image, or of an index
 * with it. */
static int
leads_to(const char *directory, const char *signed_digest, const char *id)
{
	char hex[SHA256_HEX] = "", inner[SHA256_HEX] = "";
	json_t *manifest = json_file(directory, "manifest", hex);
	json_t *image = json_file(directory, "image", inner);
	int good = manifest && is_digest(signed_digest) &&
		   strcmp(signed_digest + 7, hex) == 0 &&
		   (is_config(manifest, id) ||
		       (image && lists(manifest, inner) && is_config(image, id)));

	json_decref(manifest);
	json_decref(image);
	return good;
}

/* 1 yes, 0 no, -1 after a report(). */
static int
signed_by(const char *directory, const char *public_key)
{
	cleanup_free char *payload = xasprintf("%s/payload", directory);
	cleanup_free char *signature = xasprintf("%s/signature", directory);
	const char *argv[] = {"openssl", "dgst", "-sha256", "-verify", public_key, "-signature",
	    signature, payload, NULL};
	int status = run(&(struct run){.argv = argv, .discard_out = 1, .discard_err = 1});

	if (status == 126 || status == 127 || status < 0) {
		report("'openssl' is required to verify the signature, and can't be run");
		return -1;
	}
	return status == 0;
}

/* What stands in a directory, from the signature down to the image. */
static int
holds(const char *directory, const char *id, const char *public_key)
{
	json_t *payload, *critical;
	int good = signed_by(directory, public_key);

	if (good != 1)
		return good;
	payload = json_file(directory, "payload", NULL);
	critical = json_object_get(payload, "critical");
	good = strcmp(text_at(critical, "type"), "cosign container image signature") == 0 &&
	       leads_to(directory,
		   text_at(json_object_get(critical, "image"), "docker-manifest-digest"), id);
	json_decref(payload);
	return good;
}

/* ---- fetching it ---- */

static int
put(const char *directory, const char *name, const void *bytes, size_t n)
{
	cleanup_free char *path = xasprintf("%s/%s", directory, name);

	return write_whole(path, bytes, n);
}

/* A manifest by its digest, checked, as a file. Returns 0, or -1, quietly. */
static int
fetch_manifest(
    const char *repository, const char *digest, const char *directory, const char *name)
{
	cleanup_free char *from = xasprintf("docker://%s@%s", repository, digest);
	const char *words[] = {"inspect", "--raw", from, NULL};
	struct strbuf raw = STRBUF_INIT;
	char hex[SHA256_HEX];
	int bad = skopeo_try(words, &raw, 1);

	if (!bad) {
		sha256_bytes(raw.s ? raw.s : "", raw.len, hex);
		bad = strcmp(hex, digest + 7) != 0 || put(directory, name, raw.s, raw.len);
	}
	strbuf_free(&raw);
	return bad ? -1 : 0;
}

/* Of an index the manifest whose config the image is. */
static void
fetch_image_of(const char *repository, const char *directory, const char *id)
{
	json_t *index = json_file(directory, "manifest", NULL), *one, *image;
	int found = !index || is_config(index, id);
	size_t i;

	json_array_foreach (json_object_get(index, "manifests"), i, one) {
		const char *digest = text_at(one, "digest");

		if (found || i == INDEX_MAX)
			break;
		if (!is_digest(digest) ||
		    fetch_manifest(repository, digest, directory, "image"))
			continue;
		image = json_file(directory, "image", NULL);
		found = is_config(image, id);
		json_decref(image);
	}
	json_decref(index);
}

/* One signature, as files; 0, or -1 where it is none. */
static int
take_signature(const char *directory, const char *from, const json_t *layer)
{
	const char *digest = text_at(layer, "digest"),
		   *text = text_at(json_object_get(layer, "annotations"),
		       "dev.cosignproject.cosign/signature");
	struct base64_decode_ctx ctx;
	size_t n = BASE64_DECODE_LENGTH(strlen(text)), size;
	cleanup_free unsigned char *bytes = xmalloc(n + 1);
	cleanup_free char *blob = NULL, *payload = NULL;
	char hex[SHA256_HEX];

	if (!is_digest(digest) || !*text)
		return -1;
	blob = xasprintf("%s/%s", from, digest + 7);
	payload = read_whole(blob, &size);
	base64_decode_init(&ctx);
	if (!payload || !base64_decode_update(&ctx, &n, bytes, strlen(text), text) ||
	    !base64_decode_final(&ctx))
		return -1;
	sha256_bytes(payload, size, hex);
	if (strcmp(hex, digest + 7) != 0)
		return -1;
	return put(directory, "payload", payload, size) || put(directory, "signature", bytes, n)
		   ? -1
		   : 0;
}

/* Of the signatures beside a manifest the one that holds: 1; 0 where there is none; -1. */
static int
fetch_signature(const char *repository, const char *digest, const char *directory,
    const char *id, const char *public_key)
{
	cleanup_free char *from =
	    xasprintf("docker://%s:sha256-%s.sig", repository, digest + 7);
	cleanup_free char *blobs = xasprintf("%s/blobs", directory);
	cleanup_free char *to = xasprintf("dir:%s", blobs);
	const char *words[] = {"copy", "-q", from, to, NULL};
	json_t *manifest, *layer;
	size_t i;
	int good = 0;

	if (skopeo_try(words, NULL, 1))
		return 0;
	manifest = json_file(blobs, "manifest.json", NULL);
	json_array_foreach (json_object_get(manifest, "layers"), i, layer) {
		if (good || i == INDEX_MAX)
			break;
		if (take_signature(directory, blobs, layer) == 0)
			good = holds(directory, id, public_key);
	}
	json_decref(manifest);
	return good;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

/* A directory that only we write to. */
static void
remove_scratch(const char *directory)
{
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int
keep(const char *scratch, const char *directory)
{
	static const char *const names[] = {"manifest", "image", "payload", "signature"};

	if (make_directories(directory, 0755)) {
		report("make '%s':", directory);
		return -1;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cleanup_free char *path = xasprintf("%s/%s", scratch, names[i]);
		size_t n;
		cleanup_free char *text = read_whole(path, &n);

		if (text && put(directory, names[i], text, n))
			return -1;
	}
	return 0;
}

/* "repository@sha256:…": whether its signature there holds; then it is kept. */
static int
fetch_from(const char *reference, const char *id, const char *public_key, const char *directory)
{
	const char *at = strrchr(reference, '@');
	cleanup_free char *repository =
	    at ? xstrndup(reference, (size_t)(at - reference)) : NULL;
	cleanup_free char *scratch = NULL;
	int good = 0;

	if (!at || !is_digest(at + 1))
		return 0;
	scratch = scratch_directory();
	if (!scratch)
		return -1;
	if (fetch_manifest(repository, at + 1, scratch, "manifest") == 0) {
		fetch_image_of(repository, scratch, id);
		good = fetch_signature(repository, at + 1, scratch, id, public_key);
	}
	if (good == 1 && keep(scratch, directory))
		good = -1;
	remove_scratch(scratch);
	return good;
}

/* All names with a digest that the engine has for the image. */
static json_t *
origins(const char *id)
{
	cleanup_free char *local = NULL;
	char own[SHA256_HEX];
	struct strbuf out = STRBUF_INIT;
	json_t *list = NULL;

	if (engine_local_id(id, own))
		return NULL;
	local = xasprintf("sha256:%s", own);
	{
		const char *argv[] = {engine_command(), "image", "inspect", "-f",
		    "{{json .RepoDigests}}", local, NULL};

		if (run(&(struct run){.argv = argv,
			.out = &out,
			.discard_err = 1,
			.timeout_ms = engine_limit_for(argv + 1)}) == 0)
			list = json_loadb(out.s ? out.s : "", out.len, 0, NULL);
	}
	strbuf_free(&out);
	if (!list)
		report("can't ask the engine where sha256:%.12s is from", id);
	return list;
}

static int
fetch(const char *id, const char *public_key, const char *directory)
{
	json_t *list = origins(id), *one;
	int good = list ? 0 : -1;
	size_t i;

	json_array_foreach (list, i, one)
		if (good == 0 && json_is_string(one) &&
		    strncmp(json_string_value(one), "localhost/", 10) != 0)
			good = fetch_from(json_string_value(one), id, public_key, directory);
	json_decref(list);
	return good;
}

int
cosign_check(const char *id, const char *public_key, const char *state)
{
	cleanup_free char *root = store_root(state);
	cleanup_free char *directory = xasprintf("%s/cosign/%s", root, id);
	int good = 0;

	if (access(directory, F_OK) == 0)
		good = holds(directory, id, public_key);
	/* Another key's, or none yet. */
	if (good == 0)
		good = fetch(id, public_key, directory);
	if (good == 0)
		printf(
		    "no: no signature of it by this key, neither kept nor in its registry\n");
	return good;
}
