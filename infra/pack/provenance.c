/* pack provenance: what went into an image and what its tests said, as an in-toto statement
 * (in-toto.io/Statement/v1) with SLSA's predicate (slsa.dev/provenance/v1). Its subjects are
 * the image and what is kept about it, so that one signature covers all. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"
#include "json.h"
#include "record.h"
#include "report.h"
#include "sbom.h"
#include "stamp.h"
#include "store.h"
#include "strbuf.h"
#include "usage.h"
#include "verbs.h"

struct stating {
	struct record record;
	json_t *sbom;
	json_t *build, *test; /* the stamps, as objects of their lines; NULL where not given */
};

static json_t *
read_stamp(const char *file)
{
	size_t n;
	cleanup_free char *text = read_whole(file, &n);

	if (!text) {
		report("open '%s':", file);
		return NULL;
	}
	return stamp_parse((struct bytes){(unsigned char *)text, n});
}

/* A stamp is about one image: that of another image is no evidence for this one. */
static int
is_about(const json_t *stamp, const struct record *r, const char *file)
{
	cleanup_free char *id = xasprintf("sha256:%s", r->id);
	const char *image = json_string_value(json_object_get(stamp, "image"));

	if (image && strcmp(image, id) == 0)
		return 1;
	report("'%s' is about another image than %s", file, id);
	return 0;
}

static json_t *
subject(const char *name, const char *hex)
{
	return json_pack("{s:s, s:{s:s}}", "name", name, "digest", "sha256", hex);
}

static void
add_labelled(json_t *subjects, const struct record *r, const char *file, const char *key)
{
	const char *digest = config_get_label(r->config, key);

	if (digest && strncmp(digest, "sha256:", 7) == 0)
		json_array_append_new(subjects, subject(file, digest + 7));
}

static json_t *
subjects(const struct record *r)
{
	cleanup_free char *name = xasprintf("localhost/whittle/%s", r->name);
	json_t *list = json_array();

	json_array_append_new(list, subject(name, r->id));
	add_labelled(list, r, STORE_CDX, LABEL_CDX);
	add_labelled(list, r, STORE_SPDX, LABEL_SPDX);
	add_labelled(list, r, STORE_MANIFEST, LABEL_MANIFEST);
	add_labelled(list, r, STORE_LEDGER, LABEL_LEDGER);
	return list;
}

static void
add_base(json_t *list, const struct record *r)
{
	const char *label = config_get_label(r->config, LABEL_BASE);
	const char *at = label ? strstr(label, "@sha256:") : NULL;
	cleanup_free char *name =
	    at ? xasprintf("localhost/whittle/%.*s", (int)(at - label), label) : NULL;

	if (name)
		json_array_append_new(list, subject(name, at + 8));
}

/* A source by each pin that its version has (which of them was used depends on where the
 * machine could get it), anything else by its purl. */
static void
add_part(json_t *list, const json_t *part)
{
	json_t *references = json_object_get(part, "externalReferences"), *one;
	const char *name = json_string_value(json_object_get(part, "name"));
	const char *purl = json_string_value(json_object_get(part, "purl"));
	const char *instead_of = json_property(part, "whittle:instead_of");
	size_t i, before = json_array_size(list);

	json_array_foreach (references, i, one) {
		const char *url = json_string_value(json_object_get(one, "url"));
		const char *sha256 = json_string_value(json_object_get(
		    json_array_get(json_object_get(one, "hashes"), 0), "content"));

		json_t *source;

		if (!sha256 || !url)
			continue;
		source = json_pack("{s:s, s:s, s:{s:s}}", "name", name, "uri", url, "digest",
		    "sha256", sha256);
		if (*instead_of)
			json_object_set_new(source, "annotations",
			    json_pack("{s:s}", "instead_of", instead_of));
		json_array_append_new(list, source);
	}
	if (purl && json_array_size(list) == before)
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "uri", purl));
}

static json_t *
dependencies(const struct stating *s)
{
	json_t *list = json_array(), *parts = json_object_get(s->sbom, "components"), *part;
	const char *inputs = json_string_value(json_object_get(s->build, "inputs"));
	size_t i;

	if (inputs)
		json_array_append_new(
		    list, subject("the container's directory and its base", inputs));
	add_base(list, &s->record);
	json_array_foreach (parts, i, part)
		add_part(list, part);
	return list;
}

