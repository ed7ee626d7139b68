#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "report.h"
#include "runs.h"
#include "strbuf.h"
#include "tree.h"

enum { EPHEMERAL = 32768 }; /* ports that the kernel chooses from here on */

struct collecting {
	char *const *mounts;
	struct tree tree;
	struct strbuf path;
	json_t *written, *listens, *users;
	long uid, gid;
	long tasks;
};

/* The directory of the image that a path lies in; NO_ENTRY: outside of it. */
static uint32_t
directory_of(struct collecting *c, const char *path)
{
	cleanup_free char *up = xstrdup(path);
	uint32_t i;
	char *slash;

	for (;;) {
		i = tree_resolve(&c->tree, TREE_ROOT, *up ? up : "/", 1);
		if (i != NO_ENTRY && is_dir(&c->tree.e[i]))
			return i;
		slash = strrchr(up, '/');
		if (!slash || (i == NO_ENTRY && errno == EXDEV))
			return NO_ENTRY;
		*slash = '\0';
	}
}

static int
is_at_or_below(const char *path, const char *above)
{
	size_t n = strlen(above);

	return strncmp(path, above, n) == 0 && (!path[n] || path[n] == '/');
}

/* Names are JSON's only as far as they are UTF-8; others can't stand in settings. */
static void
add_written(struct collecting *c, const char *path, const char *program)
{
	if (!json_object_get(c->written, path))
		json_object_set_new(c->written, path, json_string(program));
}

/* A directory that is there and is made once more, or gets another owner, is written to itself;
 * of a file it is the one above. The path may lead to a mount by way of a link. */
static void
was_written(struct collecting *c, const struct trace_line *l)
{
	static const char *const kernels[] = {"/dev", "/proc", "/sys", "/.whittle"};
	uint32_t i = directory_of(c, l->subject);
	int mounted = 0;
	size_t k;

	strbuf_cut(&c->path, 0);
	strbuf_puts(&c->path, "/");
	if (i != NO_ENTRY && i != TREE_ROOT)
		tree_path(&c->tree, i, &c->path);
	for (k = 0; c->mounts[k]; k++)
		if (is_at_or_below(l->subject, c->mounts[k]) ||
		    is_at_or_below(c->path.s, c->mounts[k])) {
			add_written(c, c->mounts[k], l->program);
			mounted = 1;
		}
	if (i == NO_ENTRY || mounted)
		return;
	for (k = 0; k < sizeof(kernels) / sizeof(kernels[0]); k++)
		if (is_at_or_below(l->subject, kernels[k]) ||
		    is_at_or_below(c->path.s, kernels[k]))
			return;
	add_written(c, c->path.s, l->program);
}

/* "ADDRESS:PORT" as the recorder writes it: the port, 0 where nobody outside gets there. */
static int
port_of(const char *where)
{
	const char *colon = strrchr(where, ':');
	int port = colon ? atoi(colon + 1) : 0;

	if (strncmp(where, "127.", 4) == 0 || strncmp(where, "[::1]", 5) == 0)
		return 0;
	return port;
}

static void
has_user(struct collecting *c, const char *text)
{
	char call[32];
	int id;
	json_t *last = json_array_get(c->users, json_array_size(c->users) - 1);

	if (sscanf(text, "%31s %d", call, &id) != 2 || id <= 0)
		return;
	if (strstr(call, "gid")) {
		c->gid = id;
	} else if (strstr(call, "uid") && c->uid != id) {
		c->uid = id;
		if (!last || json_integer_value(json_object_get(last, "uid")) != id)
			json_array_append_new(
			    c->users, json_pack("{s:I, s:I}", "uid", (json_int_t)id, "gid",
					  (json_int_t)(c->gid ? c->gid : id)));
	}
}

/* A client's sockets are bound as well, to wherever; a service binds its own when it starts. */
static int
is_served(const struct tests *tests, const struct trace_line *l, int port)
{
	return port < 1024 || (port < EPHEMERAL && runs_test_at(tests, l->when) == 0);
}

static void
has_port(struct collecting *c, int port, const char *protocol)
{
	char text[32];

	snprintf(text, sizeof(text), "%d/%s", port, protocol);
	json_object_set_new(c->listens, text, json_null());
}

static void
take_line(const struct trace_line *l, const struct tests *tests, void *arg)
{
	struct collecting *c = arg;
	int port;

	switch (l->kind) {
	case TRACE_WRITTEN:
	case TRACE_SOCKET:
		if (*l->subject == '/')
			was_written(c, l);
		break;
	case TRACE_LISTENS:
	case TRACE_DATAGRAM:
		port = port_of(l->subject);
		if (port > 0 && port <= 65535 &&
		    (l->kind == TRACE_LISTENS || is_served(tests, l, port)))
			has_port(c, port, l->kind == TRACE_LISTENS ? "tcp" : "udp");
		break;
	case TRACE_USER:
		has_user(c, l->subject);
		break;
	case TRACE_TASKS:
		if (atol(l->subject) > c->tasks)
			c->tasks = atol(l->subject);
		break;
	default:
		break;
	}
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of an object, in the order of bytes. */
static json_t *
sorted_keys(json_t *set)
{
	const char **name = xcalloc(json_object_size(set) + 1, sizeof(*name)), *key;
	json_t *list = json_array(), *value;
	size_t n = 0, i;

	json_object_foreach (set, key, value)
		name[n++] = key;
	qsort(name, n, sizeof(*name), by_name);
	for (i = 0; i < n; i++)
		json_array_append_new(list, json_string(name[i]));
	free(name);
	return list;
}

int
facts(const char *root, char *const *mounts, char **runs)
{
	cleanup_fd int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct collecting c = {.uid = -1, .mounts = mounts};
	json_t *all;
	int bad = fd < 0;

	if (bad)
		report("open '%s':", root);
	c.written = json_object();
	c.listens = json_object();
	c.users = json_array();
	if (!bad)
		bad = tree_read(&c.tree, fd);
	for (; !bad && *runs; runs++)
		bad = runs_read(*runs, NULL, take_line, &c);
	if (!bad) {
		all = json_pack("{s:O, s:o, s:O, s:I}", "written", c.written, "listens",
		    sorted_keys(c.listens), "users", c.users, "tasks", (json_int_t)c.tasks);
		bad = json_dumpf(all, stdout, JSON_INDENT(1) | JSON_SORT_KEYS) != 0 ||
		      putchar('\n') < 0;
		json_decref(all);
	}
	json_decref(c.written);
	json_decref(c.listens);
	json_decref(c.users);
	tree_free(&c.tree);
	strbuf_free(&c.path);
	return bad ? EXIT_TROUBLE : EXIT_YES;
}
