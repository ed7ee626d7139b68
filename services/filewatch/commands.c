/* baseline, verify, accept: what a person does with baselines. */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "hash.h"
#include "report.h"
#include "settings.h"
#include "strbuf.h"
#include "streams.h"
#include "texts.h"
#include "verify.h"

static const char usage_text[] =
    "usage: filewatch baseline [-r ROOT] [-x PATTERN]... [--texts DIR] -o FILE PATH...\n"
    "       filewatch verify [-r ROOT] [-x PATTERN]... [--rate BYTES] [--json | --diff DIR] "
    "FILE\n"
    "       filewatch accept [-r ROOT] [-x PATTERN]... [--texts DIR] FILE ID\n"
    "\n"
    "baseline  writes what is at and below each PATH to FILE, as mtree(5)\n"
    "verify    says what is another than in FILE: added, removed, changed\n"
    "accept    takes over what verify said: its ID must be that of the differences now\n"
    "\n"
    "  -r, --root ROOT        paths begin there (default: /)\n"
    "  -o, --output FILE      where to; - is standard output\n"
    "  -x, --exclude PATTERN  leave out what matches, and what is below it\n"
    "      --rate BYTES       read no more than that in a second\n"
    "      --json             for programs\n"
    "      --texts DIR        keep there what text files say, for verify --diff\n"
    "      --diff DIR         show what changed in text files that are kept there\n"
    "\n"
    "Exit status: 0 the same, done; 1 differences; 2 trouble.\n";

enum { EXCLUDES_MAX = 256, OPT_RATE = 1, OPT_JSON, OPT_TEXTS, OPT_DIFF };

struct options {
	const char *root, *output;
	const char *texts, *diff; /* directories */
	const char *exclude[EXCLUDES_MAX];
	size_t excludes;
	int64_t rate;
	bool json, help;
};

static bool
take_rate(struct options *o, const char *text)
{
	if (parse_size(text, &o->rate) == 0)
		return true;
	report("rate '%s': expected a size such as 20m", text);
	return false;
}

static bool
take_exclude(struct options *o, const char *pattern)
{
	if (o->excludes == EXCLUDES_MAX) {
		report("more than %d excludes", (int)EXCLUDES_MAX);
		return false;
	}
	o->exclude[o->excludes++] = pattern;
	return true;
}

static bool
parse_options(int argc, char **argv, struct options *o)
{
	static const struct option long_options[] = {{"root", required_argument, NULL, 'r'},
	    {"output", required_argument, NULL, 'o'}, {"exclude", required_argument, NULL, 'x'},
	    {"rate", required_argument, NULL, OPT_RATE}, {"json", no_argument, NULL, OPT_JSON},
	    {"texts", required_argument, NULL, OPT_TEXTS},
	    {"diff", required_argument, NULL, OPT_DIFF}, {"help", no_argument, NULL, 'h'}, {0}};
	bool good = true;
	int c;

	*o = (struct options){.root = "/"};
	while (good && (c = getopt_long(argc, argv, "+r:o:x:h", long_options, NULL)) != -1) {
		if (c == 'r')
			o->root = optarg;
		else if (c == 'o')
			o->output = optarg;
		else if (c == 'x')
			good = take_exclude(o, optarg);
		else if (c == OPT_RATE)
			good = take_rate(o, optarg);
		else if (c == OPT_JSON)
			o->json = true;
		else if (c == OPT_TEXTS)
			o->texts = optarg;
		else if (c == OPT_DIFF)
			o->diff = optarg;
		else if (c == 'h')
			o->help = true;
		else
			good = false;
	}
	return good;
}

static int
usage(const struct options *o)
{
	fputs(usage_text, o->help ? stdout : stderr);
	return o->help ? streams_end(EXIT_YES) : EXIT_TROUBLE;
}

static int
add_excludes(struct baseline *b, const struct options *o)
{
	size_t i;

	for (i = 0; i < o->excludes; i++) {
		const char *wrong = baseline_exclude(b, o->exclude[i]);

		if (!wrong)
			continue;
		report("exclude '%s': %s", o->exclude[i], wrong);
		return -1;
	}
	return 0;
}

