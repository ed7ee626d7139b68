/* prep: hardens a root file system, in an image as /prep or a tree with -r ROOT. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply.h"
#include "beneath.h"
#include "busybox.h"
#include "carve.h"
#include "cleanup.h"
#include "conf.h"
#include "descriptors.h"
#include "findings.h"
#include "image.h"
#include "ledger.h"
#include "passes.h"
#include "plan.h"
#include "report.h"
#include "streams.h"
#include "tree.h"

struct options {
	const char *root, *conf, *ledger, *entry_point, *keep, *starts;
	int dry, quiet, audit, json;
};

static void
print_help(void)
{
	int i;

	printf(
	    "usage: prep -r ROOT [-c FILE] [-k FILE] [-o FILE] [-s FILE]\n"
	    "            [-n] [-q]\n"
	    "       prep -a -r ROOT [-c FILE] [-k FILE] [-e COMMAND] [--json]\n"
	    "       /prep [-c FILE] [-n] [-q], in an image that is being built\n"
	    "\n"
	    "Hardens a root file system: removes what no service needs, and says what it\n"
	    "removed.\n"
	    "\n"
	    "  -r, --root ROOT    the root file system's directory\n"
	    "  -c, --conf FILE    settings, lines of KEY=value\n"
	    "  -k, --keep FILE    remove all that this list doesn't name or need\n"
	    "  -o, --ledger FILE  add one line of JSON for each change to FILE\n"
	    "  -n, --dry-run      print the plan, change nothing\n"
	    "  -a, --audit        change nothing, print one line a finding\n"
	    "  -e, --entry-point COMMAND\n"
	    "                     what the image is started with, for the audit\n"
	    "  -s, --starts FILE  what the image starts, as whom, with what mounted: lines of\n"
	    "                     \"run COMMAND\", \"user NAME\" and \"mount /PATH\"; no rule\n"
	    "                     removes that, or links to those mounts\n"
	    "      --json         findings as JSON, one object a line\n"
	    "  -q, --quiet        print no plan and no summary\n"
	    "  -h, --help         this text\n"
	    "\n"
	    "Settings and their defaults:\n");
	for (i = 0; i < CONF_KEYS; i++)
		printf("  %s=%s\n        %s\n", conf_name((enum conf_key)i),
		    conf_default((enum conf_key)i), conf_meaning((enum conf_key)i));
	printf("\nExit status: 0 done, 1 findings, 2 trouble.\n");
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
	    {"root", required_argument, NULL, 'r'},
	    {"conf", required_argument, NULL, 'c'},
	    {"keep", required_argument, NULL, 'k'},
	    {"ledger", required_argument, NULL, 'o'},
	    {"dry-run", no_argument, NULL, 'n'},
	    {"audit", no_argument, NULL, 'a'},
	    {"entry-point", required_argument, NULL, 'e'},
	    {"starts", required_argument, NULL, 's'},
	    {"json", no_argument, NULL, 'j'},
	    {"quiet", no_argument, NULL, 'q'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "+r:c:k:o:nae:s:qh", longs, NULL)) != -1) {
		switch (c) {
		case 'r':
			o->root = optarg;
			break;
		case 'c':
			o->conf = optarg;
			break;
		case 'k':
			o->keep = optarg;
			break;
		case 'o':
			o->ledger = optarg;
			break;
		case 'n':
			o->dry = 1;
			break;
		case 'a':
			o->audit = 1;
			break;
		case 'e':
			o->entry_point = optarg;
			break;
		case 's':
			o->starts = optarg;
			break;
		case 'j':
			o->json = 1;
			break;
		case 'q':
			o->quiet = 1;
			break;
		case 'h':
			print_help();
			exit(streams_end(EXIT_YES));
		default:
			exit(EXIT_TROUBLE);
		}
	}
	if (argv[optind])
		die("unexpected argument '%s'", argv[optind]);
	if (o->json && !o->audit)
		die("--json requires --audit");
	if (o->entry_point && !o->audit)
		die("--entry-point requires --audit");
	if ((o->dry || o->audit) && o->ledger)
		die("--ledger can't be used with --dry-run or --audit");
}

static void
read_settings(const struct options *o, struct conf *c, char **argv)
{
	cleanup_fd int fd = -1;

	conf_init(c);
	if (!o->root) {
		if (image_settings(c, o->conf, argv))
			exit(EXIT_TROUBLE);
		return;
	}
	if (!o->conf)
		return;
	fd = open(o->conf, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		die("open '%s':", o->conf);
	if (conf_read(c, fd, o->conf))
		exit(EXIT_TROUBLE);
}

/* Whether there is a list. */
static int
read_keep(const struct options *o, struct keep *k)
{
	const char *name = o->keep ? o->keep : image_keep_path;
	cleanup_fd int fd = -1;

	if (!o->keep && o->root)
		return 0;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && errno == ENOENT && !o->keep)
		return 0;
	if (fd < 0)
		die("open '%s':", name);
	if (keep_read(k, fd, name))
		exit(EXIT_TROUBLE);
	return 1;
}

