#include "tree.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "grow.h"
#include "inode.h"
#include "layer.h"
#include "report.h"
#include "strbuf.h"

static struct node *
node_new(struct node *parent, const char *name, size_t len, struct inode *inode, size_t layer)
{
	struct node *n = xcalloc(1, sizeof(*n));

	n->parent = parent;
	n->name = xstrndup(name, len);
	n->inode = inode;
	n->layer = n->born = layer;
	return n;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const struct node *)a)->name, ((const struct node *)b)->name);
}

static void
node_free(void *p)
{
	struct node *n = p;

	tdestroy(n->children, node_free);
	inode_release(n->inode);
	free(n->name);
	free(n);
}

void
tree_init(struct tree *t, const char *what)
{
	*t = (struct tree){.what = what};
	t->root = node_new(NULL, "", 0, inode_new(S_IFDIR | 0755, 0, 0), 0);
	t->root->implied = 1;
}

void
tree_free(struct tree *t)
{
	size_t i;

	if (t->root)
		node_free(t->root);
	for (i = 0; i < t->gone_count; i++) {
		free(t->gone[i].path);
		inode_release(t->gone[i].inode);
	}
	free(t->gone);
	*t = (struct tree){.root = NULL};
}

static struct node *
child_of(const struct node *n, const char *name, size_t len)
{
	char text[256];
	struct node key = {.name = text};
	struct node **found;

	if (len >= sizeof(text))
		return NULL;
	memcpy(text, name, len);
	text[len] = '\0';
	found = tfind(&key, &n->children, compare_names);
	return found ? *found : NULL;
}

/* tsearch(3) walks without an argument, so the list grows through this one. */
struct children {
	struct node **node;
	size_t count;
};
static struct children *walking;

static void
collect_child(const void *p, VISIT which, int depth)
{
	struct children *c = walking;

	(void)depth;
	if (which != postorder && which != leaf)
		return;
	c->node = grow(c->node, c->count);
	c->node[c->count++] = *(struct node *const *)p;
}

void
node_each(struct node *n, void (*visit)(struct node *child, void *arg), void *arg)
{
	struct children c = {NULL, 0};
	size_t i;

	walking = &c;
	twalk(n->children, collect_child);
	for (i = 0; i < c.count; i++)
		visit(c.node[i], arg);
	free(c.node);
}

void
node_path(const struct node *n, struct strbuf *b)
{
	if (n->parent && n->parent->parent) {
		node_path(n->parent, b);
		strbuf_putc(b, '/');
	}
	strbuf_puts(b, n->name);
}

void
tree_drop(struct tree *t, struct node *n)
{
	(void)t;
	tdelete(n, &n->parent->children, compare_names);
	node_free(n);
}

struct removal {
	struct tree *tree;
	size_t by;
};

/* Notes a node and all below it as gone. */
static void
note_gone(struct node *n, void *arg)
{
	struct removal *r = arg;
	struct tree *t = r->tree;
	struct strbuf path = STRBUF_INIT;

	t->gone = grow(t->gone, t->gone_count);
	node_path(n, &path);
	t->gone[t->gone_count++] = (struct gone){.path = strbuf_steal(&path),
	    .inode = inode_share(n->inode),
	    .layer = n->layer,
	    .by = r->by};
	node_each(n, note_gone, r);
}

static void
remove_node(struct node *n, void *arg)
{
	struct removal *r = arg;

	note_gone(n, r);
	tree_drop(r->tree, n);
}

const struct gone *
tree_gone(const struct tree *t, const char *path)
{
	size_t i;

	for (i = t->gone_count; i--;)
		if (strcmp(t->gone[i].path, path) == 0)
			return &t->gone[i];
	return NULL;
}

struct node *
tree_find(const struct tree *t, const char *path)
{
	struct node *n = t->root;
	size_t len;

	for (; n && *path; path += len + (path[len] == '/')) {
		len = strcspn(path, "/");
		n = child_of(n, path, len);
	}
	return n;
}

