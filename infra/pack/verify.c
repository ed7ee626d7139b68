/* pack verify: that an image is what was packed here, that what is kept about it belongs to
 * it, and that somebody we trust signed that. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "config.h"
#include "cosign.h"
#include "engine_image.h"
#include "image.h"
#include "json.h"
#include "layer.h"
#include "manifest.h"
#include "record.h"
#include "report.h"
#include "signature.h"
#include "store.h"
#include "strbuf.h"
#include "tree.h"
#include "usage.h"
#include "verbs.h"

struct verifying {
	struct record record;
	const char *key;
	int content, require_signature;
	int signature_good;
	int no; /* something doesn't hold */
};

static void
say_no(struct verifying *v, const char *text)
{
	printf("no: %s\n", text);
	v->no = 1;
}

static void
check_file(struct verifying *v, const char *file, const char *key)
{
	cleanup_free char *text = NULL;
	size_t n;

	/* The image's labels name the digest of each. */
	if (record_text(&v->record, file, key, &text, &n)) {
		v->no = 1;
		printf("no: %s isn't what the image's labels name\n", file);
	}
}

/* The digest that the statement has for a subject; NULL where it has none. */
static const char *
subject_digest(const json_t *statement, const char *name)
{
	json_t *list = json_object_get(statement, "subject"), *one;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *got = json_string_value(json_object_get(one, "name"));

		if (got && strcmp(got, name) == 0)
			return json_string_value(
			    json_object_get(json_object_get(one, "digest"), "sha256"));
	}
	return NULL;
}

static void
check_subject(struct verifying *v, const json_t *statement, const char *name, const char *key)
{
	const char *label = config_get_label(v->record.config, key);
	const char *digest = subject_digest(statement, name);

	if (!label || !digest || strncmp(label, "sha256:", 7) || strcmp(label + 7, digest)) {
		printf("no: the provenance statement is about another %s\n", name);
		v->no = 1;
	}
}

/* Returns whether there is a statement. */
static int
check_provenance(struct verifying *v)
{
	cleanup_free char *name = xasprintf("localhost/whittle/%s", v->record.name);
	const char *digest;
	json_t *statement;

	if (record_json(&v->record, STORE_PROVENANCE, NULL, &statement)) {
		say_no(v, "the provenance statement can't be read");
		return 1;
	}
	if (!statement)
		return 0;
	digest = subject_digest(statement, name);
	if (!digest || strcmp(digest, v->record.id) != 0)
		say_no(v, "the provenance statement is about another image");
	check_subject(v, statement, STORE_CDX, LABEL_CDX);
	check_subject(v, statement, STORE_SPDX, LABEL_SPDX);
	check_subject(v, statement, STORE_MANIFEST, LABEL_MANIFEST);
	check_subject(v, statement, STORE_LEDGER, LABEL_LEDGER);
	json_decref(statement);
	return 1;
}

static int
check_signature(struct verifying *v, int stated)
{
	cleanup_free char *file = record_path(&v->record, STORE_PROVENANCE);
	cleanup_free char *signature = xasprintf("%s.sig", file);
	int signed_ = stated && access(signature, F_OK) == 0, good;

	if (!signed_) {
		if (v->require_signature)
			say_no(v, "it isn't signed");
		return 0;
	}
	if (!v->key || !*v->key) {
		if (v->require_signature) {
			report("no public key: give -p FILE or set WHITTLE_VERIFY_KEY");
			return -1;
		}
		return 0;
	}
	good = signature_check(file, v->key);
	v->signature_good = good == 1;
	if (good == 0)
		say_no(v, "the signature isn't that key's, or isn't of this statement");
	return good < 0 ? -1 : 0;
}

