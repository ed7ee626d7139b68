#include "volumes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "accounts.h"
#include "beneath.h"
#include "cleanup.h"
#include "engine_run.h"
#include "idmap.h"
#include "report.h"
#include "say.h"
#include "self.h"
#include "state.h"
#include "strbuf.h"
#include "userns.h"
#include "walk.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

/* Who is who: the image's accounts, the host's, and the map between them. */
struct people {
	struct app *a;
	const struct container *c;
	const struct image *image;
	const char *id;
	struct userns_files host;
	struct accounts passwd, group; /* of the image */
	struct idmap map;              /* inside to the host */
	struct idmap self;             /* this process's own namespace to the host */
	bool accounts_read;
};

struct thing {
	const char *base, *rest; /* no link is followed in rest */
	bool file;
	uid_t uid;
	gid_t gid;
	mode_t mode;
	const char *contents;
};

/* ---- people ---- */

static int
read_accounts(const char *path, struct accounts *out)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	return accounts_read(fd, out);
}

/* The image's own files, by a container of it that never runs. */
static int
copy_out(struct people *p, const char *folder)
{
	const struct engine *e = &p->a->engine;
	struct strbuf id = STRBUF_INIT;
	int bad;

	if (!p->image)
		return -1;
	bad = engine_try(e, &id, "create", "--pull", "never", p->image->id, "/none", NULL);
	if (!bad) {
		char *last;

		id.s[strcspn(id.s, "\n")] = '\0';
		last = id.s;
		engine_try(e, NULL, "cp", pool_printf("%s:/etc/passwd", last),
		    pool_printf("%s/passwd", folder), NULL);
		engine_try(e, NULL, "cp", pool_printf("%s:/etc/group", last),
		    pool_printf("%s/group", folder), NULL);
		engine_remove(e, last, true);
	}
	strbuf_free(&id);
	return bad ? -1 : 0;
}

static int
image_accounts(struct people *p)
{
	const char *folder = state_folder(&p->a->host, pool_printf("%s/accounts", p->c->key));
	const char *etc = folder;
	int bad;

	if (p->accounts_read)
		return 0;
	if (!folder)
		return -1;
	unlink(pool_printf("%s/passwd", folder));
	unlink(pool_printf("%s/group", folder));
	if (copy_out(p, folder) || access(pool_printf("%s/passwd", folder), F_OK))
		etc = pool_printf("%s/files/etc", p->c->folder ? p->c->folder : ".");
	bad = read_accounts(pool_printf("%s/passwd", etc), &p->passwd) ||
	      read_accounts(pool_printf("%s/group", etc), &p->group);
	unlink(pool_printf("%s/passwd", folder));
	unlink(pool_printf("%s/group", folder));
	rmdir(folder);
	if (bad)
		report("read the image's accounts:");
	p->accounts_read = !bad;
	return bad ? -1 : 0;
}

/* An id as the host has it, as this process has to say it. */
static int
as_said_here(const struct people *p, bool group, uint32_t host, uint32_t *out)
{
	const struct id_map *m = group ? &p->self.gid : &p->self.uid;

	if (id_map_in(m, host, out))
		return 0;
	report("%s: %s %" PRIu32 " can't be given to a file by this user", p->c->key,
	    group ? "group" : "user", host);
	return -1;
}

static int
outside(const struct people *p, bool group, uint32_t inside, uint32_t *out)
{
	const struct id_map *m = group ? &p->map.gid : &p->map.uid;
	int64_t shift = group ? p->c->shift_gids : p->c->shift_uids;
	uint32_t host;

	if (shift) {
		if (inside + shift > UINT32_MAX - 1) {
			report("%s: %" PRIu32 " shifted by %" PRId64 " is no id", p->c->key,
			    inside, shift);
			return -1;
		}
		return as_said_here(p, group, (uint32_t)(inside + shift), out);
	}
	if (!id_map_out(m, inside, &host)) {
		report("%s: %s %" PRIu32 " isn't in the container's user namespace", p->c->key,
		    group ? "group" : "user", inside);
		return -1;
	}
	return as_said_here(p, group, host, out);
}

