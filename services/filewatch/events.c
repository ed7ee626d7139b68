#include "events.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "config.h"
#include "report.h"
#include "strbuf.h"
#include "who.h"

enum {
	SELF = IN_MOVE_SELF | IN_DELETE_SELF,
	NAMES = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO,
	ENTRIES = NAMES | IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE,
	CONTENT = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE,
};

enum use_kind {
	USE_WAY,       /* a directory on the way to a rule's own directory */
	USE_DIRECT,    /* a directory that direct paths stand in */
	USE_DIRECTORY, /* a directory that a rule's wildcards match in */
	USE_FILE,
	USE_DIRECT_FILE,
};

/* Why a watch is there, and under which path: an inode may have several. */
struct use {
	enum use_kind kind;
	unsigned round;
	size_t rule; /* of USE_DIRECTORY and USE_FILE */
	char *path;
};

struct watch {
	int wd; /* 0: an empty place, inotify counts from 1 */
	uint32_t mask;
	struct use *use;
	size_t uses;
};

struct events {
	int fd;
	struct watch *watch; /* open addressing by wd; slots is a power of two */
	size_t slots, watches;
	unsigned *round; /* one for each rule */
	size_t rules;
	char *last_way; /* rules of one directory stand together: its way is walked once */
	enum how last_how;
	uint64_t count, overflows;
	/* Its own: rules with a baseline read their events in threads of theirs. */
	char buf[64 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
};

struct events *
events_open(void)
{
	struct events *e = xcalloc(1, sizeof(*e));

	e->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (e->fd >= 0)
		return e;
	report("no events, files are polled: inotify:");
	free(e);
	return NULL;
}

static void
watch_clear(struct watch *w)
{
	size_t i;

	for (i = 0; i < w->uses; i++)
		free(w->use[i].path);
	free(w->use);
	*w = (struct watch){0};
}

void
events_close(struct events *e)
{
	size_t i;

	if (!e)
		return;
	for (i = 0; i < e->slots; i++)
		watch_clear(&e->watch[i]);
	free(e->watch);
	free(e->round);
	free(e->last_way);
	close(e->fd);
	free(e);
}

int
events_fd(const struct events *e)
{
	return e->fd;
}

uint64_t
events_count(const struct events *e)
{
	return e->count;
}

uint64_t
events_overflows(const struct events *e)
{
	return e->overflows;
}

size_t
events_watches(const struct events *e)
{
	return e->watches;
}

/* ---- the table ---- */

static struct watch *
find(struct events *e, int wd)
{
	size_t i;

	for (i = (size_t)wd & (e->slots - 1); e->slots && e->watch[i].wd;
	     i = (i + 1) & (e->slots - 1))
		if (e->watch[i].wd == wd)
			return &e->watch[i];
	return NULL;
}

static struct watch *
free_place(struct events *e, int wd)
{
	size_t i = (size_t)wd & (e->slots - 1);

	while (e->watch[i].wd)
		i = (i + 1) & (e->slots - 1);
	return &e->watch[i];
}

static struct watch *
find_or_add(struct events *e, int wd)
{
	struct watch *w = find(e, wd);

	if (w)
		return w;
	if (2 * (e->watches + 1) > e->slots) {
		struct watch *old = e->watch;
		size_t i, old_slots = e->slots;

		e->slots = old_slots ? 2 * old_slots : 16;
		e->watch = xcalloc(e->slots, sizeof(*e->watch));
		for (i = 0; i < old_slots; i++)
			if (old[i].wd)
				*free_place(e, old[i].wd) = old[i];
		free(old);
	}
	w = free_place(e, wd);
	w->wd = wd;
	e->watches++;
	return w;
}

/* What stood behind the removed one moves up, so that no search stops too early. */
static void
forget(struct events *e, struct watch *w)
{
	size_t i = (size_t)(w - e->watch);

	watch_clear(w);
	e->watches--;
	while (e->watch[i = (i + 1) & (e->slots - 1)].wd) {
		struct watch moved = e->watch[i];

		e->watch[i] = (struct watch){0};
		*free_place(e, moved.wd) = moved;
	}
}

static unsigned *
round_of(struct events *e, size_t rule)
{
	while (e->rules <= rule) {
		e->round = xreallocarray(e->round, e->rules + 1, sizeof(*e->round));
		e->round[e->rules++] = 0;
	}
	return &e->round[rule];
}

/* ---- watching ---- */

/* File systems that change by hands that this kernel doesn't see (another machine, a lower
 * layer of an overlay, a FUSE server), or of themselves. */
static bool
loses_events(const char *path)
{
	static const unsigned long lossy[] = {NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,
	    CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC, CODA_SUPER_MAGIC, AFS_FS_MAGIC, AFS_SUPER_MAGIC,
	    CEPH_SUPER_MAGIC, V9FS_MAGIC, FUSE_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC,
	    PROC_SUPER_MAGIC, SYSFS_MAGIC, DEBUGFS_MAGIC, CGROUP_SUPER_MAGIC,
	    CGROUP2_SUPER_MAGIC, 0x0bd00bd0 /* Lustre */, 0x19830326 /* fhgfs */,
	    0x47504653 /* GPFS */, 0x01161970 /* GFS2 */, 0x7461636f /* OCFS2 */,
	    0x786f4256 /* vboxsf */};
	struct statfs fs;
	size_t i;

	if (statfs(path, &fs))
		return true;
	for (i = 0; i < sizeof(lossy) / sizeof(lossy[0]); i++)
		if ((unsigned long)fs.f_type == lossy[i])
			return true;
	return false;
}

static void
note_use(struct watch *w, enum use_kind kind, size_t rule, unsigned round, const char *path)
{
	size_t i;

	for (i = 0; i < w->uses; i++) {
		struct use *u = &w->use[i];

		if (u->kind == kind && u->rule == rule && strcmp(u->path, path) == 0) {
			u->round = round;
			return;
		}
	}
	w->use = xreallocarray(w->use, w->uses + 1, sizeof(*w->use));
	w->use[w->uses++] = (struct use){kind, round, rule, xstrdup(path)};
}

static enum how
add(struct events *e, enum use_kind kind, size_t rule, const char *path, uint32_t mask)
{
	unsigned round = kind == USE_DIRECTORY || kind == USE_FILE ? *round_of(e, rule) : 0;
	uint32_t only_directories =
	    kind == USE_FILE || kind == USE_DIRECT_FILE ? 0 : IN_ONLYDIR;
	int wd = inotify_add_watch(e->fd, path, mask | SELF | IN_MASK_ADD | only_directories);

	if (wd < 0)
		return HOW_POLL;
	note_use(find_or_add(e, wd), kind, rule, round, path);
	if (kind != USE_WAY)
		who_watch(path);
	return loses_events(path) ? HOW_BOTH : HOW_EVENTS;
}

/* A directory itself, and whether something happens to the name in it that is missing, or a
 * link, so that the way may lead elsewhere soon. */
static void
watch_step(struct events *e, const char *directory, const char *next)
{
	struct stat st;
	bool missing = lstat(next, &st) != 0;

	add(e, USE_WAY, 0, directory, missing || S_ISLNK(st.st_mode) ? NAMES : 0);
}

static void
watch_ancestors(struct events *e, const char *directory)
{
	char *way = xstrdup(directory);

	while (way[1]) {
		char *slash = strrchr(way, '/');
		char *next = xstrdup(way);

		way[slash == way ? 1 : slash - way] = '\0';
		watch_step(e, way, next);
		free(next);
	}
	free(way);
}

enum how
events_watch_way(struct events *e, const struct rule *r)
{
	const char *directory = r->pattern.base;
	enum how how = HOW_EVENTS;
	struct stat st;

	if (e->last_way && strcmp(e->last_way, directory) == 0 && r->pattern.direct)
		return e->last_how;
	watch_ancestors(e, directory);
	if (!r->pattern.direct)
		return how;
	how = add(e, USE_DIRECT, 0, directory, ENTRIES);
	/* A directory that isn't there is waited for, above. */
	if (how == HOW_POLL && lstat(directory, &st) && errno == ENOENT)
		how = HOW_EVENTS;
	free(e->last_way);
	e->last_way = xstrdup(directory);
	e->last_how = how;
	return how;
}

void
events_forget_way(struct events *e)
{
	free(e->last_way);
	e->last_way = NULL;
}

void
events_begin(struct events *e, size_t rule)
{
	(*round_of(e, rule))++;
}

enum how
events_watch_directory(struct events *e, size_t rule, const char *path)
{
	return add(e, USE_DIRECTORY, rule, path, ENTRIES);
}

enum how
events_watch_file(
    struct events *e, size_t rule, const char *path, bool is_direct, bool is_directory)
{
	return add(e, is_direct ? USE_DIRECT_FILE : USE_FILE, is_direct ? 0 : rule, path,
	    is_directory ? NAMES | IN_ATTRIB : CONTENT);
}

static bool
is_stale(struct events *e, const struct use *u, size_t rule)
{
	return (u->kind == USE_DIRECTORY || u->kind == USE_FILE) && u->rule == rule &&
	       u->round != *round_of(e, rule);
}

void
events_sweep(struct events *e, size_t rule)
{
	size_t i, k;

	for (i = 0; i < e->slots; i++) {
		struct watch *w = &e->watch[i];

		for (k = 0; k < w->uses;) {
			if (!is_stale(e, &w->use[k], rule)) {
				k++;
				continue;
			}
			free(w->use[k].path);
			w->use[k] = w->use[--w->uses];
		}
		/* IN_IGNORED comes then, and forgets it. */
		if (w->wd && w->uses == 0)
			inotify_rm_watch(e->fd, w->wd);
	}
}

/* ---- reading ---- */

static char *
join(const char *directory, const char *name)
{
	return xasprintf("%s/%s", strcmp(directory, "/") == 0 ? "" : directory, name);
}

/* An entry of a directory, or the watched thing itself. */
static void
event_tell(const struct use *u, const struct inotify_event *ev, const struct event_sink *sink,
    void *arg)
{
	char *path = ev->len ? join(u->path, ev->name) : xstrdup(u->path);

	if (u->kind == USE_FILE)
		sink->entry(arg, u->rule, u->path, false);
	else if (u->kind == USE_DIRECT_FILE)
		sink->direct(arg, u->path);
	else if (ev->len == 0 || (u->kind == USE_WAY && ev->mask & NAMES))
		sink->below(arg, path);
	else if (u->kind == USE_DIRECT)
		sink->direct(arg, path);
	else if (u->kind == USE_DIRECTORY)
		sink->entry(arg, u->rule, path, ev->mask & IN_ISDIR);
	free(path);
}

static void
take_event(
    struct events *e, const struct inotify_event *ev, const struct event_sink *sink, void *arg)
{
	struct watch *w;
	size_t i;

	e->count++;
	if (ev->mask & IN_Q_OVERFLOW) {
		e->overflows++;
		sink->overflow(arg);
		return;
	}
	w = find(e, ev->wd);
	if (!w)
		return;
	for (i = 0; i < w->uses; i++)
		event_tell(&w->use[i], ev, sink, arg);
	if (ev->mask & IN_IGNORED)
		forget(e, w);
	else if (ev->mask & IN_MOVE_SELF) /* what stands at that path now is another one */
		inotify_rm_watch(e->fd, ev->wd);
}

void
events_read(struct events *e, const struct event_sink *sink, void *arg)
{
	ssize_t n = read(e->fd, e->buf, sizeof(e->buf));
	const char *p = e->buf;

	while (n > 0 && p < e->buf + n) {
		const struct inotify_event *ev = (const void *)p;

		take_event(e, ev, sink, arg);
		p += sizeof(*ev) + ev->len;
	}
}