/* The files of the archive's only layer as a manifest. */
static int
manifest_of(const struct image *i, struct strbuf *out)
{
	struct layer layer;
	struct tree tree;
	struct listing listing = {NULL, 0};
	int bad;

	tree_init(&tree, i->file);
	bad = layer_read(&layer, i->layer[0].tar, i->file, 1) || tree_apply(&tree, &layer, 0);
	layer_free(&layer);
	if (!bad) {
		tree_list(&tree, &listing);
		manifest_write(out, tree.root, &listing);
	}
	listing_free(&listing);
	tree_free(&tree);
	return bad;
}

/* The engine's copy, byte by byte: its layer has the digest that the config names (that is
 * what opening checks), and its files are those of the manifest. */
static int
check_content(struct verifying *v)
{
	cleanup_free char *kept = NULL;
	struct strbuf now = STRBUF_INIT;
	struct image i;
	size_t n;
	int bad = engine_save(v->record.id, &i);

	if (!bad && strcmp(i.id, v->record.id) != 0)
		say_no(v, "the engine hands out another image by this ID");
	else if (!bad && i.layers != 1)
		say_no(v, "the image has more than one layer");
	else if (!bad && (manifest_of(&i, &now) ||
			     record_text(&v->record, STORE_MANIFEST, NULL, &kept, &n)))
		bad = -1;
	else if (!bad && (!kept || now.len != n || memcmp(now.s, kept, n) != 0))
		say_no(v, "its files aren't those of the manifest");
	strbuf_free(&now);
	image_close(&i);
	return bad;
}

static int
verify(struct verifying *v)
{
	int stated;

	check_file(v, STORE_LEDGER, LABEL_LEDGER);
	check_file(v, STORE_CDX, LABEL_CDX);
	check_file(v, STORE_SPDX, LABEL_SPDX);
	check_file(v, STORE_MANIFEST, LABEL_MANIFEST);
	stated = check_provenance(v);
	if (check_signature(v, stated) || (v->content && check_content(v)))
		return EXIT_TROUBLE;
	if (!v->no)
		printf("%s sha256:%s is what was packed%s\n", v->record.name, v->record.id,
		    v->signature_good ? " and signed" : "");
	return v->no ? EXIT_NO : EXIT_YES;
}

/* Of an image that others made nothing is kept here but their signature. */
static int
verify_foreign(const char *name, const char *key, const char *state)
{
	char id[SHA256_HEX];
	int got = engine_find_id(name, id);

	if (got > 0 && engine_image_id(name, id))
		got = -1;
	if (got < 0)
		return EXIT_TROUBLE;
	got = cosign_check(id, key, state);
	if (got == 1)
		printf("sha256:%s is signed by that key\n", id);
	return got < 0 ? EXIT_TROUBLE : got ? EXIT_YES : EXIT_NO;
}

int
verb_verify(int argc, char **argv)
{
	enum { STORE = 256, CONTENT, REQUIRE };
	static const struct option options[] = {{"store", required_argument, NULL, STORE},
	    {"key", required_argument, NULL, 'p'}, {"content", no_argument, NULL, CONTENT},
	    {"require-signature", no_argument, NULL, REQUIRE}, {"help", no_argument, NULL, 'h'},
	    {0}};
	const char *state = NULL;
	struct verifying v = {.key = getenv("WHITTLE_VERIFY_KEY")};
	int opt, status = EXIT_TROUBLE;

	while ((opt = getopt_long(argc, argv, "+p:h", options, NULL)) != -1)
		switch (opt) {
		case STORE:
			state = optarg;
			break;
		case 'p':
			v.key = optarg;
			break;
		case CONTENT:
			v.content = 1;
			break;
		case REQUIRE:
			v.require_signature = 1;
			break;
		default:
			return verb_usage("verify", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
		}
	if (argc - optind != 1)
		return verb_usage("verify", EXIT_TROUBLE);
	if (v.key && cosign_key(v.key))
		return verify_foreign(argv[optind], v.key, state);
	switch (record_open(&v.record, argv[optind], state)) {
	case 0:
		status = verify(&v);
		break;
	case RECORD_CHANGED:
		status = EXIT_NO;
		break;
	}
	record_close(&v.record);
	return status;
}
