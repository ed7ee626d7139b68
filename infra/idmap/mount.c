/* mount, doctor: the map as a property of a mount, mount_setattr(2); nothing is rewritten. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "inuse.h"
#include "mounts.h"
#include "report.h"
#include "source.h"
#include "strbuf.h"
#include "usage.h"
#include "verbs.h"

/* musl's sys/mount.h and the kernel's don't go together; these are of linux/mount.h. */
struct mount_attributes {
	uint64_t set, clear, propagation, userns;
};
enum { TREE_CLONE = 1, TREE_RECURSIVE = 0x8000, ATTRIBUTE_IDMAP = 0x100000, MOVE_FROM_FD = 4 };
#define TREE_CLOEXEC O_CLOEXEC

/* --- a user namespace with a map --- */

static int
write_map(pid_t pid, const char *file, const struct id_map *m)
{
	cleanup_free char *path = xasprintf("/proc/%ld/%s", (long)pid, file);
	cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
	struct strbuf text = STRBUF_INIT;
	ssize_t n;
	size_t i;

	for (i = 0; i < m->count; i++)
		strbuf_printf(&text, "%u %u %u\n", m->range[i].inside, m->range[i].outside,
		    m->range[i].count);
	/* All in one write, the kernel takes no second. */
	n = fd < 0 ? -1 : write(fd, text.s, text.len);
	strbuf_free(&text);
	return n < 0 ? -1 : 0;
}

/* A child in a namespace of its own, for as long as the pipe is open. */
static pid_t
start_holder(int *hold)
{
	int ready[2], life[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		return -1;
	if (pipe2(life, O_CLOEXEC)) {
		close(ready[0]);
		close(ready[1]);
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		close(life[1]);
		if (unshare(CLONE_NEWUSER) || write(ready[1], "", 1) != 1)
			_exit(errno);
		_exit(read(life[0], &byte, 1) < 0);
	}
	close(ready[1]);
	close(life[0]);
	*hold = life[1];
	if (pid > 0 && read(ready[0], &byte, 1) != 1) {
		int status;

		waitpid(pid, &status, 0);
		errno = WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
		pid = -1;
	}
	close(ready[0]);
	return pid;
}

/* A descriptor of a user namespace with this map, or -1 with errno. */
static int
userns_with(const struct idmap *m)
{
	cleanup_free char *path = NULL;
	int hold = -1, fd = -1, saved;
	pid_t pid = start_holder(&hold);

	if (pid > 0) {
		path = xasprintf("/proc/%ld/ns/user", (long)pid);
		if (write_map(pid, "uid_map", &m->uid) == 0 &&
		    write_map(pid, "gid_map", &m->gid) == 0)
			fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	saved = errno;
	close(hold);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	errno = saved;
	return fd;
}

/* --- the mount --- */

enum step { STEP_NAMESPACE, STEP_CLONE, STEP_MAP, STEP_DONE };

/* A detached mount of the directory with the map. It vanishes with its descriptor. *step
 * says how far it came. */
static int
mapped_clone(const char *source, const struct idmap *m, bool recursive, enum step *step)
{
	unsigned below = recursive ? TREE_RECURSIVE : 0;
	cleanup_fd int userns = -1, tree = -1;
	struct mount_attributes a = {.set = ATTRIBUTE_IDMAP};

	*step = STEP_NAMESPACE;
	if ((userns = userns_with(m)) < 0)
		return -1;
	*step = STEP_CLONE;
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, source, TREE_CLONE | TREE_CLOEXEC | below);
	if (tree < 0)
		return -1;
	*step = STEP_MAP;
	a.userns = (uint64_t)userns;
	if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | below, &a, sizeof(a)))
		return -1;
	*step = STEP_DONE;
	return steal_fd(&tree);
}

static void
say_why_not(struct strbuf *b, enum step step, const char *type)
{
	struct utsname u;
	int error = errno;

	uname(&u);
	if (error == ENOSYS)
		strbuf_printf(b,
		    "the kernel (%s) has no mount_setattr(2), which came with 5.12", u.release);
	else if (error == EPERM && geteuid() != 0)
		strbuf_puts(b, "it needs root");
	else if (step == STEP_NAMESPACE && error == EINVAL)
		strbuf_puts(b, "the kernel refuses the map: too many ranges");
	else if (step == STEP_NAMESPACE)
		strbuf_printf(b, "can't create a user namespace: %s", strerror(error));
	else if (step == STEP_CLONE)
		strbuf_printf(b, "it can't be cloned: %s", strerror(error));
	else if (error == EINVAL)
		strbuf_printf(b, "%s can't be mounted with a map under this kernel (%s)", type,
		    u.release);
	else if (error == EPERM)
		strbuf_puts(b, "it is mounted with a map already, or belongs to another user "
			       "namespace");
	else
		strbuf_printf(b, "%s", strerror(error));
}

/* --- mount --- */

static char *
file_system_of(int fd)
{
	cleanup_free char *text = read_proc("/proc/self/mountinfo");
	struct mount m;

	return xstrdup(text && mount_of(fd, text, &m) ? m.type : "this file system");
}

static void
offer_shift(const char *source, const struct idmap *m)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_puts(&text, "idmap shift --map ");
	idmap_format(m, &text);
	strbuf_puts(&text, " '");
	strbuf_put_visible(&text, source, strlen(source));
	fprintf(stderr, "%s' does it by giving the files other owners\n", text.s);
	strbuf_free(&text);
}