struct node *
tree_resolve(const struct tree *t, const char *path)
{
	struct strbuf rest = STRBUF_INIT;
	struct node *n = t->root;
	int links = 0;
	size_t len, at = 0;

	strbuf_puts(&rest, path);
	while (n && at < rest.len) {
		const char *p = rest.s + at;
		struct node *next;

		len = strcspn(p, "/");
		at += len + (p[len] == '/');
		if (len == 0 || (len == 1 && *p == '.'))
			continue;
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			n = n->parent ? n->parent : n;
			continue;
		}
		next = child_of(n, p, len);
		if (next && S_ISLNK(next->inode->mode)) {
			struct strbuf on = STRBUF_INIT;

			if (++links > 40) {
				next = NULL;
			} else {
				strbuf_puts(&on, next->inode->target);
				strbuf_putc(&on, '/');
				strbuf_puts(&on, rest.s + at);
				next = *on.s == '/' ? t->root : n;
				strbuf_free(&rest);
				rest = on;
				at = 0;
			}
		}
		n = next;
	}
	strbuf_free(&rest);
	return n;
}

/* Puts an inode at a name, in place of whatever is there; a directory keeps its entries. */
static struct node *
put_node(struct tree *t, struct node *parent, const char *name, size_t len, struct inode *inode,
    size_t layer)
{
	struct node *n = child_of(parent, name, len);
	struct removal r = {t, layer};

	if (n && S_ISDIR(n->inode->mode) && !S_ISDIR(inode->mode)) {
		node_each(n, note_gone, &r);
		tree_drop(t, n);
		n = NULL;
	}
	if (!n) {
		n = node_new(parent, name, len, inode, layer);
		if (!tsearch(n, &parent->children, compare_names))
			abort(); /* out of memory */
		return n;
	}
	inode_release(n->inode);
	n->inode = inode;
	n->layer = layer;
	n->implied = 0;
	return n;
}

/* The directory that path's last name stands in, made where no layer has one. Sets *name. */
static struct node *
open_parent(struct tree *t, const char *path, size_t layer, const char **name)
{
	struct node *n = t->root, *next;
	const char *slash;

	for (; (slash = strchr(path, '/')); path = slash + 1) {
		size_t len = (size_t)(slash - path);

		next = child_of(n, path, len);
		if (!next) {
			next =
			    put_node(t, n, path, len, inode_new(S_IFDIR | 0755, 0, 0), layer);
			next->implied = 1;
		}
		if (!S_ISDIR(next->inode->mode))
			return NULL;
		n = next;
	}
	*name = path;
	return n;
}

static int
refuse(const struct tree *t, size_t layer, const char *path, const char *why)
{
	report("%s: layer %zu: refused '%.200s': %s", t->what, layer + 1, path, why);
	return -1;
}

static void
apply_whiteout(struct tree *t, const struct layer_entry *e, size_t layer)
{
	struct node *n = tree_find(t, e->path);
	struct removal r = {t, layer};

	if (!n)
		return;
	if (e->kind == ENTRY_OPAQUE)
		node_each(n, remove_node, &r);
	else if (n->parent)
		remove_node(n, &r);
}

static int
apply_entry(struct tree *t, struct layer_entry *e, size_t layer)
{
	const char *name;
	struct node *parent, *target;

	if (!*e->path) {
		inode_release(t->root->inode);
		t->root->inode = inode_share(e->inode);
		t->root->implied = 0;
		return 0;
	}
	parent = open_parent(t, e->path, layer, &name);
	if (!parent)
		return refuse(t, layer, e->path, "a part of its path isn't a directory");
	if (e->kind == ENTRY_INODE) {
		put_node(t, parent, name, strlen(name), inode_share(e->inode), layer);
		return 0;
	}
	target = tree_find(t, e->target);
	if (!target && layer_is_device_path(e->path) && layer_is_device_path(e->target))
		return 0; /* a node that was left out */
	if (!target)
		return refuse(t, layer, e->path, "a hard link to what isn't there");
	if (S_ISDIR(target->inode->mode))
		return refuse(t, layer, e->path, "a hard link to a directory");
	if (strcmp(e->path, e->target) == 0)
		return refuse(t, layer, e->path, "a hard link to itself");
	put_node(t, parent, name, strlen(name), inode_share(target->inode), layer);
	return 0;
}

