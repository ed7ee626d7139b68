/* pack sign: a signature over the provenance statement, and by it over the image ID, the
 * bills of materials, the manifest and the ledger. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "record.h"
#include "report.h"
#include "signature.h"
#include "store.h"
#include "strbuf.h"
#include "usage.h"
#include "verbs.h"

static int
sign(const struct record *r, const char *key)
{
	cleanup_free char *file = record_path(r, STORE_PROVENANCE);
	cleanup_free char *comment = xasprintf("whittle %s sha256:%s", r->name, r->id);

	if (access(file, F_OK)) {
		report("'%s' isn't there yet: run pack provenance first", file);
		return EXIT_TROUBLE;
	}
	return signature_make(file, key, comment) ? EXIT_TROUBLE : EXIT_YES;
}

int
verb_sign(int argc, char **argv)
{
	enum { STORE = 256 };
	static const struct option options[] = {{"store", required_argument, NULL, STORE},
	    {"key", required_argument, NULL, 'k'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *state = NULL, *key = getenv("WHITTLE_SIGN_KEY");
	struct record r = {.directory = NULL};
	int opt, status = EXIT_TROUBLE;

	while ((opt = getopt_long(argc, argv, "+k:h", options, NULL)) != -1)
		if (opt == STORE)
			state = optarg;
		else if (opt == 'k')
			key = optarg;
		else
			return verb_usage("sign", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
	if (argc - optind != 1)
		return verb_usage("sign", EXIT_TROUBLE);
	if (!key || !*key) {
		report("no key: give -k FILE or set WHITTLE_SIGN_KEY");
		return EXIT_TROUBLE;
	}
	if (record_open(&r, argv[optind], state) == 0)
		status = sign(&r, key);
	record_close(&r);
	return status;
}
