/* pack build: an engine's archive to one deterministic layer, and what is kept about it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base.h"
#include "cleanup.h"
#include "config.h"
#include "image.h"
#include "inode.h"
#include "json.h"
#include "layer.h"
#include "ledger.h"
#include "leftovers.h"
#include "manifest.h"
#include "names.h"
#include "origin.h"
#include "output.h"
#include "parts.h"
#include "report.h"
#include "sbom.h"
#include "sources.h"
#include "store.h"
#include "strbuf.h"
#include "tree.h"
#include "usage.h"
#include "verbs.h"

struct request {
	const char *name, *in, *out, *tag, *store, *lock, *sources, *compiler;
	enum output_form form;
	time_t epoch;
	const char **label;
	size_t labels;
	int keep; /* in the store */
	int user_xattrs;
	int is_base; /* others are built on it */
};

/* Everything about the image that is being built. */
struct making {
	const struct request *request;
	struct image image;
	struct tree tree;
	struct listing listing;
	struct output output;
	struct base base;
	struct pins pins;
	struct claims claims;
	struct parts parts;
	json_t *config;
	char *cyclonedx, *spdx;
	struct strbuf ledger, manifest;
	char id[SHA256_HEX];
};

static int
apply_layers(struct making *m)
{
	size_t k;

	for (k = 0; k < m->image.layers; k++) {
		cleanup_free char *what = xasprintf("%s: layer %zu", m->request->in, k + 1);
		struct layer layer;
		int bad =
		    layer_read(&layer, m->image.layer[k].tar, what, m->request->user_xattrs) ||
		    tree_apply(&m->tree, &layer, k);

		layer_free(&layer);
		if (bad)
			return -1;
	}
	return 0;
}

/* A base that was packed with --base has its bill of materials and ledger in it. */
static int
take_base(struct making *m)
{
	const char *name = config_get_label(m->image.config, LABEL_IMAGE);

	if (base_take(&m->tree, &m->base))
		return -1;
	if (name && !m->base.sbom)
		report("note: the base '%s' was packed without --base: its "
		       "components aren't known",
		    name);
	return 0;
}

static int
read_text(const char *file, struct bytes *text)
{
	*text = (struct bytes){NULL, 0};
	if (!file || bytes_map(text, file) == 0)
		return 0;
	report("open '%s':", file);
	return -1;
}

static int
read_sources(struct making *m)
{
	const struct request *r = m->request;
	struct bytes lock, sources;
	int bad = read_text(r->lock, &lock);

	if (!bad)
		bad = pins_parse(&m->pins, lock, r->lock);
	bytes_unmap(&lock);
	if (bad || read_text(r->sources, &sources))
		return -1;
	bad = claims_parse(&m->claims, sources, r->sources);
	bytes_unmap(&sources);
	return bad;
}

static struct bytes
text_bytes(const char *text)
{
	return (struct bytes){(const unsigned char *)text, strlen(text)};
}

static struct bytes
buffer_bytes(const struct strbuf *b)
{
	return (struct bytes){(const unsigned char *)b->s, b->len};
}

/* What is in the image, independent of how it was built, and which package each file belongs
 * or belonged to. */
static int
settle(struct making *m)
{
	struct parts_from from = {m->request->name, &m->tree, &m->pins, &m->claims, NULL};
	size_t i;

	m->config = config_canonical(m->image.config, m->request->in);
	if (!m->config || take_base(m))
		return -1;
	from.base = m->base.sbom;
	if (read_sources(m) || parts_open(&m->parts, &from) ||
	    ledger_take(&m->tree, m->request->name, m->base.ledger, &m->parts, &m->ledger))
		return -1;
	tidy_leftovers(&m->tree, m->config, &m->image);
	tree_list(&m->tree, &m->listing);
	for (i = 0; i < m->listing.count; i++)
		if (S_ISREG(m->listing.item[i].node->inode->mode))
			inode_hash(m->listing.item[i].node->inode);
	parts_assign(&m->parts, &m->listing);
	ledger_add_packages(&m->parts, m->request->name, &m->ledger);
	return 0;
}

