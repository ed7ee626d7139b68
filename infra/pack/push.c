/* pack push, pack pull: an image and its record to a registry and back, by digest, through
 * skopeo. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle.h"
#include "cleanup.h"
#include "engine_image.h"
#include "image.h"
#include "json.h"
#include "names.h"
#include "oci.h"
#include "record.h"
#include "report.h"
#include "skopeo.h"
#include "store.h"
#include "strbuf.h"
#include "usage.h"
#include "verbs.h"

/* "host/repo" of "host/repo:tag"; a ':' before the last '/' is a port's. */
static char *
repository_of(const char *reference)
{
	const char *slash = strrchr(reference, '/');
	const char *colon = strchr(slash ? slash : reference, ':');

	return colon ? xstrndup(reference, (size_t)(colon - reference)) : xstrdup(reference);
}

/* Fetches the manifest by its digest and checks that it has that digest and names our
 * image's config. */
static int
read_back(const char *repository, const char *digest, const char *tls, const char *id)
{
	cleanup_free char *from = xasprintf("docker://%s@%s", repository, digest);
	const char *argv[] = {"inspect", "--raw", tls, from, NULL};
	struct strbuf raw = STRBUF_INIT;
	char hex[SHA256_HEX];
	const char *config;
	json_t *manifest;
	int good;

	if (skopeo(argv, &raw)) {
		strbuf_free(&raw);
		return -1;
	}
	sha256_bytes(raw.s, raw.len, hex);
	manifest = json_loadb(raw.s ? raw.s : "", raw.len, 0, NULL);
	config =
	    json_string_value(json_object_get(json_object_get(manifest, "config"), "digest"));
	good = strcmp(hex, digest + 7) == 0 && config && is_digest(config) &&
	       strcmp(config + 7, id) == 0;
	if (!good)
		report(
		    "'%s': the registry returns another manifest than the one that was pushed",
		    from);
	json_decref(manifest);
	strbuf_free(&raw);
	return good ? 0 : -1;
}

/* {"host/repo:tag": "sha256:…", …} */
static int
note_push(const struct record *r, const char *to, const char *digest)
{
	cleanup_free char *path = record_path(r, STORE_REGISTRY), *text = NULL;
	json_t *known;
	int bad;

	if (record_json(r, STORE_REGISTRY, NULL, &known))
		return -1;
	if (!known)
		known = json_object();
	json_object_set_new(known, to, json_string(digest));
	text = json_canonical(known);
	bad = write_whole(path, text, strlen(text));
	json_decref(known);
	return bad;
}

static int
copy_to(const char *archive, const char *digest_file, const char *to, const char *tls,
    char **digest)
{
	cleanup_free char *source = xasprintf("docker-archive:%s", archive);
	cleanup_free char *destination = xasprintf("docker://%s", to);
	const char *argv[] = {
	    "copy", "-q", "--digestfile", digest_file, tls, source, destination, NULL};
	size_t n;

	if (skopeo(argv, NULL))
		return -1;
	*digest = read_whole(digest_file, &n);
	if (*digest)
		(*digest)[strcspn(*digest, "\n")] = '\0';
	if (*digest && is_digest(*digest))
		return 0;
	report("skopeo reported no digest for '%s'", to);
	return -1;
}

/* The digest that a tag has there, if what it names is the image of that ID; else NULL. */
static char *
tagged_already(const char *to, const char *tls_read, const char *id)
{
	cleanup_free char *at = xasprintf("docker://%s", to);
	const char *argv[] = {"inspect", "--raw", tls_read, at, NULL};
	struct strbuf raw = STRBUF_INIT;
	char hex[SHA256_HEX], *digest = NULL;
	json_t *manifest = NULL;
	const char *config;

	if (skopeo_try(argv, &raw, 1) == 0)
		manifest = json_loadb(raw.s ? raw.s : "", raw.len, 0, NULL);
	config =
	    json_string_value(json_object_get(json_object_get(manifest, "config"), "digest"));
	if (config && is_digest(config) && strcmp(config + 7, id) == 0) {
		sha256_bytes(raw.s, raw.len, hex);
		digest = xasprintf("sha256:%s", hex);
	}
	json_decref(manifest);
	strbuf_free(&raw);
	return digest;
}

/* Pushes what the registry doesn't have under that name yet: it may refuse to overwrite a
 * tag. */
static int
put(const char *archive, const char *id, const char *digest_file, const char *to,
    int tls_verify, char **digest)
{
	const char *tls = tls_verify ? "--dest-tls-verify=true" : "--dest-tls-verify=false";

	*digest =
	    tagged_already(to, tls_verify ? "--tls-verify=true" : "--tls-verify=false", id);
	return *digest ? 0 : copy_to(archive, digest_file, to, tls, digest);
}

