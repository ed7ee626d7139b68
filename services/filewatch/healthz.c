/* healthz FILE HASH: the sidecar's work in one look, for engines that ask again and again. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "digest.h"
#include "hash.h"
#include "healthz.h"
#include "neighbour.h"
#include "report.h"
#include "settings.h"
#include "strbuf.h"
#include "streams.h"
#include "times.h"

static const char usage_text[] =
    "usage: filewatch healthz [-n PROGRAM] [-w TIME] FILE HASH\n"
    "\n"
    "Compares FILE in the neighbour, the other container of this pid namespace, with its\n"
    "MD5 or SHA-256. A neighbour whose file is another, seen twice, is ended.\n"
    "\n"
    "  -n, --neighbour PROGRAM  of several, the one that runs PROGRAM\n"
    "  -w, --term-wait TIME     between SIGTERM and SIGKILL (default: 5s)\n"
    "\n"
    "Exit status: 0 it is the same, 1 it was another and the neighbour was ended, 2 trouble.\n";

enum { CONFIRM_MS = 100, START_TRIES = 50, MD5_BYTES = 16, SHA256_BYTES = 32 };

struct options {
	const char *neighbour, *file;
	char hash[2 * HASH_BYTES_MAX + 1];
	enum hash_kind kind;
	int64_t term_wait;
	bool help;
};

static bool
take_hash(struct options *o, const char *text)
{
	size_t i, n = strlen(text);

	if ((n != 2 * MD5_BYTES && n != 2 * SHA256_BYTES) ||
	    strspn(text, "0123456789abcdefABCDEF") != n) {
		report("hash '%s': expected an MD5 or SHA-256 of 32 or 64 hex digits", text);
		return false;
	}
	o->kind = n == 2 * MD5_BYTES ? HASH_MD5 : HASH_SHA256;
	for (i = 0; i <= n; i++)
		o->hash[i] = (char)tolower((unsigned char)text[i]);
	return true;
}

static bool
parse_options(int argc, char **argv, struct options *o)
{
	static const struct option long_options[] = {
	    {"neighbour", required_argument, NULL, 'n'},
	    {"term-wait", required_argument, NULL, 'w'}, {"help", no_argument, NULL, 'h'}, {0}};
	int c;

	*o = (struct options){.term_wait = 5000};
	while ((c = getopt_long(argc, argv, "+n:w:h", long_options, NULL)) != -1) {
		if (c == 'n')
			o->neighbour = optarg;
		else if (c == 'h')
			o->help = true;
		else if (c != 'w' || parse_duration(optarg, &o->term_wait))
			return false;
	}
	if (o->help || optind + 2 != argc)
		return false;
	o->file = argv[optind];
	return take_hash(o, argv[optind + 1]);
}

static void
nap(int ms)
{
	nanosleep(&(struct timespec){0, ms * NS_PER_MS}, NULL);
}

/* 1: the same, 0: another, -1 with errno: not known. */
static int
look(const struct options *o, const struct neighbour *n)
{
	char path[32], hex[2 * HASH_BYTES_MAX + 1];
	cleanup_fd int root = neighbour_root(n, path);
	cleanup_fd int fd = -1;
	cleanup_free void *buffer = xmalloc(HASH_BUFFER);
	unsigned char sum[HASH_BYTES_MAX];
	struct throttle throttle;
	struct stat st;

	if (root < 0)
		return -1;
	fd = open_in_root(root, o->file, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	/* That it is gone is a mismatch, as long as there is a neighbour to miss it in. */
	if (fd < 0)
		return (errno == ENOENT || errno == ENOTDIR) && neighbour_lives(n) ? 0 : -1;
	if (fstat(fd, &st))
		return -1;
	if (!S_ISREG(st.st_mode))
		return 0;
	throttle_init(&throttle, 0);
	if (hash_fd(fd, o->kind, st.st_size, &throttle, buffer, sum) < 0)
		return -1;
	hex_of(sum, o->kind == HASH_MD5 ? MD5_BYTES : SHA256_BYTES, hex);
	return strcmp(hex, o->hash) == 0;
}

static int
end(const struct options *o, const struct neighbour *n)
{
	bool left;
	size_t ended = neighbour_end(n, o->term_wait, &left);

	report("'%s' has changed: ended %zu %s of the neighbour%s", o->file, ended,
	    ended == 1 ? "process" : "processes", left ? ", but not all" : "");
	return EXIT_NO;
}

static int
check(const struct options *o, const struct neighbour *n)
{
	int answer = look(o, n);

	if (answer == 0) {
		nap(CONFIRM_MS);
		answer = look(o, n);
		if (answer == 0)
			return end(o, n);
	}
	if (answer == 1)
		return EXIT_YES;
	report("read '%s' of the neighbour:", o->file);
	return EXIT_TROUBLE;
}

/* A container that is being made hasn't its own root yet. */
static enum neighbour_answer
find(const struct options *o, struct neighbour *n)
{
	enum neighbour_answer answer = neighbour_find(n, o->neighbour);
	int tries;

	for (tries = 0;
	     answer == NEIGHBOUR_FOUND && neighbour_is_starting(n) && tries < START_TRIES;
	     tries++) {
		neighbour_clear(n);
		nap(CONFIRM_MS);
		answer = neighbour_find(n, o->neighbour);
	}
	return answer;
}

int
command_healthz(int argc, char **argv)
{
	struct options o;
	struct neighbour n;
	enum neighbour_answer answer;
	int status = EXIT_TROUBLE;

	if (!parse_options(argc, argv, &o)) {
		fputs(usage_text, o.help ? stdout : stderr);
		return o.help ? streams_end(EXIT_YES) : EXIT_TROUBLE;
	}
	answer = find(&o, &n);
	if (answer == NEIGHBOUR_FOUND)
		status = check(&o, &n);
	else
		report("%s", neighbour_advice(answer));
	neighbour_clear(&n);
	return status;
}