/* The bills of materials are made before a base's own files are added. */
static void
describe(struct making *m)
{
	struct sbom sbom = {
	    m->request->name, m->request->compiler, m->request->epoch, &m->parts, &m->listing};

	m->cyclonedx = sbom_cyclonedx(&sbom);
	m->spdx = sbom_spdx(&sbom);
	if (m->request->is_base) {
		base_put(&m->tree, text_bytes(m->cyclonedx), buffer_bytes(&m->ledger));
		listing_free(&m->listing);
		tree_list(&m->tree, &m->listing);
	}
}

static void
label_digest(json_t *config, const char *key, struct bytes text)
{
	char hex[SHA256_HEX];
	cleanup_free char *value = NULL;

	sha256_bytes(text.p, text.n, hex);
	value = xasprintf("sha256:%s", hex);
	config_label(config, key, value);
}

/* By name and layer: a base's image ID is nowhere in what is built on it. */
static void
label_base(struct making *m)
{
	const char *name = config_get_label(m->image.config, LABEL_IMAGE);
	cleanup_free char *value =
	    xasprintf("%s@sha256:%s", name ? name : "", m->image.layer[0].diff_id);

	/* Anybody can label an image. */
	if (name && is_image_name(name))
		config_label(m->config, LABEL_BASE, value);
}

static void
add_labels(struct making *m)
{
	size_t k;

	for (k = 0; k < m->request->labels; k++) {
		const char *equals = strchr(m->request->label[k], '=');
		cleanup_free char *key =
		    xstrndup(m->request->label[k], (size_t)(equals - m->request->label[k]));

		config_label(m->config, key, equals + 1);
	}
	config_label(m->config, LABEL_IMAGE, m->request->name);
	label_digest(m->config, LABEL_CDX, text_bytes(m->cyclonedx));
	label_digest(m->config, LABEL_SPDX, text_bytes(m->spdx));
	label_digest(m->config, LABEL_LEDGER, buffer_bytes(&m->ledger));
	label_digest(m->config, LABEL_MANIFEST, buffer_bytes(&m->manifest));
	label_base(m);
}

static struct bytes
file_bytes(const struct tree *t, const char *path)
{
	struct node *n = tree_find(t, path);

	return n ? n->inode->data : (struct bytes){NULL, 0};
}

static int
keep(struct making *m, const char *config)
{
	cleanup_free char *root = store_root(m->request->store);
	cleanup_free char *origin = origin_write(&m->image, &m->listing);
	struct store_file files[] = {
	    {STORE_CDX, text_bytes(m->cyclonedx)}, {STORE_SPDX, text_bytes(m->spdx)},
	    {STORE_LEDGER, buffer_bytes(&m->ledger)}, {STORE_ORIGIN, text_bytes(origin)},
	    {STORE_MANIFEST, buffer_bytes(&m->manifest)},
	    {STORE_PASSWD, file_bytes(&m->tree, "etc/passwd")},
	    {STORE_GROUP, file_bytes(&m->tree, "etc/group")},
	    {STORE_CONFIG, text_bytes(config)}, /* last: with it the rest is there */
	};

	if (!m->request->keep)
		return 0;
	sha256_bytes(config, strlen(config), m->id);
	return store_put(
	    root, m->request->name, m->id, files, sizeof(files) / sizeof(files[0]));
}

static int
write_image(struct making *m)
{
	cleanup_free char *config = NULL;

	describe(m);
	if (output_start(&m->output, m->request->form, m->request->out, m->request->epoch))
		return -1;
	if (output_layer(&m->output, m->tree.root, &m->listing))
		return -1;
	manifest_write(&m->manifest, m->tree.root, &m->listing);
	add_labels(m);
	config_finish(m->config, m->output.diff_id, m->request->epoch);
	config = json_canonical(m->config);
	/* The store first, so that every image that exists can be explained. */
	if (keep(m, config))
		return -1;
	return output_finish(&m->output, config, m->request->tag, m->id);
}

