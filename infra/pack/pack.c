/* pack: what an engine built becomes one deterministic layer, explained. See pack.1. */
#include <stddef.h>

#include "usage.h"
#include "verbs.h"

static const struct verb verbs[] = {
    {"build", verb_build,
	"-n NAME -i IN -o OUT [-f docker|oci|oci-archive] [-t TAG] [-l KEY=VALUE] [--base]\n"
	"       [--lock FILE] [--sources FILE] [--compiler TEXT] [--user-xattrs]\n"
	"       [--store DIR | --no-store]",
	"make one deterministic layer of an engine's archive", {0}},
    {"explain", verb_explain, "[--json] [--store DIR] IMAGE PATH | --all IMAGE",
	"where a file comes from, or what removed it", {0}},
    {"diff", verb_diff, "[--gate] [--allow FILE] [--json] [--store DIR] NAME | OLD NEW",
	"what changed between two images, and which changes need review", {0}},
    {"size", verb_size, "[-s | --json] [--tracker FILE] [--store DIR] IMAGE",
	"the size of an image, by directory and part, and what prep saved", {0}},
    {"provenance", verb_provenance, "[--build STAMP] [--test STAMP] [--store DIR] IMAGE",
	"write what went into an image and what its tests said", {0}},
    {"sign", verb_sign, "[-k SECRETKEY] [--store DIR] IMAGE",
	"sign that statement, by minisign or signify", {0}},
    {"verify", verb_verify,
	"[-p PUBLICKEY] [--require-signature] [--content] [--store DIR] IMAGE",
	"check an image, its records, and who signed it", {0}},
    {"save", verb_save, "-o FILE [--store DIR] IMAGE",
	"write an image and its records to one file", {0}},
    {"load", verb_load, "[-t TAG] [--store DIR] FILE", "load such a file, every part verified",
	{0}},
    {"push", verb_push, "[--insecure] [--private] [--store DIR] IMAGE HOST/REPOSITORY[:TAG]",
	"copy an image and its records to a registry; prints and keeps the digest", {0}},
    {"pull", verb_pull, "[--insecure] [--store DIR] [-t TAG] HOST/REPOSITORY@sha256:DIGEST",
	"fetch an image and its records from a registry, by digest", {0}},
    {"id", verb_id, "[-r] REFERENCE...", "print the image ID of each reference", {0}},
    {"from", verb_from, "[--starts] DOCKERFILE [BUILD-OPTION...]",
	"the images that a Dockerfile starts from or copies from, or what it starts", {0}},
    {"outdated", verb_outdated,
	"[--lock FILE] [--upstreams FILE] [--cache DIR] [--offline] [--live] [--json]\n"
	"       [--store DIR] [IMAGE...]",
	"pins against upstreams' lists, packages against Alpine's security database", {0}},
    {"bump", verb_bump,
	"[--lock FILE] [--upstreams FILE] [--cache DIR] [--lists DIR] [--keys DIR]\n"
	"       [--version VERSION] [--no-signature] NAME",
	"pin the newest release of a source, verified", {0}},
    {0},
};

static const struct program pack = {"pack", "pack(1)", NULL, verbs};

int
main(int argc, char **argv)
{
	/* No setlocale(): in the C locale libarchive hands on names as the bytes they are. */
	return program_run(&pack, argc, argv);
}
