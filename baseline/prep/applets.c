/* applets: lists the applets of a compiled BusyBox, and cuts some out of the program file. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applets_cut.h"
#include "applets_find.h"
#include "cleanup.h"
#include "file.h"
#include "report.h"
#include "strbuf.h"
#include "streams.h"

static const char usage[] =
    "usage: applets list [--json] FILE\n"
    "       applets cut [--json] -k NAME,... -o OUT FILE\n"
    "       applets cut [--json] -r NAME,... -o OUT FILE\n"
    "\n"
    "Lists the applets of a BusyBox, whoever compiled it, or cuts some out of the program\n"
    "itself: no link, no \"busybox NAME\" and no faked name brings them back.\n"
    "\n"
    "  -k, --keep NAME,...    the applets to keep; all others are cut\n"
    "  -r, --remove NAME,...  the applets to cut; all others are kept\n"
    "  -o, --output OUT       where the result goes, whole or not at all; may be FILE itself\n"
    "  -j, --json             what was found or done, as JSON\n"
    "  -h, --help             this text\n"
    "\n"
    "Exit status: 0 done, 2 trouble; then nothing was written.\n";

struct options {
	const char *keep, *remove, *out;
	int json;
};

static noreturn void
wrong_usage(void)
{
	fputs(usage, stderr);
	exit(EXIT_TROUBLE);
}

static int
open_program(const char *file, struct applets *a)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		die("open '%s':", file);
	if (applets_read(a, fd) < 0)
		die("'%s' %s", file, a->why);
	return fd;
}

/* ---- list ---- */

static void
list_text(const struct applets *a)
{
	size_t nameless = applets_nameless(a);

	for (size_t i = 0; i < a->count; i++) {
		const struct applet *p = &a->applet[i];

		if (!p->name)
			continue;
		printf("%-18s %s", p->name, p->alive ? "alive" : "cut");
		if (p->same_as != i)
			printf(", same as %s", a->applet[p->same_as].name);
		if (p->builtin)
			printf(", %s the shell",
			    p->alive ? "also built into" : "stays built into");
		putchar('\n');
	}
	if (nameless)
		printf("%-18s cut, %zu of them\n", "(without a name)", nameless);
}

static void
list_json(const struct applets *a)
{
	struct strbuf out = STRBUF_INIT;
	const char *between = "";

	strbuf_puts(&out, "{\"applets\":[");
	for (size_t i = 0; i < a->count; i++) {
		const struct applet *p = &a->applet[i];

		if (!p->name)
			continue;
		strbuf_printf(&out, "%s{\"name\":", between);
		strbuf_put_json(&out, p->name, strlen(p->name));
		strbuf_printf(&out, ",\"alive\":%s", p->alive ? "true" : "false");
		if (p->same_as != i) {
			const char *other = a->applet[p->same_as].name;

			strbuf_puts(&out, ",\"same_as\":");
			strbuf_put_json(&out, other, strlen(other));
		}
		strbuf_printf(&out, ",\"builtin\":%s}", p->builtin ? "true" : "false");
		between = ",";
	}
	strbuf_printf(&out, "],\"nameless\":%zu}", applets_nameless(a));
	puts(out.s);
	strbuf_free(&out);
}

static int
list(const struct options *o, const char *file)
{
	struct applets a;
	cleanup_fd int fd = open_program(file, &a);

	if (o->json)
		list_json(&a);
	else
		list_text(&a);
	applets_free(&a);
	return streams_end(EXIT_YES);
}

/* ---- cut ---- */

/* What is to be told of names: those that which() picks, in the program's order. */
static void
add_names(
    struct strbuf *out, const struct applets *a, int (*which)(const struct applet *), int json)
{
	const char *between = "";

	for (size_t i = 0; i < a->count; i++) {
		const struct applet *p = &a->applet[i];

		if (!p->name || !which(p))
			continue;
		strbuf_puts(out, between);
		if (json)
			strbuf_put_json(out, p->name, strlen(p->name));
		else
			strbuf_puts(out, p->name);
		between = json ? "," : " ";
	}
}

static int
is_cut_now(const struct applet *p)
{
	return p->alive && p->doomed;
}

static int
stays_builtin(const struct applet *p)
{
	return p->alive && p->doomed && p->builtin;
}

static int
is_alive(const struct applet *p)
{
	return p->alive;
}

static int
is_only_listed(const struct applet *p)
{
	return !p->alive;
}