/* What the commands work on; the comparison is done when prepare() returns 0. */
struct work {
	struct baseline baseline;
	struct throttle throttle;
	struct comparison c;
	int rootfd;
};

static int
run_comparison(struct work *w, const struct options *o, const char *const *path)
{
	w->rootfd = open(o->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w->rootfd < 0) {
		report("open '%s':", o->root);
		return -1;
	}
	throttle_init(&w->throttle, o->rate);
	w->c = (struct comparison){.baseline = &w->baseline,
	    .rootfd = w->rootfd,
	    .path = path,
	    .throttle = &w->throttle};
	if (compare(&w->c) == 0)
		return 0;
	report("compare '%s':", o->root);
	return -1;
}

static int
prepare(struct work *w, const struct options *o, const char *file)
{
	*w = (struct work){.rootfd = -1};
	if (baseline_read(&w->baseline, file) || add_excludes(&w->baseline, o))
		return -1;
	if (w->baseline.count == 0) {
		report("%s: no entries: there is nothing to verify", file);
		return -1;
	}
	return run_comparison(w, o, NULL);
}

static void
verify_finish(struct work *w)
{
	comparison_free(&w->c);
	baseline_free(&w->baseline);
	if (w->rootfd >= 0)
		close(w->rootfd);
}

static void
report_unknown(const struct work *w)
{
	size_t i;

	for (i = 0; i < w->c.count; i++) {
		struct strbuf text = STRBUF_INIT;

		if (w->c.difference[i].kind < DIFFERENCE_UNREADABLE)
			continue;
		difference_describe(&text, &w->c.difference[i]);
		report("%s", text.s);
		strbuf_free(&text);
	}
}

/* ---- baseline ---- */

/* "/" and "/a/b", without doubled and trailing slashes; "." and ".." aren't resolved. */
static char *
tidy(const char *path)
{
	struct strbuf b = STRBUF_INIT;

	for (; *path; path++)
		if (*path != '/' || (path[1] != '/' && path[1] != '\0'))
			strbuf_putc(&b, *path);
	if (b.len == 0)
		strbuf_putc(&b, '/');
	return strbuf_steal(&b);
}

static int
write_baseline(struct work *w, const char *output, const char *texts)
{
	struct baseline new;
	size_t mismatches, unknown;
	int status;

	comparison_count(&w->c, &mismatches, &unknown);
	if (unknown) {
		report_unknown(w);
		report("nothing written to '%s': not everything could be read", output);
		return -1;
	}
	comparison_accept(&w->c, &new);
	status = texts ? keep_texts(texts, w->rootfd, &new) : 0;
	if (status == 0)
		status = baseline_write(&new, output);
	baseline_free(&new);
	return status;
}

int
command_baseline(int argc, char **argv)
{
	struct options o;
	struct work w = {.rootfd = -1};
	const char **path;
	int i, n, status = EXIT_TROUBLE;

	if (!parse_options(argc, argv, &o) || o.help || !o.output || optind == argc || o.json ||
	    o.diff)
		return usage(&o);
	n = argc - optind;
	path = xcalloc((size_t)n + 1, sizeof(*path));
	for (i = 0; i < n; i++) {
		if (argv[optind + i][0] != '/')
			die("path '%s' must be absolute", argv[optind + i]);
		path[i] = tidy(argv[optind + i]);
	}
	if (add_excludes(&w.baseline, &o) == 0 && run_comparison(&w, &o, path) == 0 &&
	    write_baseline(&w, o.output, o.texts) == 0)
		status = EXIT_YES;
	verify_finish(&w);
	for (i = 0; i < n; i++)
		free((char *)(uintptr_t)path[i]);
	free(path);
	return status;
}

/* ---- verify ---- */