/* The reference of an image's record: REPOSITORY:sha256-DIGITS.whittle. */
static char *
record_tag(const char *digest)
{
	return xasprintf("sha256-%s.whittle", digest + 7);
}

struct scratch {
	char *directory, *image, *record, *digest; /* files in it */
};

static int
make_scratch(struct scratch *s)
{
	s->directory = scratch_directory();
	if (!s->directory)
		return -1;
	s->image = xasprintf("%s/image.tar", s->directory);
	s->record = xasprintf("%s/record.tar", s->directory);
	s->digest = xasprintf("%s/digest", s->directory);
	return 0;
}

static void
clear_scratch(struct scratch *s)
{
	unlink(s->image);
	unlink(s->record);
	unlink(s->digest);
	rmdir(s->directory);
	free(s->image);
	free(s->record);
	free(s->digest);
	free(s->directory);
}

static int
push_record(const struct scratch *s, const char *repository, const char *digest, int tls_verify)
{
	cleanup_free char *tag = record_tag(digest), *unused = NULL;
	cleanup_free char *to = xasprintf("%s:%s", repository, tag);
	struct image record;
	int bad = image_open_config(&record, s->record) ||
		  put(s->record, record.id, s->digest, to, tls_verify, &unused);

	image_close(&record);
	return bad;
}

/* What stood in a private.d directory is in the image, for this machine. Returns 1 where there
 * is such a file, after a report() for each; 0, or -1 after another. */
static int
find_private(const struct record *r)
{
	struct manifest m = {NULL, 0};
	int found = 0;

	if (record_manifest(r, &m)) {
		manifest_free(&m);
		return -1;
	}
	for (size_t i = 0; i < m.count; i++)
		if (strstr(m.entry[i].path, "/private.d/") &&
		    strcmp(m.entry[i].type, "dir") != 0) {
			report("'%s' is from a private.d directory", m.entry[i].path);
			found = 1;
		}
	if (found)
		report("refusing to push '%s': whoever may pull it reads that; use --private "
		       "where it is meant",
		    r->name);
	manifest_free(&m);
	return found;
}

static int
push(const char *name, const char *to, const char *state, int tls_verify, int private)
{
	const char *tls_read = tls_verify ? "--tls-verify=true" : "--tls-verify=false";
	cleanup_free char *digest = NULL, *repository = repository_of(to), *tag = NULL;
	struct record r = {.directory = NULL};
	struct image i = {.file = NULL};
	struct scratch s;
	int bad, found = 0;

	if (make_scratch(&s))
		return EXIT_TROUBLE;
	bad = record_open(&r, name, state);
	if (!bad && !private) {
		found = find_private(&r);
		bad = found;
	}
	bad = bad || engine_save(r.id, &i);
	if (!bad) {
		tag = full_image_name(r.name);
		bad = bundle_write(s.image, &i, tag, NULL) ||
		      bundle_write_record(s.record, &i, &r) ||
		      put(s.image, r.id, s.digest, to, tls_verify, &digest) ||
		      read_back(repository, digest, tls_read, r.id) ||
		      push_record(&s, repository, digest, tls_verify) ||
		      note_push(&r, to, digest);
	}
	if (!bad)
		printf("%s@%s\n", repository, digest);
	clear_scratch(&s);
	image_close(&i);
	record_close(&r);
	return found > 0 ? EXIT_NO : bad ? EXIT_TROUBLE : EXIT_YES;
}

/* Fetches an image; skopeo checks the digests down to each layer, and we those of the config
 * and of the layers as they are unpacked. */
static int
copy_from(const char *from, const char *archive, const char *tls, struct image *i)
{
	cleanup_free char *source = xasprintf("docker://%s", from);
	cleanup_free char *destination = xasprintf("docker-archive:%s", archive);
	const char *argv[] = {"copy", "-q", tls, source, destination, NULL};

	return skopeo(argv, NULL) || image_open(i, archive) ? -1 : 0;
}

/* Whether the repository has a tag; -1 after a report(). */
static int
has_tag(const char *repository, const char *tag, const char *tls)
{
	cleanup_free char *where = xasprintf("docker://%s", repository);
	const char *argv[] = {"list-tags", tls, where, NULL};
	struct strbuf out = STRBUF_INIT;
	json_t *answer = NULL, *one;
	size_t k;
	int has = skopeo(argv, &out);

	if (!has) {
		answer = json_loadb(out.s ? out.s : "", out.len, 0, NULL);
		json_array_foreach (json_object_get(answer, "Tags"), k, one) {
			const char *s = json_string_value(one);

			has |= s && strcmp(s, tag) == 0;
		}
	}
	json_decref(answer);
	strbuf_free(&out);
	return has;
}

