#include "closure.h"

#include <elf.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "applets_elf.h"
#include "cleanup.h"
#include "commands.h"
#include "ldcache.h"
#include "report.h"

enum { TEXT_MAX = 4 * 1024 * 1024, LISTS_MAX = 256 * 1024 * 1024 };

void
closure_init(struct closure *c, const struct tree *t,
    void (*families)(struct closure *c, uint32_t i, const char *path))
{
	memset(c, 0, sizeof(*c));
	c->tree = t;
	c->families = families;
	c->kept = xcalloc(t->count, sizeof(*c->kept));
}

void
closure_free(struct closure *c)
{
	free(c->kept);
	free(c->queue);
	strbuf_free(&c->path);
	strbuf_free(&c->lists);
	memset(c, 0, sizeof(*c));
}

void
closure_keep(struct closure *c, uint32_t i, const char *reason, uint32_t by)
{
	struct kept *k = &c->kept[i];

	if (k->forbidden || c->tree->e[i].unwanted)
		return;
	if (by != NO_ENTRY && by != i)
		k->implied = 1;
	if (k->reason)
		return;
	k->reason = reason;
	k->by = by;
	if (is_dir(&c->tree->e[i]))
		return;
	if (c->queued == c->room) {
		c->room = c->room ? c->room * 2 : 256;
		c->queue = xreallocarray(c->queue, c->room, sizeof(*c->queue));
	}
	c->queue[c->queued++] = i;
}

struct way_of {
	struct closure *c;
	const char *reason;
	uint32_t by;
};

static void
keep_link(uint32_t i, void *arg)
{
	const struct way_of *w = arg;

	/* On a usr-merged tree /lib and the like lead everywhere; they stay without being
	 * named, as long as they lead somewhere. */
	if (w->c->tree->e[i].parent != TREE_ROOT)
		closure_keep(w->c, i, w->reason, w->by);
}

static uint32_t
find_from(struct closure *c, uint32_t from, const char *path, const char *reason, uint32_t by)
{
	struct way_of w = {c, reason, by};
	uint32_t i = tree_resolve_by(c->tree, from, path, 1, keep_link, &w);

	if (i != NO_ENTRY)
		closure_keep(c, i, reason, by);
	return i;
}

int
closure_path(struct closure *c, const char *path, const char *reason, uint32_t by)
{
	uint32_t from = by == NO_ENTRY ? TREE_ROOT : c->tree->e[by].parent;

	/* Links on the way to a path that doesn't exist aren't kept. */
	if (tree_resolve(c->tree, from, path, 1) == NO_ENTRY)
		return 0;
	return find_from(c, from, path, reason, by) != NO_ENTRY;
}

int
closure_program(struct closure *c, const char *name, const char *reason, uint32_t by)
{
	static const char *const directories[] = {
	    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};
	size_t k;

	if (strchr(name, '/'))
		return closure_path(c, name, reason, by);
	for (k = 0; k < sizeof(directories) / sizeof(directories[0]); k++) {
		cleanup_free char *path = xasprintf("%s/%s", directories[k], name);

		if (closure_path(c, path, reason, by))
			return 1;
	}
	return 0;
}

void
closure_below(struct closure *c, uint32_t directory, const char *reason, uint32_t by)
{
	uint32_t i;

	for (i = directory; i < c->tree->e[directory].end; i++)
		closure_keep(c, i, reason, by);
}

char *
closure_text(struct closure *c, uint32_t i, size_t *n)
{
	const struct entry *e = &c->tree->e[i];
	cleanup_fd int fd = -1;
	char *text;
	ssize_t got;

	if (!is_file(e) || e->mount || e->size > TEXT_MAX || (fd = tree_open(c->tree, i)) < 0)
		return NULL;
	text = xmalloc((size_t)e->size + 1);
	for (*n = 0; *n < (size_t)e->size; *n += (size_t)got) {
		got = read(fd, text + *n, (size_t)e->size - *n);
		if (got < 0 && errno == EINTR)
			got = 0;
		else if (got <= 0)
			break;
	}
	text[*n] = '\0';
	return text;
}

/* ---- packages ---- */

