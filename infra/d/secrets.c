#include "secrets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "copy.h"
#include "engine_args.h"
#include "engine_call.h"
#include "engine_list.h"
#include "file.h"
#include "path.h"
#include "report.h"
#include "run.h"
#include "say.h"
#include "state.h"
#include "strbuf.h"
#include "volume_ids.h"

enum { SECRET_MAX = 1 << 20, COMMAND_MS = 60000, HOLD_TRIES = 20 };

/* ---- what they are ---- */

static int
read_file(const char *path, struct strbuf *out)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char chunk[4096];
	ssize_t n;

	while (fd >= 0 && (n = read(fd, chunk, sizeof(chunk))) > 0 && out->len <= SECRET_MAX)
		strbuf_add(out, chunk, (size_t)n);
	explicit_bzero(chunk, sizeof(chunk));
	return fd < 0 || n < 0 ? -1 : 0;
}

/* Where age's identity is, beside the user's settings. */
static const char *
age_identity(void)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	return config && *config ? pool_printf("%s/whittle/age.key", config)
				 : pool_printf("%s/.config/whittle/age.key", home ? home : "");
}

static int
run_for(const struct container *c, const struct secret *s, const char *const *argv,
    struct strbuf *out)
{
	struct strbuf err = STRBUF_INIT;
	int status = run(&(struct run){.argv = argv,
	    .cwd = c->directory,
	    .out = out,
	    .err = &err,
	    .timeout_ms = COMMAND_MS});

	if (status)
		report("%s: secret '%s': %s failed with status %d: %s", c->key, s->name,
		    argv[0], status, engine_gist(&err));
	strbuf_free(&err);
	return status ? -1 : 0;
}

int
secret_read(const struct container *c, const struct secret *s, struct strbuf *out)
{
	const char *const age[] = {
	    "age", "--decrypt", "--identity", age_identity(), s->source.w[0], NULL};
	int bad = 0;

	if (s->kind == SECRET_FILE && read_file(s->source.w[0], out)) {
		report("%s: secret '%s': read '%s':", c->key, s->name, s->source.w[0]);
		return -1;
	}
	if (s->kind != SECRET_FILE)
		bad = run_for(
		    c, s, s->kind == SECRET_AGE ? age : (const char *const *)s->source.w, out);
	if (!bad && (out->len == 0 || out->len > SECRET_MAX)) {
		report("%s: secret '%s' is %s", c->key, s->name,
		    out->len ? "larger than 1 MiB" : "empty");
		return -1;
	}
	return bad;
}

void
secret_free(struct strbuf *b)
{
	if (b->s)
		explicit_bzero(b->s, b->cap);
	strbuf_free(b);
}

/* ---- where they are ---- */

static const char *
home_of(const char *name)
{
	const char *run = getenv("XDG_RUNTIME_DIR");

	return pool_printf(
	    "%s/whittle/secrets/%s", geteuid() && run && *run ? run : "/run", name);
}

static bool
in_memory(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

/* A host whose /run is on a disk gets a tmpfs for them, mounted by the first who comes. */
static int
mount_memory(const char *path)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX))
		return -1;
	return in_memory(path) ? 0
			       : mount("whittle", path, "tmpfs",
				     MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700,size=64m");
}

/* A link beside the starts says by whom and where: another d may use this directory as well. */
static const char owner_link[] = ".of";

static const char *
owner_text(const struct app *a)
{
	return pool_printf("%s %s", engine_name(&a->engine), a->host.state);
}

