/* idmap: uid-namespace mapping made plain. The table of verbs, and what they share. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "change.h"
#include "cleanup.h"
#include "file.h"
#include "report.h"
#include "strbuf.h"
#include "verbs.h"

static const char map_options[] =
    "  -m, --map MAP       [u:|g:|b:]INSIDE:OUTSIDE:COUNT[,…] | subid:USER | rootless:USER |\n"
    "                      docker[:SETTING] | podman[:USERNS] | container:NAME | pid:PID\n"
    "      --user USER     podman: whose rootless podman\n"
    "      --uidmap R      podman: as given to podman run; also --gidmap R; repeatable\n"
    "  -R, --root FOLDER   where etc/passwd, subuid and the rest stand (default /)\n";

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage, *what;
	bool map;        /* it takes map_options */
	const char *own; /* options of its own */
} verbs[] = {
    {"show", verb_show, "[--map MAP] [--json]", "print the map", true,
	"      --json          as JSON\n"},
    {"out", verb_out, "[--map MAP] [-g] [--passwd FILE] ID…", "ids inside to ids outside", true,
	"  -g, --gid           group ids\n"
	"      --passwd FILE   take names from this file; with -g --group FILE\n"},
    {"in", verb_in, "[--map MAP] [-g] [--passwd FILE] ID…", "ids outside to ids inside", true,
	"  -g, --gid           group ids\n"
	"      --passwd FILE   add the names that this file knows; with -g --group FILE\n"},
    {"explain", verb_explain, "CONTAINER | --map MAP [--passwd FILE] [--group FILE]",
	"say who root and the service's user are outside", true,
	"      --service USER[:GROUP]  who runs inside (default: as the container says, or "
	"root)\n"
	"      --passwd FILE, --group FILE  the accounts inside, with --map\n"},
    {"lint", verb_lint, "[--json] [-R FOLDER] [--need N | --image IMAGE]",
	"look for mistakes in subuid, subgid and beside them", false,
	"      --json          as JSON\n"
	"      --need N        how many ids a container needs (default 65536)\n"
	"      --image IMAGE   as many as this image's accounts need\n"
	"  -R, --root FOLDER   where etc/ and usr/ stand (default /)\n"},
    {"setup", verb_setup, "USER|docker [--size N] [-y|-n] [--undo] [-R FOLDER]",
	"give a user, or docker, a free range of ids", false,
	"      --size N        how many ids (default 65536)\n"
	"      --undo          take back what setup gave\n"
	"  -n, --dry-run       only show what would change\n"
	"  -y, --yes           don't ask\n"
	"  -R, --root FOLDER   where etc/ stands (default /)\n"},
    {"check", verb_check, "[--map MAP] [--json] PATH",
	"sort a tree's inodes by where their ids stand", true,
	"      --json          as JSON\n"
	"      --cross-mounts  go into what is mounted below\n"},
    {"shift", verb_shift, "--map MAP [-n] PATH | --undo PATH",
	"give a tree the ids of the outside", true,
	"      --unmapped fail|keep|ID  ids that the map doesn't hold (default fail)\n"
	"      --undo          back to what was before the last shift or unshift\n"
	"  -n, --dry-run       only show what would change\n"
	"  -q, --quiet         no summary, no progress\n"
	"  -j, --jobs N        threads (default: one for each core)\n"
	"      --cross-mounts  go into what is mounted below\n"
	"      --busy          although the tree is in use\n"
	"      --again         although it was shifted by another map\n"
	"      --overlap       although ids stand on both sides of the map, if no inode has "
	"one\n"
	"      --sync          no setuid bit lost by a power failure either; slower\n"},
    {"unshift", verb_unshift, "--map MAP [-n] PATH | --undo PATH",
	"give a tree the ids of the inside", true, "      options as for shift\n"},
    {"mount", verb_mount, "--map MAP [-r] SOURCE TARGET", "mount a tree with the map", true,
	"  -r, --recursive     with what is mounted below\n"},
    {"doctor", verb_doctor, "[--map MAP] [--json] PATH", "say which to use: mount or shift",
	true, "      --json          as JSON\n"},
};

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static const struct verb *
find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static void
print_verbs(FILE *to)
{
	size_t i;

	fputs(
	    "usage: idmap VERB [OPTION…] [ARGUMENT…]\n\nuid-namespace mapping made plain:\n\n",
	    to);
	for (i = 0; i < VERBS; i++)
		fprintf(to, "  %-8s %s\n", verbs[i].name, verbs[i].what);
	fputs("\nidmap VERB --help says more, idmap(8) all.\n"
	      "Exit status: 0 yes or done, 1 no, 2 trouble.\n",
	    to);
}

void
verb_help(const char *name)
{
	const struct verb *v = find_verb(name);

	printf("usage: idmap %s %s\n\n%s\n\n%s%s", v->name, v->usage, v->what,
	    v->map ? map_options : "", v->own);
	exit(EXIT_YES);
}

void
wrong_usage(const char *name)
{
	const struct verb *v = find_verb(name);

	fprintf(stderr, "usage: idmap %s %s\n", v->name, v->usage);
	exit(EXIT_TROUBLE);
}

static char *
state_path(void)
{
	const char *given = getenv("WHITTLE_STATE"), *home = getenv("HOME");
	const char *xdg = getenv("XDG_STATE_HOME");

	if (given && *given)
		return xasprintf("%s/idmap", given);
	/* Root of a rootless user's own namespace is that user. */
	if (geteuid() == 0 && overflow_id() == UINT32_MAX)
		return xstrdup("/var/lib/whittle/idmap");
	if (xdg && *xdg)
		return xasprintf("%s/whittle/idmap", xdg);
	return xasprintf("%s/.local/state/whittle/idmap", home && *home ? home : "");
}

int
open_state_folder(void)
{
	cleanup_free char *path = state_path();
	int fd =
	    make_directories(path, 0700) ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		report("open '%s':", path);
	return fd;
}

int
main(int argc, char **argv)
{
	const struct verb *v;

	report_prog = "idmap";
	if (argc < 2) {
		print_verbs(stderr);
		return EXIT_TROUBLE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_verbs(stdout);
		return EXIT_YES;
	}
	v = find_verb(argv[1]);
	if (!v) {
		report("no verb '%s': idmap --help lists them", argv[1]);
		return EXIT_TROUBLE;
	}
	return v->run(argc - 1, argv + 1);
}
