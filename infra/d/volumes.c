#include "volumes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "copy.h"
#include "digest.h"
#include "engine_call.h"
#include "file.h"
#include "mounts.h"
#include "path.h"
#include "report.h"
#include "say.h"
#include "self.h"
#include "state.h"
#include "strbuf.h"
#include "volume_ids.h"
#include "walk.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

struct volume_spec {
	const char *base, *rest; /* no link is followed in rest */
	const char *key;         /* as settings.yaml names it */
	bool file;
	uid_t uid;
	gid_t gid;
	mode_t mode;
	const char *contents;
};

/* One look at all volumes of a container. */
struct preparation {
	struct id_context ids;
	enum volumes_mode mode;
	json_t *written; /* path to SHA-256: what d itself has put into files */
	bool written_changed;
};

static const char written_file[] = "contents.json";

/* ---- what is wanted ---- */

/*
 * Only links in the root directory are followed, where nobody but the host's administrator
 * puts one: /home is one to /var/home on some systems. Returns where a path begins, *rest is
 * what comes after it.
 */
static const char *
path_begin(const char *path, const char **rest)
{
	const char *p = path + strspn(path, "/");
	const char *first = pool_printf("/%.*s", (int)strcspn(p, "/"), p);
	const char *more = p + strcspn(p, "/");
	char real[PATH_MAX];
	struct stat st;

	more += strspn(more, "/");
	*rest = p;
	if (!*more || lstat(first, &st) || !S_ISLNK(st.st_mode) || !realpath(first, real))
		return "/";
	*rest = more;
	return pool_dup(real);
}

static void
locate(const struct container *c, const char *path, struct volume_spec *t)
{
	const char *rest;

	if (*path != '/')
		path = pool_printf("%s/%s/%s", c->vol_base, c->key, path);
	rest = path_below(c->vol_base, path);
	rest = rest && *rest ? rest : NULL;
	t->base = rest ? c->vol_base : path_begin(path, &rest);
	t->rest = rest + strspn(rest, "/");
}

static const char *
full_path(const struct volume_spec *t)
{
	return pool_printf("%s%s%s", t->base, strcmp(t->base, "/") == 0 ? "" : "/", t->rest);
}

static bool
is_read_only_source(const struct container *c, const char *path)
{
	for (size_t i = 0; i < c->mount_ro.n; i++)
		if (strcmp(c->mount_ro.v[i].source, path) == 0)
			return true;
	return false;
}

int
volume_owner(struct id_context *p, const struct volume *v, uint32_t *uid, uint32_t *gid)
{
	struct volume_spec t;
	int bad = 0;

	locate(p->c, v->path, &t);
	if (!v->owner || !v->group)
		bad = is_read_only_source(p->c, full_path(&t))
			  ? id_outside(p, false, 0, uid) || id_outside(p, true, 0, gid)
			  : id_of_service(p, uid, gid);
	return bad || (v->owner && id_of_owner(p, v->owner, false, uid)) ||
		       (v->group && id_of_owner(p, v->group, true, gid))
		   ? -1
		   : 0;
}

static int
volume_spec_of(struct id_context *p, const struct volume *v, struct volume_spec *t)
{
	uint32_t uid, gid;

	*t = (struct volume_spec){.key = v->path, .contents = v->contents};
	locate(p->c, v->path, t);
	t->file = v->type && strcmp(v->type, "file") == 0;
	t->mode = v->perm ? (mode_t)strtoul(v->perm, NULL, 8) : t->file ? 0644 : 0755;
	if (volume_owner(p, v, &uid, &gid))
		return -1;
	t->uid = uid;
	t->gid = gid;
	return 0;
}

/* ---- on the disk ---- */

/* Whatever the umask: see make_open_directories(). */
static int
make_part(int at, const char *part)
{
	mode_t mask = umask(022);
	int bad = mkdirat(at, part, 0755);

	umask(mask);
	return bad;
}

