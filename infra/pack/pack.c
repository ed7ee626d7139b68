/* pack: what an engine built becomes one deterministic layer, explained. See pack.1. */
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "usage.h"
#include "verbs.h"

static const struct verb verbs[] = {
    {"build", verb_build,
	"-n NAME -i IN -o OUT [-f docker|oci|oci-archive] [-t TAG] [-l KEY=VALUE] [--base]\n"
	"       [--lock FILE] [--sources FILE] [--compiler TEXT] [--user-xattrs]\n"
	"       [--store DIR | --no-store]",
	"make one deterministic layer of an engine's archive"},
    {"explain", verb_explain, "[--json] [--store DIR] IMAGE PATH",
	"where a file comes from, or what removed it"},
    {"diff", verb_diff, "[--gate] [--allow FILE] [--json] [--store DIR] NAME | OLD NEW",
	"what changed between two images, and which changes need review"},
    {"size", verb_size, "[-s | --json] [--tracker FILE] [--store DIR] IMAGE",
	"the size of an image, by directory and part, and what prep saved"},
    {"provenance", verb_provenance, "[--build STAMP] [--test STAMP] [--store DIR] IMAGE",
	"write what went into an image and what its tests said"},
    {"sign", verb_sign, "[-k SECRETKEY] [--store DIR] IMAGE",
	"sign that statement, by minisign or signify"},
    {"verify", verb_verify,
	"[-p PUBLICKEY] [--require-signature] [--content] [--store DIR] IMAGE",
	"check an image, its records, and who signed it"},
    {"save", verb_save, "-o FILE [--store DIR] IMAGE",
	"write an image and its records to one file"},
    {"load", verb_load, "[-t TAG] [--store DIR] FILE", "load such a file, every part verified"},
    {"push", verb_push, "[--insecure] [--private] [--store DIR] IMAGE HOST/REPOSITORY[:TAG]",
	"copy an image and its records to a registry; prints and keeps the digest"},
    {"pull", verb_pull, "[--insecure] [--store DIR] [-t TAG] HOST/REPOSITORY@sha256:DIGEST",
	"fetch an image and its records from a registry, by digest"},
    {"id", verb_id, "[-r] REFERENCE...", "print the image ID of each reference"},
    {"from", verb_from, "[--starts] DOCKERFILE [BUILD-OPTION...]",
	"the images that a Dockerfile starts from or copies from, or what it starts"},
    {"outdated", verb_outdated,
	"[--lock FILE] [--upstreams FILE] [--cache DIR] [--offline] [--live] [--json]\n"
	"       [--store DIR] [IMAGE...]",
	"pins against upstreams' lists, packages against Alpine's security database"},
    {"bump", verb_bump,
	"[--lock FILE] [--upstreams FILE] [--cache DIR] [--lists DIR] [--keys DIR]\n"
	"       [--version VERSION] [--no-signature] NAME",
	"pin the newest release of a source, verified"},
    {NULL, NULL, NULL, NULL},
};

int
main(int argc, char **argv)
{
	const struct verb *v;

	report_prog = "pack";
	usage_set(verbs);
	/* No setlocale(): in the C locale libarchive hands on names as the bytes they are. */
	if (argc < 2)
		return usage(EXIT_TROUBLE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return usage(EXIT_YES);
	v = find_verb(argv[1]);
	if (!v) {
		report("no verb '%s'; pack --help lists them", argv[1]);
		return EXIT_TROUBLE;
	}
	return v->run(argc - 1, argv + 1);
}
