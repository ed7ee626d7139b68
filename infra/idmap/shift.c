/*
 * shift, unshift: gives a tree the ids of the other side of a map, and takes it back.
 *
 * Where no id is on both sides of the map, an inode's own owner tells whether it was
 * done: a run that was cut off is finished by running again. The journal holds what the
 * inodes can't tell, which is what was there before.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "inuse.h"
#include "mounts.h"
#include "pass.h"
#include "replay.h"
#include "report.h"
#include "shift_state.h"
#include "source.h"
#include "state.h"
#include "usage.h"
#include "verbs.h"

enum {
	OPTION_UNMAPPED = OPTION_OWN,
	OPTION_UNDO,
	OPTION_CROSS,
	OPTION_BUSY,
	OPTION_AGAIN,
	OPTION_OVERLAP,
	OPTION_SYNC,
};

struct options {
	struct source source;
	bool undo, busy, again, overlap;
	const char *unmapped, *path;
};

static void
on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* nohup(1) and supervisors start programs with signals ignored, which is meant to last. */
static void
interrupt_on(int number)
{
	if (signal(number, on_signal) == SIG_IGN)
		signal(number, SIG_IGN);
}

/* --- options --- */

static void
read_options(int argc, char **argv, struct options *o, struct shift *s)
{
	static const struct option options[] = {SOURCE_LONG,
	    {"unmapped", required_argument, NULL, OPTION_UNMAPPED},
	    {"undo", no_argument, NULL, OPTION_UNDO}, {"dry-run", no_argument, NULL, 'n'},
	    {"quiet", no_argument, NULL, 'q'}, {"jobs", required_argument, NULL, 'j'},
	    {"cross-mounts", no_argument, NULL, OPTION_CROSS},
	    {"busy", no_argument, NULL, OPTION_BUSY},
	    {"again", no_argument, NULL, OPTION_AGAIN},
	    {"overlap", no_argument, NULL, OPTION_OVERLAP},
	    {"sync", no_argument, NULL, OPTION_SYNC}, {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, SOURCE_SHORT "nqj:", options, NULL)) != -1) {
		if (source_option(&o->source, c, optarg, argv[0]))
			continue;
		switch (c) {
		case OPTION_UNMAPPED:
			o->unmapped = optarg;
			break;
		case OPTION_UNDO:
			o->undo = true;
			break;
		case 'n':
			s->dry = true;
			break;
		case 'q':
			s->quiet = true;
			break;
		case 'j':
			if (account_id(optarg, &s->sweep.workers) || !s->sweep.workers ||
			    s->sweep.workers > SWEEP_WORKERS_MAX)
				die("jobs '%s': want 1 to %d", optarg, (int)SWEEP_WORKERS_MAX);
			break;
		case OPTION_CROSS:
			s->sweep.cross_mounts = true;
			break;
		case OPTION_BUSY:
			o->busy = true;
			break;
		case OPTION_AGAIN:
			o->again = true;
			break;
		case OPTION_OVERLAP:
			o->overlap = true;
			break;
		case OPTION_SYNC:
			s->sync = true;
			break;
		default:
			exit(verb_usage(argv[0], EXIT_TROUBLE));
		}
	}
	if (argc - optind != 1 || (o->undo && (o->source.map || s->dry)))
		exit(verb_usage(argv[0], EXIT_TROUBLE));
	/* No default where files are changed. */
	if (!o->undo && !o->source.map)
		die("--map is required");
	o->path = argv[optind];
}

static void
read_unmapped(const char *word, struct shift *s)
{
	uint32_t ignored;

	if (!word || strcmp(word, "fail") == 0) {
		s->convert.unmapped = UNMAPPED_FAIL;
	} else if (strcmp(word, "keep") == 0) {
		s->convert.unmapped = UNMAPPED_KEEP;
	} else {
		s->convert.unmapped = UNMAPPED_TO;
		if (account_id(word, &s->convert.to))
			die("unmapped '%s': want fail, keep or an id", word);
		if (!id_map_out(&s->map.uid, s->convert.to, &ignored) ||
		    !id_map_out(&s->map.gid, s->convert.to, &ignored))
			die("unmapped '%s': the map doesn't hold that id", word);
	}
}

/* --- the tree, its journal --- */

/* What tells a tree's top from all others: its place may change, its number be given
 * again. Returns 0, or -1 with errno. */