/* What the image starts: the pipeline leaves it beside /prep. */
static void
read_starts(const struct options *o, struct starts *s)
{
	const char *file = o->starts ? o->starts : o->root ? NULL : "/prep.starts";
	cleanup_fd int fd = file ? open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;

	if (!file || (fd < 0 && !o->starts && errno == ENOENT))
		return;
	if (fd < 0)
		die("open '%s':", file);
	if (starts_read(s, fd, file))
		exit(EXIT_TROUBLE);
}

static int
has(int rootfd, const char *path, mode_t type)
{
	cleanup_fd int fd = open_in_root(rootfd, path, O_PATH, 0);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

/* /usr/local has an etc and a bin as well, but no accounts. */
static int
is_root_file_system(int rootfd)
{
	return has(rootfd, "/etc/passwd", S_IFREG) &&
	       (has(rootfd, "/bin", S_IFDIR) || has(rootfd, "/usr/bin", S_IFDIR));
}

static int
open_root(const struct options *o)
{
	const char *path = o->root ? o->root : "/";
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat root, running;

	if (fd < 0 || fstat(fd, &root) || stat("/", &running))
		die("open '%s':", path);
	if (o->root && root.st_dev == running.st_dev && root.st_ino == running.st_ino)
		die("'%s' is the root of the running system", path);
	if (!is_root_file_system(fd))
		die("'%s' isn't a root file system: it has no etc/passwd, or no bin", path);
	return fd;
}

/* Two runs in one tree would take each other's work for someone's interference. */
static void
lock_root(int rootfd)
{
	if (flock(rootfd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		die("another prep is running on this tree");
}

static void
open_ledger(const struct options *o, int rootfd, struct ledger *l)
{
	const char *name = o->ledger;
	int fd = -1;

	*l = (struct ledger){.fd = -1};
	if (name) {
		fd = open(name, O_RDWR | O_CREAT | O_NOCTTY | O_CLOEXEC, 0600);
		if (fd < 0)
			die("open '%s':", name);
	} else if (!o->root) {
		name = image_ledger_path;
		fd = image_ledger(rootfd);
		if (fd < 0)
			exit(EXIT_TROUBLE);
	}
	if (name && ledger_open(l, fd, name))
		exit(EXIT_TROUBLE);
}

/* A ledger that the plan removes would be gone before it is complete. */
static void
check_ledger(const struct ledger *l, const struct tree *t)
{
	struct strbuf path = STRBUF_INIT;
	struct stat st;
	uint32_t i;

	if (l->fd < 0 || fstat(l->fd, &st))
		return;
	for (i = 1; i < t->count; i++)
		if (t->e[i].dev == st.st_dev && t->e[i].ino == st.st_ino && has_work(&t->e[i]))
			die("the ledger '%s' is itself one of the files to be changed",
			    tree_path(t, i, &path));
}

static void
harden(const struct options *o, struct plan *p, struct ledger *l)
{
	struct outcome done;

	check_ledger(l, p->tree);
	apply_plan(p, l, &done);
	if (carve_record(p, l) | ledger_close(l))
		report("write the ledger:");
	if (!o->quiet)
		printf("%lu removed, %lu modes, %lu owners, %lu files edited\n", done.removed,
		    done.modes, done.owners, done.edits);
}

/* What was reported on the way (a directory that can't be read, say) is trouble, whatever
 * came of the rest. */
static int
act(const struct options *o, struct plan *p, struct ledger *l)
{
	int status = EXIT_YES;

	if (o->audit) {
		if (audit(p, o->json, o->entry_point))
			status = EXIT_NO;
	} else if (conf_word(p->conf, SECRETS_FAIL) && report_secrets(p)) {
		return EXIT_NO;
	} else if (!o->dry) {
		harden(o, p, l);
	} else if (!o->quiet) {
		show_plan(p);
	}
	return report_count ? EXIT_TROUBLE : status;
}

int
main(int argc, char **argv)
{
	struct options options = {0};
	struct conf conf;
	struct starts starts = {.user = NULL};
	struct tree tree = {0};
	struct plan plan;
	struct ledger ledger = {.fd = -1};
	struct keep keep = {0};
	int rootfd, status = EXIT_TROUBLE;

	streams_begin();
	report_prog = "prep";
	parse_options(&options, argc, argv);
	if (!options.root && !image_is_ours())
		die("not /prep in an image: name the root file system with -r ROOT");
	read_settings(&options, &conf, argv);
	plan_init(&plan, passes, passes_count);
	plan.keep = read_keep(&options, &keep) ? &keep : NULL;
	read_starts(&options, &starts);
	rootfd = open_root(&options);
	if (!options.dry && !options.audit) {
		lock_root(rootfd);
		open_ledger(&options, rootfd, &ledger);
	}
	/* The walk takes one a level for itself; so does what is done after it. */
	descriptors_raise(NULL);
	if (tree_read(&tree, rootfd) == 0 && plan_make(&plan, &tree, &conf, &starts) == 0)
		status = act(&options, &plan, &ledger);
	busybox_free(&plan);
	carve_free(&plan);
	plan_free(&plan);
	tree_free(&tree);
	conf_free(&conf);
	keep_free(&keep);
	starts_free(&starts);
	close(rootfd);
	return streams_end(status);
}