static void
add_package_list(uint32_t i, void *arg)
{
	struct closure *c = arg;
	size_t n;
	cleanup_free char *text = closure_text(c, i, &n);

	if (!text || c->lists.len + n > LISTS_MAX)
		return;
	strbuf_puts(&c->lists, "\n\n");
	strbuf_puts(&c->lists, text);
}

/* The lists of /var/lib/dpkg/info, one after the other, with an empty line between them. */
static const char *
package_lists(struct closure *c)
{
	if (!c->lists.len) {
		strbuf_puts(&c->lists, "\n");
		tree_glob(c->tree, "/var/lib/dpkg/info/*.list", add_package_list, c);
	}
	return c->lists.s;
}

static int
ends_in(const char *s, const char *const *ends)
{
	size_t n = strlen(s);

	for (; *ends; ends++)
		if (n >= strlen(*ends) && strcmp(s + n - strlen(*ends), *ends) == 0)
			return 1;
	return 0;
}

int
closure_package(struct closure *c, const char *path, const char *begin, const char *const *ends,
    const char *reason, uint32_t by)
{
	cleanup_free char *line = xasprintf("\n%s\n", path);
	const char *lists = package_lists(c), *at = strstr(lists, line), *end;

	if (!at)
		return 0;
	while (at > lists && strncmp(at, "\n\n", 2) != 0)
		at--;
	for (at += strspn(at, "\n"); *at && *at != '\n'; at = end + (*end == '\n')) {
		cleanup_free char *file = NULL;

		end = at + strcspn(at, "\n");
		file = xstrndup(at, (size_t)(end - at));
		if (fnmatch(begin, file, FNM_NOESCAPE) == 0 && ends_in(file, ends)) {
			uint32_t i = tree_resolve(c->tree, TREE_ROOT, file, 0);

			if (i != NO_ENTRY && !is_dir(&c->tree->e[i]))
				closure_keep(c, i, reason, by);
		}
	}
	return 1;
}

/* ---- programs and libraries ---- */

struct object {
	struct closure *c;
	uint32_t i;
	struct elf elf;
	uint64_t strings; /* their address */
	const char *rpath, *runpath;
	int musl;
};

/* A string of the dynamic section; NULL where it isn't one. */
static const char *
string_at(const struct object *o, uint64_t offset)
{
	size_t at;

	if (elf_offset(&o->elf, o->strings + offset, 1, &at) < 0 ||
	    !memchr(o->elf.bytes + at, '\0', o->elf.size - at))
		return NULL;
	return (const char *)o->elf.bytes + at;
}

static const char *
string_of_tag(const struct object *o, uint64_t tag)
{
	uint64_t at = elf_dynamic(&o->elf, tag, UINT64_MAX);

	return at == UINT64_MAX ? NULL : string_at(o, at);
}

/* Whether an entry is an ELF file of the object's kind: a directory for another processor has
 * libraries of the same names. */
static int
is_of_kind(const struct object *o, uint32_t i)
{
	unsigned char head[20];
	cleanup_fd int fd = -1;
	const struct entry *e = &o->c->tree->e[i];

	if (!is_file(e) || e->mount || e->size < (off_t)sizeof(head) ||
	    (fd = tree_open(o->c->tree, i)) < 0 ||
	    pread(fd, head, sizeof(head), 0) != sizeof(head))
		return 0;
	return memcmp(head, o->elf.bytes, EI_VERSION) == 0 &&
	       memcmp(head + 18, o->elf.bytes + 18, 2) == 0;
}

static const char library[] = "library of %s";

static int
take_library(struct object *o, const char *path)
{
	uint32_t i = tree_resolve(o->c->tree, TREE_ROOT, path, 1);

	if (i == NO_ENTRY || o->c->tree->e[i].unwanted || !is_of_kind(o, i))
		return 0;
	closure_path(o->c, path, library, o->i);
	return 1;
}