/* "user/x", "group/x": inside the image; otherwise the host's own name or number. */
static int
person(struct people *p, const char *who, bool group, uint32_t *out)
{
	const char *prefix = group ? "group/" : "user/";
	const struct accounts *host = group ? &p->host.group : &p->host.passwd;
	uid_t id;

	if (strncmp(who, prefix, strlen(prefix)) != 0) {
		if (account_id(who, &id) && accounts_lookup(host, who, &id)) {
			report("%s: the host has no %s '%s'", p->c->key,
			    group ? "group" : "user", who);
			return -1;
		}
		return as_said_here(p, group, id, out);
	}
	who += strlen(prefix);
	if (account_id(who, &id)) {
		if (image_accounts(p))
			return -1;
		if (accounts_lookup(group ? &p->group : &p->passwd, who, &id)) {
			report("%s: the image has no %s '%s'", p->c->key,
			    group ? "group" : "user", who);
			return -1;
		}
	}
	return outside(p, group, id, out);
}

/* The user that the service runs as, and its group: "U", "U:G", by name or number. */
static int
service(struct people *p, uint32_t *uid, uint32_t *gid)
{
	const char *user = p->c->user ? p->c->user : p->image ? p->image->user : NULL, *colon;
	uid_t id, group = 0;

	if (!user || strcmp(user, "root") == 0 || strcmp(user, "0") == 0)
		user = p->c->user ? "0:0" : "65534:65534";
	colon = strchr(user, ':');
	user = colon ? pool_dupn(user, (size_t)(colon - user)) : user;
	if (account_id(user, &id)) {
		if (image_accounts(p))
			return -1;
		if (accounts_lookup(&p->passwd, user, &id)) {
			report("%s: the image has no user '%s'", p->c->key, user);
			return -1;
		}
		for (size_t i = 0; i < p->passwd.count; i++)
			if (p->passwd.line[i].fields > 3 &&
			    strcmp(p->passwd.line[i].field[0], user) == 0)
				account_id(p->passwd.line[i].field[3], &group);
	}
	if (colon && account_id(colon + 1, &group) &&
	    (image_accounts(p) || accounts_lookup(&p->group, colon + 1, &group))) {
		report("%s: the image has no group '%s'", p->c->key, colon + 1);
		return -1;
	}
	return outside(p, false, id, uid) || outside(p, true, group, gid) ? -1 : 0;
}

/* ---- the map ---- */

static int
map_of_docker(struct people *p, struct strbuf *why)
{
	struct strbuf out = STRBUF_INIT;
	int bad;

	if (p->c->userns) { /* only "host" gets here */
		idmap_identity(&p->map);
		return 0;
	}
	bad = engine_call(&p->a->engine, &out, "info", "--format", "{{.DockerRootDir}}", NULL);
	if (!bad) {
		out.s[strcspn(out.s, "\n")] = '\0';
		bad = userns_docker_running(&p->map, &p->host, out.s, why);
	}
	strbuf_free(&out);
	return bad ? -1 : 0;
}

static const char *
outer_user(void)
{
	const char *outer = getenv("WHITTLE_OUTER_UID");

	if (outer)
		return outer;
	return geteuid() ? pool_printf("%d", (int)geteuid()) : NULL;
}

