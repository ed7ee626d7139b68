#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "engine_call.h"
#include "engine_inspect.h"
#include "engine_json.h"
#include "history.h"
#include "layer.h"
#include "netns.h"
#include "options.h"
#include "path.h"
#include "report.h"
#include "run.h"
#include "select.h"
#include "self.h"
#include "service.h"
#include "state.h"
#include "strbuf.h"
#include "swarm_nodes.h"
#include "verbs.h"
#include "walk.h"
#include "waves.h"

static const char *const words_of[] = {
    "added", "removed", "changed", "mode", "owner", "capabilities", "type", "tampered"};

/* What engines write into every container. What they mount things on is known by itself. */
static const char *const engine_noise[] = {"/.dockerenv", "/etc/mtab", "/run/.containerenv",
    "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};

static const char canary_prefix[] = ".whittle-canary-";

/* What: added, removed, changed, mode, owner, capabilities, type; tampered is the image. */
struct change {
	const char *path, *what;
	const char *node; /* of a swarm; NULL: here */
	mode_t mode;
	bool executable, privileged;
};

struct scan {
	const struct words *allow, *ignore;
	struct words mounts; /* mount points inside */
	int *lower;          /* the image's layers, topmost first */
	size_t lower_n;
	int upper, root;        /* what the container wrote; what it sees */
	const char *mark_space; /* of the overlay's own marks: "trusted" or "user" */
	const char *canary;     /* its path, "/.whittle-canary-…" */
	bool canary_seen;
	struct change *v;
	size_t n, cap;
	int trouble;
};

/* ---- the image below ---- */

enum found { FOUND, ABSENT, HIDDEN };

/* Only in the namespace that this mount keeps its marks in, which nobody inside can write:
 * in the other one they are a container's own attributes. */
static bool
has_mark(const struct scan *s, int fd, const char *name)
{
	char value[4], path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return getxattr(path, pool_printf("%s.overlay.%s", s->mark_space, name), value,
		   sizeof(value)) >= 0;
}

static bool
is_opaque(const struct scan *s, int fd)
{
	return has_mark(s, fd, "opaque");
}

static bool
is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* A path in one layer: there, not in this one, or taken away by it for those below. */
static enum found
look_in(const struct scan *s, int layer, const char *path, int *fd)
{
	cleanup_fd int at = openat(layer, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool opaque = false;

	for (const char *p = path + 1; *p;) {
		size_t len = strcspn(p, "/");
		struct stat st;
		int next;

		opaque = opaque || is_opaque(s, at);
		next = openat(at, pool_dupn(p, len), O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return opaque || errno == ENOTDIR ? HIDDEN : ABSENT;
		close(at);
		at = next;
		if (fstat(at, &st) || is_whiteout(&st) || (p[len] && !S_ISDIR(st.st_mode)))
			return HIDDEN;
		p += len + (p[len] == '/');
	}
	*fd = steal_fd(&at);
	return FOUND;
}

/* A descriptor (O_PATH) of what the image has there; -1 where it has nothing. */
static int
image_file(const struct scan *s, const char *path)
{
	int fd;

	for (size_t i = 0; i < s->lower_n; i++) {
		enum found got = look_in(s, s->lower[i], path, &fd);

		if (got == FOUND)
			return fd;
		if (got == HIDDEN)
			return -1;
	}
	return -1;
}

/* ---- what is worth telling ---- */

/* A directory or an empty file that something is mounted on, or on the way there. */
static bool
holds_mount(const struct scan *s, const char *path, const struct stat *st)
{
	size_t len = strlen(path);

	if (!S_ISDIR(st->st_mode) && !(S_ISREG(st->st_mode) && st->st_size == 0))
		return false;
	for (size_t i = 0; i < s->mounts.n; i++)
		if (strncmp(s->mounts.w[i], path, len) == 0 &&
		    (s->mounts.w[i][len] == '\0' || s->mounts.w[i][len] == '/'))
			return true;
	return false;
}

static bool
is_allowed(const struct scan *s, const char *path)
{
	for (size_t i = 0; i < sizeof(engine_noise) / sizeof(engine_noise[0]); i++)
		if (strcmp(path, engine_noise[i]) == 0)
			return true;
	for (size_t i = 0; i < s->allow->n; i++)
		if (path_matches(s->allow->w[i], path))
			return true;
	for (size_t i = 0; i < s->ignore->n; i++)
		if (path_matches(s->ignore->w[i], path))
			return true;
	return false;
}

static bool
is_program(int dirfd, const char *name, const struct stat *st)
{
	cleanup_fd int fd = -1;
	char head[4] = "";

	if (!S_ISREG(st->st_mode))
		return false;
	if (st->st_mode & 0111)
		return true;
	/* Loaders and interpreters run what has no x bit. */
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 && read(fd, head, 4) == 4 && memcmp(head, "\177ELF", 4) == 0;
}

static void
add_change(struct scan *s, struct change c)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->v = xreallocarray(s->v, s->cap, sizeof(*s->v));
	}
	s->v[s->n++] = c;
}

static void
scan_tell(
    struct scan *s, const char *path, const char *what, const struct stat *st, bool program)
{
	if (strcmp(path, s->canary) == 0) {
		s->canary_seen = true;
		return;
	}
	if (is_allowed(s, path))
		return;
	add_change(s, (struct change){.path = pool_dup(path),
			  .what = what,
			  .mode = st ? st->st_mode : 0,
			  .executable = program,
			  .privileged = st && S_ISREG(st->st_mode) && (st->st_mode & 06000)});
}

/* ---- comparing ---- */

static bool
same_link(int one_dir, const char *name, int other)
{
	char a[4096], b[4096];
	ssize_t n = readlinkat(one_dir, name, a, sizeof(a));

	return n >= 0 && readlinkat(other, "", b, sizeof(b)) == n &&
	       memcmp(a, b, (size_t)n) == 0;
}

static bool
same_bytes(int one, int other)
{
	char a[16384], b[16384];
	ssize_t n, m;

	do {
		n = read(one, a, sizeof(a));
		m = n > 0 ? read(other, b, (size_t)n) : read(other, b, 1);
		if (n < 0 || m != n || (n > 0 && memcmp(a, b, (size_t)n) != 0))
			return false;
	} while (n > 0);
	return true;
}

/* The file as the container sees it; -1 where something is mounted over it. */
static int
open_merged(const struct scan *s, const char *path)
{
	for (size_t i = 0; i < s->mounts.n; i++) {
		size_t len = strlen(s->mounts.w[i]);

		if (strncmp(s->mounts.w[i], path, len) == 0 &&
		    (path[len] == '\0' || path[len] == '/'))
			return -1;
	}
	return open_no_links(s->root, path, O_RDONLY | O_NONBLOCK, 0);
}

static bool
same_content(
    const struct scan *s, const struct walk_entry *e, const struct stat *was, int image)
{
	char path[40];
	cleanup_fd int one = -1;
	cleanup_fd int other = -1;

	if (S_ISLNK(e->st.st_mode))
		return same_link(e->dirfd, e->name, image);
	if (S_ISCHR(e->st.st_mode) || S_ISBLK(e->st.st_mode))
		return e->st.st_rdev == was->st_rdev;
	if (!S_ISREG(e->st.st_mode))
		return true;
	if (e->st.st_size != was->st_size)
		return false;
	one = openat(e->dirfd, e->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", image);
	other = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (one < 0 || other < 0)
		return false;
	/* Only owner or mode was changed and the bytes stayed below: they are seen from inside.
	 */
	if (has_mark(s, one, "metacopy")) {
		close(one);
		one = open_merged(s, e->path);
		return one < 0 || same_bytes(one, other);
	}
	return same_bytes(one, other);
}

static bool
same_capabilities(const struct walk_entry *e, int image)
{
	static const char name[] = "security.capability";
	char path[40], a[64], b[64];
	cleanup_fd int fd = openat(e->dirfd, e->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n, m;

	if (!S_ISREG(e->st.st_mode) || fd < 0)
		return true;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = getxattr(path, name, a, sizeof(a));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", image);
	m = getxattr(path, name, b, sizeof(b));
	return n == m && (n <= 0 || memcmp(a, b, (size_t)n) == 0);
}

/*
 * podman gives a user that the image has no account for a locked one, and a group: one
 * line at the end, whose name is its number, and that isn't root's.
 */
static bool
is_podmans_account(const struct walk_entry *e, const struct stat *was, int image)
{
	bool group = strcmp(e->path, "/etc/group") == 0;
	char path[40], text[4096] = "", same[4096], end = 0;
	off_t more = e->st.st_size - was->st_size;
	unsigned name = 0, id = 0;
	cleanup_fd int one = -1;
	cleanup_fd int other = -1;

	if ((!group && strcmp(e->path, "/etc/passwd") != 0) || more <= 0 || more > 256 ||
	    e->st.st_size >= (off_t)sizeof(text))
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", image);
	one = openat(e->dirfd, e->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	other = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (read(one, text, sizeof(text) - 1) != e->st.st_size ||
	    read(other, same, sizeof(same)) != was->st_size ||
	    memcmp(text, same, (size_t)was->st_size) != 0)
		return false;
	memmove(text, text + was->st_size, (size_t)more + 1);
	if (group)
		sscanf(text, "%u:x:%u:%*u%c", &name, &id, &end);
	else
		sscanf(
		    text, "%u:*:%u:%*u:container user:%*[^:\n]:%*[^:\n]%c", &name, &id, &end);
	return end == '\n' && strchr(text, '\n')[1] == '\0' && name == id && id != 0;
}

static void
compare(struct scan *s, const struct walk_entry *e, int image)
{
	bool program = is_program(e->dirfd, e->name, &e->st);
	struct stat was;

	if (fstat(image, &was))
		return;
	if ((e->st.st_mode & S_IFMT) != (was.st_mode & S_IFMT)) {
		scan_tell(s, e->path, "type", &e->st, program);
		return;
	}
	if (!same_content(s, e, &was, image) && !is_podmans_account(e, &was, image))
		scan_tell(s, e->path, "changed", &e->st, program);
	if (!S_ISLNK(e->st.st_mode) && (e->st.st_mode & 07777) != (was.st_mode & 07777))
		scan_tell(s, e->path, "mode", &e->st, program);
	if (e->st.st_uid != was.st_uid || e->st.st_gid != was.st_gid)
		scan_tell(s, e->path, "owner", &e->st, program);
	if (!same_capabilities(e, image))
		scan_tell(s, e->path, "capabilities", &e->st, program);
}

/* What the image has in a directory that the container replaced, and the new one doesn't have.
 */
static void
tell_hidden(struct scan *s, const struct walk_entry *e, int image)
{
	cleanup_fd int upper = openat(e->dirfd, e->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	cleanup_dir DIR *d = NULL;
	struct dirent *entry;
	struct stat st;
	int fd;

	fd = openat(image, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	while (d && (entry = readdir(d))) {
		const char *path = pool_printf("%s/%s", e->path, entry->d_name);

		if (is_dots(entry->d_name))
			continue;
		if (fstatat(upper, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) && errno == ENOENT)
			scan_tell(s, path, "removed", NULL, false);
	}
}

static enum walk_action
scan_visit(const struct walk_entry *e, void *arg)
{
	struct scan *s = arg;
	cleanup_fd int image = image_file(s, e->path);

	if (is_whiteout(&e->st)) {
		scan_tell(s, e->path, "removed", NULL, false);
	} else if (image < 0) {
		if (!holds_mount(s, e->path, &e->st))
			scan_tell(
			    s, e->path, "added", &e->st, is_program(e->dirfd, e->name, &e->st));
	} else {
		compare(s, e, image);
		if (S_ISDIR(e->st.st_mode)) {
			cleanup_fd int fd =
			    openat(e->dirfd, e->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

			if (fd >= 0 && is_opaque(s, fd))
				tell_hidden(s, e, image);
		}
	}
	return WALK_GO;
}

static void
unreadable(const char *path, void *arg)
{
	struct scan *s = arg;

	report("read the directory '%s':", path);
	s->trouble = 1;
}

/* ---- the canary ---- */

/* A file that only this scan knows of, put where the container's own writes go: through its
 * root where that can be written, else into the upper layer, where it must show up inside. */
static int
plant(struct scan *s, int root, bool read_only)
{
	int where = read_only ? s->upper : root;
	const char *name = s->canary + 1;
	cleanup_fd int fd =
	    openat(where, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0)
		return -1;
	return read_only ? fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) : 0;
}

static void
pull_up(const struct scan *s, int root, bool read_only)
{
	unlinkat(read_only ? s->upper : root, s->canary + 1, 0);
}

/* Those that killed scans left. */
static void
remove_stale_canaries(int root, int upper, bool read_only)
{
	cleanup_dir DIR *d = NULL;
	struct dirent *e;
	int fd = openat(upper, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd < 0 ? NULL : fdopendir(fd);
	while (d && (e = readdir(d)))
		if (strncmp(e->d_name, canary_prefix, sizeof(canary_prefix) - 1) == 0)
			unlinkat(read_only ? upper : root, e->d_name, 0);
}

/* ---- one container ---- */

/* Every mount point inside, for holds_mount. */
static void
read_mounts(pid_t pid, struct words *out)
{
	cleanup_file FILE *f = fopen(pool_printf("/proc/%d/mountinfo", (int)pid), "re");
	cleanup_free char *line = NULL;
	size_t cap = 0;
	char target[4096];

	while (f && getline(&line, &cap, f) > 0)
		if (sscanf(line, "%*s %*s %*s %*s %4095s", target) == 1 &&
		    strcmp(target, "/") != 0)
			words_add(out, target);
}

static int
open_layers(const struct layers *l, struct scan *s)
{
	s->upper = open(l->upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s->lower = pool_zero(l->lower.n + 1, sizeof(*s->lower));
	if (s->upper < 0) {
		report("open the layer '%s':", l->upper);
		return -1;
	}
	for (size_t i = 0; i < l->lower.n; i++) {
		s->lower[i] = open(l->lower.w[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (s->lower[i] < 0) {
			report("open the layer '%s':", l->lower.w[i]);
			return -1;
		}
		s->lower_n++;
	}
	return 0;
}

static void
close_layers(struct scan *s)
{
	for (size_t i = 0; i < s->lower_n; i++)
		close(s->lower[i]);
	if (s->upper >= 0)
		close(s->upper);
}

static int
walk_layers(struct scan *s, const struct place *p, int root, bool read_only)
{
	struct walk_options o = {.sorted = 1, .trouble = unreadable};
	int bad;

	remove_stale_canaries(root, s->upper, read_only);
	if (plant(s, root, read_only)) {
		report("%s: plant the canary:", p->name);
		pull_up(s, root, read_only);
		return -1;
	}
	bad = walk_tree(s->upper, &o, scan_visit, s);
	pull_up(s, root, read_only);
	if (bad)
		report("%s: read its upper layer:", p->name);
	else if (!s->canary_seen)
		report("%s: the scan doesn't see what is written there: its result is void",
		    p->name);
	return bad || !s->canary_seen ? -1 : 0;
}

/* ---- the image itself ---- */

/* What pack keeps of an image, the files' digests among it; NULL where that isn't here. */
static const char *
manifest_of(const struct app *a, const char *image)
{
	const char *id = strncmp(image, "sha256:", 7) == 0 ? image + 7 : image;
	const char *found = NULL;
	glob_t g;

	/* host.state is a directory in the one that pack keeps its records in. */
	if (glob(pool_printf("%s/../images/*/%s/manifest.mtree", a->host.state, id), 0, NULL,
		&g) == 0)
		found = pool_dup(g.gl_pathv[0]);
	globfree(&g);
	return found;
}

/* A container in a user namespace may have a layer that was shifted for it, so that owners
 * aren't those of the image. */
static bool
is_shifted(pid_t pid)
{
	unsigned long inside, outside;
	cleanup_file FILE *f = fopen(pool_printf("/proc/%d/uid_map", (int)pid), "re");
	bool shifted = false;

	while (f && fscanf(f, "%lu %lu %*u", &inside, &outside) == 2)
		shifted = shifted || inside != outside;
	return shifted;
}

/* Owners in a shifted layer, and the mode of the root directory: podman's is 0555, whatever the
 * layer says. */
static bool
is_by_engine(const json_t *difference, const char *path, bool shifted)
{
	json_t *differs = json_object_get(difference, "differs"), *one;
	size_t i;

	json_array_foreach (differs, i, one) {
		const char *word = json_string_value(one);
		bool owner = strcmp(word, "uid") == 0 || strcmp(word, "gid") == 0;

		if (!(owner && shifted) &&
		    !(strcmp(word, "mode") == 0 && strcmp(path, "/") == 0))
			return false;
	}
	return json_array_size(differs) > 0;
}

static int
take_differences(struct scan *s, const struct strbuf *text, bool shifted)
{
	json_t *all = json_loadb(text->s ? text->s : "", text->len, 0, NULL), *one;
	json_t *list = json_object_get(all, "differences");
	int bad = json_is_array(list) ? 0 : -1;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *path = json_string_value(json_object_get(one, "path"));

		if (path && !is_by_engine(one, path, shifted))
			add_change(
			    s, (struct change){.path = pool_dup(path), .what = "tampered"});
	}
	json_decref(all);
	return bad;
}

/* The upper layer is compared to the image's files, which must be those that pack made: its
 * one layer is the lowest. What the settings allow is about the container, not the image. */
static int
verify_image(struct app *a, const struct place *p, const struct seen *now,
    const struct layers *layers, struct scan *s)
{
	const char *manifest = manifest_of(a, now->image), *program = "filewatch";
	const char *ours =
	    other_program(a->host.project, "filewatch", "services/filewatch/filewatch");
	struct strbuf out = STRBUF_INIT, err = STRBUF_INIT;
	int status;

	if (!manifest || layers->lower.n == 0)
		return 0;
	if (access(ours, X_OK) == 0)
		program = ours;
	status = run(&(struct run){.out = &out,
	    .err = &err,
	    .argv = (const char *const[]){program, "verify", "--json", "-r",
		layers->lower.w[layers->lower.n - 1], manifest, NULL}});
	if (status == 127)
		report("%s: its image can't be verified: there is no filewatch", p->name);
	else if (status > 1 || take_differences(s, &out, is_shifted(now->pid))) {
		if (err.len)
			err.s[strcspn(err.s, "\n")] = '\0';
		report("%s: its image can't be verified: %s", p->name,
		    err.len ? err.s : "filewatch says nothing");
		status = -1;
	}
	strbuf_free(&out);
	strbuf_free(&err);
	return status == 0 || status == 1 ? 0 : -1;
}

static int
scan_one(struct app *a, const struct place *p, const struct seen *now, struct scan *s)
{
	struct layers layers;
	cleanup_fd int root = root_of(now->pid);
	int bad;

	s->upper = -1;
	s->canary = pool_printf("/%s%d-%ld", canary_prefix, (int)getpid(), random());
	if (root < 0) {
		report("%s: open its root:", p->name);
		return -1;
	}
	if (layers_of(now, &layers)) {
		report("%s: its root is no overlay that the kernel shows", p->name);
		return -1;
	}
	s->root = root;
	s->mark_space = layers.userxattr ? "user" : "trusted";
	read_mounts(now->pid, &s->mounts);
	bad = open_layers(&layers, s) || walk_layers(s, p, root, layers.read_only);
	close_layers(s);
	bad = bad || verify_image(a, p, now, &layers, s);
	return bad || s->trouble ? -1 : 0;
}

/* ---- telling ---- */

static const char *
type_name(mode_t mode)
{
	return S_ISDIR(mode)                    ? "directory"
	       : S_ISLNK(mode)                  ? "symbolic link"
	       : S_ISREG(mode)                  ? "file"
	       : S_ISFIFO(mode)                 ? "fifo"
	       : S_ISSOCK(mode)                 ? "socket"
	       : S_ISBLK(mode) || S_ISCHR(mode) ? "device"
						: "";
}

static mode_t
mode_of(const char *type, const char *bits)
{
	static const mode_t types[] = {S_IFDIR, S_IFLNK, S_IFREG, S_IFIFO, S_IFSOCK, S_IFBLK};
	mode_t mode = (mode_t)strtoul(bits, NULL, 8) & 07777;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, type_name(types[i])) == 0)
			return types[i] | mode;
	return 0;
}

static void
print_change(const struct place *p, const struct change *c)
{
	struct strbuf b = STRBUF_INIT;

	strbuf_put_visible(&b, c->path, strlen(c->path));
	printf("%s%s%s: %-12s %s", p->name, c->node ? " on " : "",
	    c->node ? visible(c->node) : "", c->what, b.s);
	if (c->mode)
		printf("  (%s %04o%s%s)", type_name(c->mode), (unsigned)c->mode & 07777,
		    c->executable ? ", executable" : "",
		    c->privileged ? ", setuid or setgid" : "");
	printf("\n");
	strbuf_free(&b);
}

static void
print_change_as_json(struct strbuf *b, const struct place *p, const struct change *c)
{
	strbuf_puts(b, b->len ? ",\n {" : "[\n {");
	strbuf_put_json_member(b, "container", p->name);
	strbuf_putc(b, ',');
	strbuf_put_json_member(b, "change", c->what);
	strbuf_putc(b, ',');
	strbuf_put_json_member(b, "path", c->path);
	if (c->node) {
		strbuf_putc(b, ',');
		strbuf_put_json_member(b, "node", c->node);
	}
	if (c->mode)
		strbuf_printf(b,
		    ",\"type\":\"%s\",\"mode\":\"%04o\",\"executable\":%s,\"privileged\":%s",
		    type_name(c->mode), (unsigned)c->mode & 07777,
		    c->executable ? "true" : "false", c->privileged ? "true" : "false");
	strbuf_puts(b, "}");
}

/* What the last scan found, for the page. */
static void
remember(struct app *a, const struct place *p, const char *image, const struct scan *s)
{
	enum { MOST = 500 };
	struct strbuf text = STRBUF_INIT;
	json_t *o;

	for (size_t i = 0; i < s->n && i < MOST; i++)
		print_change_as_json(&text, p, &s->v[i]);
	strbuf_puts(&text, text.len ? "]" : "[]");
	o = json_pack("{s:s, s:s, s:I, s:o}", "time", state_now(), "image", image, "count",
	    (json_int_t)s->n, "changes", json_loadb(text.s, text.len, 0, NULL));
	if (o)
		state_write(&a->host, p->name, "scan.json", o);
	json_decref(o);
	strbuf_free(&text);
}

enum { MANY = 4 };

static const char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return pool_dupn(path, slash == path ? 1 : (size_t)(slash - path));
}

/* A proposal: directories in which much happens as a whole, the rest by name. */
static void
print_learned(const struct place *p, const struct scan *s)
{
	struct words patterns = {0};
	struct strbuf line = STRBUF_INIT;

	for (size_t i = 0; i < s->n; i++) {
		const char *directory = directory_of(s->v[i].path);
		size_t together = 0;

		if (strcmp(s->v[i].what, "tampered") == 0)
			continue;

		for (size_t k = 0; k < s->n; k++)
			together += strcmp(directory_of(s->v[k].path), directory) == 0;
		if (together >= MANY && strcmp(directory, "/") != 0)
			directory = pool_printf("%s/**", directory);
		else
			directory = s->v[i].path;
		if (!words_have(&patterns, directory))
			words_add(&patterns, directory);
	}
	words_sort(&patterns);
	printf("# %s/settings.yaml: what the scan found just now\nscan:\n  allow:\n", p->name);
	for (size_t i = 0; i < patterns.n; i++) {
		strbuf_put_json(&line, patterns.w[i], strlen(patterns.w[i]));
		printf("    - %s\n", line.s);
		strbuf_cut(&line, 0);
	}
	strbuf_free(&line);
}

/* Deepest first, so that directories are empty when they are removed. */
static int
remove_added(const struct place *p, const struct seen *now, const struct scan *s)
{
	cleanup_fd int root = root_of(now->pid);
	int bad = 0;

	for (size_t i = s->n; i-- > 0;) {
		const struct change *c = &s->v[i];
		const char *directory = directory_of(c->path),
			   *name = strrchr(c->path, '/') + 1;
		cleanup_fd int at = -1;

		if (strcmp(c->what, "added") != 0)
			continue;
		at = open_no_links(root, directory, O_PATH | O_DIRECTORY, 0);
		if (at < 0 || unlinkat(at, name, S_ISDIR(c->mode) ? AT_REMOVEDIR : 0)) {
			report("%s: remove '%s':", p->name, c->path);
			bad = -1;
		} else {
			printf("%s: removed %s\n", p->name, c->path);
		}
	}
	return bad;
}

struct scan_options {
	bool json, learn, rm, container;
	struct words ignore, allow;
};

static void
tell_all(const struct place *p, const struct scan *s, const struct scan_options *o,
    struct strbuf *json)
{
	if (o->learn && s->n)
		print_learned(p, s);
	else
		for (size_t i = 0; i < s->n; i++) {
			if (o->json)
				print_change_as_json(json, p, &s->v[i]);
			else
				print_change(p, &s->v[i]);
		}
}

static void
note(struct app *a, const struct place *p, const char *image, const struct scan *s)
{
	remember(a, p, image, s);
	if (s->n)
		event(&a->host, p->name, "scan", image, "%zu changes", s->n);
}

static void
end_json(const struct strbuf *json)
{
	printf("%s\n]\n", json->len ? json->s : "[");
}

static int
scan_and_tell(struct app *a, const struct place *p, const struct container *c,
    const struct seen *now, struct scan_options *o, struct strbuf *json)
{
	struct scan s = {.allow = &c->scan_allow, .ignore = &o->ignore};
	int status = scan_one(a, p, now, &s) ? EXIT_TROUBLE : s.n ? EXIT_NO : EXIT_YES;

	tell_all(p, &s, o, json);
	if (o->rm && s.n && remove_added(p, now, &s))
		status = EXIT_TROUBLE;
	if (status != EXIT_TROUBLE && !o->container)
		note(a, p, now->image, &s);
	free(s.v);
	return status;
}

static int
scan_some(struct app *a, const struct places *some, bool named, struct scan_options *o)
{
	struct strbuf json = STRBUF_INIT;
	int status = EXIT_YES, got;
	struct container c;
	struct seen now;

	for (size_t i = 0; i < some->n; i++) {
		const struct place *p = &some->v[i];

		if (describe(a, p, false, &c) ||
		    (got = engine_see(&a->engine, c.name, &now)) < 0) {
			status = EXIT_TROUBLE;
			continue;
		}
		if (!got || !now.running) {
			if (named) {
				report("%s doesn't run", p->name);
				status = EXIT_TROUBLE;
			}
			continue;
		}
		got = scan_and_tell(a, p, &c, &now, o, &json);
		status = got > status ? got : status;
	}
	if (o->json)
		end_json(&json);
	strbuf_free(&json);
	return status;
}

/* ---- by ID, and a service's copies ---- */

/* Containers that no directory here is about. */
static int
scan_containers(struct app *a, int argc, char **argv, struct scan_options *o)
{
	struct strbuf json = STRBUF_INIT;
	struct container c = {.scan_allow = o->allow};
	int status = EXIT_YES;

	for (int i = 0; i < argc; i++) {
		struct place p = {.name = argv[i]};
		struct seen now;
		int got = engine_see(&a->engine, argv[i], &now);

		if (got == 0 || (got == 1 && !now.running))
			report("%s doesn't run", argv[i]);
		got = got == 1 && now.running ? scan_and_tell(a, &p, &c, &now, o, &json)
					      : EXIT_TROUBLE;
		status = got > status ? got : status;
	}
	if (o->json)
		end_json(&json);
	strbuf_free(&json);
	return status;
}

static void
take_changes(struct scan *s, const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *path = json_string_value(json_object_get(one, "path")),
			   *what = json_string_value(json_object_get(one, "change")),
			   *mode = json_string_value(json_object_get(one, "mode")),
			   *type = json_string_value(json_object_get(one, "type"));
		struct change c = {.path = pool_dup(path),
		    .node = pool_dup(json_string_value(json_object_get(one, "node"))),
		    .executable = json_is_true(json_object_get(one, "executable")),
		    .privileged = json_is_true(json_object_get(one, "privileged"))};

		for (size_t k = 0; what && k < sizeof(words_of) / sizeof(words_of[0]); k++)
			if (strcmp(what, words_of[k]) == 0)
				c.what = words_of[k];
		if (mode && type)
			c.mode = mode_of(type, mode);
		if (path && *path == '/' && c.what)
			add_change(s, c);
	}
}

/* What d on each node says of the copy there. */
int
scan_service(struct app *a, const struct container *c, int argc, char **argv)
{
	struct scan_options o = {0};
	const struct option_of options[] = {SWITCH(0, "json", o.json),
	    SWITCH(0, "learn", o.learn), SWITCH(0, "rm", o.rm), LISTED(0, "ignore", o.ignore),
	    NO_MORE};
	struct place p = {.name = c->key};
	struct strbuf json = STRBUF_INIT;
	struct words words = {0};
	struct swarm_service service;
	struct scan s = {0};
	bool trouble;
	json_t *all;
	int got;

	argc = take_options(a, argc, &argv, options, false);
	if (argc != 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	if (o.rm) {
		report(
		    "%s: --rm: copies of a service are replaced: d restart %s", c->key, c->key);
		return EXIT_TROUBLE;
	}
	got = swarm_see(a, c, &service);
	if (got == 0 || (got == 1 && !swarm_running(&service, NULL)))
		report("%s doesn't run", c->key);
	if (got < 1 || !swarm_running(&service, NULL))
		return EXIT_TROUBLE;
	words_add(&words, "scan");
	words_add(&words, "--json");
	for (size_t i = 0; i < c->scan_allow.n; i++) {
		words_add(&words, "--allow");
		words_add(&words, c->scan_allow.w[i]);
	}
	for (size_t i = 0; i < o.ignore.n; i++) {
		words_add(&words, "--ignore");
		words_add(&words, o.ignore.w[i]);
	}
	words_add(&words, "--container");
	all = swarm_nodes_ask(a, &service, &words, &trouble);
	take_changes(&s, all);
	json_decref(all);
	tell_all(&p, &s, &o, &json);
	if (o.json)
		end_json(&json);
	if (!trouble)
		note(a, &p, service.image_id, &s);
	got = trouble ? EXIT_TROUBLE : s.n ? EXIT_NO : EXIT_YES;
	strbuf_free(&json);
	free(s.v);
	return got;
}

int
do_scan(struct app *a, int argc, char **argv)
{
	struct scan_options o = {0};
	const struct option_of options[] = {SWITCH(0, "json", o.json),
	    SWITCH(0, "learn", o.learn), SWITCH(0, "rm", o.rm), LISTED(0, "ignore", o.ignore),
	    LISTED(0, "allow", o.allow), SWITCH(0, "container", o.container), NO_MORE};
	struct places some;
	char **all = argv;
	int status, count = argc;

	srandom((unsigned)getpid());
	argc = take_options(a, argc, &argv, options, false);
	if (argc < 0)
		return EXIT_TROUBLE;
	if (again_unshared(a, count, all, &status))
		return status;
	if (o.container && argc)
		return scan_containers(a, argc, argv, &o);
	if (o.container)
		return usage(a);
	if (pick_all(a, argc, argv, &some))
		return EXIT_TROUBLE;
	return scan_some(a, &some, argc > 0, &o);
}
