#include "oci.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "imageid.h"
#include "members.h"
#include "platform.h"
#include "report.h"
#include "strbuf.h"

enum { DEPTH_MAX = 4, BLOB_MAX = 16 * 1024 * 1024 };

struct search {
	const struct members *members;
	struct platform here;
	unsigned depth;
	json_t *found;           /* the manifest for this machine */
	char digest[SHA256_HEX]; /* its own */
	int is_sure;             /* it says so itself */
	struct strbuf foreign;   /* for whom the others are */
	int bad;
};

static const char *
text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static void
refuse(struct search *s, const char *subject, const char *why)
{
	report("%s: refused '%s': %s", s->members->file, subject, why);
	s->bad = 1;
}

/* "blobs/sha256/…" of a descriptor; NULL after a report(). */
static char *
blob_name(struct search *s, const json_t *descriptor)
{
	char hex[SHA256_HEX];
	const char *digest = text_of(descriptor, "digest");

	if (strncmp(digest, "sha256:", 7) == 0 && imageid_parse(digest, hex) == 0)
		return xasprintf("blobs/sha256/%s", hex);
	refuse(s, digest, "a digest that isn't SHA-256");
	return NULL;
}

/* A part by its descriptor, its digest checked; NULL after a report(). */
static json_t *
load_blob(struct search *s, const json_t *descriptor)
{
	cleanup_free char *name = blob_name(s, descriptor);
	char hex[SHA256_HEX];
	struct bytes b;
	json_t *json;

	if (!name)
		return NULL;
	if (members_find(s->members, name, &b)) {
		refuse(s, name, "the archive has no such member");
		return NULL;
	}
	if (b.n > BLOB_MAX) {
		refuse(s, name, "more than 16 MiB of JSON");
		return NULL;
	}
	sha256_bytes(b.p, b.n, hex);
	if (strcmp(hex, strrchr(name, '/') + 1) != 0) {
		refuse(s, name, "its digest differs from its name");
		return NULL;
	}
	json = json_loadb((const char *)b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
	if (!json)
		refuse(s, name, "no JSON");
	return json;
}

static int
is_index(const json_t *descriptor)
{
	const char *type = text_of(descriptor, "mediaType");

	return strstr(type, "image.index") || strstr(type, "manifest.list");
}

/* Statements about an image, which builders put beside it in its index. */
static int
is_attestation(const json_t *descriptor)
{
	const json_t *notes = json_object_get(descriptor, "annotations");

	return *text_of(notes, "vnd.docker.reference.type") != '\0' ||
	       strcmp(text_of(json_object_get(descriptor, "platform"), "os"), "unknown") == 0;
}

/* 1: this machine's, 0: another's, -1: it doesn't say. */
static int
is_for_here(struct search *s, const json_t *descriptor)
{
	const json_t *platform = json_object_get(descriptor, "platform");
	const char *os = text_of(platform, "os"), *arch = text_of(platform, "architecture"),
		   *variant = text_of(platform, "variant");

	if (!*arch)
		return -1;
	if (strcmp(os, "linux") == 0 && strcmp(arch, s->here.architecture) == 0 &&
	    (!*variant || !*s->here.variant || strcmp(variant, s->here.variant) == 0))
		return 1;
	strbuf_printf(&s->foreign, "%s%s/%s%s%s", s->foreign.len ? ", " : "", os, arch,
	    *variant ? "/" : "", variant);
	return 0;
}

static void
take(struct search *s, const json_t *descriptor, int sure)
{
	char hex[SHA256_HEX];
	json_t *manifest;

	if (s->found && imageid_parse(text_of(descriptor, "digest"), hex) == 0 &&
	    strcmp(hex, s->digest) == 0)
		return; /* two names of one image */
	if (s->found && sure == s->is_sure) {
		refuse(s, "index.json", "it speaks of several images; one is wanted");
		return;
	}
	if (s->found && !sure)
		return;
	manifest = load_blob(s, descriptor);
	if (!manifest)
		return;
	json_decref(s->found);
	s->found = manifest;
	s->is_sure = sure;
	imageid_parse(text_of(descriptor, "digest"), s->digest);
}

static void
look_through(struct search *s, const json_t *index)
{
	const json_t *descriptor;
	json_t *inner;
	size_t k;
	int here;

	if (++s->depth > DEPTH_MAX) {
		refuse(s, "index.json", "indexes within indexes, too deep");
		return;
	}
	json_array_foreach (json_object_get(index, "manifests"), k, descriptor) {
		if (s->bad)
			break;
		if (is_attestation(descriptor))
			continue;
		here = is_for_here(s, descriptor);
		if (here == 0)
			continue;
		if (!is_index(descriptor)) {
			take(s, descriptor, here == 1);
		} else if ((inner = load_blob(s, descriptor))) {
			look_through(s, inner);
			json_decref(inner);
		}
	}
	s->depth--;
}

int
oci_refused(const json_t *manifest, const char *file, const char *name)
{
	const json_t *layer;
	size_t k;

	if (json_integer_value(json_object_get(manifest, "schemaVersion")) == 1) {
		report("%s: refused '%s': a manifest of schema 1, which engines don't take "
		       "any more: have the image pushed again by a docker since 1.10",
		    file, name);
		return 1;
	}
	json_array_foreach (json_object_get(manifest, "layers"), k, layer) {
		const char *type = text_of(layer, "mediaType");

		if (strstr(type, "nondistributable") || strstr(type, "foreign") ||
		    json_array_size(json_object_get(layer, "urls")) > 0) {
			report("%s: refused '%s': its layer %zu is a foreign one, which is "
			       "kept elsewhere and may not be handed on",
			    file, name, k + 1);
			return 1;
		}
	}
	return 0;
}

/* As manifest.json says it. */
static json_t *
in_dockers_words(struct search *s)
{
	cleanup_free char *config = blob_name(s, json_object_get(s->found, "config"));
	json_t *layers = json_array();
	const json_t *layer;
	size_t k;

	json_array_foreach (json_object_get(s->found, "layers"), k, layer) {
		cleanup_free char *name = s->bad ? NULL : blob_name(s, layer);

		if (name)
			json_array_append_new(layers, json_string(name));
	}
	if (s->bad) {
		json_decref(layers);
		return NULL;
	}
	return json_pack("[{s:s, s:o}]", "Config", config, "Layers", layers);
}

json_t *
oci_manifest(const struct members *m)
{
	struct search s = {.members = m, .here = platform_here()};
	json_t *index = NULL, *answer = NULL;
	struct bytes b;

	if (members_find(m, "index.json", &b) || b.n > BLOB_MAX ||
	    !(index = json_loadb((const char *)b.p, b.n, JSON_REJECT_DUPLICATES, NULL)))
		refuse(&s, "index.json", "no JSON, or more than 16 MiB of it");
	else
		look_through(&s, index);
	if (!s.bad && !s.found && s.foreign.len)
		report("%s: no image for linux/%s%s%s in it, but for %s", m->file,
		    s.here.architecture, *s.here.variant ? "/" : "", s.here.variant,
		    s.foreign.s);
	else if (!s.bad && !s.found)
		refuse(&s, "index.json", "it speaks of no image");
	else if (!s.bad && !oci_refused(s.found, m->file, "index.json"))
		answer = in_dockers_words(&s);
	json_decref(index);
	json_decref(s.found);
	strbuf_free(&s.foreign);
	return answer;
}