/* The record beside the image, if there is one. */
static int
pull_record(const struct scratch *s, const char *from, const struct image *i, const char *state,
    int tls_verify)
{
	const char *tls = tls_verify ? "--src-tls-verify=true" : "--src-tls-verify=false";
	const char *tls_read = tls_verify ? "--tls-verify=true" : "--tls-verify=false";
	const char *at = strchr(from, '@');
	cleanup_free char *name = xstrndup(from, (size_t)(at - from));
	cleanup_free char *repository = repository_of(name), *tag = record_tag(at + 1);
	cleanup_free char *where = xasprintf("%s:%s", repository, tag);
	struct image record = {.file = NULL};
	int has = has_tag(repository, tag, tls_read), bad;

	if (has <= 0) {
		if (has == 0)
			report("'%s' has no record beside it: what is in it can't be explained "
			       "or verified here",
			    from);
		return has;
	}
	bad = copy_from(where, s->record, tls, &record);
	if (!bad) {
		record.file = where;
		bad = bundle_keep_record(&record, i, state);
	}
	image_close(&record);
	return bad;
}

/* An image that skopeo would convert silently, which changes its ID. */
static int
refuse_manifest(const char *from, int tls_verify)
{
	cleanup_free char *source = xasprintf("docker://%s", from);
	const char *argv[] = {"inspect", "--raw",
	    tls_verify ? "--tls-verify=true" : "--tls-verify=false", source, NULL};
	struct strbuf raw = STRBUF_INIT;
	json_t *manifest;
	int bad;

	if (skopeo(argv, &raw)) {
		strbuf_free(&raw);
		return -1;
	}
	manifest = json_loadb(raw.s ? raw.s : "", raw.len, 0, NULL);
	bad = oci_refused(manifest, from, "its manifest");
	json_decref(manifest);
	strbuf_free(&raw);
	return bad ? -1 : 0;
}

static int
pull(const char *from, const char *tag, const char *state, int tls_verify)
{
	const char *tls = tls_verify ? "--src-tls-verify=true" : "--src-tls-verify=false";
	struct image i = {.file = NULL};
	struct scratch s;
	int bad;

	if (make_scratch(&s))
		return EXIT_TROUBLE;
	bad = refuse_manifest(from, tls_verify) || copy_from(from, s.image, tls, &i) ||
	      pull_record(&s, from, &i, state, tls_verify) || bundle_load(&i, tag);
	if (!bad)
		printf("sha256:%s\n", i.id);
	clear_scratch(&s);
	image_close(&i);
	return bad ? EXIT_TROUBLE : EXIT_YES;
}

int
verb_push(int argc, char **argv)
{
	enum { STORE = 256, INSECURE, PRIVATE };
	static const struct option options[] = {{"store", required_argument, NULL, STORE},
	    {"insecure", no_argument, NULL, INSECURE}, {"private", no_argument, NULL, PRIVATE},
	    {"help", no_argument, NULL, 'h'}, {0}};
	const char *state = NULL;
	int opt, tls_verify = 1, private = 0;

	while ((opt = getopt_long(argc, argv, "+h", options, NULL)) != -1)
		if (opt == STORE)
			state = optarg;
		else if (opt == INSECURE)
			tls_verify = 0;
		else if (opt == PRIVATE)
	private = 1;
	else return verb_usage("push", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
	if (argc - optind != 2 || !strchr(argv[optind + 1], '/'))
		return verb_usage("push", EXIT_TROUBLE);
	return push(argv[optind], argv[optind + 1], state, tls_verify, private);
}

int
verb_pull(int argc, char **argv)
{
	enum { STORE = 256, INSECURE };
	static const struct option options[] = {{"store", required_argument, NULL, STORE},
	    {"insecure", no_argument, NULL, INSECURE}, {"tag", required_argument, NULL, 't'},
	    {"help", no_argument, NULL, 'h'}, {0}};
	const char *tag = "latest", *state = NULL, *at;
	int opt, tls_verify = 1;

	while ((opt = getopt_long(argc, argv, "+t:h", options, NULL)) != -1)
		if (opt == 't')
			tag = optarg;
		else if (opt == STORE)
			state = optarg;
		else if (opt == INSECURE)
			tls_verify = 0;
		else
			return verb_usage("pull", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
	if (argc - optind != 1 || !is_tag(tag))
		return verb_usage("pull", EXIT_TROUBLE);
	at = strchr(argv[optind], '@');
	if (!at || !is_digest(at + 1)) {
		report("'%s': REPOSITORY@sha256:DIGEST is required: a tag can be moved",
		    argv[optind]);
		return EXIT_TROUBLE;
	}
	return pull(argv[optind], tag, state, tls_verify);
}
