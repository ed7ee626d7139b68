/* SPDX 2.3, JSON: spdx.github.io/spdx-spec/v2.3. Files are those with content: a link has no
 * checksum, which SPDX requires of every file. */
#include <nettle/sha1.h>
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

/* Identifiers are letters, digits, '.' and '-'. */
static char *
package_id(size_t index)
{
	return xasprintf("SPDXRef-Package-%zu", index);
}

static char *
file_id(size_t index)
{
	return xasprintf("SPDXRef-File-%zu", index);
}

static void
relate(json_t *list, const char *from, const char *how, const char *to)
{
	json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "spdxElementId", from,
					"relationshipType", how, "relatedSpdxElement", to));
}

static int
compare_hex(const void *a, const void *b)
{
	return memcmp(a, b, 40);
}

static int
has_checksum(const struct sbom *s, size_t item)
{
	return S_ISREG(s->listing->item[item].node->inode->mode);
}

/* Section 7.9: SHA-1 of the sorted SHA-1s of the package's files. */
static int
verification_code(const struct sbom *s, size_t part, char code[41])
{
	char(*sums)[41] = xcalloc(s->listing->count + 1, sizeof(*sums));
	unsigned char sum[SHA1_DIGEST_SIZE];
	struct sha1_ctx ctx;
	size_t i, n = 0;

	for (i = 0; i < s->listing->count; i++)
		if (s->parts->owner[i] == part && has_checksum(s, i))
			hex_of(
			    s->listing->item[i].node->inode->sha1, SHA1_DIGEST_SIZE, sums[n++]);
	qsort(sums, n, sizeof(*sums), compare_hex);
	sha1_init(&ctx);
	for (i = 0; i < n; i++)
		sha1_update(&ctx, 40, (const uint8_t *)sums[i]);
	sha1_digest(&ctx, sizeof(sum), sum);
	hex_of(sum, sizeof(sum), code);
	free(sums);
	return n > 0;
}

static const char *
purpose(const struct part *part)
{
	switch (part->kind) {
	case PART_SYSTEM:
		/* The specification's text has a hyphen, its JSON schema hasn't. */
		return "OPERATING_SYSTEM";
	case PART_PROGRAM:
	case PART_IMAGE:
		return "APPLICATION";
	case PART_SOURCE:
		return part->files ? "APPLICATION" : "LIBRARY";
	case PART_APK:
	case PART_DEB:
		return "LIBRARY";
	}
	return "LIBRARY";
}

static void
add_external(json_t *package, const char *category, const char *type, const char *locator)
{
	json_t *list = json_object_get(package, "externalRefs");

	if (!*locator)
		return;
	if (!list)
		json_object_set_new(package, "externalRefs", list = json_array());
	json_array_append_new(
	    list, json_pack("{s:s, s:s, s:o}", "referenceCategory", category, "referenceType",
		      type, "referenceLocator", json_text(locator)));
}

/* Where a pinned source comes from, with its digest; of other parts that isn't known. */
static void
add_download(json_t *package, const struct parts *p, const struct part *part)
{
	size_t i;

	json_object_set_new(package, "downloadLocation", json_string("NOASSERTION"));
	for (i = 0; part->kind == PART_SOURCE && i < p->pins->count; i++) {
		const struct pin *pin = &p->pins->pin[i];

		if (strcmp(pin->name, part->name) || strcmp(pin->version, part->version) ||
		    strncmp(pin->origin, "http", 4))
			continue;
		json_object_set_new(package, "downloadLocation", json_text(pin->origin));
		json_object_set_new(package, "checksums",
		    json_pack(
			"[{s:s, s:s}]", "algorithm", "SHA256", "checksumValue", pin->sha256));
		return;
	}
}

static json_t *
package(const struct sbom *s, size_t index)
{
	const struct part *part = &s->parts->part[index];
	cleanup_free char *id = package_id(index), *purl = part_purl(s->parts, part);
	cleanup_free char *cpe = part_cpe(part);
	const int licensed = part->license && is_license_expression(part->license);
	char code[41];
	int analyzed = verification_code(s, index, code);
	json_t *p = json_pack("{s:s, s:o, s:b, s:s, s:s, s:s, s:s}", "SPDXID", id, "name",
	    json_text(part->name), "filesAnalyzed", analyzed, "licenseConcluded", "NOASSERTION",
	    "licenseDeclared", licensed ? part->license : "NOASSERTION", "copyrightText",
	    "NOASSERTION", "primaryPackagePurpose", purpose(part));

	json_set_if(p, "versionInfo", part->version);
	json_set_if(p, "summary", part->description);
	json_set_if(p, "homepage", part->url);
	if (part->license && !licensed)
		json_set_if(p, "licenseComments", part->license);
	if (analyzed) {
		json_object_set_new(p, "packageVerificationCode",
		    json_pack("{s:s}", "packageVerificationCodeValue", code));
		json_object_set_new(p, "licenseInfoFromFiles", json_pack("[s]", "NOASSERTION"));
	}
	add_download(p, s->parts, part);
	add_external(p, "PACKAGE-MANAGER", "purl", purl);
	add_external(p, "SECURITY", "cpe23Type", cpe);
	return p;
}