static json_t *
byproducts(const struct stating *s)
{
	const char *tests = json_string_value(json_object_get(s->test, "tests"));
	json_t *annotations = json_object(), *one;
	static const char *const counts[] = {"passed", "failed", "skipped", NULL};
	size_t i;

	if (!tests) {
		json_decref(annotations);
		return json_array();
	}
	for (i = 0; counts[i]; i++) {
		const char *n = json_string_value(json_object_get(s->test, counts[i]));

		if (n)
			json_object_set_new(
			    annotations, counts[i], json_integer(strtoll(n, NULL, 10)));
	}
	one = subject("test.bats", tests);
	json_object_set_new(one, "annotations", annotations);
	return json_pack("[o]", one);
}

static json_t *
statement(const struct stating *s)
{
	const char *created = json_string_value(json_object_get(s->record.config, "created"));
	const char *compiler =
	    json_property(json_object_get(s->sbom, "metadata"), SBOM_COMPILER);
	json_t *definition, *run, *internal = json_object();

	json_set_if(internal, "engine", json_string_value(json_object_get(s->build, "engine")));
	if (*compiler)
		json_set_if(internal, "compiler", compiler);
	definition = json_pack("{s:s, s:{s:s, s:s}, s:o, s:o}", "buildType",
	    "urn:whittle:pipeline:1", "externalParameters", "image", s->record.name,
	    "sourceDate", created ? created : "", "internalParameters", internal,
	    "resolvedDependencies", dependencies(s));
	run = json_pack("{s:{s:s, s:{s:s}}, s:o}", "builder", "id", "urn:whittle:pack:1",
	    "version", "pack", PACK_VERSION, "byproducts", byproducts(s));
	return json_pack("{s:s, s:o, s:s, s:{s:o, s:o}}", "_type",
	    "https://in-toto.io/Statement/v1", "subject", subjects(&s->record), "predicateType",
	    "https://slsa.dev/provenance/v1", "predicate", "buildDefinition", definition,
	    "runDetails", run);
}

static int
write_statement(const struct stating *s)
{
	json_t *j = statement(s);
	cleanup_free char *text = json_canonical(j),
			  *path = record_path(&s->record, STORE_PROVENANCE);
	int bad = write_whole(path, text, strlen(text));

	json_decref(j);
	if (!bad)
		puts(path);
	return bad ? EXIT_TROUBLE : EXIT_YES;
}

static int
take_stamp(const struct stating *s, const char *file, json_t **stamp)
{
	if (!file)
		return 0;
	*stamp = read_stamp(file);
	return *stamp && is_about(*stamp, &s->record, file) ? 0 : -1;
}

int
verb_provenance(int argc, char **argv)
{
	enum { STORE = 256, BUILD, TEST };
	static const struct option options[] = {{"store", required_argument, NULL, STORE},
	    {"build", required_argument, NULL, BUILD}, {"test", required_argument, NULL, TEST},
	    {"help", no_argument, NULL, 'h'}, {0}};
	const char *state = NULL, *build = NULL, *test = NULL;
	struct stating s = {.sbom = NULL};
	int opt, status = EXIT_TROUBLE;

	while ((opt = getopt_long(argc, argv, "+h", options, NULL)) != -1)
		switch (opt) {
		case STORE:
			state = optarg;
			break;
		case BUILD:
			build = optarg;
			break;
		case TEST:
			test = optarg;
			break;
		default:
			return verb_usage("provenance", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
		}
	if (argc - optind != 1)
		return verb_usage("provenance", EXIT_TROUBLE);
	if (record_open(&s.record, argv[optind], state) == 0 &&
	    record_json(&s.record, STORE_CDX, LABEL_CDX, &s.sbom) == 0 &&
	    take_stamp(&s, build, &s.build) == 0 && take_stamp(&s, test, &s.test) == 0)
		status = write_statement(&s);
	json_decref(s.sbom);
	json_decref(s.build);
	json_decref(s.test);
	record_close(&s.record);
	return status;
}
