/* learn: what a service needs of its image, found out while its tests run. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edit.h"
#include "facts.h"
#include "heard.h"
#include "missed.h"
#include "needs.h"
#include "profile.h"
#include "record.h"
#include "report.h"
#include "runs.h"
#include "streams.h"
#include "wrapper.h"

static void
print_help(FILE *f)
{
	fputs(
	    "usage: learn record DIRECTORY -- COMMAND [ARG]...\n"
	    "       learn keep [-n] [--forget] [--own DIRECTORY] -r ROOT -k FILE RUN...\n"
	    "       learn missed -r ROOT -l LEDGER [-k FILE] RUN...\n"
	    "       learn named -r ROOT -l LEDGER\n"
	    "       learn seccomp FILE RUN...\n"
	    "       learn facts -r ROOT [-m PATH]... RUN...\n"
	    "       learn edit FILE set KEY VALUE | add KEY ITEM | drop KEY WORD... | unset "
	    "KEY\n"
	    "       learn tests FILE\n"
	    "       learn health CONTAINER\n"
	    "       learn syslog SOCKET FILE -- COMMAND [ARG]...\n"
	    "\n"
	    "Finds out what a service needs of its image. \"make learn\" in a container's\n"
	    "directory, and \"d learn NAME\", do all of it; these are its steps:\n"
	    "\n"
	    "  record  becomes COMMAND, and writes what it and all that it starts open,\n"
	    "          execute, look at, list, write to and listen on to DIRECTORY\n"
	    "  keep    adds what the RUNs (directories of traces) needed of the files below\n"
	    "          ROOT to the list FILE, for prep's rule carve; says what came and went\n"
	    "  missed  prints, as lines for the list, what the rule carve removed from the\n"
	    "          image by its LEDGER and the RUNs asked for all the same\n"
	    "  named   prints what the rule carve removed and a configuration file names\n"
	    "  seccomp writes a profile to FILE that allows the system calls of the RUNs and\n"
	    "          what every program needs\n"
	    "  facts   prints as JSON what was written where, ports, users, threads\n"
	    "  edit    changes a key of a settings.yaml, and leaves the rest as it is\n"
	    "  tests   copies TAP through, and notes in FILE when each test was over\n"
	    "  health  runs the image's health check once in CONTAINER\n"
	    "  syslog  becomes COMMAND, and adds to FILE what is sent to SOCKET meanwhile\n"
	    "\n"
	    "  -r, --root ROOT   the image's files\n"
	    "  -k, --keep FILE   the list; made where there is none\n"
	    "  -l, --ledger LEDGER\n"
	    "                    what prep removed from it\n"
	    "  -m, --mount PATH  what is mounted there in the container counts by itself\n"
	    "      --own DIRECTORY\n"
	    "                    what stands there was put into the image, and stays\n"
	    "      --forget      what was learned earlier and wasn't needed now goes\n"
	    "  -n, --dry-run     say what would change, change nothing\n"
	    "  -h, --help        this text\n"
	    "\n"
	    "Called as podman or docker, it is that engine with a recorder in each container\n"
	    "of one image: infra/image learn does so.\n"
	    "\n"
	    "Exit status: 0 done, 1 something would change (-n), was missed or named, or "
	    "there\n"
	    "was nothing to edit, 2 trouble;\n"
	    "record and syslog: that of COMMAND, 125 where it can't be recorded or listened "
	    "to,\n"
	    "126 or 127 where it can't be started.\n",
	    f);
}

static int
usage(void)
{
	print_help(stderr);
	return EXIT_TROUBLE;
}

static int
verb_record(int argc, char **argv)
{
	int command = 2;

	if (argc < 3)
		return usage();
	if (strcmp(argv[command], "--") == 0)
		command++;
	if (!argv[command])
		die("no command: the image has neither entry point nor command");
	return record(argv[1], argv + command);
}

/* The verbs that look at files below a root: what their options say. */
struct looking {
	const char *root, *list, *ledger;
	char *mount[257]; /* the last is NULL */
	size_t mounts;
};