/* $ORIGIN, $LIB and $PLATFORM; other names after '$' aren't expanded, as in ld.so. */
static void
put_expanded(struct object *o, const char *s, size_t n, struct strbuf *out)
{
	struct strbuf origin = STRBUF_INIT;
	size_t i;

	tree_path(o->c->tree, o->c->tree->e[o->i].parent, &origin);
	for (i = 0; i < n; i++) {
		if (n - i >= 7 && memcmp(s + i, "$ORIGIN", 7) == 0) {
			strbuf_puts(out, origin.s);
			i += 6;
		} else if (n - i >= 9 && memcmp(s + i, "${ORIGIN}", 9) == 0) {
			strbuf_puts(out, origin.s);
			i += 8;
		} else if (n - i >= 4 && memcmp(s + i, "$LIB", 4) == 0) {
			strbuf_puts(out, o->elf.word == 8 ? "lib64" : "lib");
			i += 3;
		} else {
			strbuf_putc(out, s[i]);
		}
	}
	strbuf_free(&origin);
}

/* Directories separated by ':' or, in musl's file, by newlines. */
static int
search_list(struct object *o, const char *list, const char *name)
{
	struct strbuf path = STRBUF_INIT;
	int found = 0;

	while (list && *list && !found) {
		size_t n = strcspn(list, ":\n");

		strbuf_cut(&path, 0);
		put_expanded(o, list, n, &path);
		if (path.len && path.s[0] == '/') {
			strbuf_putc(&path, '/');
			strbuf_puts(&path, name);
			found = take_library(o, path.s);
		}
		list += n + (list[n] != '\0');
	}
	strbuf_free(&path);
	return found;
}

/* Debian's multiarch directory, such as x86_64-linux-gnu, is recognised by its form. */
static int
search_usual(struct object *o, const char *name)
{
	static const char *const directories[] = {"/lib", "/usr/lib", "/lib64", "/usr/lib64",
	    "/lib32", "/usr/lib32", "/usr/local/lib"};
	const struct tree *t = o->c->tree;
	size_t k;

	for (k = 0; k < sizeof(directories) / sizeof(directories[0]); k++) {
		uint32_t directory = tree_resolve(t, TREE_ROOT, directories[k], 1), i;
		cleanup_free char *plain = xasprintf("%s/%s", directories[k], name);

		if (directory == NO_ENTRY || directory == TREE_ROOT ||
		    !is_dir(&t->e[directory]))
			continue;
		for (i = directory + 1; i < t->e[directory].end; i = t->e[i].end) {
			cleanup_free char *path =
			    xasprintf("%s/%s/%s", directories[k], tree_name(t, i), name);

			if (is_dir(&t->e[i]) && strstr(tree_name(t, i), "-linux-") &&
			    take_library(o, path))
				return 1;
		}
		if (take_library(o, plain))
			return 1;
	}
	return 0;
}

static int
search_musl(struct object *o, const char *name)
{
	const struct tree *t = o->c->tree;
	uint32_t etc = tree_resolve(t, TREE_ROOT, "/etc", 1), i;

	for (i = etc == NO_ENTRY ? 0 : etc + 1; etc != NO_ENTRY && i < t->e[etc].end;
	     i = t->e[i].end) {
		const char *file = tree_name(t, i);
		size_t len = strlen(file), n;
		cleanup_free char *list = NULL;

		if (strncmp(file, "ld-musl-", 8) != 0 || len < 5 ||
		    strcmp(file + len - 5, ".path") != 0)
			continue;
		list = closure_text(o->c, i, &n);
		closure_keep(o->c, i, "search path of %s", o->i);
		if (list)
			return search_list(o, list, name);
	}
	return search_list(o, "/lib:/usr/local/lib:/usr/lib", name);
}

struct cache_search {
	struct object *o;
	int found;
};

static void
take_cached(const char *path, void *arg)
{
	struct cache_search *s = arg;

	if (take_library(s->o, path))
		s->found = 1;
}

/* All variants for newer processors are kept too: any processor may run the image. */
static int
search_cache(struct object *o, const char *name)
{
	struct cache_search s = {o, 0};
	uint32_t i = tree_resolve(o->c->tree, TREE_ROOT, "/etc/ld.so.cache", 1);
	size_t n;
	cleanup_free char *cache = i == NO_ENTRY ? NULL : closure_text(o->c, i, &n);

	if (cache)
		ldcache_find(cache, n, name, take_cached, &s);
	return s.found;
}