/* The directory of the last component of rest; missing ones above it are made, or ENOENT. */
static int
open_parent(const struct volume_spec *t, bool make, const char **last)
{
	cleanup_fd int at = open(t->base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *p = t->rest, *slash;
	int next;

	while (at >= 0 && (slash = strchr(p, '/')) && slash[1]) {
		const char *part = pool_dupn(p, (size_t)(slash - p));

		next = openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0 && errno == ENOENT && make && make_part(at, part) == 0)
			next = openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return -1;
		close(at);
		at = next;
		p = slash + 1 + strspn(slash + 1, "/");
	}
	*last = pool_dupn(p, strcspn(p, "/"));
	return steal_fd(&at);
}

static int
set_attributes(int fd, const struct volume_spec *t)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* In this order: chown clears setuid bits. */
	return fchownat(fd, "", t->uid, t->gid, AT_EMPTY_PATH) || chmod(path, t->mode) ? -1 : 0;
}

/* Made under another name and moved when it is right, so that a kill leaves nothing half. */
static int
make_volume(int parent, const char *last, const struct volume_spec *t, unsigned flags)
{
	const char *draft = pool_printf(".%s.whittle-%d", last, (int)getpid());
	cleanup_fd int fd = -1;
	int bad;

	if (t->file)
		fd = openat(parent, draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	else if (mkdirat(parent, draft, 0700) == 0)
		fd = openat(parent, draft, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	bad = t->file && t->contents && write_all(fd, t->contents, strlen(t->contents));
	bad = bad || set_attributes(fd, t) || (t->file && fsync(fd)) ||
	      syscall(SYS_renameat2, parent, draft, parent, last, flags);
	if (bad) {
		int saved = errno;

		unlinkat(parent, draft, t->file ? 0 : AT_REMOVEDIR);
		errno = saved;
		return -1;
	}
	return 0;
}

/* ---- what files contain ---- */

static void
remember_contents(struct preparation *p, const struct volume_spec *t)
{
	char hex[SHA256_HEX];
	const char *had = json_string_value(json_object_get(p->written, t->key));

	sha256_bytes(t->contents, strlen(t->contents), hex);
	if (had && strcmp(had, hex) == 0)
		return;
	json_object_set_new(p->written, t->key, json_string(hex));
	p->written_changed = true;
}

/* Puts the contents in the place of others, which stay beside it under another name where d
 * didn't write them. */
static int
replace_contents(
    struct preparation *p, int parent, const char *last, const struct volume_spec *t, bool ours)
{
	const char *aside = pool_printf("%s.before-%ld", last, (long)time(NULL));

	if ((!ours && linkat(parent, last, parent, aside, 0)) ||
	    make_volume(parent, last, t, 0)) {
		report("write '%s':", full_path(t));
		return -1;
	}
	remember_contents(p, t);
	if (ours)
		say("UPDATE", "%s", full_path(t));
	else
		say("REPLACE", "%s (what was there is now %s)", full_path(t), aside);
	return 0;
}

/* Like compare(), for what the file contains. What d wrote and nobody has changed since
 * follows the settings; what somebody has changed is theirs. */
static int
compare_contents(
    struct preparation *p, int parent, const char *last, int fd, const struct volume_spec *t)
{
	char path[40], is[SHA256_HEX], wanted[SHA256_HEX];
	const char *had = json_string_value(json_object_get(p->written, t->key));
	cleanup_fd int in = -1;
	bool ours;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	in = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (in < 0 || sha256_fd(in, is)) {
		report("read '%s':", full_path(t));
		return -1;
	}
	sha256_bytes(t->contents, strlen(t->contents), wanted);
	if (strcmp(is, wanted) == 0) {
		remember_contents(p, t);
		return 0;
	}
	ours = had && strcmp(had, is) == 0;
	if (p->mode != VOLUMES_PLAN && (ours || p->mode == VOLUMES_REPAIR))
		return replace_contents(p, parent, last, t, ours);
	if (ours)
		report("'%s' holds earlier contents, 'd prep' writes those of settings.yaml",
		    full_path(t));
	else
		report("'%s' was changed by hand and differs from contents in settings.yaml: "
		       "'d prep -r' replaces it",
		    full_path(t));
	return 1;
}

/* ---- one volume ---- */

/* What is there against what is wanted; how many differences are left. -1 after a message. */
static int
compare(struct preparation *p, int fd, const struct stat *st, const struct volume_spec *t)
{
	const char *path = full_path(t);
	bool owner = st->st_uid != t->uid || st->st_gid != t->gid;
	bool bits = (st->st_mode & 07777) != t->mode;

	if (!owner && !bits)
		return 0;
	if (p->mode == VOLUMES_REPAIR) {
		if (set_attributes(fd, t)) {
			report("repair '%s':", path);
			return -1;
		}
		say("REPAIR", "%s", path);
		return 0;
	}
	if (p->mode == VOLUMES_CREATE)
		return 0;
	if (owner)
		report("'%s' is owned by %u:%u, wanted %u:%u", path, st->st_uid, st->st_gid,
		    t->uid, t->gid);
	if (bits)
		report("'%s' has mode %04o, wanted %04o", path, st->st_mode & 07777, t->mode);
	return 1;
}

static int
compare_all(
    struct preparation *p, int parent, const char *last, int fd, const struct volume_spec *t)
{
	struct stat st;
	int got, more;

	if (fstat(fd, &st))
		return -1;
	if (t->file ? !S_ISREG(st.st_mode) : !S_ISDIR(st.st_mode)) {
		report(
		    "'%s' is not a %s", full_path(t), t->file ? "regular file" : "directory");
		return 1;
	}
	got = compare(p, fd, &st, t);
	if (got < 0 || !t->contents)
		return got;
	more = compare_contents(p, parent, last, fd, t);
	return more < 0 ? -1 : got || more;
}

static int
prepare(struct preparation *p, const struct volume_spec *t)
{
	const char *last = "", *path = full_path(t);
	cleanup_fd int parent = open_parent(t, p->mode != VOLUMES_PLAN, &last);
	cleanup_fd int fd = -1;

	if (parent >= 0)
		fd = openat(parent, last, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return compare_all(p, parent, last, fd, t);
	if (errno != ENOENT) {
		report(
		    "volume '%s': a part of its path can't be opened, or is a symbolic link:",
		    path);
		return -1;
	}
	if (p->mode == VOLUMES_PLAN) {
		report("'%s' is missing", path);
		return 1;
	}
	if (make_volume(parent, last, t, RENAME_NOREPLACE)) {
		if (errno == EEXIST) /* another was quicker */
			return 0;
		report("make the volume '%s':", path);
		return -1;
	}
	if (t->contents)
		remember_contents(p, t);
	say("VOLUME", "%s", path);
	return 0;
}

/* ---- all of them ---- */

static bool
described(const struct container *c, const char *path)
{
	for (size_t i = 0; i < c->vols.n; i++) {
		struct volume_spec t;

		locate(c, c->vols.v[i].path, &t);
		if (strcmp(full_path(&t), path) == 0)
			return true;
	}
	return false;
}

/* A directory below vol_base that a mount needs and that vols doesn't describe. */
static bool
is_empty_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	int entries = 0;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (entries < 3 && readdir(directory))
		entries++;
	closedir(directory);
	return entries == 2; /* itself and the one above */
}

static int
prepare_source(struct preparation *p, const struct mount *m)
{
	const struct container *c = p->ids.c;
	const char *rest = path_below(c->vol_base, m->source);
	struct volume v = c->vol_defaults;
	struct volume_spec t;

	if (described(c, m->source))
		return 0;
	if (!rest || !*rest) {
		if (access(m->source, F_OK) == 0)
			return 0;
		report("%s: the source of a mount, '%s', isn't there:", c->key, m->source);
		return p->mode == VOLUMES_PLAN ? 1 : -1;
	}
	v.path = m->source;
	v.type = v.type ? v.type : "dir";
	/* What is there is as its owner wants it; but a directory that was made before the
	 * container, whose map says only now who owns it, is nobody's yet. */
	if (access(m->source, F_OK) == 0 && !(p->ids.id && is_empty_directory(m->source)))
		return 0;
	return volume_spec_of(&p->ids, &v, &t) ? -1 : prepare(p, &t);
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct volume *)a)->path, ((const struct volume *)b)->path);
}

