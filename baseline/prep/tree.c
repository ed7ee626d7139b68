#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "digest.h"
#include "fnv.h"
#include "path.h"
#include "report.h"
#include "walk.h"

enum { LINKS_MAX = 40, CAPABILITY_MAX = 64 };

const char *
tree_name(const struct tree *t, uint32_t i)
{
	return t->text.s + t->e[i].name;
}

const char *
tree_target(const struct tree *t, uint32_t i)
{
	return t->text.s + t->e[i].target;
}

const char *
tree_path(const struct tree *t, uint32_t i, struct strbuf *b)
{
	uint32_t up[64], n = 0, at, k;

	/* Upwards only the far end is known, so the parts are gathered first; what is
	 * deeper than the array comes through recursion. */
	for (at = i; at != TREE_ROOT && n < 64; at = t->e[at].parent)
		up[n++] = at;
	if (at != TREE_ROOT)
		tree_path(t, at, b);
	else
		strbuf_cut(b, 0);
	for (k = n; k-- > 0;) {
		strbuf_putc(b, '/');
		strbuf_puts(b, tree_name(t, up[k]));
	}
	if (i == TREE_ROOT)
		strbuf_puts(b, "/");
	return b->s;
}

/* Reading */

struct reading {
	struct tree *t;
	uint32_t *at; /* the directory at hand, one for each level */
	uint32_t levels;
};

static uint32_t
add_text(struct tree *t, const char *s, size_t n)
{
	size_t at = t->text.len;

	if (at + n + 1 > UINT32_MAX - 1)
		die("the tree is too large");
	strbuf_add(&t->text, s, n);
	strbuf_putc(&t->text, '\0');
	return (uint32_t)at;
}

static uint32_t
add_entry(struct tree *t)
{
	if (t->count == t->cap) {
		if (t->cap > UINT32_MAX / 4)
			die("the tree is too large");
		t->cap = t->cap ? t->cap * 2 : 1024;
		t->e = xreallocarray(t->e, t->cap, sizeof(*t->e));
	}
	memset(&t->e[t->count], 0, sizeof(*t->e));
	return t->count++;
}

/*
 * A file can only carry capabilities into a program where it can be executed, or where
 * its owner can make it so: root's plain data files need no look, which are the most.
 */
static void
read_capability(struct tree *t, struct entry *e, const char *name)
{
	unsigned char bytes[CAPABILITY_MAX];
	char hex[2 * CAPABILITY_MAX + 1];
	ssize_t n;

	if (!(e->mode & 0111) && e->uid == 0)
		return;
	n = lgetxattr(name, "security.capability", bytes, sizeof(bytes));
	if (n <= 0)
		return;
	hex_of(bytes, (size_t)n, hex);
	e->capability = add_text(t, hex, 2 * (size_t)n);
}

static void
read_target(struct tree *t, struct entry *e, const struct walk_entry *w)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(w->dirfd, w->name, target, sizeof(target));

	if (n < 0 || n == (ssize_t)sizeof(target)) {
		report("read link '%s':", w->path);
		e->mount = 1; /* where it leads isn't known, so it is left alone */
		n = 0;
	}
	e->target = add_text(t, target, (size_t)n);
}

static enum walk_action
tree_visit(const struct walk_entry *w, void *arg)
{
	struct reading *r = arg;
	struct tree *t = r->t;
	uint32_t i = add_entry(t);
	struct entry *e = &t->e[i];

	e->parent = w->depth ? r->at[w->depth - 1] : TREE_ROOT;
	e->end = i + 1;
	e->depth = (uint32_t)w->depth;
	e->name = add_text(t, w->name, strlen(w->name));
	e->dev = w->st.st_dev;
	e->ino = w->st.st_ino;
	e->size = w->st.st_size;
	e->mode = w->st.st_mode;
	e->nlink = w->st.st_nlink;
	e->uid = w->st.st_uid;
	e->gid = w->st.st_gid;
	e->rdev = w->st.st_rdev;
	e->mount = w->is_mount != 0;
	if (is_file(e) && !e->mount)
		read_capability(t, e, w->name);
	else if (is_link(e))
		read_target(t, e, w);
	else if (is_dir(e)) {
		if (w->depth >= r->levels) {
			r->levels = (uint32_t)w->depth + 64;
			r->at = xreallocarray(r->at, r->levels, sizeof(*r->at));
		}
		r->at[w->depth] = i;
	}
	return WALK_GO;
}

static void
unreadable(const char *path, void *arg)
{
	(void)arg;
	report("read '%s':", path);
}

/* Entries came in order, so from the last to the first each directory's end is known once
 * all that is below it was seen. */
static void
set_ends(struct tree *t)
{
	uint32_t i;

	for (i = t->count; i-- > 1;) {
		struct entry *parent = &t->e[t->e[i].parent];

		if (parent->end < t->e[i].end)
			parent->end = t->e[i].end;
	}
}

static uint32_t
hash_of(uint32_t directory, const char *name)
{
	uint64_t h = fnv_add_string(FNV_START ^ directory, name);

	return (uint32_t)(h ^ h >> 32);
}