static int
mount_mapped(const char *source, const char *target, const struct idmap *m, bool recursive)
{
	cleanup_fd int top = open(source, O_PATH | O_CLOEXEC), tree = -1;
	cleanup_free char *type = NULL;
	struct strbuf why = STRBUF_INIT;
	enum step step;

	if (top < 0) {
		report("open '%s':", source);
		return EXIT_TROUBLE;
	}
	type = file_system_of(top);
	tree = mapped_clone(source, m, recursive, &step);
	if (tree < 0) {
		say_why_not(&why, step, type);
		report("can't make an idmapped mount of '%s': %s", source, why.s);
		offer_shift(source, m);
		strbuf_free(&why);
		return EXIT_NO;
	}
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_FROM_FD)) {
		report("mount at '%s':", target);
		return EXIT_TROUBLE;
	}
	return EXIT_YES;
}

int
verb_mount(int argc, char **argv)
{
	static const struct option options[] = {
	    SOURCE_LONG, {"recursive", no_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
	struct source source = {0};
	struct idmap m = IDMAP_INIT;
	bool recursive = false;
	int c, status;

	while ((c = getopt_long(argc, argv, SOURCE_SHORT "r", options, NULL)) != -1) {
		if (source_option(&source, c, optarg, argv[0]))
			continue;
		if (c != 'r')
			exit(verb_usage(argv[0], EXIT_TROUBLE));
		recursive = true;
	}
	if (argc - optind != 2)
		exit(verb_usage(argv[0], EXIT_TROUBLE));
	if (!source.map)
		die("--map is required");
	if (source_map(&source, &m))
		return EXIT_TROUBLE;
	status = mount_mapped(argv[optind], argv[optind + 1], &m, recursive);
	idmap_free(&m);
	return status;
}

/* --- doctor --- */

enum { USERS_MAX = 5, OPTION_JSON = OPTION_OWN };

struct diagnosis {
	const char *path;
	char *absolute, *type;
	bool possible;
	struct strbuf why, users;
	unsigned user_count;
};

/* Tries it, with a mount that nobody ever sees. */
static void
examine(struct diagnosis *d, int fd, const struct idmap *m)
{
	enum step step;
	cleanup_fd int tree = mapped_clone(d->absolute, m, false, &step);

	d->possible = tree >= 0;
	d->type = file_system_of(fd);
	if (tree < 0)
		say_why_not(&d->why, step, d->type);
	d->user_count = directory_users(fd, d->absolute, USERS_MAX, &d->users);
}

static void
print_diagnosis(const struct diagnosis *d)
{
	struct strbuf path = STRBUF_INIT;

	strbuf_put_visible(&path, d->absolute, strlen(d->absolute));
	printf("%s stands on %s.\n", path.s, d->type);
	strbuf_free(&path);
	if (d->possible)
		puts("It can be mounted with a map: use idmap mount. Nothing is rewritten, it "
		     "takes no "
		     "time,\nand the files stay as they are for everybody else. It lasts until "
		     "it is "
		     "unmounted or\nthe host restarts, so it belongs into what starts the "
		     "container.");
	else
		printf("It can't be mounted with a map: %s.\nUse idmap shift. It gives the "
		       "files other "
		       "owners once and for all; idmap shift --undo\ntakes it back.\n",
		    d->why.s);
	if (d->user_count) {
		printf("It is in use, which has to end before a shift:\n%s", d->users.s);
		if (d->user_count > USERS_MAX)
			printf("and %u more\n", d->user_count - USERS_MAX);
	}
}

static void
print_diagnosis_json(const struct diagnosis *d)
{
	struct strbuf b = STRBUF_INIT;

	strbuf_puts(&b, "{");
	strbuf_put_json_member(&b, "path", d->absolute);
	strbuf_puts(&b, ",");
	strbuf_put_json_member(&b, "file_system", d->type);
	strbuf_printf(
	    &b, ",\"use\":\"%s\",\"users\":%u", d->possible ? "mount" : "shift", d->user_count);
	if (!d->possible) {
		strbuf_puts(&b, ",");
		strbuf_put_json_member(&b, "why", d->why.s);
	}
	strbuf_puts(&b, "}");
	puts(b.s);
	strbuf_free(&b);
}

static int
diagnose(const char *path, const struct idmap *m, bool json)
{
	struct diagnosis d = {.path = path, .absolute = realpath(path, NULL)};
	cleanup_fd int fd = d.absolute ? open(d.absolute, O_PATH | O_CLOEXEC) : -1;

	if (fd < 0) {
		report("open '%s':", path);
		free(d.absolute);
		return EXIT_TROUBLE;
	}
	examine(&d, fd, m);
	if (json)
		print_diagnosis_json(&d);
	else
		print_diagnosis(&d);
	free(d.absolute);
	free(d.type);
	strbuf_free(&d.why);
	strbuf_free(&d.users);
	return d.possible ? EXIT_YES : EXIT_NO;
}

int
verb_doctor(int argc, char **argv)
{
	static const struct option options[] = {
	    SOURCE_LONG, {"json", no_argument, NULL, OPTION_JSON}, {NULL, 0, NULL, 0}};
	struct source source = {0};
	struct idmap m = IDMAP_INIT;
	struct strbuf ignored = STRBUF_INIT;
	bool json = false;
	int c, status;

	while ((c = getopt_long(argc, argv, SOURCE_SHORT, options, NULL)) != -1) {
		if (source_option(&source, c, optarg, argv[0]))
			continue;
		if (c != OPTION_JSON)
			exit(verb_usage(argv[0], EXIT_TROUBLE));
		json = true;
	}
	if (argc - optind != 1)
		exit(verb_usage(argv[0], EXIT_TROUBLE));
	/* Which map doesn't matter for whether there can be one. */
	if (source.map ? source_map(&source, &m) : idmap_parse(&m, "0:100000:65536", &ignored))
		return EXIT_TROUBLE;
	status = diagnose(argv[optind], &m, json);
	idmap_free(&m);
	return status;
}
