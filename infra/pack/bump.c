/* pack bump: the newest release of a source becomes the pinned one: fetched, its signature
 * verified, its digest written into sources.lock. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "digest.h"
#include "file.h"
#include "record.h"
#include "report.h"
#include "run.h"
#include "signature.h"
#include "sources.h"
#include "store.h"
#include "strbuf.h"
#include "upstream.h"
#include "usage.h"
#include "verbs.h"
#include "version.h"

struct bumping {
	const char *lock, *upstreams_file, *name, *version, *cache, *keys;
	int no_signature;
	struct lists lists;
	struct pins pins;
	struct upstreams upstreams;
	const struct pin *pin;
	const struct upstream *upstream;
	const struct hold *hold; /* NULL: none */
	struct release release;
	char *address, *file;
	char sha256[SHA256_HEX];
};

static int
find_release(struct bumping *b)
{
	cleanup_free char *address = NULL, *text = NULL;
	size_t n;

	if (b->version) {
		b->release.version = xstrdup(b->version);
		return 0;
	}
	address = fill_in(b->upstream->list, b->pin->version);
	text = list_text(&b->lists, address, &n);
	return text ? newest_release(b->upstream, b->hold, text, n, &b->release) : -1;
}

static int
fetch_file(struct bumping *b)
{
	cleanup_fd int fd = -1;

	b->address = fill_in(b->upstream->address, b->release.version);
	b->file = xasprintf("%s/%s", b->cache, strrchr(b->address, '/') + 1);
	if (make_directories(b->cache, 0755)) {
		report("make directory '%s':", b->cache);
		return -1;
	}
	if (fetch_to(b->address, b->file))
		return -1;
	fd = open(b->file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || sha256_fd(fd, b->sha256)) {
		report("read '%s':", b->file);
		return -1;
	}
	if (*b->release.sha256 && strcmp(b->release.sha256, b->sha256) != 0) {
		report("'%s': its digest differs from the one in '%s'", b->address,
		    b->upstream->list);
		return -1;
	}
	return 0;
}

static int
is_there(const char *path)
{
	return access(path, R_OK) == 0;
}

static int
check_openpgp(const char *keyring, const char *signature, const char *file)
{
	/* Without a '/' gpgv looks in its own directory. */
	cleanup_free char *full = realpath(keyring, NULL);
	const char *argv[] = {
	    "gpgv", "--quiet", "--keyring", full ? full : keyring, signature, file, NULL};
	struct run r = {.argv = argv, .discard_out = 1, .discard_err = 1};
	int status = run(&r);

	if (status == 126 || status == 127)
		report("gpgv is required to verify the signature, and isn't installed");
	else if (status)
		report("'%s': the signature isn't by a key of '%s'", file, keyring);
	return status ? -1 : 0;
}

/* Beside the file for as long as it takes. */
static int
check_signature_with(struct bumping *b, const char *openpgp, const char *minisign)
{
	cleanup_free char *address = xasprintf("%s%s", b->address, b->upstream->signature);
	cleanup_free char *signature = xasprintf("%s.sig", b->file);
	int bad = fetch_to(address, signature), good;

	if (!bad && is_there(openpgp)) {
		bad = check_openpgp(openpgp, signature, b->file);
	} else if (!bad) {
		good = signature_check(b->file, minisign);
		if (good == 0)
			report("'%s': the signature isn't by '%s'", b->file, minisign);
		bad = good != 1;
	}
	unlink(signature);
	return bad ? -1 : 0;
}

static int
check_signature(struct bumping *b)
{
	cleanup_free char *openpgp = xasprintf("%s/%s.gpg", b->keys, b->name);
	cleanup_free char *minisign = xasprintf("%s/%s.pub", b->keys, b->name);

	if (!b->upstream->signature) {
		report("note: %s publishes no signatures", b->name);
		return 0;
	}
	if (is_there(openpgp) || is_there(minisign))
		return check_signature_with(b, openpgp, minisign);
	if (b->no_signature) {
		report("note: the signature of %s was not verified", b->name);
		return 0;
	}
	report("no key of %s to verify its signature '%s%s': put it into '%s', or use "
	       "--no-signature",
	    b->name, b->address, b->upstream->signature, openpgp);
	return -1;
}

/* "NAME VERSION ..." as the line that is there has its columns. */
static void
put_pin_line(struct strbuf *out, const struct bumping *b, const char *line)
{
	size_t name = strcspn(line, " \t"), gap = strspn(line + name, " \t");
	size_t version = strcspn(line + name + gap, " \t");
	size_t second = strspn(line + name + gap + version, " \t");
	size_t width = version + second > strlen(b->release.version)
			   ? version + second - strlen(b->release.version)
			   : 1;

	strbuf_add(out, line, name + gap);
	strbuf_puts(out, b->release.version);
	strbuf_printf(out, "%*s%s  %s\n", (int)width, "", b->sha256, b->address);
}