/* Returns the first argument's number, or 0 where that is the end; *status then. */
static int
look_options(int argc, char **argv, struct looking *o, int *status)
{
	static const struct option longs[] = {{"root", required_argument, NULL, 'r'},
	    {"keep", required_argument, NULL, 'k'}, {"ledger", required_argument, NULL, 'l'},
	    {"mount", required_argument, NULL, 'm'}, {"help", no_argument, NULL, 'h'}, {0}};
	int c;

	*status = EXIT_TROUBLE;
	while ((c = getopt_long(argc, argv, "+r:k:l:m:h", longs, NULL)) != -1) {
		switch (c) {
		case 'r':
			o->root = optarg;
			break;
		case 'k':
			o->list = optarg;
			break;
		case 'l':
			o->ledger = optarg;
			break;
		case 'm':
			if (o->mounts + 1 == sizeof(o->mount) / sizeof(o->mount[0])) {
				report("-m '%s': more than 256", optarg);
				return 0;
			}
			o->mount[o->mounts++] = optarg;
			break;
		case 'h':
			print_help(stdout);
			*status = EXIT_YES;
			return 0;
		default:
			return 0;
		}
	}
	return optind;
}

static int
verb_missed(int argc, char **argv)
{
	struct looking o = {0};
	int status, first = look_options(argc, argv, &o, &status);

	if (!first)
		return status;
	if (!o.root || !o.ledger || o.mounts || !argv[first])
		return usage();
	return missed(o.root, o.ledger, o.list, argv + first);
}

static int
verb_named(int argc, char **argv)
{
	struct looking o = {0};
	int status, first = look_options(argc, argv, &o, &status);

	if (!first)
		return status;
	if (!o.root || !o.ledger || o.list || o.mounts || argv[first])
		return usage();
	return missed_named(o.root, o.ledger);
}

static int
verb_facts(int argc, char **argv)
{
	struct looking o = {0};
	int status, first = look_options(argc, argv, &o, &status);

	if (!first)
		return status;
	if (!o.root || o.ledger || o.list || !argv[first])
		return usage();
	return facts(o.root, o.mount, argv + first);
}

static int
verb_keep(int argc, char **argv)
{
	static const struct option longs[] = {{"root", required_argument, NULL, 'r'},
	    {"keep", required_argument, NULL, 'k'}, {"forget", no_argument, NULL, 'f'},
	    {"own", required_argument, NULL, 'o'}, {"dry-run", no_argument, NULL, 'n'},
	    {"help", no_argument, NULL, 'h'}, {0}};
	struct needs_options o = {0};
	int c;

	while ((c = getopt_long(argc, argv, "+r:k:nh", longs, NULL)) != -1) {
		switch (c) {
		case 'r':
			o.root = optarg;
			break;
		case 'k':
			o.list = optarg;
			break;
		case 'o':
			o.own = optarg;
			break;
		case 'f':
			o.forget = 1;
			break;
		case 'n':
			o.dry = 1;
			break;
		case 'h':
			print_help(stdout);
			return EXIT_YES;
		default:
			return EXIT_TROUBLE;
		}
	}
	if (!o.root || !o.list || !argv[optind])
		return usage();
	return needs(&o, argv + optind);
}

static int
run_verb(int argc, char **argv)
{
	if (argc < 2)
		return usage();
	if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
		print_help(stdout);
		return EXIT_YES;
	}
	if (strcmp(argv[1], "record") == 0)
		return verb_record(argc - 1, argv + 1);
	if (strcmp(argv[1], "keep") == 0)
		return verb_keep(argc - 1, argv + 1);
	if (strcmp(argv[1], "missed") == 0)
		return verb_missed(argc - 1, argv + 1);
	if (strcmp(argv[1], "named") == 0)
		return verb_named(argc - 1, argv + 1);
	if (strcmp(argv[1], "facts") == 0)
		return verb_facts(argc - 1, argv + 1);
	if (strcmp(argv[1], "edit") == 0 && argc > 2)
		return edit(argv + 2);
	if (strcmp(argv[1], "seccomp") == 0 && argc > 3)
		return profile(argv[2], argv + 3);
	if (strcmp(argv[1], "tests") == 0 && argc == 3)
		return runs_tests(argv[2]);
	if (strcmp(argv[1], "health") == 0 && argc == 3)
		return health(argv[2]);
	if (strcmp(argv[1], "syslog") == 0 && argc > 5 && strcmp(argv[4], "--") == 0)
		return heard(argv[2], argv[3], argv + 5);
	report("unknown verb '%s'; see learn --help", argv[1]);
	return EXIT_TROUBLE;
}

int
main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');

	streams_begin();
	report_prog = "learn";
	name = name ? name + 1 : argv[0];
	if (strcmp(name, "podman") == 0 || strcmp(name, "docker") == 0)
		return wrapper(argc, argv);
	return streams_end(run_verb(argc, argv));
}