static void
hash_names(struct tree *t)
{
	uint32_t i, at;

	for (t->names_size = 1024; t->names_size < t->count * 2; t->names_size *= 2)
		;
	t->names = xcalloc(t->names_size, sizeof(*t->names));
	for (i = 1; i < t->count; i++) {
		at = hash_of(t->e[i].parent, tree_name(t, i)) & (t->names_size - 1);
		while (t->names[at])
			at = (at + 1) & (t->names_size - 1);
		t->names[at] = i;
	}
}

static const struct tree *sorted_tree;

static int
by_file(const void *a, const void *b)
{
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct entry *x = &sorted_tree->e[i], *y = &sorted_tree->e[k];

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return i < k ? -1 : i > k;
}

static void
gather_linked(struct tree *t)
{
	uint32_t i, n = 0;

	for (i = 1; i < t->count; i++)
		n += !is_dir(&t->e[i]) && t->e[i].nlink > 1;
	t->linked = xmalloc(n * sizeof(*t->linked));
	for (i = 1; i < t->count; i++)
		if (!is_dir(&t->e[i]) && t->e[i].nlink > 1)
			t->linked[t->linked_count++] = i;
	sorted_tree = t;
	qsort(t->linked, n, sizeof(*t->linked), by_file);
}

int
tree_read(struct tree *t, int rootfd)
{
	static const struct walk_options options = {
	    .chdir = 1, .sorted = 1, .trouble = unreadable};
	struct reading r = {.t = t};

	memset(t, 0, sizeof(*t));
	t->fd = rootfd;
	add_text(t, "", 0); /* so that 0 is no place of a text */
	if (walk_tree(rootfd, &options, tree_visit, &r) < 0) {
		free(r.at);
		report("read the root directory:");
		return -1;
	}
	free(r.at);
	set_ends(t);
	hash_names(t);
	gather_linked(t);
	return 0;
}

void
tree_free(struct tree *t)
{
	free(t->e);
	free(t->names);
	free(t->linked);
	strbuf_free(&t->text);
	memset(t, 0, sizeof(*t));
}

/* Finding */

static uint32_t
child_of(const struct tree *t, uint32_t directory, const char *name, size_t n)
{
	char part[NAME_MAX + 1];
	uint32_t at;

	if (n > NAME_MAX)
		return NO_ENTRY;
	memcpy(part, name, n);
	part[n] = '\0';
	at = hash_of(directory, part) & (t->names_size - 1);
	for (; t->names[at]; at = (at + 1) & (t->names_size - 1)) {
		const struct entry *e = &t->e[t->names[at]];

		if (e->parent == directory && strcmp(t->text.s + e->name, part) == 0)
			return t->names[at];
	}
	return NO_ENTRY;
}

uint32_t
tree_child(const struct tree *t, uint32_t directory, const char *name)
{
	return child_of(t, directory, name, strlen(name));
}

static uint32_t
not_found(int error)
{
	errno = error;
	return NO_ENTRY;
}

static int
filled_at_run_time(const char *name, size_t n)
{
	return (n == 3 && (memcmp(name, "dev", 3) == 0 || memcmp(name, "sys", 3) == 0)) ||
	       (n == 4 && memcmp(name, "proc", 4) == 0);
}

/* A path that is followed: what is left of it, and where a link's target is put together. */
struct way {
	struct strbuf left, next;
	size_t done; /* of left */
};

/* Puts a symbolic link's target before what is left. Returns 0, or -1 for an empty one. */
static int
insert_target(struct way *w, const char *target)
{
	struct strbuf old = w->left;

	strbuf_cut(&w->next, 0);
	strbuf_puts(&w->next, target);
	if (w->next.len == 0)
		return -1;
	strbuf_puts(&w->next, w->left.s + w->done);
	w->left = w->next;
	w->next = old;
	w->done = 0;
	return 0;
}

/* Whether a path, which isn't in the tree from the directory at on, is there once the image
 * runs.
 */
static int
is_mounted_later(const struct tree *t, uint32_t at, const char *rest)
{
	static const char between[] = ", \t\n";
	const char *list = t->mounts ? t->mounts : "";
	struct strbuf path = STRBUF_INIT;
	int found = 0;
	size_t i;

	tree_path(t, at, &path);
	strbuf_printf(&path, "%s%s", at == TREE_ROOT ? "" : "/", rest);
	for (i = 0; i < t->mount_count && !found; i++)
		found = path_below(t->mount[i], path.s) != NULL;
	for (list += strspn(list, between); *list && !found; list += strspn(list, between)) {
		cleanup_free char *mount = xstrndup(list, strcspn(list, between));

		found = path_below(mount, path.s) != NULL;
		list += strlen(mount);
	}
	strbuf_free(&path);
	return found;
}