static int
make(const struct request *r)
{
	struct making m = {.request = r, .output = {.fd = -1}};
	int bad;

	tree_init(&m.tree, r->in);
	bad = image_open(&m.image, r->in) || apply_layers(&m) || settle(&m) || write_image(&m);
	if (!bad)
		printf("sha256:%s\n", m.id);
	output_abandon(&m.output);
	json_decref(m.config);
	free(m.cyclonedx);
	free(m.spdx);
	parts_free(&m.parts);
	claims_free(&m.claims);
	pins_free(&m.pins);
	base_free(&m.base);
	strbuf_free(&m.ledger);
	strbuf_free(&m.manifest);
	listing_free(&m.listing);
	tree_free(&m.tree);
	image_close(&m.image);
	return bad ? EXIT_TROUBLE : EXIT_YES;
}

static enum output_form
parse_form(const char *word)
{
	if (strcmp(word, "docker") == 0)
		return OUTPUT_DOCKER;
	if (strcmp(word, "oci") == 0)
		return OUTPUT_OCI;
	if (strcmp(word, "oci-archive") == 0)
		return OUTPUT_OCI_ARCHIVE;
	die("form '%s': want docker, oci or oci-archive", word);
}

/* etc/Makefile-common has the same date, for the same reason: some fixed one. */
static time_t
epoch_from_environment(void)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	char *end;
	unsigned long long value;

	if (!text || !*text)
		return 1700000000;
	value = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || value > 077777777777ULL)
		die("SOURCE_DATE_EPOCH '%s': want seconds since 1970", text);
	return (time_t)value;
}

static void
parse(struct request *r, int argc, char **argv)
{
	enum { STORE = 256, NO_STORE, USER_XATTRS, BASE, LOCK, SOURCES, COMPILER };
	static const struct option options[] = {{"name", required_argument, NULL, 'n'},
	    {"input", required_argument, NULL, 'i'}, {"output", required_argument, NULL, 'o'},
	    {"format", required_argument, NULL, 'f'}, {"tag", required_argument, NULL, 't'},
	    {"label", required_argument, NULL, 'l'}, {"store", required_argument, NULL, STORE},
	    {"no-store", no_argument, NULL, NO_STORE},
	    {"user-xattrs", no_argument, NULL, USER_XATTRS}, {"base", no_argument, NULL, BASE},
	    {"lock", required_argument, NULL, LOCK},
	    {"sources", required_argument, NULL, SOURCES},
	    {"compiler", required_argument, NULL, COMPILER}, {"help", no_argument, NULL, 'h'},
	    {0}};
	int opt;

	while ((opt = getopt_long(argc, argv, "+n:i:o:f:t:l:h", options, NULL)) != -1)
		switch (opt) {
		case 'n':
			r->name = optarg;
			break;
		case 'i':
			r->in = optarg;
			break;
		case 'o':
			r->out = optarg;
			break;
		case 'f':
			r->form = parse_form(optarg);
			break;
		case 't':
			r->tag = optarg;
			break;
		case 'l':
			if (!strchr(optarg, '=') || *optarg == '=' ||
			    strncmp(optarg, "whittle.", 8) == 0)
				die("label '%s': want KEY=VALUE, and not a key in whittle.",
				    optarg);
			r->label = xreallocarray(r->label, r->labels + 1, sizeof(*r->label));
			r->label[r->labels++] = optarg;
			break;
		case STORE:
			r->store = optarg;
			break;
		case NO_STORE:
			r->keep = 0;
			break;
		case BASE:
			r->is_base = 1;
			break;
		case LOCK:
			r->lock = optarg;
			break;
		case SOURCES:
			r->sources = optarg;
			break;
		case COMPILER:
			r->compiler = *optarg ? optarg : NULL;
			break;
		case USER_XATTRS:
			r->user_xattrs = 1;
			break;
		case 'h':
			exit(verb_usage("build", EXIT_YES));
		default:
			exit(verb_usage("build", EXIT_TROUBLE));
		}
	if (optind < argc || !r->name || !r->in || !r->out)
		exit(verb_usage("build", EXIT_TROUBLE));
	if (!is_image_name(r->name))
		die("name '%s': want lower-case letters, digits, '.', '_' and '-'", r->name);
}

int
verb_build(int argc, char **argv)
{
	struct request r = {.keep = 1};
	int status;

	parse(&r, argc, argv);
	r.epoch = epoch_from_environment();
	status = make(&r);
	free(r.label);
	return status;
}