/* Whether a line is one of the pinned version's, not a comment nor the fallback's. */
static int
is_of_pin(const char *line, const struct pin *pin)
{
	size_t name = strlen(pin->name), version = strlen(pin->version), gap;

	if (strncmp(line, pin->name, name))
		return 0;
	gap = strspn(line + name, " \t");
	return gap && strncmp(line + name + gap, pin->version, version) == 0 &&
	       line[name + gap + version] && strchr(" \t", line[name + gap + version]);
}

/* All lines of the version become one: what the package client brings is the old one. The
 * fallback stays. */
static int
rewrite_lock(const struct bumping *b)
{
	struct strbuf out = STRBUF_INIT;
	size_t n;
	cleanup_free char *text = read_whole(b->lock, &n);
	char *rest = text, *line;
	int done = 0, bad;

	if (!text) {
		report("open '%s':", b->lock);
		return -1;
	}
	while ((line = strsep(&rest, "\n"))) {
		if (!rest && !*line)
			break;
		if (!is_of_pin(line, b->pin)) {
			strbuf_puts(&out, line);
			strbuf_putc(&out, '\n');
		} else if (!done) {
			put_pin_line(&out, b, line);
			done = 1;
		}
	}
	bad = write_whole(b->lock, out.s, out.len);
	strbuf_free(&out);
	return bad;
}

static int
bump(struct bumping *b)
{
	if (upstreams_read(b->lock, b->upstreams_file, &b->pins, &b->upstreams))
		return EXIT_TROUBLE;
	b->pin = pins_find(&b->pins, b->name, NULL);
	b->upstream = upstreams_find(&b->upstreams, b->name);
	if (!b->pin || !b->upstream) {
		report("'%s' isn't in '%s'", b->name, b->pin ? b->upstreams_file : b->lock);
		return EXIT_TROUBLE;
	}
	b->hold = upstreams_hold(&b->upstreams, b->name);
	if (find_release(b))
		return EXIT_TROUBLE;
	if (!b->release.version ||
	    (!b->version && version_compare(b->pin->version, b->release.version) >= 0)) {
		printf("%s %s is the newest%s%s\n", b->name, b->pin->version,
		    b->release.held ? " that isn't held: " : "",
		    b->release.held ? b->hold->reason : "");
		return EXIT_YES;
	}
	if (fetch_file(b) || check_signature(b) || rewrite_lock(b)) {
		if (b->file)
			unlink(b->file);
		return EXIT_TROUBLE;
	}
	printf("%s %s => %s, sha256 %s\n", b->name, b->pin->version, b->release.version,
	    b->sha256);
	return EXIT_YES;
}

int
verb_bump(int argc, char **argv)
{
	enum { LOCK = 256, UPSTREAMS, CACHE, KEYS, VERSION, LISTS, NO_SIGNATURE };
	static const struct option options[] = {{"lock", required_argument, NULL, LOCK},
	    {"upstreams", required_argument, NULL, UPSTREAMS},
	    {"cache", required_argument, NULL, CACHE},
	    {"lists", required_argument, NULL, LISTS}, {"keys", required_argument, NULL, KEYS},
	    {"version", required_argument, NULL, VERSION},
	    {"no-signature", no_argument, NULL, NO_SIGNATURE}, {"help", no_argument, NULL, 'h'},
	    {0}};
	struct bumping b = {.lock = "etc/sources.lock",
	    .upstreams_file = "etc/upstreams",
	    .cache = ".cache/sources",
	    .keys = "etc/keys",
	    .lists = {".cache/upstream", 0}};
	int opt, status;

	while ((opt = getopt_long(argc, argv, "+h", options, NULL)) != -1)
		switch (opt) {
		case LOCK:
			b.lock = optarg;
			break;
		case UPSTREAMS:
			b.upstreams_file = optarg;
			break;
		case CACHE:
			b.cache = optarg;
			break;
		case LISTS:
			b.lists.cache = optarg;
			break;
		case KEYS:
			b.keys = optarg;
			break;
		case VERSION:
			b.version = optarg;
			break;
		case NO_SIGNATURE:
			b.no_signature = 1;
			break;
		default:
			return verb_usage("bump", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
		}
	if (argc - optind != 1)
		return verb_usage("bump", EXIT_TROUBLE);
	b.name = argv[optind];
	status = bump(&b);
	pins_free(&b.pins);
	upstreams_free(&b.upstreams);
	release_free(&b.release);
	free(b.address);
	free(b.file);
	return status;
}
