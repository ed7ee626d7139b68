/* CycloneDX 1.5, JSON: cyclonedx.org/docs/1.5/json. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "config.h"
#include "digest.h"
#include "inode.h"
#include "json.h"
#include "parts.h"
#include "sbom.h"
#include "sources.h"
#include "strbuf.h"
#include "tree.h"

static void
add_hash(json_t *list, const char *algorithm, const char *hex)
{
	json_array_append_new(list, json_pack("{s:s, s:s}", "alg", algorithm, "content", hex));
}

static void
add_property(json_t *component, const char *name, const char *value)
{
	json_t *list = json_object_get(component, "properties");

	if (!value || !*value)
		return;
	if (!list)
		json_object_set_new(component, "properties", list = json_array());
	json_array_append_new(
	    list, json_pack("{s:s, s:o}", "name", name, "value", json_text(value)));
}

static json_t *
file_component(const struct item *item)
{
	const struct inode *i = item->node->inode;
	cleanup_free char *path = xasprintf("/%s", item->path);
	json_t *c = json_pack("{s:s}", "type", "file"), *hashes;
	char hex[SHA256_HEX];

	json_set_text(c, "name", path);
	if (json_object_get(c, "name_hex")) {
		add_property(
		    c, "whittle:name_hex", json_string_value(json_object_get(c, "name_hex")));
		json_object_del(c, "name_hex");
	}
	if (S_ISLNK(i->mode)) {
		add_property(c, "whittle:link", i->target);
		return c;
	}
	if (!S_ISREG(i->mode))
		return c;
	hashes = json_array();
	hex_of(i->sha1, sizeof(i->sha1), hex);
	add_hash(hashes, "SHA-1", hex);
	hex_of(i->sha256, sizeof(i->sha256), hex);
	add_hash(hashes, "SHA-256", hex);
	json_object_set_new(c, "hashes", hashes);
	return c;
}

static const char *
type_word(const struct part *part)
{
	switch (part->kind) {
	case PART_SYSTEM:
		return "operating-system";
	case PART_PROGRAM:
		return "application";
	case PART_SOURCE:
		return part->files ? "application" : "library";
	case PART_IMAGE:
		return "application";
	case PART_APK:
	case PART_DEB:
		return "library";
	}
	return "library";
}

static void
add_license(json_t *c, const char *license)
{
	json_t *one;

	if (!license)
		return;
	if (is_license_expression(license))
		one = json_pack("{s:o}", "expression", json_text(license));
	else
		one = json_pack("{s:{s:o}}", "license", "name", json_text(license));
	json_object_set_new(c, "licenses", json_pack("[o]", one));
}

static void
add_reference(json_t *list, const char *type, const char *url, const char *sha256)
{
	json_t *one = json_pack("{s:s, s:o}", "type", type, "url", json_text(url));

	if (sha256)
		json_object_set_new(one, "hashes",
		    json_pack("[{s:s, s:s}]", "alg", "SHA-256", "content", sha256));
	json_array_append_new(list, one);
}

static void
add_references(json_t *c, const struct parts *p, const struct part *part)
{
	json_t *list = json_array();
	size_t i;

	if (part->url)
		add_reference(list, "website", part->url, NULL);
	for (i = 0; part->kind == PART_SOURCE && i < p->pins->count; i++) {
		const struct pin *pin = &p->pins->pin[i];

		if (strcmp(pin->name, part->name) == 0 &&
		    strcmp(pin->version, part->version) == 0)
			add_reference(list, "distribution", pin->origin, pin->sha256);
	}
	if (json_array_size(list))
		json_object_set(c, "externalReferences", list);
	json_decref(list);
}

/* The pinned version, where a source's fallback was used instead; else NULL. */
static const char *
instead_of(const struct pins *pins, const struct part *part)
{
	const struct pin *pin = pins_find(pins, part->name, part->version);

	return pin ? pin->instead_of : NULL;
}

