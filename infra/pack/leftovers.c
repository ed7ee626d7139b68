#include "leftovers.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "inode.h"
#include "layer.h"
#include "origin.h"
#include "tree.h"

/* podman makes these in the image for the time of a RUN step and leaves them empty; docker
 * keeps them in a layer that it doesn't save. */
static const char *const mounted_files[] = {"etc/hostname", "etc/hosts", "etc/mtab",
    "etc/resolv.conf", "run/.containerenv", ".dockerenv", NULL};

static const char *const mounted_directories[] = {"dev", "proc", "sys", NULL};

/* podman makes these in an image that hasn't got them, for a RUN step. */
static const char *const made_directories[] = {"dev", "etc", "proc", "run", "sys", NULL};

int
is_leftover_path(const char *path)
{
	size_t k, len;

	for (k = 0; mounted_files[k]; k++)
		if (strcmp(path, mounted_files[k]) == 0)
			return 1;
	for (k = 0; mounted_directories[k]; k++) {
		len = strlen(mounted_directories[k]);
		if (strncmp(path, mounted_directories[k], len) == 0 && path[len] == '/')
			return 1;
	}
	return 0;
}

static void
drop_child(struct node *n, void *arg)
{
	tree_drop(arg, n);
}

/* By whatever the config calls it: "/data/", "srv//x". What is no path in an image, or leads
 * through a file or a link, isn't made. */
static void
make_directory(struct tree *t, const char *path)
{
	cleanup_free char *clean = NULL;
	const char *why;

	path += strspn(path, "/");
	clean = clean_path(path, &why);
	if (clean && *clean && !tree_find(t, clean))
		tree_make_directory(t, clean, 0);
}

static int
is_plain_empty_directory(const struct node *n)
{
	const struct inode *i = n->inode;

	return i->mode == (S_IFDIR | 0755) && !i->uid && !i->gid && !i->xattr_count &&
	       !n->children;
}

static int
is_step(const json_t *steps, size_t layer, const char *name)
{
	const char *text = json_string_value(json_array_get(steps, layer));
	size_t n = strlen(name);

	return text && strncmp(text, name, n) == 0 && text[n] == ' ';
}

/* A directory that WORKDIR made and that no RUN had to do with since. */
static void
give_to_root(struct node *n, void *steps)
{
	if (S_ISDIR(n->inode->mode) && is_step(steps, n->born, "WORKDIR") &&
	    !is_step(steps, n->layer, "RUN"))
		n->inode->uid = n->inode->gid = 0;
	node_each(n, give_to_root, steps);
}

void
tidy_leftovers(struct tree *t, const json_t *config, const struct image *image)
{
	json_t *inner = json_object_get(config, "config"), *steps = origin_steps(image),
	       *unused;
	const char *key, *workdir = json_string_value(json_object_get(inner, "WorkingDir"));
	struct node *n;
	size_t k;

	for (k = 0; mounted_files[k]; k++) {
		n = tree_find(t, mounted_files[k]);
		if (n && S_ISREG(n->inode->mode) && n->inode->data.n == 0)
			tree_drop(t, n);
	}
	for (k = 0; mounted_directories[k]; k++) {
		n = tree_find(t, mounted_directories[k]);
		if (n && S_ISDIR(n->inode->mode))
			node_each(n, drop_child, t);
	}
	for (k = 0; made_directories[k]; k++) {
		n = tree_find(t, made_directories[k]);
		if (n && n->born > 0 && is_plain_empty_directory(n))
			tree_drop(t, n);
	}
	node_each(t->root, give_to_root, steps);
	json_decref(steps);
	if (workdir)
		make_directory(t, workdir);
	json_object_foreach (json_object_get(inner, "Volumes"), key, unused)
		make_directory(t, key);
}
