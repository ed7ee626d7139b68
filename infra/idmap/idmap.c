/* idmap: user namespaces' mappings of user and group ids. The table of verbs. */
#include <stddef.h>

#include "usage.h"
#include "verbs.h"

static const char map_options[] =
    "  -m, --map MAP       [u:|g:|b:]INSIDE:OUTSIDE:COUNT[,…] | subid:USER | rootless:USER |\n"
    "                      docker[:SETTING] | podman[:USERNS] | container:NAME | pid:PID\n"
    "      --user USER     podman: whose rootless podman\n"
    "      --uidmap R      podman: as given to podman run; also --gidmap R; repeatable\n"
    "  -R, --root DIR      where etc/passwd, subuid and the rest are (default /)\n";

static const struct verb verbs[] = {
    {"show", verb_show, "[--map MAP] [--json]", "print the map",
	{map_options, "      --json          as JSON\n"}},
    {"out", verb_out, "[--map MAP] [-g] [--passwd FILE] ID…", "ids inside to ids outside",
	{map_options,
	    "  -g, --gid           group ids\n"
	    "      --passwd FILE   take names from this file; with -g --group FILE\n"}},
    {"in", verb_in, "[--map MAP] [-g] [--passwd FILE] ID…", "ids outside to ids inside",
	{map_options, "  -g, --gid           group ids\n"
		      "      --passwd FILE   add the names that this file knows; with -g "
		      "--group FILE\n"}},
    {"explain", verb_explain, "CONTAINER | --map MAP [--passwd FILE] [--group FILE]",
	"say who root and the service's user are outside",
	{map_options,
	    "      --service USER[:GROUP]  who runs inside (default: as the container says, or "
	    "root)\n"
	    "      --passwd FILE, --group FILE  the accounts inside, with --map\n"}},
    {"lint", verb_lint, "[--json] [-R DIR] [--need N | --image IMAGE]",
	"look for mistakes in subuid, subgid and beside them",
	{"      --json          as JSON\n"
	 "      --need N        how many ids a container needs (default 65536)\n"
	 "      --image IMAGE   as many as this image's accounts need\n"
	 "  -R, --root DIR      where etc/ and usr/ are (default /)\n"}},
    {"setup", verb_setup, "USER|docker [--size N] [-y|-n] [--undo] [-R DIR]",
	"give a user, or docker, a free range of ids",
	{"      --size N        how many ids (default 65536)\n"
	 "      --undo          undo what setup did\n"
	 "  -n, --dry-run       only show what would change\n"
	 "  -y, --yes           don't ask\n"
	 "  -R, --root DIR      where etc/ is (default /)\n"}},
    {"check", verb_check, "[--map MAP] [--json] PATH",
	"count a tree's inodes by the side of the map that their ids are on",
	{map_options, "      --json          as JSON\n"
		      "      --cross-mounts  go into what is mounted below\n"}},
    {"shift", verb_shift, "--map MAP [-n] PATH | --undo PATH",
	"change a tree's owners to the ids outside",
	{map_options,
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
	    "      --sync          no setuid bit lost by a power failure either; slower\n"}},
    {"unshift", verb_unshift, "--map MAP [-n] PATH | --undo PATH",
	"change a tree's owners to the ids inside",
	{map_options, "      options as for shift\n"}},
    {"mount", verb_mount, "--map MAP [-r] SOURCE TARGET", "mount a tree with the map",
	{map_options, "  -r, --recursive     with what is mounted below\n"}},
    {"doctor", verb_doctor, "[--map MAP] [--json] PATH", "say which to use: mount or shift",
	{map_options, "      --json          as JSON\n"}},
    {0},
};

static const struct program idmap = {
    "idmap", "idmap(8)", "user namespaces' mappings of user and group ids", verbs};

int
main(int argc, char **argv)
{
	return program_run(&idmap, argc, argv);
}