/* Directories before what is in them, so that none is made as somebody's way to a file. */
static int
prepare_all(struct preparation *p)
{
	const struct container *c = p->ids.c;
	struct volume *vols = pool_zero(c->vols.n + 1, sizeof(*vols));
	int differ = 0, got;
	struct volume_spec t;

	for (size_t i = 0; i < c->mount_ro.n + c->mount_rw.n; i++) {
		got = prepare_source(p,
		    i < c->mount_ro.n ? &c->mount_ro.v[i] : &c->mount_rw.v[i - c->mount_ro.n]);
		if (got < 0)
			return -1;
		differ += got;
	}
	if (c->vols.n)
		memcpy(vols, c->vols.v, c->vols.n * sizeof(*vols));
	qsort(vols, c->vols.n, sizeof(*vols), by_path);
	for (size_t i = 0; i < c->vols.n; i++) {
		got = volume_spec_of(&p->ids, &vols[i], &t) ? -1 : prepare(p, &t);
		if (got < 0)
			return -1;
		differ += got;
	}
	return differ;
}

/* Production's files only: a test instance's are made each time. */
static int
prepare_with_record(struct preparation *p)
{
	const struct host *h = &p->ids.a->host;
	const char *key = p->ids.c->key;
	bool test = p->ids.c->test;
	int got;

	p->written = test ? NULL : state_read(h, key, written_file);
	if (!json_is_object(p->written)) {
		json_decref(p->written);
		p->written = json_object();
	}
	got = prepare_all(p);
	if (p->written_changed && !test && p->mode != VOLUMES_PLAN &&
	    state_write(h, key, written_file, p->written))
		got = -1;
	json_decref(p->written);
	return got;
}

