#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "report.h"
#include "strbuf.h"

char *
store_root(const char *given)
{
	const char *home;

	if (!given || !*given)
		given = getenv("WHITTLE_STATE");
	if (given && *given)
		return xstrdup(given);
	if (geteuid() == 0)
		return xstrdup("/var/lib/whittle");
	given = getenv("XDG_STATE_HOME");
	if (given && *given)
		return xasprintf("%s/whittle", given);
	home = getenv("HOME");
	return xasprintf("%s/.local/state/whittle", home && *home ? home : "");
}

static int
is_hex(const char *s)
{
	return strspn(s, "0123456789abcdef") == SHA256_HEX - 1 && !s[SHA256_HEX - 1];
}

char *
store_directory(const char *root, const char *name, const char *id)
{
	return xasprintf("%s/images/%s/%s", root, name, id);
}

int
write_whole(const char *path, const void *bytes, size_t n)
{
	struct new_file f = {.bytes = bytes, .n = n, .mode = 0644};

	if (file_replace(AT_FDCWD, path, &f, NULL) == 0)
		return 0;
	report("write '%s':", path);
	return -1;
}

static int
put_files(const char *directory, const struct store_file *file, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		cleanup_free char *path = xasprintf("%s/%s", directory, file[i].name);

		if (write_whole(path, file[i].data.p, file[i].data.n))
			return -1;
	}
	return 0;
}

static void
remove_files(const char *directory, const struct store_file *file, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		cleanup_free char *path = xasprintf("%s/%s", directory, file[i].name);

		unlink(path);
	}
	rmdir(directory);
}

/* What a run that was killed left behind; a younger one may be somebody's at work. */
static void
remove_old_rests(const char *parent, const struct store_file *file, size_t count)
{
	cleanup_dir DIR *dir = opendir(parent);
	struct dirent *d;
	struct stat st;

	while (dir && (d = readdir(dir))) {
		cleanup_free char *path = xasprintf("%s/%s", parent, d->d_name);

		if (strncmp(d->d_name, ".new.", 5) == 0 && lstat(path, &st) == 0 &&
		    time(NULL) - st.st_mtime > 3600)
			remove_files(path, file, count);
	}
}

int
store_put(const char *root, const char *name, const char *id, const struct store_file *file,
    size_t count)
{
	cleanup_free char *parent = xasprintf("%s/images/%s", root, name);
	cleanup_free char *directory = store_directory(root, name, id);
	cleanup_free char *new = xasprintf("%s/.new.XXXXXX", parent);

	if (make_directories(parent, 0755)) {
		report("make directory '%s':", parent);
		return -1;
	}
	if (access(directory, F_OK) == 0)
		return put_files(directory, file, count);
	remove_old_rests(parent, file, count);
	if (!mkdtemp(new)) {
		report("make a directory in '%s':", parent);
		return -1;
	}
	if (put_files(new, file, count) == 0 && chmod(new, 0755) == 0 &&
	    file_put(AT_FDCWD, new, directory) == 0)
		return 0;
	/* Somebody else may have been faster, with the same files. */
	if (access(directory, F_OK) == 0) {
		remove_files(new, file, count);
		return put_files(directory, file, count);
	}
	report("write '%s':", directory);
	remove_files(new, file, count);
	return -1;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
is_visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int
each_id(const char *parent, const char *name,
    int (*visit)(const char *directory, const char *name, const char *id, void *arg), void *arg)
{
	struct dirent **list;
	int n = scandir(parent, &list, is_visible, by_name), i, got = 0;

	for (i = 0; i < n; i++) {
		cleanup_free char *directory = xasprintf("%s/%s", parent, list[i]->d_name);

		if (!got && is_hex(list[i]->d_name))
			got = visit(directory, name, list[i]->d_name, arg);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return got;
}

int
store_each(const char *root,
    int (*visit)(const char *directory, const char *name, const char *id, void *arg), void *arg)
{
	cleanup_free char *images = xasprintf("%s/images", root);
	struct dirent **list;
	int n = scandir(images, &list, is_visible, by_name), i, got = 0;

	for (i = 0; i < n; i++) {
		cleanup_free char *parent = xasprintf("%s/%s", images, list[i]->d_name);

		if (!got)
			got = each_id(parent, list[i]->d_name, visit, arg);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return got;
}

struct search_for {
	const char *id;
	char *directory;
};

static int
is_wanted(const char *directory, const char *name, const char *id, void *arg)
{
	struct search_for *s = arg;

	(void)name;
	if (strcmp(id, s->id))
		return 0;
	s->directory = xstrdup(directory);
	return 1;
}

char *
store_find(const char *root, const char *id)
{
	struct search_for s = {id, NULL};

	store_each(root, is_wanted, &s);
	return s.directory;
}