static uint32_t
follow_way(const struct tree *t, uint32_t at, struct way *w, int follow,
    void (*link)(uint32_t i, void *arg), void *arg)
{
	int links = 0;

	for (;;) {
		const char *part = w->left.s + w->done + strspn(w->left.s + w->done, "/");
		size_t n = strcspn(part, "/");
		int last = part[n] == '\0';
		uint32_t to;

		if (n == 0)
			return at;
		if (!is_dir(&t->e[at]))
			return not_found(ENOTDIR);
		if (t->e[at].mount)
			return not_found(EXDEV);
		w->done = (size_t)(part - w->left.s) + n;
		if (n == 1 && part[0] == '.')
			continue;
		if (n == 2 && part[0] == '.' && part[1] == '.') {
			at = t->e[at].parent;
			continue;
		}
		if (at == TREE_ROOT && !last && filled_at_run_time(part, n))
			return not_found(EXDEV);
		to = child_of(t, at, part, n);
		if (to == NO_ENTRY || t->e[to].remove)
			return not_found(is_mounted_later(t, at, part) ? EXDEV : ENOENT);
		if (is_link(&t->e[to]) && (!last || follow)) {
			const char *target = tree_target(t, to);

			if (++links > LINKS_MAX)
				return not_found(ELOOP);
			if (link)
				link(to, arg);
			if (insert_target(w, target))
				return not_found(ENOENT);
			if (*target == '/')
				at = TREE_ROOT;
			continue;
		}
		/* A slash behind it asks for a directory. */
		if (!last && !is_dir(&t->e[to]))
			return not_found(ENOTDIR);
		at = to;
	}
}

uint32_t
tree_resolve(const struct tree *t, uint32_t from, const char *path, int follow)
{
	return tree_resolve_by(t, from, path, follow, NULL, NULL);
}

uint32_t
tree_resolve_by(const struct tree *t, uint32_t from, const char *path, int follow,
    void (*link)(uint32_t i, void *arg), void *arg)
{
	struct way w = {STRBUF_INIT, STRBUF_INIT, 0};
	uint32_t at;
	int saved;

	strbuf_puts(&w.left, path);
	at = follow_way(t, *path == '/' ? TREE_ROOT : from, &w, follow, link, arg);
	saved = errno;
	strbuf_free(&w.left);
	strbuf_free(&w.next);
	errno = saved;
	return at;
}

struct globbing {
	const struct tree *t;
	void (*found)(uint32_t i, void *arg);
	void *arg;
};

static void glob_below(const struct globbing *g, uint32_t at, const char *pattern);

static void
glob_step(const struct globbing *g, uint32_t i, const char *rest)
{
	if (*rest == '\0') {
		g->found(i, g->arg);
		return;
	}
	if (is_link(&g->t->e[i])) {
		const char *target = tree_target(g->t, i);

		i = tree_resolve(g->t, g->t->e[i].parent, target, 1);
	}
	if (i != NO_ENTRY && is_dir(&g->t->e[i]))
		glob_below(g, i, rest);
}

static void
glob_below(const struct globbing *g, uint32_t at, const char *pattern)
{
	size_t n;
	char *part;
	uint32_t i;

	pattern += strspn(pattern, "/");
	n = strcspn(pattern, "/");
	part = xstrndup(pattern, n);
	if (!strpbrk(part, "*?[")) {
		i = child_of(g->t, at, part, n);
		if (i != NO_ENTRY)
			glob_step(g, i, pattern + n);
	} else {
		for (i = at + 1; i < g->t->e[at].end; i = g->t->e[i].end)
			if (fnmatch(part, tree_name(g->t, i), 0) == 0)
				glob_step(g, i, pattern + n);
	}
	free(part);
}

void
tree_glob(
    const struct tree *t, const char *pattern, void (*found)(uint32_t i, void *arg), void *arg)
{
	const struct globbing g = {t, found, arg};

	glob_below(&g, TREE_ROOT, pattern);
}

int
tree_open(const struct tree *t, uint32_t i)
{
	struct strbuf path = STRBUF_INIT;
	cleanup_fd int fd = open_no_links(
	    t->fd, tree_path(t, i, &path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		report("open '%s':", path.s);
	} else if (!S_ISREG(st.st_mode) || st.st_ino != t->e[i].ino) {
		report("'%s' was changed during the run", path.s);
	} else {
		strbuf_free(&path);
		return steal_fd(&fd);
	}
	strbuf_free(&path);
	return -1;
}

uint32_t
tree_names_of(const struct tree *t, uint32_t i, const uint32_t **names)
{
	uint32_t low = 0, high = t->linked_count, first;
	const struct entry *e = &t->e[i];

	*names = NULL;
	if (is_dir(e) || e->nlink < 2)
		return 0;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct entry *m = &t->e[t->linked[middle]];

		if (m->dev < e->dev || (m->dev == e->dev && m->ino < e->ino))
			low = middle + 1;
		else
			high = middle;
	}
	for (first = low; low < t->linked_count; low++) {
		const struct entry *m = &t->e[t->linked[low]];

		if (m->dev != e->dev || m->ino != e->ino)
			break;
	}
	*names = t->linked + first;
	return low - first > 1 ? low - first : 0;
}