static int
identify(int fd, struct journal_about *about)
{
	struct inode_at at = {fd, "", true};
	struct statfs fs;
	struct statx st;
	int generation = 0;

	if (inode_stat(&at, &st) || fstatfs(fd, &fs))
		return -1;
	ioctl(fd, FS_IOC_GETVERSION, &generation);
	about->generation = generation;
	memcpy(&about->fs, &fs.f_fsid, sizeof(about->fs));
	about->ino = st.stx_ino;
	about->born = st.stx_mask & STATX_BTIME ? st.stx_btime.tv_sec : 0;
	about->born_ns = st.stx_mask & STATX_BTIME ? st.stx_btime.tv_nsec : 0;
	return 0;
}

static bool
same_top(const struct journal_about *a, const struct journal_about *b)
{
	return a->fs == b->fs && a->ino == b->ino && a->born == b->born &&
	       a->born_ns == b->born_ns && a->generation == b->generation;
}

static void
open_top(struct shift *s, const char *path)
{
	s->path = realpath(path, NULL);
	if (s->path)
		s->top = s->tree = sweep_open(&s->sweep, s->path);
	if (s->top >= 0 && s->sweep.only)
		s->tree = openat(s->top, s->sweep.only, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (s->tree < 0 || identify(s->tree, &s->about))
		die("open '%s':", path);
	if (strcmp(s->path, "/") == 0)
		die("refusing to shift '/'");
	s->about.path = s->path;
	s->journal_name = xasprintf("%016llx-%llx.journal", (unsigned long long)s->about.fs,
	    (unsigned long long)s->about.ino);
}

/* One of a tree that is gone, whose number this one got, is as good as none. */
static void
drop_stale_journal(struct shift *s)
{
	cleanup_free char *before = xasprintf("%s.before", s->journal_name);

	if (!s->journal || same_top(journal_about(s->journal), &s->about))
		return;
	journal_close(s->journal);
	s->journal = NULL;
	unlinkat(s->state, s->journal_name, 0);
	unlinkat(s->state, before, 0);
}

/* The journal must not be among what it is about. */
static int
refuse_own_state(const struct shift *s)
{
	cleanup_free char *link = xasprintf("/proc/self/fd/%d", s->state);
	cleanup_free char *path = realpath(link, NULL);
	size_t n = strlen(s->path);

	if (!path || strncmp(path, s->path, n) != 0 || (path[n] && path[n] != '/'))
		return 0;
	report("the journal's directory '%s' is part of the tree: set WHITTLE_STATE to another",
	    path);
	return -1;
}

static int
open_journal(struct shift *s)
{
	cleanup_free char *lock = xasprintf("%s.lock", s->journal_name);
	cleanup_free char *before = xasprintf("%s.before", s->journal_name);

	s->state = open_state_directory();
	if (s->state < 0 || refuse_own_state(s))
		return -1;
	s->state_lock = openat(s->state, lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->state_lock < 0) {
		report("open '%s':", lock);
		return -1;
	}
	if (flock(s->state_lock, LOCK_EX | LOCK_NB)) {
		if (errno == EWOULDBLOCK)
			report("another idmap is working on '%s'", s->path);
		else
			report("lock '%s':", lock);
		return -1;
	}
	s->journal = journal_open(s->state, s->journal_name);
	/* Killed when the old one stood aside and the new one wasn't there yet? */
	if (!s->journal && errno == ENOENT &&
	    renameat(s->state, before, s->state, s->journal_name) == 0)
		s->journal = journal_open(s->state, s->journal_name);
	if (!s->journal && errno != ENOENT) {
		report("read journal '%s':", s->journal_name);
		return -1;
	}
	drop_stale_journal(s);
	return 0;
}

/* However its ranges were cut. */
static bool
same_map(const struct shift *s)
{
	struct idmap m = IDMAP_INIT;
	struct strbuf why = STRBUF_INIT;
	bool same = idmap_parse(&m, journal_about(s->journal)->map, &why) == 0 &&
		    idmap_equal(&m, &s->map);

	idmap_free(&m);
	strbuf_free(&why);
	return same;
}

static bool
same_work(const struct shift *s)
{
	return journal_about(s->journal)->back == s->convert.back && same_map(s);
}

static bool
nested(const char *a, const char *b)
{
	size_t n = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

	return strncmp(a, b, n) == 0 && (a[n] == '\0' || a[n] == '/') &&
	       (b[n] == '\0' || b[n] == '/');
}

/* Is it unfinished, of a tree that still is where it was, above or below this one? */
static bool
stands_in_the_way(const struct shift *s, const struct journal *j)
{
	const struct journal_about *a = journal_about(j);
	struct journal_about now;
	cleanup_fd int fd = open(a->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOTDIR)
		fd = open(a->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return journal_state(j) != JOURNAL_DONE && nested(a->path, s->path) && fd >= 0 &&
	       identify(fd, &now) == 0 && same_top(a, &now);
}

/* Unfinished work on a part of this tree, or on one that it is part of, would be mixed
 * with this. */
static int
guard_nested(const struct shift *s)
{
	int copy = openat(s->state, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	int status = EXIT_YES;
	struct dirent *e;

	while (d && !status && (e = readdir(d))) {
		size_t n = strlen(e->d_name);
		struct journal *j;

		if (n < 8 || strcmp(e->d_name + n - 8, ".journal") != 0 ||
		    strcmp(e->d_name, s->journal_name) == 0)
			continue;
		j = journal_open(s->state, e->d_name);
		if (j && stands_in_the_way(s, j)) {
			report("an unfinished run on '%s': finish or undo it "
			       "first",
			    journal_about(j)->path);
			status = EXIT_NO;
		}
		journal_close(j);
	}
	return status;
}

/* --- guards: each returns an exit status, EXIT_YES where nothing is in the way --- */

static int
guard_owner(void)
{
	if (geteuid() == 0)
		return EXIT_YES;
	report(
	    "changing owners needs root: run it as root, or for rootless podman's own files as "
	    "podman unshare idmap …");
	return EXIT_TROUBLE;
}

/* Owners that are seen through a map are not those that the files have. */
static int
guard_mount(const struct shift *s)
{
	cleanup_free char *text = read_proc("/proc/self/mountinfo");
	struct mount m;

	if (!text || !mount_of(s->tree, text, &m) || !strstr(m.options, "idmapped"))
		return EXIT_YES;
	report("'%s' is an idmapped mount: shift the tree that it shows, where it is mounted "
	       "from",
	    s->path);
	return EXIT_NO;
}

static int
guard_busy(const struct shift *s, bool allowed)
{
	struct strbuf users = STRBUF_INIT;
	unsigned n = allowed ? 0 : directory_users(s->tree, s->path, EXAMPLES_MAX, &users);

	if (n) {
		report("'%s' is in use: stop what uses it, or use --busy", s->path);
		fprintf(stderr, "%s", users.s);
		if (n > EXAMPLES_MAX)
			fprintf(stderr, "and %u more\n", n - EXAMPLES_MAX);
	}
	strbuf_free(&users);
	return n ? EXIT_NO : EXIT_YES;
}

static int
guard_journal(struct shift *s, bool again)
{
	const struct journal_about *a = s->journal ? journal_about(s->journal) : NULL;

	if (!a)
		return EXIT_YES;
	if (journal_state(s->journal) == JOURNAL_RUNNING && !same_work(s)) {
		report("an unfinished %s of '%s' by %s is in the way: run that again to "
		       "finish "
		       "it, or idmap shift --undo",
		    a->back ? "unshift" : "shift", a->path, a->map);
		return EXIT_NO;
	}
	if (!a->back && !same_map(s) && !again) {
		report("'%s' was shifted already, by %s: unshift it by that map first, or use "
		       "--again",
		    s->path, a->map);
		return EXIT_NO;
	}
	s->replace = !same_work(s);
	return EXIT_YES;
}

static int
guard_overlap(struct shift *s, bool allowed)
{
	bool known = s->journal && !s->replace && journal_about(s->journal)->scanned;
	uint32_t id;

	if (!id_map_overlaps(&s->map.uid, &id) && !id_map_overlaps(&s->map.gid, &id))
		return EXIT_YES;
	if (!allowed) {
		report("id %u is on both sides of the map, so that an owner doesn't tell "
		       "what was "
		       "shifted: refused; --overlap goes on where no inode has such an id",
		    id);
		return EXIT_NO;
	}
	s->about.scanned = true;
	switch (known ? 0 : shift_scan(s)) {
	case 0:
		return EXIT_YES;
	case 1:
		report("%lu inodes have an id that is on both sides of the map", s->unmapped);
		fputs(s->examples.s, stderr);
		return EXIT_NO;
	default:
		return EXIT_TROUBLE;
	}
}

/* --- the verb --- */

static void
print_summary(const struct shift *s)
{
	struct counts c = shift_counts(s);
	const char *done = s->dry ? "would change" : "changed";

	if (s->quiet)
		return;
	printf("%s %lu of %lu", done, c.changed, c.seen);
	if (c.acls)
		printf(", %lu with ACLs", c.acls);
	if (c.capabilities)
		printf(", %lu with capabilities", c.capabilities);
	if (c.set_ids)
		printf(", %lu setuid or setgid", c.set_ids);
	if (s->sweep.mounts)
		printf("; %lu mounts skipped", s->sweep.mounts);
	putchar('\n');
}

static void
print_unmapped(const struct shift *s)
{
	report("%lu%s inodes have an id that the map doesn't hold%s", s->unmapped,
	    s->dry ? "" : " or more", s->dry ? "" : "; nothing is changed");
	fputs(s->examples.s, stderr);
	fprintf(stderr, "--unmapped keep leaves them, --unmapped ID gives them to one id\n");
}

/* An id that isn't in the map, and no choice made about it: as if nothing had been. */
static int
take_back(struct shift *s)
{
	int status = EXIT_YES;

	if (s->journal && journal_state(s->journal) == JOURNAL_RUNNING)
		status = shift_undo(s, false);
	if (status == EXIT_TROUBLE)
		report("the rollback is incomplete: idmap shift --undo retries it");
	else
		print_unmapped(s);
	return status == EXIT_TROUBLE ? status : EXIT_NO;
}

static int
shift_finish(struct shift *s)
{
	cleanup_free char *before = xasprintf("%s.before", s->journal_name);

	if (s->broke || interrupted) {
		report("interrupted: run the same command again to continue, or use --undo");
		return EXIT_TROUBLE;
	}
	if (s->journal && journal_state(s->journal) == JOURNAL_RUNNING) {
		journal_end_session(s->journal);
		unlinkat(s->state, before, 0);
	}
	print_summary(s);
	return s->refusals || s->sweep.failures ? EXIT_TROUBLE : EXIT_YES;
}

/* Only looks: no lock, no journal, whoever uses the tree. */
static int
dry_run(struct shift *s, const struct options *o)
{
	int status = guard_overlap(s, o->overlap);

	if (status)
		return status;
	if (shift_pass(s))
		return EXIT_TROUBLE;
	print_summary(s);
	if (s->unmapped)
		print_unmapped(s);
	if (s->refusals || s->sweep.failures)
		return EXIT_TROUBLE;
	return s->unmapped ? EXIT_NO : EXIT_YES;
}

static int
run_undo(struct shift *s, const struct options *o)
{
	int status = guard_owner();

	if (!status && open_journal(s))
		status = EXIT_TROUBLE;
	if (!status && !s->journal) {
		report("no journal of '%s': nothing to undo", s->path);
		status = EXIT_NO;
	}
	if (!status)
		status = guard_busy(s, o->busy);
	return status ? status : shift_undo(s, true);
}

static int
run_shift(struct shift *s, const struct options *o)
{
	int status;

	if ((status = guard_owner()) || (status = guard_mount(s)) ||
	    (status = open_journal(s) ? EXIT_TROUBLE : EXIT_YES) ||
	    (status = guard_nested(s)) || (status = guard_busy(s, o->busy)))
		return status;
	if (s->journal && journal_state(s->journal) == JOURNAL_UNDOING) {
		if ((status = shift_undo(s, true)))
			return status;
		if (!s->journal)
			s->journal = journal_open(s->state, s->journal_name);
	}
	if ((status = guard_journal(s, o->again)) || (status = guard_overlap(s, o->overlap)))
		return status;
	if (s->journal && journal_state(s->journal) == JOURNAL_RUNNING && shift_redo(s))
		return EXIT_TROUBLE;
	if (shift_pass(s))
		return EXIT_TROUBLE;
	return s->unmapped ? take_back(s) : shift_finish(s);
}

static int
prepare(struct shift *s, const struct options *o)
{
	struct strbuf map = STRBUF_INIT;

	if (source_map(&o->source, &s->map))
		return -1;
	read_unmapped(o->unmapped, s);
	idmap_format(&s->map, &map);
	s->about.map = strbuf_steal(&map);
	s->about.back = s->convert.back;
	s->convert.map = &s->map;
	s->convert.overflow = overflow_id();
	return 0;
}

static int
shift(int argc, char **argv, bool back)
{
	static struct shift s = {.verb = "shift",
	    .tree = -1,
	    .top = -1,
	    .state = -1,
	    .state_lock = -1,
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .aside_lock = PTHREAD_MUTEX_INITIALIZER};
	struct options o = {0};
	int status;

	s.convert.back = back;
	s.verb = argv[0];
	read_options(argc, argv, &o, &s);
	open_top(&s, o.path);
	interrupt_on(SIGINT);
	interrupt_on(SIGTERM);
	interrupt_on(SIGHUP);
	if (o.undo)
		status = run_undo(&s, &o);
	else if (prepare(&s, &o))
		status = EXIT_TROUBLE;
	else
		status = s.dry ? dry_run(&s, &o) : run_shift(&s, &o);
	journal_close(s.journal);
	idmap_free(&s.map);
	free(s.path);
	free(s.journal_name);
	free((char *)s.about.map);
	strbuf_free(&s.examples);
	return status;
}

int
verb_shift(int argc, char **argv)
{
	return shift(argc, argv, false);
}

int
verb_unshift(int argc, char **argv)
{
	return shift(argc, argv, true);
}