static int
map_of_podman(struct people *p, struct strbuf *why)
{
	struct userns_podman ask = {.user = outer_user(), .userns = p->c->userns};
	struct strbuf json = STRBUF_INIT;
	struct words uids = {0}, gids = {0};
	int bad;

	/* A container that exists knows best; "auto" is only known then, and what is made
	 * before is set right afterwards. */
	if (!p->id && p->c->userns && strcmp(p->c->userns, "auto") == 0) {
		idmap_identity(&p->map);
		return 0;
	}
	if (p->id && p->c->userns) {
		bad = engine_call(&p->a->engine, &json, "inspect", "--format",
		    "{{json .HostConfig.IDMappings}}", p->id, NULL);
		if (!bad)
			bad = userns_inspected(&p->map, &p->host, ask.user, json.s, why);
		strbuf_free(&json);
		return bad ? -1 : 0;
	}
	if (p->c->userns && strchr(p->c->userns, ':')) {
		struct idmap given = IDMAP_INIT;

		bad = idmap_parse(&given, p->c->userns, why);
		for (size_t i = 0; i < given.uid.count; i++)
			words_addf(&uids, "%" PRIu32 ":%" PRIu32 ":%" PRIu32,
			    given.uid.range[i].inside, given.uid.range[i].outside,
			    given.uid.range[i].count);
		for (size_t i = 0; i < given.gid.count; i++)
			words_addf(&gids, "%" PRIu32 ":%" PRIu32 ":%" PRIu32,
			    given.gid.range[i].inside, given.gid.range[i].outside,
			    given.gid.range[i].count);
		idmap_free(&given);
		if (bad)
			return -1;
		ask.userns = NULL;
		ask.uidmap = (const char *const *)uids.w;
		ask.gidmap = (const char *const *)gids.w;
	}
	return userns_podman(&p->map, &p->host, &ask, why);
}

static int
read_self_map(const char *path, struct id_map *m, struct strbuf *why)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[8192];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	return n < 0 ? -1 : id_map_parse_proc(m, text, (size_t)n, why);
}

static int
people_open(struct people *p)
{
	struct strbuf why = STRBUF_INIT;
	cleanup_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int bad = userns_files_read(&p->host, root, &why);

	if (!bad && !(p->c->shift_uids && p->c->shift_gids))
		bad = p->a->engine.kind == DOCKER ? map_of_docker(p, &why)
						  : map_of_podman(p, &why);
	if (!bad)
		bad = read_self_map("/proc/self/uid_map", &p->self.uid, &why) ||
		      read_self_map("/proc/self/gid_map", &p->self.gid, &why);
	if (bad)
		report("%s: who its users are on the host isn't known: %s", p->c->key,
		    why.s ? why.s : "no reason given");
	strbuf_free(&why);
	return bad ? -1 : 0;
}

static void
people_close(struct people *p)
{
	userns_files_free(&p->host);
	accounts_free(&p->passwd);
	accounts_free(&p->group);
	idmap_free(&p->map);
	idmap_free(&p->self);
}

/* ---- what is wanted ---- */

/* The path below base; NULL where it lies elsewhere. */
static const char *
below(const char *base, const char *path)
{
	size_t len = strlen(base);

	while (len && base[len - 1] == '/')
		len--;
	if (strncmp(path, base, len) != 0 || path[len] != '/')
		return NULL;
	path += len;
	return path + strspn(path, "/");
}

static void
locate(const struct container *c, const char *path, struct thing *t)
{
	const char *rest;

	if (*path != '/')
		path = pool_printf("%s/%s/%s", c->vol_base, c->key, path);
	rest = below(c->vol_base, path);
	t->base = rest ? c->vol_base : "/";
	t->rest = rest ? rest : path + strspn(path, "/");
}

static const char *
full_path(const struct thing *t)
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

static int
thing_of(struct people *p, const struct volume *v, struct thing *t)
{
	uint32_t uid, gid;

	*t = (struct thing){.contents = v->contents};
	locate(p->c, v->path, t);
	t->file = v->type && strcmp(v->type, "file") == 0;
	t->mode = v->perm ? (mode_t)strtoul(v->perm, NULL, 8) : t->file ? 0644 : 0755;
	if (!v->owner || !v->group) {
		int bad = is_read_only_source(p->c, full_path(t))
			      ? outside(p, false, 0, &uid) || outside(p, true, 0, &gid)
			      : service(p, &uid, &gid);

		if (bad)
			return -1;
	}
	if ((v->owner && person(p, v->owner, false, &uid)) ||
	    (v->group && person(p, v->group, true, &gid)))
		return -1;
	t->uid = uid;
	t->gid = gid;
	return 0;
}

/* ---- on the disk ---- */