static int
put_text(struct strbuf *out, const struct work *w, const char *diff)
{
	struct strbuf line = STRBUF_INIT;
	size_t i, mismatches, unknown;
	char id[17];
	int bad = 0;

	for (i = 0; i < w->c.count; i++) {
		strbuf_cut(&line, 0);
		difference_describe(&line, &w->c.difference[i]);
		strbuf_put_visible(out, line.s, line.len);
		strbuf_putc(out, '\n');
		if (diff && !bad)
			bad = diff_text(out, diff, w->rootfd, &w->c.difference[i]);
	}
	comparison_count(&w->c, &mismatches, &unknown);
	if (mismatches) {
		comparison_id(&w->c, id);
		strbuf_printf(out, "%zu %s, id %s\n", mismatches,
		    mismatches == 1 ? "difference" : "differences", id);
	} else if (!unknown) {
		strbuf_printf(out, "%zu %s, no difference\n", w->baseline.count,
		    w->baseline.count == 1 ? "entry" : "entries");
	}
	strbuf_free(&line);
	return bad;
}

static void
put_json(struct strbuf *out, const struct work *w)
{
	size_t i, mismatches, unknown;
	char id[17];

	comparison_count(&w->c, &mismatches, &unknown);
	comparison_id(&w->c, id);
	strbuf_printf(out,
	    "{\"entries\":%zu,\"mismatches\":%zu,\"unknown\":%zu,\"id\":\"%s\",\"differences\":"
	    "[",
	    w->baseline.count, mismatches, unknown, id);
	for (i = 0; i < w->c.count; i++) {
		strbuf_puts(out, i ? ",\n" : "\n");
		difference_json(out, &w->c.difference[i]);
	}
	strbuf_puts(out, w->c.count ? "\n]}\n" : "]}\n");
}

/* A mismatch is a definite answer, also where something else couldn't be read. */
static int
outcome(const struct work *w)
{
	size_t mismatches, unknown;

	comparison_count(&w->c, &mismatches, &unknown);
	return mismatches ? EXIT_NO : unknown ? EXIT_TROUBLE : EXIT_YES;
}

int
command_verify(int argc, char **argv)
{
	struct options o;
	struct work w;
	struct strbuf out = STRBUF_INIT;
	int status = EXIT_TROUBLE, bad = 0;

	if (!parse_options(argc, argv, &o) || o.help || o.output || o.texts ||
	    (o.json && o.diff) || optind + 1 != argc)
		return usage(&o);
	if (prepare(&w, &o, argv[optind]) == 0) {
		if (o.json)
			put_json(&out, &w);
		else
			bad = put_text(&out, &w, o.diff);
		status = bad ? EXIT_TROUBLE : outcome(&w);
		fwrite(out.s, 1, out.len, stdout);
		status = streams_end(status);
	}
	strbuf_free(&out);
	verify_finish(&w);
	return status;
}

/* ---- accept ---- */

/* Only what a person has seen is taken over: the ID stands for all of it. */
static int
accept_if_reviewed(struct work *w, const char *file, const char *id, const char *texts)
{
	struct baseline new;
	size_t mismatches, unknown;
	char now[17];
	int status;

	comparison_count(&w->c, &mismatches, &unknown);
	comparison_id(&w->c, now);
	if (unknown) {
		report_unknown(w);
		report("nothing accepted: not everything could be read");
		return EXIT_TROUBLE;
	}
	if (strcmp(id, now) != 0) {
		report("nothing accepted: the differences are no longer those of '%s'; run "
		       "filewatch verify again",
		    id);
		return EXIT_NO;
	}
	comparison_accept(&w->c, &new);
	status = (texts && keep_texts(texts, w->rootfd, &new)) || baseline_write(&new, file)
		     ? EXIT_TROUBLE
		     : EXIT_YES;
	baseline_free(&new);
	return status;
}

int
command_accept(int argc, char **argv)
{
	struct options o;
	struct work w;
	int status = EXIT_TROUBLE;

	if (!parse_options(argc, argv, &o) || o.help || o.output || o.json || o.diff ||
	    optind + 2 != argc)
		return usage(&o);
	if (prepare(&w, &o, argv[optind]) == 0)
		status = accept_if_reviewed(&w, argv[optind], argv[optind + 1], o.texts);
	verify_finish(&w);
	return status;
}