/* Rootless podman's user gives files to ids of the namespace by being root in it. */
static int
prepare_unshared(struct app *a, const struct container *c, const struct image *image,
    const char *id, enum volumes_mode mode)
{
	static const char *const modes[] = {"create", "say", "plan", "repair"};
	struct words args = {0};
	int status;

	setenv("WHITTLE_OUTER_UID", pool_printf("%d", (int)geteuid()), 1);
	words_add(&args, "unshare");
	words_add(&args, program_path());
	words_add(&args, "prep");
	words_addf(&args, "--mode=%s", modes[mode]);
	if (c->test)
		words_add(&args, "--test-mode");
	if (id)
		words_addf(&args, "--container=%s", id);
	/* The one that is to run, which isn't the live one yet. */
	if (image)
		words_addf(&args, "--image=%s", image->id);
	words_add(&args, c->key);
	status = engine_attached(&a->engine, &args);
	unsetenv("WHITTLE_OUTER_UID");
	return status == EXIT_YES ? 0 : status == EXIT_NO ? 1 : -1;
}

int
volumes_before(struct app *a, const struct container *c, const struct image *image)
{
	return mounts_check(a, c) || volumes_prepare(a, c, image, NULL, VOLUMES_CREATE) < 0 ? -1
											    : 0;
}

int
volumes_after(
    struct app *a, const struct container *c, const struct image *image, const char *id)
{
	if (!c->userns || strcmp(c->userns, "auto") != 0)
		return 0;
	return volumes_prepare(a, c, image, id, VOLUMES_REPAIR) < 0 ? -1 : 0;
}

int
volumes_prepare(struct app *a, const struct container *c, const struct image *image,
    const char *id, enum volumes_mode mode)
{
	struct preparation p = {
	    .ids = {.a = a, .c = c, .image = image, .id = id}, .mode = mode};
	int got;

	if (!c->vols.n && !c->mount_ro.n && !c->mount_rw.n)
		return 0;
	if (mode != VOLUMES_PLAN && make_open_directories(c->vol_base, 0755)) {
		report("make the directory '%s':", c->vol_base);
		return -1;
	}
	if (geteuid() != 0 && a->engine.kind == PODMAN)
		return prepare_unshared(a, c, image, id, mode);
	got = id_context_open(&p.ids);
	if (!got)
		got = prepare_with_record(&p);
	id_context_close(&p.ids);
	return got;
}

/* ---- removing ---- */

int
volumes_remove(struct app *a, const char *directory)
{
	cleanup_fd int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (geteuid() != 0 && a->engine.kind == PODMAN)
		return engine_call(&a->engine, NULL, "unshare", "rm", "-rf",
			   "--one-file-system", "--", directory, NULL)
			   ? -1
			   : 0;
	if (remove_contents(fd) || rmdir(directory)) {
		report("remove '%s':", directory);
		return -1;
	}
	return 0;
}