/* The folder that rest's last part stands in; those on the way are made, or not (ENOENT). */
static int
open_parent(const struct thing *t, bool make, const char **last)
{
	cleanup_fd int at = open(t->base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *p = t->rest, *slash;
	int next;

	while (at >= 0 && (slash = strchr(p, '/')) && slash[1]) {
		const char *part = pool_dupn(p, (size_t)(slash - p));

		next = openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0 && errno == ENOENT && make && mkdirat(at, part, 0755) == 0)
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
set_attributes(int fd, const struct thing *t)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* In this order: chown clears setuid bits. */
	return fchownat(fd, "", t->uid, t->gid, AT_EMPTY_PATH) || chmod(path, t->mode) ? -1 : 0;
}

/* Made under another name and moved when it is right, so that a kill leaves nothing half. */
static int
make_thing(int parent, const char *last, const struct thing *t)
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
	bad = t->file && t->contents &&
	      write(fd, t->contents, strlen(t->contents)) != (ssize_t)strlen(t->contents);
	bad = bad || set_attributes(fd, t) || (t->file && fsync(fd)) ||
	      syscall(SYS_renameat2, parent, draft, parent, last, RENAME_NOREPLACE);
	if (bad) {
		int saved = errno;

		unlinkat(parent, draft, t->file ? 0 : AT_REMOVEDIR);
		errno = saved;
		return -1;
	}
	return 0;
}

/* What is there against what is wanted; how many differences are left. -1 after a message. */
static int
compare(int fd, const struct stat *st, const struct thing *t, enum volumes_mode mode)
{
	const char *path = full_path(t);
	bool owner = st->st_uid != t->uid || st->st_gid != t->gid;
	bool bits = (st->st_mode & 07777) != t->mode;

	if (t->file ? !S_ISREG(st->st_mode) : !S_ISDIR(st->st_mode)) {
		report("'%s' is no %s", path, t->file ? "file" : "folder");
		return 1;
	}
	if (!owner && !bits)
		return 0;
	if (mode == VOLUMES_REPAIR) {
		if (set_attributes(fd, t)) {
			report("repair '%s':", path);
			return -1;
		}
		say("REPAIR", "%s", path);
		return 0;
	}
	if (mode == VOLUMES_CREATE)
		return 0;
	if (owner)
		report("'%s' is owned by %u:%u, wanted %u:%u", path, st->st_uid, st->st_gid,
		    t->uid, t->gid);
	if (bits)
		report("'%s' has mode %04o, wanted %04o", path, st->st_mode & 07777, t->mode);
	return 1;
}

static int
prepare(const struct thing *t, enum volumes_mode mode)
{
	const char *last = "", *path = full_path(t);
	cleanup_fd int parent = open_parent(t, mode != VOLUMES_PLAN, &last);
	cleanup_fd int fd = -1;
	struct stat st;

	if (parent >= 0)
		fd = openat(parent, last, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return fstat(fd, &st) ? -1 : compare(fd, &st, t, mode);
	if (errno != ENOENT) {
		report("volume '%s': a part of its path can't be opened, or is a link:", path);
		return -1;
	}
	if (mode == VOLUMES_PLAN) {
		report("'%s' is missing", path);
		return 1;
	}
	if (make_thing(parent, last, t)) {
		if (errno == EEXIST) /* another was quicker */
			return 0;
		report("make the volume '%s':", path);
		return -1;
	}
	say("VOLUME", "%s", path);
	return 0;
}

/* ---- all of them ---- */

static bool
described(const struct container *c, const char *path)
{
	for (size_t i = 0; i < c->vols.n; i++) {
		struct thing t;

		locate(c, c->vols.v[i].path, &t);
		if (strcmp(full_path(&t), path) == 0)
			return true;
	}
	return false;
}

/* What a mount needs and no entry of vols speaks of: a folder, if it lies below vol_base. */
static bool
is_empty_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	int entries = 0;

	if (!folder) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (entries < 3 && readdir(folder))
		entries++;
	closedir(folder);
	return entries == 2; /* itself and the one above */
}