static bool
is_own(const struct app *a, int home)
{
	char text[4096];
	ssize_t n = readlinkat(home, owner_link, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return strcmp(text, owner_text(a)) == 0;
}

/*
 * Held shared until this process ends, so that no sweep takes what has no container yet. A
 * sweep may have removed the directory in between: then there is a new one to be made.
 */
static int
hold(const struct app *a, const char *home)
{
	for (int tries = 0; tries < HOLD_TRIES; tries++) {
		cleanup_fd int fd = -1;
		struct stat held, there;

		if (make_directories(home, 0700))
			return -1;
		fd = open(home, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if ((fd < 0 && errno != ENOENT) || (fd >= 0 && flock(fd, LOCK_SH)))
			return -1;
		if (fd < 0 || fstat(fd, &held) || lstat(home, &there) ||
		    held.st_ino != there.st_ino)
			continue;
		if (!is_own(a, fd)) {
			if ((unlinkat(fd, owner_link, 0) && errno != ENOENT) ||
			    (symlinkat(owner_text(a), fd, owner_link) && errno != EEXIST))
				return -1;
			continue; /* two may have come at once */
		}
		steal_fd(&fd);
		return 0;
	}
	errno = EAGAIN;
	return -1;
}

/* Nobody but us gets further than the directory above the starts'. */
static int
make_home(const struct app *a, const char *home)
{
	const char *all = pool_printf("%.*s", (int)(strrchr(home, '/') - home), home);
	struct stat st;

	if (make_directories(all, 0700) ||
	    (geteuid() == 0 && !in_memory(all) && mount_memory(all)) || hold(a, home) ||
	    lstat(home, &st)) {
		report("create '%s':", home);
		return -1;
	}
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077)) {
		report("'%s' isn't this user's alone", home);
		return -1;
	}
	if (!in_memory(home)) {
		report(
		    "'%s' is on a disk: secrets need XDG_RUNTIME_DIR to be on a tmpfs", home);
		return -1;
	}
	return 0;
}

/* To who reads it inside, as the host or podman's own namespace counts. */
static int
give(struct app *a, const struct container *c, const struct start *start,
    const struct secret *s, const char *path)
{
	uint32_t uid = s->uid >= 0 ? (uint32_t)s->uid : start->who ? start->who->uid : 0;
	uint32_t gid = s->gid >= 0 ? (uint32_t)s->gid : start->who ? start->who->gid : 0;
	struct id_context ids = {.a = a, .c = c, .image = start->facts};
	int bad;

	if (geteuid() && a->engine.kind == PODMAN && !c->userns)
		return engine_call(&a->engine, NULL, "unshare", "chown",
			   pool_printf("%u:%u", uid, gid), path, NULL)
			   ? -1
			   : 0;
	bad = id_context_open(&ids) || id_outside(&ids, false, uid, &uid) ||
	      id_outside(&ids, true, gid, &gid);
	id_context_close(&ids);
	if (!bad && chown(path, uid, gid)) {
		report("%s: give '%s' to its reader:", c->key, path);
		bad = -1;
	}
	return bad ? -1 : 0;
}

static int
place_one(struct app *a, const struct container *c, const struct start *start,
    const struct secret *s, const char *directory)
{
	const char *path = pool_printf("%s/%s", directory, s->name);
	struct strbuf value = STRBUF_INIT;
	int bad = secret_read(c, s, &value);

	if (!bad) {
		const struct new_file f = {.bytes = value.s, .n = value.len, .mode = s->mode};

		bad = file_create(AT_FDCWD, path, &f);
		if (bad)
			report("write '%s':", path);
	}
	secret_free(&value);
	return bad || give(a, c, start, s, path) ? -1 : 0;
}

void
secrets_show(const struct container *c, struct start *start)
{
	if (c->secrets.n)
		start->secrets = pool_printf("%s/START", home_of(c->name));
}

int
secrets_place(struct app *a, const struct container *c, struct start *start)
{
	const char *home = home_of(c->name);
	const char *directory = pool_printf("%s/%s", home,
	    start->transaction ? start->transaction : pool_printf("%d", (int)getpid()));

	if (!c->secrets.n)
		return 0;
	if (make_home(a, home))
		return -1;
	if (make_open_directories(directory, 0755)) {
		report("create '%s':", directory);
		return -1;
	}
	start->secrets = directory;
	for (size_t i = 0; i < c->secrets.n; i++)
		if (place_one(a, c, start, &c->secrets.v[i], directory))
			return -1;
	return 0;
}