static void
need(struct object *o, const char *name)
{
	if (strchr(name, '/')) {
		take_library(o, name);
		return;
	}
	/* musl's loader is its C library. */
	if (strncmp(name, "libc.musl-", 10) == 0 || (o->musl && strcmp(name, "libc.so") == 0)) {
		search_list(o, "/lib:/usr/lib", name);
		return;
	}
	if ((!o->runpath && search_list(o, o->rpath, name)) || search_list(o, o->runpath, name))
		return;
	if (o->musl && search_musl(o, name))
		return;
	if (!search_cache(o, name))
		search_usual(o, name);
}

static int
is_musl(const struct object *o)
{
	const struct elf_segment *s = &o->elf.interpreter;
	const char *path = (const char *)o->elf.bytes + s->offset;

	return s->filesz > 12 && memmem(path, s->filesz, "ld-musl-", 8);
}

static void
keep_needed(struct object *o)
{
	const struct elf_segment *d = &o->elf.dynamic;
	uint64_t at;

	o->strings = elf_dynamic(&o->elf, DT_STRTAB, 0);
	o->rpath = string_of_tag(o, DT_RPATH);
	o->runpath = string_of_tag(o, DT_RUNPATH);
	for (at = 0; at + 2 * o->elf.word <= d->filesz; at += 2 * o->elf.word) {
		uint64_t tag = elf_get(&o->elf, (size_t)(d->offset + at), o->elf.word);
		const char *name;

		if (tag == DT_NULL)
			break;
		if (tag != DT_NEEDED)
			continue;
		name = string_at(
		    o, elf_get(&o->elf, (size_t)(d->offset + at) + o->elf.word, o->elf.word));
		if (name && *name)
			need(o, name);
	}
}

