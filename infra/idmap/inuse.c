#include "inuse.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "mounts.h"
#include "path.h"
#include "proc.h"
#include "strbuf.h"

struct search {
	const char *path;
	char *device, *root; /* the directory's: on which file system, and where there */
	char *own;           /* this process's mountinfo as it stands */
	unsigned found, max;
	struct strbuf *lines;
	ino_t own_namespace, *seen;
	size_t seen_count;
};

static void
found(struct search *s, const char *pid, const char *what, const char *where)
{
	struct strbuf *b = s->lines;

	if (s->found++ >= s->max)
		return;
	if (pid) {
		cleanup_free char *file = xasprintf("/proc/%s/comm", pid);
		cleanup_free char *comm = read_proc(file);
		size_t n = comm ? strcspn(comm, "\n") : 0;

		strbuf_printf(b, "process %s (", pid);
		strbuf_put_visible(b, comm ? comm : "", n);
		strbuf_puts(b, ") ");
	}
	strbuf_puts(b, what);
	strbuf_puts(b, " '");
	strbuf_put_visible(b, where, strlen(where));
	strbuf_puts(b, "'\n");
}

/* --- where the directory stands --- */

static int
locate(struct search *s, int fd)
{
	cleanup_free char *copy = xstrdup(s->own);
	const char *rest;
	struct mount m;

	if (!mount_of(fd, copy, &m) || !path_below(m.point, s->path))
		return -1;
	rest = s->path + (strcmp(m.point, "/") == 0 ? 0 : strlen(m.point));
	s->device = xstrdup(m.device);
	if (strcmp(m.root, "/") == 0)
		s->root = xstrdup(*rest ? rest : "/");
	else
		s->root = xasprintf("%s%s", m.root, rest);
	return 0;
}

/* --- mounts --- */

/* Does a mount show the directory, a part of it, or a part of the file system around it? */
static bool
shows(const struct search *s, const struct mount *m)
{
	if (strcmp(m->device, s->device) != 0)
		return false;
	if (path_below(s->root, m->root))
		return true;
	return strcmp(m->root, "/") != 0 && path_below(m->root, s->root);
}

/* The namespace that a process got as a copy of ours has our mounts at our places. */
static bool
is_ours_too(const struct search *s, const struct mount *m)
{
	cleanup_free char *copy = xstrdup(s->own);
	struct mount o;
	char *p = copy;

	while (next_mount(&p, &o))
		if (strcmp(o.device, m->device) == 0 && strcmp(o.root, m->root) == 0 &&
		    strcmp(o.point, m->point) == 0)
			return true;
	return false;
}

/* upperdir=, lowerdir= and workdir= of an overlay. */
static void
look_at_overlay(struct search *s, const struct mount *m, const char *pid)
{
	static const char *const key[] = {"upperdir=", "lowerdir=", "workdir="};
	cleanup_free char *super = xstrdup(m->super);
	char *option, *dir, *save = NULL, *inner;
	size_t i;

	unescape_mount(super);
	for (option = strtok_r(super, ",", &save); option;
	     option = strtok_r(NULL, ",", &save)) {
		for (i = 0; i < 3; i++) {
			if (strncmp(option, key[i], strlen(key[i])) != 0)
				continue;
			dir = strtok_r(option + strlen(key[i]), ":", &inner);
			for (; dir; dir = strtok_r(NULL, ":", &inner))
				if (*dir == '/' &&
				    (path_below(s->path, dir) || path_below(dir, s->path))) {
					found(s, pid, "mounts an overlay over", dir);
					return;
				}
		}
	}
}

static void
look_at_mounts(struct search *s, const char *pid, bool own)
{
	cleanup_free char *file = xasprintf("/proc/%s/mountinfo", pid);
	cleanup_free char *text = read_proc(file);
	char *p = text;
	struct mount m;

	while (p && next_mount(&p, &m)) {
		if (m.super && m.type && strcmp(m.type, "overlay") == 0)
			look_at_overlay(s, &m, own ? NULL : pid);
		if (!shows(s, &m))
			continue;
		if (own && strstr(m.options, "idmapped"))
			found(s, NULL, "it is mounted with a map at", m.point);
		else if (!own && !is_ours_too(s, &m))
			found(s, pid, "has it mounted at", m.point);
	}
}

static ino_t
namespace_of(const char *pid)
{
	cleanup_free char *file = xasprintf("/proc/%s/ns/mnt", pid);
	struct stat st;

	return stat(file, &st) ? 0 : st.st_ino;
}

static bool
seen_before(struct search *s, ino_t namespace)
{
	size_t i;

	for (i = 0; i < s->seen_count; i++)
		if (s->seen[i] == namespace)
			return true;
	s->seen = xreallocarray(s->seen, s->seen_count + 1, sizeof(*s->seen));
	s->seen[s->seen_count++] = namespace;
	return false;
}

/* --- open files --- */

static bool
link_is_below(struct search *s, const char *pid, int dirfd, const char *name, const char *what)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

	if (n <= 0)
		return false;
	target[n] = '\0';
	if (!path_below(s->path, target))
		return false;
	found(s, pid, what, target);
	return true;
}

static bool
is_ancestor(const char *pid)
{
	pid_t wanted = (pid_t)atol(pid), at = getpid();

	while (at > 1) {
		unsigned long long parent = 0;

		if (at == wanted)
			return true;
		at = proc_stat(at, PROC_PARENT, &parent) ? 0 : (pid_t)parent;
	}
	return at == wanted;
}

static bool
maps_a_file(struct search *s, const char *pid)
{
	cleanup_free char *file = xasprintf("/proc/%s/maps", pid);
	cleanup_free char *text = read_proc(file);
	char *line, *save = NULL;

	if (!text)
		return false;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *path = strchr(line, '/');

		if (path && path_below(s->path, path)) {
			found(s, pid, "has mapped", path);
			return true;
		}
	}
	return false;
}

static void
look_at_files(struct search *s, const char *pid)
{
	cleanup_free char *file = xasprintf("/proc/%s", pid);
	cleanup_free char *fds = xasprintf("/proc/%s/fd", pid);
	cleanup_fd int dir = open(file, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = opendir(fds);
	struct dirent *e;

	/* The shell that this was called from may well stand in the directory. */
	if (dir < 0 || (!is_ancestor(pid) && link_is_below(s, pid, dir, "cwd", "stands in")))
		return;
	if (link_is_below(s, pid, dir, "root", "has its root in"))
		return;
	while (d && (e = readdir(d)))
		if (*e->d_name != '.' && link_is_below(s, pid, dirfd(d), e->d_name, "has open"))
			return;
	maps_a_file(s, pid);
}

static void
look_at_process(struct search *s, const char *pid)
{
	ino_t namespace = namespace_of(pid);

	if (!namespace)
		return;
	if (!seen_before(s, namespace))
		look_at_mounts(s, pid, namespace == s->own_namespace);
	if (namespace == s->own_namespace && atol(pid) != (long)getpid())
		look_at_files(s, pid);
}

unsigned
directory_users(int fd, const char *path, unsigned max, struct strbuf *lines)
{
	struct search s = {.path = path, .max = max, .lines = lines};
	cleanup_dir DIR *proc = opendir("/proc");
	struct dirent *e;

	s.own = read_proc("/proc/self/mountinfo");
	s.own_namespace = namespace_of("self");
	if (s.own && locate(&s, fd) == 0)
		while (proc && (e = readdir(proc)))
			if (isdigit((unsigned char)*e->d_name))
				look_at_process(&s, e->d_name);
	free(s.own);
	free(s.device);
	free(s.root);
	free(s.seen);
	return s.found;
}