static json_t *
file(const struct sbom *s, size_t index)
{
	const struct item *item = &s->listing->item[index];
	const struct inode *i = item->node->inode;
	cleanup_free char *id = file_id(index), *name = xasprintf("./%s", item->path);
	char sha1[41], sha256[SHA256_HEX];

	hex_of(i->sha1, sizeof(i->sha1), sha1);
	hex_of(i->sha256, sizeof(i->sha256), sha256);
	return json_pack("{s:s, s:o, s:[{s:s, s:s}, {s:s, s:s}], s:s, s:[s], s:s}", "SPDXID",
	    id, "fileName", json_text(name), "checksums", "algorithm", "SHA1", "checksumValue",
	    sha1, "algorithm", "SHA256", "checksumValue", sha256, "licenseConcluded",
	    "NOASSERTION", "licenseInfoInFiles", "NOASSERTION", "copyrightText", "NOASSERTION");
}

/* What a program of ours uses is linked into it; packages find each other when they run. */
static void
relate_uses(const struct sbom *s, size_t index, json_t *relations)
{
	const struct part *part = &s->parts->part[index];
	cleanup_free char *from = package_id(index);
	size_t i;

	for (i = 0; i < part->use_count; i++) {
		cleanup_free char *to = package_id(part->uses[i]);

		if (s->parts->part[part->uses[i]].listed)
			relate(relations, from,
			    is_package(part->kind) ? "DEPENDS_ON" : "STATIC_LINK", to);
	}
}

static json_t *
image_package(const struct sbom *s)
{
	cleanup_free char *name = xasprintf("localhost/whittle/%s", s->name);

	return json_pack("{s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:s}", "SPDXID", "SPDXRef-Image",
	    "name", name, "filesAnalyzed", 0, "downloadLocation", "NOASSERTION",
	    "licenseConcluded", "NOASSERTION", "licenseDeclared", "NOASSERTION",
	    "copyrightText", "NOASSERTION", "primaryPackagePurpose", "CONTAINER");
}

static void
add_packages(const struct sbom *s, json_t *packages, json_t *relations)
{
	size_t i;

	json_array_append_new(packages, image_package(s));
	relate(relations, "SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image");
	for (i = 0; i < s->parts->count; i++) {
		cleanup_free char *id = package_id(i);

		if (!s->parts->part[i].listed)
			continue;
		json_array_append_new(packages, package(s, i));
		relate(relations, "SPDXRef-Image", "CONTAINS", id);
		relate_uses(s, i, relations);
	}
}

static void
add_files(const struct sbom *s, json_t *files, json_t *relations)
{
	size_t i;

	for (i = 0; i < s->listing->count; i++) {
		cleanup_free char *id = file_id(i), *owner = NULL;

		if (s->parts->owner[i] == PART_NONE || !has_checksum(s, i))
			continue;
		owner = package_id(s->parts->owner[i]);
		json_array_append_new(files, file(s, i));
		relate(relations, owner, "CONTAINS", id);
	}
}

char *
sbom_spdx(const struct sbom *s)
{
	json_t *packages = json_array(), *files = json_array(), *relations = json_array(), *doc;
	char date[32];

	add_packages(s, packages, relations);
	add_files(s, files, relations);
	format_time(s->epoch, date);
	doc = json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:[s]}, s:o, s:o, s:o}", "spdxVersion",
	    "SPDX-2.3", "dataLicense", "CC0-1.0", "SPDXID", "SPDXRef-DOCUMENT", "name", s->name,
	    "creationInfo", "created", date, "creators", "Tool: whittle-pack-" PACK_VERSION,
	    "packages", packages, "files", files, "relationships", relations);
	if (s->compiler) {
		cleanup_free char *comment = xasprintf("compiled with %s", s->compiler);

		json_set_if(json_object_get(doc, "creationInfo"), "comment", comment);
	}
	return json_dump_named(doc, "documentNamespace");
}