static void
examine_object(struct closure *c, uint32_t i, int fd)
{
	const struct entry *e = &c->tree->e[i];
	struct object o = {.c = c, .i = i};
	void *bytes = mmap(NULL, (size_t)e->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	if (bytes == MAP_FAILED) {
		report("map '%s':", tree_path(c->tree, i, &c->path));
		return;
	}
	if (!elf_open(&o.elf, bytes, (size_t)e->size)) {
		const struct elf_segment *s = &o.elf.interpreter;
		const char *loader = (const char *)o.elf.bytes + s->offset;

		if (s->filesz > 1 && memchr(loader, '\0', s->filesz))
			closure_path(c, loader, "loader of %s", i);
		o.musl = is_musl(&o) ||
			 tree_resolve(c->tree, TREE_ROOT, "/etc/ld.so.cache", 1) == NO_ENTRY;
		if (o.elf.dynamic.filesz)
			keep_needed(&o);
	}
	munmap(bytes, (size_t)e->size);
}

/* ---- scripts ---- */

static const char interpreter[] = "interpreter of %s";

static void
keep_interpreter(struct closure *c, uint32_t i, const char *text)
{
	size_t line = strcspn(text, "\n");
	cleanup_free char *first = xstrndup(text + 2, line < 2 ? 0 : line - 2);
	char *save = NULL, *word = strtok_r(first, " \t\r", &save);

	if (!word || !closure_path(c, word, interpreter, i))
		return;
	if (strcmp(strrchr(word, '/') ? strrchr(word, '/') : "", "/env") != 0)
		return;
	while ((word = strtok_r(NULL, " \t\r", &save)) && (*word == '-' || strchr(word, '=')))
		;
	if (word)
		closure_program(c, word, interpreter, i);
}

struct script {
	struct closure *c;
	uint32_t i;
};

static void
keep_command(void *arg, const char *word, size_t len, size_t line)
{
	const struct script *s = arg;
	cleanup_free char *name = xstrndup(word, len);

	(void)line;
	if (commands_is_builtin(word, len))
		return;
	if (*name == '/' || !strchr(name, '/'))
		closure_program(s->c, name, "named by the script %s", s->i);
}

static void
examine_script(struct closure *c, uint32_t i)
{
	struct script s = {c, i};
	size_t n;
	cleanup_free char *text = closure_text(c, i, &n);
	char shell[16];

	if (!text)
		return;
	/* Of a library's file the line is a comment: whoever reads it is there already. */
	if (c->tree->e[i].mode & 0111)
		keep_interpreter(c, i, text);
	commands_shell(text, n, shell, sizeof(shell));
	if (*shell)
		commands_in(text, n, keep_command, &s);
}

/* ---- the closure ---- */

static void
examine(struct closure *c, uint32_t i)
{
	const struct entry *e = &c->tree->e[i];
	cleanup_fd int fd = -1;
	unsigned char head[4];
	ssize_t n;

	if (is_link(e))
		closure_path(c, tree_target(c->tree, i), "where the link %s leads", i);
	if (is_link(e) || is_file(e)) {
		struct strbuf path = STRBUF_INIT;

		c->families(c, i, tree_path(c->tree, i, &path));
		strbuf_free(&path);
	}
	if (!is_file(e) || e->mount || e->size < (off_t)sizeof(head) ||
	    (fd = tree_open(c->tree, i)) < 0)
		return;
	n = pread(fd, head, sizeof(head), 0);
	if (n == sizeof(head) && memcmp(head, ELFMAG, SELFMAG) == 0)
		examine_object(c, i, fd);
	else if (n == sizeof(head) && memcmp(head, "#!", 2) == 0)
		examine_script(c, i);
}

void
closure_run(struct closure *c)
{
	while (c->done < c->queued)
		examine(c, c->queue[c->done++]);
}

struct listing {
	struct closure *c;
	const struct keep_line *line;
	unsigned long found;
};

static void
forbid(uint32_t i, void *arg)
{
	struct listing *l = arg;
	uint32_t end = l->line->below ? l->c->tree->e[i].end : i + 1;

	for (l->found++; i < end; i++)
		l->c->kept[i].forbidden = 1;
}

static void
take_listed(uint32_t i, void *arg)
{
	struct listing *l = arg;
	const struct tree *t = l->c->tree;
	const char *reason = *l->line->reason ? l->line->reason : "asked by hand";

	if (t->e[i].unwanted)
		return;
	l->found++;
	if (l->line->below && is_link(&t->e[i])) {
		closure_keep(l->c, i, reason, NO_ENTRY);
		i = tree_resolve(t, t->e[i].parent, tree_target(t, i), 1);
	}
	if (i == NO_ENTRY)
		return;
	if (l->line->below && is_dir(&t->e[i]))
		closure_below(l->c, i, reason, NO_ENTRY);
	else if (!l->line->directory || is_dir(&t->e[i]) || is_link(&t->e[i]))
		closure_keep(l->c, i, reason, NO_ENTRY);
}

/* A path without a pattern keeps the links on its way, too. */
static void
take_plain(struct listing *l)
{
	struct way_of w = {
	    l->c, *l->line->reason ? l->line->reason : "asked by hand", NO_ENTRY};
	uint32_t i = tree_resolve_by(l->c->tree, TREE_ROOT, l->line->path, 0, keep_link, &w);

	if (i != NO_ENTRY && i != TREE_ROOT)
		take_listed(i, l);
}

void
closure_of_list(struct closure *c, const struct keep *k,
    void (*stale)(const struct keep_line *l, void *arg), void *arg)
{
	size_t n;

	for (n = 0; n < k->count; n++) {
		struct listing l = {c, &k->line[n], 0};

		if (k->line[n].not_this)
			tree_glob(c->tree, k->line[n].path, forbid, &l);
	}
	for (n = 0; n < k->count; n++) {
		struct listing l = {c, &k->line[n], 0};

		if (k->line[n].not_this)
			continue;
		if (k->line[n].pattern)
			tree_glob(c->tree, k->line[n].path, take_listed, &l);
		else
			take_plain(&l);
		if (!l.found && stale)
			stale(&k->line[n], arg);
	}
	closure_run(c);
}

const char *
closure_why(struct closure *c, uint32_t i, struct strbuf *b)
{
	const struct kept *k = &c->kept[i];
	const char *at = k->reason && k->by != NO_ENTRY ? strstr(k->reason, "%s") : NULL;

	strbuf_cut(b, 0);
	if (!at) {
		strbuf_puts(b, k->reason ? k->reason : "");
		return b->s;
	}
	strbuf_add(b, k->reason, (size_t)(at - k->reason));
	strbuf_puts(b, tree_path(c->tree, k->by, &c->path));
	strbuf_puts(b, at + 2);
	return b->s;
}
