/* idmap: user namespaces' mappings of user and group ids. The table of verbs. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "report.h"
#include "usage.h"
#include "verbs.h"

static const struct verb verbs[] = {
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
    {"lint", verb_lint, "[--json] [-R DIR] [--need N | --image IMAGE]",
	"look for mistakes in subuid, subgid and beside them", false,
	"      --json          as JSON\n"
	"      --need N        how many ids a container needs (default 65536)\n"
	"      --image IMAGE   as many as this image's accounts need\n"
	"  -R, --root DIR      where etc/ and usr/ are (default /)\n"},
    {"setup", verb_setup, "USER|docker [--size N] [-y|-n] [--undo] [-R DIR]",
	"give a user, or docker, a free range of ids", false,
	"      --size N        how many ids (default 65536)\n"
	"      --undo          undo what setup did\n"
	"  -n, --dry-run       only show what would change\n"
	"  -y, --yes           don't ask\n"
	"  -R, --root DIR      where etc/ is (default /)\n"},
    {"check", verb_check, "[--map MAP] [--json] PATH",
	"count a tree's inodes by the side of the map that their ids are on", true,
	"      --json          as JSON\n"
	"      --cross-mounts  go into what is mounted below\n"},
    {"shift", verb_shift, "--map MAP [-n] PATH | --undo PATH",
	"change a tree's owners to the ids outside", true,
	"      --unmapped fail|keep|ID  ids that the map doesn't hold (default fail)\n"
	"      --undo          back to what was before the last shift or unshift\n"
	"  -n, --dry-run       only show what would change\n"
	"  -q, --quiet         no summary, no progress\n"
	"  -j, --jobs N        threads (default: one for each core)\n"
	"      --cross-mounts  go into what is mounted below\n"
	"      --busy          even if the tree is in use\n"
	"      --again         even if it was shifted by another map\n"
	"      --overlap       even if ids are on both sides of the map, if no inode has "
	"one\n"
	"      --sync          no setuid bit lost by a power failure either; slower\n"},
    {"unshift", verb_unshift, "--map MAP [-n] PATH | --undo PATH",
	"change a tree's owners to the ids inside", true, "      options as for shift\n"},
    {"mount", verb_mount, "--map MAP [-r] SOURCE TARGET", "mount a tree with the map", true,
	"  -r, --recursive     with what is mounted below\n"},
    {"doctor", verb_doctor, "[--map MAP] [--json] PATH", "say which to use: mount or shift",
	true, "      --json          as JSON\n"},
    {NULL, NULL, NULL, NULL, false, NULL},
};

int
main(int argc, char **argv)
{
	const struct verb *v;

	report_prog = "idmap";
	usage_set(verbs);
	if (argc < 2)
		return usage(EXIT_TROUBLE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return usage(EXIT_YES);
	v = find_verb(argv[1]);
	if (!v) {
		report("no verb '%s': idmap --help lists them", argv[1]);
		return EXIT_TROUBLE;
	}
	return v->run(argc - 1, argv + 1);
}