static json_t *
part_component(const struct sbom *s, size_t index)
{
	const struct part *part = &s->parts->part[index];
	cleanup_free char *purl = part_purl(s->parts, part), *cpe = part_cpe(part);
	json_t *c = json_pack("{s:s, s:o, s:o}", "type", type_word(part), "name",
	    json_text(part->name), "bom-ref", json_text(part->ref));
	json_t *files = json_array();
	size_t i;

	json_set_if(c, "version", part->version);
	json_set_if(c, "description", part->description);
	json_set_if(c, "purl", purl);
	json_set_if(c, "cpe", cpe);
	add_license(c, part->license);
	add_references(c, s->parts, part);
	add_property(c, "whittle:kind", part_kind_word(part->kind));
	add_property(c, "whittle:arch", part->arch);
	add_property(c, "whittle:origin", part->origin);
	add_property(c, "whittle:origin_version", part->origin_version);
	add_property(c, "whittle:commit", part->commit);
	if (part->kind == PART_SOURCE)
		add_property(c, "whittle:instead_of", instead_of(s->parts->pins, part));
	for (i = 0; i < s->listing->count; i++)
		if (s->parts->owner[i] == index)
			json_array_append_new(files, file_component(&s->listing->item[i]));
	if (json_array_size(files))
		json_object_set(c, "components", files);
	json_decref(files);
	return c;
}

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *
dependency(const struct parts *p, const struct part *part)
{
	const char **refs = xcalloc(part->use_count, sizeof(*refs));
	json_t *on = json_array();
	size_t i, n = 0;

	for (i = 0; i < part->use_count; i++)
		if (p->part[part->uses[i]].listed)
			refs[n++] = p->part[part->uses[i]].ref;
	qsort(refs, n, sizeof(*refs), compare_strings);
	for (i = 0; i < n; i++)
		json_array_append_new(on, json_text(refs[i]));
	free(refs);
	return json_pack("{s:o, s:o}", "ref", json_text(part->ref), "dependsOn", on);
}

static json_t *
metadata(const struct sbom *s)
{
	cleanup_free char *image = xasprintf("localhost/whittle/%s", s->name);
	char date[32];
	json_t *m;

	format_time(s->epoch, date);
	m = json_pack("{s:s, s:{s:[{s:s, s:s, s:s}]}, s:{s:s, s:s, s:s}}", "timestamp", date,
	    "tools", "components", "type", "application", "name", "whittle pack", "version",
	    PACK_VERSION, "component", "type", "container", "name", image, "bom-ref",
	    "container");
	add_property(m, SBOM_COMPILER, s->compiler);
	return m;
}

/* The image as a whole: it depends on every part that isn't only a part of another one. */
static json_t *
root_dependency(const struct parts *p)
{
	json_t *on = json_array();
	size_t i;

	for (i = 0; i < p->count; i++)
		if (p->part[i].listed && (p->part[i].files || is_package(p->part[i].kind)))
			json_array_append_new(on, json_text(p->part[i].ref));
	return json_pack("{s:s, s:o}", "ref", "container", "dependsOn", on);
}

char *
sbom_cyclonedx(const struct sbom *s)
{
	json_t *components = json_array(), *dependencies = json_array(), *bom;
	size_t i;

	json_array_append_new(dependencies, root_dependency(s->parts));
	for (i = 0; i < s->parts->count; i++) {
		if (!s->parts->part[i].listed)
			continue;
		json_array_append_new(components, part_component(s, i));
		json_array_append_new(dependencies, dependency(s->parts, &s->parts->part[i]));
	}
	bom = json_pack("{s:s, s:s, s:i, s:o, s:o, s:o}", "bomFormat", "CycloneDX",
	    "specVersion", "1.5", "version", 1, "metadata", metadata(s), "components",
	    components, "dependencies", dependencies);
	return json_dump_named(bom, "serialNumber");
}