int
tree_apply(struct tree *t, const struct layer *l, size_t index)
{
	size_t i;

	t->entries += l->count;
	if (t->entries > ENTRIES_MAX)
		return refuse(t, index, l->entry[0].path, "too many entries");
	for (i = 0; i < l->count; i++)
		if (l->entry[i].kind == ENTRY_WHITEOUT || l->entry[i].kind == ENTRY_OPAQUE)
			apply_whiteout(t, &l->entry[i], index);
	for (i = 0; i < l->count; i++)
		if (l->entry[i].kind == ENTRY_INODE || l->entry[i].kind == ENTRY_HARDLINK)
			if (apply_entry(t, &l->entry[i], index))
				return -1;
	return 0;
}

void
tree_make_directory(struct tree *t, const char *path, size_t layer)
{
	cleanup_free char *slashed = xasprintf("%s/", path);
	const char *name;

	open_parent(t, slashed, layer, &name);
}

void
tree_put(struct tree *t, const char *path, struct inode *inode)
{
	const char *name;
	struct node *parent = open_parent(t, path, 0, &name);

	put_node(t, parent, name, strlen(name), inode, 0);
}

struct listing_up {
	struct listing *listing;
	struct strbuf path;
};

static void
list_node(struct node *n, void *arg)
{
	struct listing_up *u = arg;
	struct listing *l = u->listing;
	size_t before = u->path.len;
	int directory = S_ISDIR(n->inode->mode);

	strbuf_puts(&u->path, n->name);
	if (directory)
		strbuf_putc(&u->path, '/');
	l->item = grow(l->item, l->count);
	l->item[l->count++] = (struct item){xstrdup(u->path.s), n, NULL, 1};
	if (directory)
		node_each(n, list_node, u);
	strbuf_cut(&u->path, before);
}

static int
compare_items(const void *a, const void *b)
{
	return strcmp(((const struct item *)a)->path, ((const struct item *)b)->path);
}

/* By inode, then by path: names of one file stand together, the first of them first. */
static int
compare_inodes(const void *a, const void *b)
{
	const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;

	if (x->node->inode != y->node->inode)
		return x->node->inode < y->node->inode ? -1 : 1;
	return strcmp(x->path, y->path);
}

static void
find_hard_links(struct listing *l)
{
	struct item **by_inode = xreallocarray(NULL, l->count, sizeof(struct item *));
	size_t i, k, end, n = 0;

	for (i = 0; i < l->count; i++)
		if (l->item[i].node->inode->refs > 1)
			by_inode[n++] = &l->item[i];
	qsort(by_inode, n, sizeof(*by_inode), compare_inodes);
	for (i = 0; i < n; i = end) {
		for (end = i + 1;
		     end < n && by_inode[end]->node->inode == by_inode[i]->node->inode; end++)
			by_inode[end]->first = by_inode[i]->path;
		for (k = i; k < end; k++)
			by_inode[k]->names = (unsigned)(end - i);
	}
	free(by_inode);
}

void
tree_list(const struct tree *t, struct listing *l)
{
	struct listing_up u = {.listing = l};

	*l = (struct listing){NULL, 0};
	node_each(t->root, list_node, &u);
	strbuf_free(&u.path);
	if (!l->count)
		return;
	qsort(l->item, l->count, sizeof(*l->item), compare_items);
	find_hard_links(l);
}

const struct item *
listing_find(const struct listing *l, const char *path)
{
	struct item key = {.path = (char *)path};

	return l->count ? bsearch(&key, l->item, l->count, sizeof(*l->item), compare_items)
			: NULL;
}

void
listing_free(struct listing *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		free(l->item[i].path);
	free(l->item);
	*l = (struct listing){NULL, 0};
}