static void
print_outcome(
    const struct applets *a, const struct strbuf *cut, const struct strbuf *builtin, int json)
{
	struct strbuf alive = STRBUF_INIT, listed = STRBUF_INIT;

	add_names(&alive, a, is_alive, json);
	add_names(&listed, a, is_only_listed, json);
#define TEXT(b) ((b)->s ? (b)->s : "")
	if (json) {
		printf("{\"cut\":[%s],\"alive\":[%s],\"builtin\":[%s],\"listed\":[%s],"
		       "\"code_erased\":%zu}\n",
		    TEXT(cut), TEXT(&alive), TEXT(builtin), TEXT(&listed), a->erased);
	} else {
		printf("cut %zu, alive: %s\n", a->cut, TEXT(&alive));
		if (builtin->len)
			printf("still built into the shell: %s\n", builtin->s);
		if (listed.len)
			printf("dead, but \"busybox --list\" still names: %s\n", listed.s);
		if (a->erased)
			printf("code erased: %zu bytes\n", a->erased);
	}
#undef TEXT
	strbuf_free(&alive);
	strbuf_free(&listed);
}

/*
 * A name that isn't there is a slip of the finger, and nothing is done. But where names
 * were cut before, one that is to be removed counts as one of those.
 */
static void
choose(struct applets *a, const struct options *o, const char *file)
{
	struct strbuf unknown = STRBUF_INIT;

	applets_choose(a, o->keep ? o->keep : o->remove, o->keep != NULL, &unknown);
	if (unknown.len && o->keep)
		die("'%s' has no living applet '%s'", file, unknown.s);
	if (unknown.len && strstr(unknown.s, "busybox"))
		die("'busybox' can't be cut: it's what calls the applets");
	if (unknown.len && applets_nameless(a) == 0)
		die("'%s' has no applet '%s'", file, unknown.s);
	strbuf_free(&unknown);
}

static void
write_result(const struct applets *a, const struct options *o, const char *file, int fd)
{
	cleanup_free char *for_dir = xstrdup(o->out), *for_name = xstrdup(o->out);
	cleanup_free char *temporary = NULL;
	const char *name = basename(for_name);
	cleanup_fd int dirfd = open(dirname(for_dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat from, to;

	if (dirfd < 0 || fstat(fd, &from) < 0)
		die("open the directory of '%s':", o->out);
	if (fstatat(dirfd, name, &to, AT_SYMLINK_NOFOLLOW) == 0) {
		int same = from.st_dev == to.st_dev && from.st_ino == to.st_ino;

		if (!S_ISREG(to.st_mode))
			die("'%s' isn't a regular file", o->out);
		if (same && to.st_nlink > 1)
			die("'%s' has %ju more names (hard links), which would keep the old "
			    "program; write to another file and make them anew",
			    file, (uintmax_t)to.st_nlink - 1);
		if (same && !a->changed)
			return;
	}
	/* One fixed name, so that what a killed run leaves behind goes with the next. */
	temporary = xasprintf(".%s.applets-new", name);
	if (applets_write(a, dirfd, temporary, fd) < 0)
		die("write '%s':", o->out);
	if (file_put(dirfd, temporary, name) < 0)
		die("replace '%s':", o->out);
}

static int
cut(const struct options *o, const char *file)
{
	struct applets a;
	cleanup_fd int fd = open_program(file, &a);
	struct strbuf names = STRBUF_INIT, builtin = STRBUF_INIT;

	choose(&a, o, file);
	add_names(&names, &a, is_cut_now, o->json);
	add_names(&builtin, &a, stays_builtin, o->json);
	if (applets_cut(&a) < 0)
		die("'%s' %s", file, a.why);
	write_result(&a, o, file, fd);
	print_outcome(&a, &names, &builtin, o->json);
	strbuf_free(&names);
	strbuf_free(&builtin);
	applets_free(&a);
	return streams_end(EXIT_YES);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"keep", required_argument, NULL, 'k'},
	    {"remove", required_argument, NULL, 'r'},
	    {"output", required_argument, NULL, 'o'},
	    {"json", no_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	struct options o = {0};
	int c, listing;

	streams_begin();
	report_prog = "applets";
	while ((c = getopt_long(argc, argv, "k:r:o:jh", options, NULL)) != -1) {
		switch (c) {
		case 'k':
			o.keep = optarg;
			break;
		case 'r':
			o.remove = optarg;
			break;
		case 'o':
			o.out = optarg;
			break;
		case 'j':
			o.json = 1;
			break;
		case 'h':
			fputs(usage, stdout);
			return streams_end(EXIT_YES);
		default:
			wrong_usage();
		}
	}
	if (argc - optind != 2)
		wrong_usage();
	listing = strcmp(argv[optind], "list") == 0;
	if (!listing && strcmp(argv[optind], "cut") != 0)
		wrong_usage();
	if (listing ? o.keep || o.remove || o.out : !o.keep == !o.remove || !o.out)
		wrong_usage();
	return listing ? list(&o, argv[optind + 1]) : cut(&o, argv[optind + 1]);
}
