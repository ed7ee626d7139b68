/* Any bytes as each of the text files that pack reads: the first byte says which. */
#include <stdlib.h>
#include <string.h>

#include "allow.h"
#include "apkdb.h"
#include "config.h"
#include "json.h"
#include "ledger.h"
#include "manifest.h"
#include "parts.h"
#include "quiet.h"
#include "secdb.h"
#include "sources.h"
#include "stamp.h"
#include "strbuf.h"
#include "upstream.h"
#include "version.h"

static void
try_apkdb(struct bytes text)
{
	struct apkdb db;
	size_t i, k;

	if (apkdb_parse(&db, text, "fuzz") == 0)
		for (i = 0; i < db.packages && i < 50; i++)
			for (k = 0; k < db.package[i].depend_count && k < 50; k++)
				if (apkdb_provider(&db, db.package[i].depends[k]) > db.packages)
					abort();
	apkdb_free(&db);
}

static void
try_manifest(struct bytes text)
{
	struct manifest m;

	manifest_parse(&m, text, "fuzz");
	manifest_free(&m);
}

static void
try_words(struct bytes text)
{
	struct pins p;
	struct claims c;
	struct allow a;
	struct upstreams u;

	pins_parse(&p, text, "fuzz");
	pins_free(&p);
	claims_parse(&c, text, "fuzz");
	claims_find(&c, "usr/bin/x");
	claims_free(&c);
	allow_parse(&a, text, "fuzz");
	is_allowed(&a, FINDING_SETUID, "/bin/x");
	allow_free(&a);
	upstreams_parse(&u, text, "fuzz");
	upstreams_free(&u);
	json_decref(stamp_parse(text));
}

static int
take(json_t *line, void *arg)
{
	char *path = json_get_text(line, "path");

	(void)arg;
	free(path);
	return 0;
}

static void
try_json(struct bytes text)
{
	json_t *json = json_loadb((const char *)text.p, text.n, 0, NULL), *made, *again;

	ledger_each(text, "fuzz", take, NULL);
	json_decref(secdb_parse((const char *)text.p, text.n, "fuzz"));
	made = json ? config_canonical(json, "fuzz") : NULL;
	/* What is canonical stays as it is. */
	again = made ? config_canonical(made, "fuzz") : NULL;
	if (made && (!again || !json_equal(made, again)))
		abort();
	json_decref(json);
	json_decref(made);
	json_decref(again);
}

static void
try_lists(struct bytes text)
{
	struct upstream yaml = {(char *)"a", (char *)"fuzz", (char *)"yaml:alpine", NULL, NULL};
	struct upstream page = {
	    (char *)"a", (char *)"fuzz", (char *)"a-{VERSION}.tar.gz", NULL, NULL};
	char *copy = xstrndup((const char *)text.p, text.n);
	struct release r;

	newest_release(&yaml, (const char *)text.p, text.n, &r);
	release_free(&r);
	newest_release(&page, copy, strlen(copy), &r);
	release_free(&r);
	is_license_expression(copy);
	free(copy);
}

static void
try_versions(struct bytes text)
{
	char *a = xstrndup((const char *)text.p, text.n / 2);
	char *b = xstrndup((const char *)text.p + text.n / 2, text.n - text.n / 2);

	if (version_compare(a, a) != 0 || version_compare(a, b) != -version_compare(b, a))
		abort();
	free(a);
	free(b);
}

int
LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	static void (*const tries[])(struct bytes) = {
	    try_apkdb, try_manifest, try_words, try_json, try_lists, try_versions};
	struct bytes text = {bytes + 1, n - 1};

	if (n > 1)
		tries[bytes[0] % (sizeof(tries) / sizeof(tries[0]))](text);
	return 0;
}