/* Root in podman's own namespace reads what its user may not. */
static int
read_placed(struct app *a, const char *path, struct strbuf *out)
{
	if (geteuid() && a->engine.kind == PODMAN)
		return engine_try(&a->engine, out, "unshare", "cat", path, NULL);
	return read_file(path, out);
}

bool
secrets_changed(struct app *a, const struct container *c, const char *transaction)
{
	bool other = false;

	for (size_t i = 0; i < c->secrets.n && !other && transaction; i++) {
		struct strbuf now = STRBUF_INIT, was = STRBUF_INIT;
		const char *path = pool_printf(
		    "%s/%s/%s", home_of(c->name), transaction, c->secrets.v[i].name);

		/* One that can't be had now is no reason to begin anew. */
		if (secret_read(c, &c->secrets.v[i], &now) == 0)
			other = read_placed(a, path, &was) || was.len != now.len ||
				memcmp(was.s, now.s, now.len) != 0;
		secret_free(&now);
		secret_free(&was);
	}
	return other;
}

int
secrets_forget(const char *name, const char *keep)
{
	const char *home = home_of(name);
	cleanup_dir DIR *d = opendir(home);
	struct dirent *e;
	bool left = false;

	while (d && (e = readdir(d)))
		if (!is_dots(e->d_name) && strcmp(e->d_name, owner_link) != 0 &&
		    (!keep || strcmp(e->d_name, keep) != 0))
			left |= remove_entry(dirfd(d), e->d_name) != 0;
	/* Whose it is goes last: where this ends before, a sweep finds the rest. */
	if (d && !keep && !left) {
		unlinkat(dirfd(d), owner_link, 0);
		rmdir(home);
	}
	return left ? -1 : 0;
}

void
secrets_drop(const char *name, const char *transaction)
{
	cleanup_fd int fd = name ? open(home_of(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0)
		remove_entry(fd, transaction);
}

/* ---- those that were left ---- */

struct left {
	const char *name;
	int fd;
};

struct left_list {
	struct left *v;
	size_t n;
};

/* Those that this d made and that nobody is making now, each of them locked. */
static void
find_left(const struct app *a, struct left_list *out)
{
	cleanup_dir DIR *d = opendir(home_of("."));
	struct dirent *e;

	while (d && (e = readdir(d))) {
		cleanup_fd int fd = -1;

		if (is_dots(e->d_name))
			continue;
		fd = openat(
		    dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || !is_own(a, fd) || flock(fd, LOCK_EX | LOCK_NB))
			continue;
		*GROW(*out) = (struct left){pool_dup(e->d_name), steal_fd(&fd)};
	}
}

/* While one replaces another, both have a suffix. */
static bool
has_container(const struct seen_list *all, const char *name)
{
	return seen_named(all, name) || seen_named(all, pool_printf("%s.old", name)) ||
	       seen_named(all, pool_printf("%s.new", name));
}

int
secrets_sweep(struct app *a, bool dry)
{
	struct left_list left = {0};
	struct seen_list all;
	bool listed;
	int bad, n = 0;

	find_left(a, &left);
	/* Asked once they are locked: whoever made one before that has a container by now. */
	listed = left.n && engine_list(&a->engine, &all) == 0;
	bad = left.n && !listed;
	for (size_t i = 0; i < left.n; i++) {
		if (listed && !has_container(&all, left.v[i].name)) {
			n++;
			if (dry)
				printf("would remove the secrets of %s\n", left.v[i].name);
			else
				say("SWEEP", "the secrets of %s, a container that is gone",
				    left.v[i].name);
			if (!dry && secrets_forget(left.v[i].name, NULL)) {
				report("secrets of '%s' can't be removed from '%s'",
				    left.v[i].name, home_of(left.v[i].name));
				bad = -1;
			}
		}
		close(left.v[i].fd);
	}
	return bad ? -1 : n;
}

void
secrets_end(struct app *a, const char *name)
{
	if (engine_exists(&a->engine, "container", name) == 0)
		secrets_forget(name, NULL);
}