static int
prepare_source(struct people *p, const struct mount *m, enum volumes_mode mode)
{
	struct volume v = p->c->vol_defaults;
	struct thing t;

	if (described(p->c, m->source))
		return 0;
	if (!below(p->c->vol_base, m->source)) {
		if (access(m->source, F_OK) == 0)
			return 0;
		report("%s: the source of a mount, '%s', isn't there:", p->c->key, m->source);
		return mode == VOLUMES_PLAN ? 1 : -1;
	}
	v.path = m->source;
	v.type = v.type ? v.type : "dir";
	/* What is there is as its owner wants it; but a folder that was made before the
	 * container, whose map says only now who owns it, is nobody's yet. */
	if (access(m->source, F_OK) == 0 && !(p->id && is_empty_folder(m->source)))
		return 0;
	return thing_of(p, &v, &t) ? -1 : prepare(&t, mode);
}

static int
prepare_all(struct people *p, enum volumes_mode mode)
{
	const struct container *c = p->c;
	int differ = 0, got;
	struct thing t;

	for (size_t i = 0; i < c->vols.n; i++) {
		got = thing_of(p, &c->vols.v[i], &t) ? -1 : prepare(&t, mode);
		if (got < 0)
			return -1;
		differ += got;
	}
	for (size_t i = 0; i < c->mount_ro.n + c->mount_rw.n; i++) {
		got = prepare_source(p,
		    i < c->mount_ro.n ? &c->mount_ro.v[i] : &c->mount_rw.v[i - c->mount_ro.n],
		    mode);
		if (got < 0)
			return -1;
		differ += got;
	}
	return differ;
}

static int
make_base(const char *path)
{
	char *copy = pool_dup(path);

	for (char *p = copy + 1;; p++) {
		if (*p && *p != '/')
			continue;
		char was = *p;

		*p = '\0';
		if (mkdir(copy, 0755) && errno != EEXIST) {
			report("make the folder '%s':", copy);
			return -1;
		}
		*p = was;
		if (!was)
			return 0;
	}
}

/* Rootless podman's user gives files to ids of the namespace by being root in it. */
static int
prepare_unshared(
    struct app *a, const struct container *c, const char *id, enum volumes_mode mode)
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
	words_add(&args, c->key);
	status = engine_attached(&a->engine, &args);
	unsetenv("WHITTLE_OUTER_UID");
	return status == EXIT_YES ? 0 : status == EXIT_NO ? 1 : -1;
}

int
volumes_before(struct app *a, const struct container *c, const struct image *image)
{
	return volumes_prepare(a, c, image, NULL, VOLUMES_CREATE) < 0 ? -1 : 0;
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
	struct people p = {.a = a, .c = c, .image = image, .id = id};
	int got;

	if (!c->vols.n && !c->mount_ro.n && !c->mount_rw.n)
		return 0;
	if (mode != VOLUMES_PLAN && make_base(c->vol_base))
		return -1;
	if (geteuid() != 0 && a->engine.kind == PODMAN)
		return prepare_unshared(a, c, id, mode);
	got = people_open(&p);
	if (!got)
		got = prepare_all(&p, mode);
	people_close(&p);
	return got;
}

/* ---- removing ---- */

static enum walk_action
remove_file(const struct walk_entry *e, void *arg)
{
	(void)arg;
	if (!S_ISDIR(e->st.st_mode) && unlinkat(e->dirfd, e->name, 0))
		report("remove '%s':", e->path);
	return WALK_GO;
}

static void
remove_folder(const struct walk_entry *e, void *arg)
{
	(void)arg;
	if (e->depth && unlinkat(e->dirfd, e->name, AT_REMOVEDIR))
		report("remove '%s':", e->path);
}

int
volumes_remove(struct app *a, const char *folder)
{
	struct walk_options o = {.leave = remove_folder};
	cleanup_fd int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (geteuid() != 0 && a->engine.kind == PODMAN)
		return engine_call(&a->engine, NULL, "unshare", "rm", "-rf",
			   "--one-file-system", "--", folder, NULL)
			   ? -1
			   : 0;
	if (walk_tree(fd, &o, remove_file, NULL) || rmdir(folder)) {
		report("remove '%s':", folder);
		return -1;
	}
	return 0;
}
