#include "needs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "closure.h"
#include "families.h"
#include "file.h"
#include "keep.h"
#include "report.h"
#include "runs.h"
#include "strbuf.h"
#include "trace.h"
#include "tree.h"
#include "walk.h"

/* ---- what was needed ---- */

enum how {
	HOW_EXECUTED,
	HOW_OPENED,
	HOW_LISTED,
	HOW_LINK,
	HOW_LOOKED,
	HOW_WRITTEN,
	HOW_OWN,
	HOWS
};

/* Reasons of the list that begin so, and go on with " by", " at" or " in", are ours: a person's
 * begin otherwise. */
static const char *const how_words[HOWS] = {
    "executed", "opened", "listed", "read as a link", "looked at", "written to", "put there"};

struct need {
	uint8_t how;   /* HOWS: not needed */
	uint8_t whole; /* with all that is below */
	size_t test;
	char *program, *name; /* of the test; NULL: at the start */
};

struct learning {
	struct tree tree;
	struct need *need;         /* one for each entry */
	const struct tests *tests; /* of the run at hand */
	unsigned long most_tests;
	struct strbuf path;
	struct keep old;
	struct closure closure;
	int incomplete;
	/* of the entry that a path leads to, for its links */
	enum how how;
	const struct trace_line *line;
};

static void
set_need(struct learning *l, uint32_t i, enum how how, const char *program, size_t test)
{
	struct need *n = &l->need[i];

	if (n->how < how ||
	    (n->how == how && (n->test < test || (n->test == test && n->program &&
						     strcmp(n->program, program) <= 0))))
		return;
	free(n->program);
	free(n->name);
	n->how = (uint8_t)how;
	n->test = test;
	n->program = xstrdup(program);
	n->name =
	    test > 0 && test < l->tests->count ? xstrdup(l->tests->test[test].name) : NULL;
}

static int
how_of(enum trace_kind kind)
{
	switch (kind) {
	case TRACE_EXECUTED:
		return HOW_EXECUTED;
	case TRACE_OPENED:
		return HOW_OPENED;
	case TRACE_LISTED:
		return HOW_LISTED;
	case TRACE_LINK:
		return HOW_LINK;
	case TRACE_LOOKED:
		return HOW_LOOKED;
	case TRACE_WRITTEN:
	case TRACE_SOCKET:
		return HOW_WRITTEN;
	default:
		return -1;
	}
}

static const char *
program_of(const struct trace_line *l)
{
	return strncmp(l->program, "/.whittle/", 10) == 0 || strcmp(l->program, l->subject) == 0
		   ? ""
		   : l->program;
}

static void
need_link(uint32_t i, void *arg)
{
	struct learning *l = arg;

	if (l->tree.e[i].parent != TREE_ROOT)
		set_need(
		    l, i, l->how, program_of(l->line), runs_test_at(l->tests, l->line->when));
}

/* What doesn't stand in the image was made on the way, or was asked for in vain: its directory
 * is what is needed of the image, where something was written. */
static uint32_t
nearest(struct learning *l, const char *path)
{
	cleanup_free char *up = xstrdup(path);
	char *slash;

	while ((slash = strrchr(up, '/')) && slash != up) {
		uint32_t i;

		*slash = '\0';
		i = tree_resolve(&l->tree, TREE_ROOT, up, 1);
		if (i != NO_ENTRY || errno == EXDEV)
			return i;
	}
	return NO_ENTRY;
}

/*
 * Where OpenSSL's list of authorities isn't one file, but a directory, it is asked for that
 * file all the same as soon as a program means to trust the system's, and for what is in the
 * directory only when it meets somebody's certificate, which tests without the internet never
 * do.
 */
static void
need_authorities(struct learning *l, const char *path)
{
	static const char file[] = "/ssl/cert.pem";
	size_t n = strlen(path), end = sizeof(file) - 1;
	cleanup_free char *certs = NULL;
	uint32_t i;

	if (n < end || strcmp(path + n - end, file) != 0 ||
	    tree_resolve(&l->tree, TREE_ROOT, path, 1) != NO_ENTRY)
		return;
	certs = xasprintf("%.*s/certs", (int)(strrchr(path, '/') - path), path);
	i = tree_resolve(&l->tree, TREE_ROOT, certs, 1);
	if (i == NO_ENTRY || !is_dir(&l->tree.e[i]) || l->tree.e[i].end == i + 1)
		return;
	tree_resolve_by(&l->tree, TREE_ROOT, certs, 1, need_link, l);
	set_need(l, i, l->how, program_of(l->line), runs_test_at(l->tests, l->line->when));
	l->need[i].whole = 1;
}

static void
take_line(const struct trace_line *line, const struct tests *tests, void *arg)
{
	struct learning *l = arg;
	int how = how_of(line->kind);
	uint32_t i;

	if (line->kind == TRACE_NOTE) {
		fprintf(stderr, "learn: %s: %s\n",
		    *line->program ? line->program : "the recorder", line->subject);
		return;
	}
	if (how < 0 || *line->subject != '/' || strncmp(line->subject, "/.whittle", 9) == 0)
		return;
	l->how = (enum how)how;
	l->tests = tests;
	l->line = line;
	i = tree_resolve_by(&l->tree, TREE_ROOT, line->subject, 0, need_link, l);
	if (i == NO_ENTRY && errno != EXDEV && how == HOW_WRITTEN)
		i = nearest(l, line->subject);
	if (i != NO_ENTRY && i != TREE_ROOT)
		set_need(l, i, l->how, program_of(line), runs_test_at(l->tests, line->when));
	need_authorities(l, line->subject);
}

/* Whether anything that was opened is the module of that name. */
static int
is_module(const struct learning *l, const char *name)
{
	const struct tree *t = &l->tree;
	size_t n = strlen(name);
	uint32_t i;

	for (i = 1; i < t->count; i++) {
		const char *file = tree_name(t, i);

		if (l->need[i].how != HOW_OPENED)
			continue;
		if ((strncmp(file, name, n) == 0 && file[n] == '.' &&
			strstr(file + n, ".py")) ||
		    (strncmp(file, "__init__.", 9) == 0 &&
			(strcmp(tree_name(t, t->e[i].parent), name) == 0 ||
			    strcmp(tree_name(t, t->e[t->e[i].parent].parent), name) == 0)))
			return 1;
	}
	return 0;
}

/* Python looks for modules first of all beside the script that it was started with; where that
 * is /usr/bin, a program of a module's name might be its directory, and is looked at. */
static void
drop_namesakes(struct learning *l)
{
	const struct tree *t = &l->tree;
	uint32_t i;

	for (i = 1; i < t->count; i++) {
		struct need *n = &l->need[i];
		const char *at = n->how == HOW_LOOKED ? strrchr(n->program, '/') : NULL;

		if (at && strncmp(at, "/python3", 8) == 0 && !is_dir(&t->e[i]) &&
		    !strchr(tree_name(t, i), '.') && is_module(l, tree_name(t, i)))
			n->how = HOWS;
	}
}

/* What the image's maker put there is meant to be there: a page that no test asks for is a page
 * of the site all the same. */
static enum walk_action
need_own(const struct walk_entry *w, void *arg)
{
	struct learning *l = arg;
	uint32_t i;

	if (S_ISDIR(w->st.st_mode))
		return WALK_GO;
	i = tree_resolve(&l->tree, TREE_ROOT, w->path, 0);
	if (i != NO_ENTRY && l->need[i].how == HOWS) {
		l->need[i].how = HOW_OWN;
		l->need[i].program = xstrdup("files/");
	}
	return WALK_GO;
}

static int
need_all_own(struct learning *l, const char *folder)
{
	cleanup_fd int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	static const struct walk_options options = {.sorted = 1};

	if (fd < 0 || walk_tree(fd, &options, need_own, l) < 0) {
		report("open '%s':", folder);
		return -1;
	}
	return 0;
}

static void
put_reason(const struct need *n, struct strbuf *b)
{
	strbuf_puts(b, how_words[n->how]);
	if (*n->program) {
		strbuf_puts(b, " by ");
		strbuf_put_visible(b, n->program, strlen(n->program));
	}
	if (n->how == HOW_OWN)
		return;
	if (n->test == 0)
		strbuf_puts(b, " at the start");
	else if (!n->name)
		strbuf_puts(b, " at the end");
	else {
		strbuf_puts(b, " in '");
		strbuf_put_visible(b, n->name, strlen(n->name));
		strbuf_putc(b, '\'');
	}
}

static int
is_learned(const char *reason)
{
	size_t k, n;

	for (k = 0; k < HOWS; k++) {
		n = strlen(how_words[k]);
		if (strncmp(reason, how_words[k], n) == 0 &&
		    (strncmp(reason + n, " by ", 4) == 0 ||
			strncmp(reason + n, " at ", 4) == 0 ||
			strncmp(reason + n, " in ", 4) == 0))
			return 1;
	}
	return 0;
}

/* ---- the list ---- */

struct listed {
	char *text;
	char *reason;
	const char *before; /* the old list's comments above it; NULL: none */
	uint32_t entry;     /* NO_ENTRY: of the old list */
	int old;
};

struct list {
	struct listed *line;
	size_t count;
};

static void
add_listed(struct list *to, char *text, char *reason, uint32_t entry, int old)
{
	to->line = xreallocarray(to->line, to->count + 1, sizeof(*to->line));
	to->line[to->count++] =
	    (struct listed){.text = text, .reason = reason, .entry = entry, .old = old};
}

static char *
text_of(struct learning *l, uint32_t i, const char *end)
{
	struct strbuf b = STRBUF_INIT;

	keep_put_path(&b, tree_path(&l->tree, i, &l->path));
	strbuf_puts(&b, end);
	return strbuf_steal(&b);
}

/* What every image keeps without being told. */
static int
is_given(const struct learning *l, uint32_t i)
{
	static const char *const paths[] = {"/etc/passwd", "/etc/group", "/etc/shadow",
	    "/etc/gshadow", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/prep",
	    "/prep-local", "/prep-keep", "/prep.conf", "/dev", "/etc", "/proc", "/run", "/sys",
	    "/tmp", "/var", "/var/tmp", "/var/run"};
	size_t k;

	for (k = 0; k < sizeof(paths) / sizeof(paths[0]); k++)
		if (tree_resolve(&l->tree, TREE_ROOT, paths[k], 0) == i)
			return 1;
	return 0;
}

static int
is_wanted(const struct learning *l, uint32_t i)
{
	return l->need[i].how < HOWS && !is_given(l, i);
}

/* A directory is there as long as anything in it is. */
static int
stands_anyway(const struct learning *l, const struct closure *c, uint32_t i)
{
	const struct tree *t = &l->tree;
	uint32_t k;

	if (c->kept[i].reason)
		return 1;
	if (!is_dir(&t->e[i]))
		return 0;
	for (k = i + 1; k < t->e[i].end; k++)
		if (c->kept[k].reason)
			return 1;
	return 0;
}

static void
add_entry(struct learning *l, struct closure *c, struct list *to, uint32_t i)
{
	struct strbuf reason = STRBUF_INIT;

	put_reason(&l->need[i], &reason);
	add_listed(
	    to, text_of(l, i, is_dir(&l->tree.e[i]) ? "/" : ""), strbuf_steal(&reason), i, 0);
	closure_keep(c, i, "listed", NO_ENTRY);
	closure_run(c);
}

/* Directories that stay with all that is in them. */
static void
add_whole(struct learning *l, struct closure *c, struct list *to)
{
	const struct tree *t = &l->tree;
	struct strbuf reason = STRBUF_INIT;
	uint32_t i, k;

	for (i = 1; i < t->count; i++) {
		for (k = i + 1; l->need[i].whole && k < t->e[i].end; k++)
			if (!c->kept[k].reason && !c->kept[k].forbidden)
				break;
		if (!l->need[i].whole || k == t->e[i].end)
			continue;
		put_reason(&l->need[i], &reason);
		add_listed(to, text_of(l, i, "/**"), strbuf_steal(&reason), NO_ENTRY, 0);
		closure_below(c, i, "listed", NO_ENTRY);
		closure_run(c);
	}
}

/*
 * Of what was needed only what nothing else brings along: a library goes with its program, the
 * files of a package with any of them. What two things bring along in a circle is found by
 * going through all once more.
 */
static void
add_needed(struct learning *l, struct list *to)
{
	const struct tree *t = &l->tree;
	struct closure all, *c = &l->closure;
	uint32_t i;
	int dirs;

	closure_init(&all, t, families_of);
	closure_of_list(&all, &l->old, NULL, NULL);
	for (i = 1; i < t->count; i++)
		if (is_wanted(l, i))
			closure_keep(&all, i, "needed", NO_ENTRY);
	closure_run(&all);
	add_whole(l, c, to);
	for (i = 1; i < t->count; i++)
		if (is_wanted(l, i) && !is_dir(&t->e[i]) && !c->kept[i].reason &&
		    !c->kept[i].forbidden && !all.kept[i].implied)
			add_entry(l, c, to, i);
	for (dirs = 0; dirs < 2; dirs++)
		for (i = t->count; i-- > 1;)
			if (is_wanted(l, i) && is_dir(&t->e[i]) == dirs &&
			    !c->kept[i].forbidden && !stands_anyway(l, c, i))
				add_entry(l, c, to, i);
	closure_free(&all);
}

static int
is_below(const struct tree *t, uint32_t i, uint32_t folder)
{
	return i > folder && i < t->e[folder].end;
}

/* Three lines or more below a directory of which all or nearly all is kept are one. Not where
 * all sorts of things stand side by side. */
static int
is_to_fold(const struct learning *l, const struct list *list, uint32_t folder)
{
	static const char *const shared[] = {"/bin", "/sbin", "/lib", "/usr", "/usr/bin",
	    "/usr/sbin", "/usr/lib", "/usr/share", "/usr/local", "/usr/local/bin", "/etc",
	    "/var", "/var/lib", "/opt", "/home", "/srv"};
	const struct tree *t = &l->tree;
	size_t all = 0, kept = 0, lines = 0, k;
	uint32_t i;

	for (k = 0; k < sizeof(shared) / sizeof(shared[0]); k++)
		if (tree_resolve(t, TREE_ROOT, shared[k], 1) == folder)
			return 0;
	if (strstr(tree_name(t, folder), "-linux-"))
		return 0;
	for (i = folder + 1; i < t->e[folder].end; i++)
		if (!is_dir(&t->e[i])) {
			all++;
			kept += l->closure.kept[i].reason != NULL;
		}
	for (k = 0; k < list->count; k++)
		lines += list->line[k].entry != NO_ENTRY && !list->line[k].old &&
			 is_below(t, list->line[k].entry, folder);
	return lines >= 3 && kept * 10 >= all * 9;
}

static void
fold(struct learning *l, struct list *list, uint32_t folder)
{
	struct strbuf reason = STRBUF_INIT;
	size_t k, to = 0;
	uint32_t best = NO_ENTRY;

	for (k = 0; k < list->count; k++) {
		struct listed *line = &list->line[k];

		if (line->entry == NO_ENTRY || !is_below(&l->tree, line->entry, folder)) {
			list->line[to++] = *line;
			continue;
		}
		if (best == NO_ENTRY || l->need[line->entry].how < l->need[best].how ||
		    (l->need[line->entry].how == l->need[best].how &&
			l->need[line->entry].test < l->need[best].test))
			best = line->entry;
		free(line->text);
		free(line->reason);
	}
	list->count = to;
	put_reason(&l->need[best], &reason);
	add_listed(list, text_of(l, folder, "/**"), strbuf_steal(&reason), NO_ENTRY, 0);
	closure_below(&l->closure, folder, "listed", NO_ENTRY);
	closure_run(&l->closure);
}

static void
fold_all(struct learning *l, struct list *list)
{
	const struct tree *t = &l->tree;
	uint32_t i;

	/* From above: the widest comes first, and has taken the lines of those below. */
	for (i = 1; i < t->count; i++)
		if (is_dir(&t->e[i]) && !t->e[i].mount && is_to_fold(l, list, i))
			fold(l, list, i);
}

static int
by_text(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	int order = strcmp(x->text + (*x->text == '!'), y->text + (*y->text == '!'));

	return order ? order : strcmp(x->text, y->text);
}

/* What put_list() writes at the top of every list. */
static const char *const heading[] = {
    "# What the image keeps; prep's rule carve removes all else. Written by make",
    "# learn, which adds to it and leaves your own lines as they are: see learn(1)."};

/* People's comments, without the heading. */
static void
put_comments(struct strbuf *b, const char *text)
{
	const char *next;
	size_t k;

	for (; *text; text = next) {
		next = strchr(text, '\n') + 1;
		for (k = 0; k < sizeof(heading) / sizeof(heading[0]); k++)
			if (strlen(heading[k]) == (size_t)(next - 1 - text) &&
			    strncmp(text, heading[k], strlen(heading[k])) == 0)
				break;
		if (k == sizeof(heading) / sizeof(heading[0]))
			strbuf_add(b, text, (size_t)(next - text));
	}
}

static void
put_list(const struct learning *l, const struct list *list, struct strbuf *b)
{
	unsigned long tests = l->most_tests > l->old.tests ? l->most_tests : l->old.tests;
	size_t k, widest = 0;

	for (k = 0; k < sizeof(heading) / sizeof(heading[0]); k++)
		strbuf_printf(b, "%s\n", heading[k]);
	strbuf_printf(b, "# tests: %lu\n", tests);
	for (k = 0; k < list->count; k++)
		if (strlen(list->line[k].text) > widest && strlen(list->line[k].text) <= 40)
			widest = strlen(list->line[k].text);
	for (k = 0; k < list->count; k++) {
		const struct listed *line = &list->line[k];

		if (line->before)
			put_comments(b, line->before);
		strbuf_puts(b, line->text);
		if (*line->reason)
			strbuf_printf(b, "%*s# %s",
			    (int)(strlen(line->text) < widest ? widest - strlen(line->text) + 2
							      : 2),
			    "", line->reason);
		strbuf_putc(b, '\n');
	}
	if (l->old.after)
		put_comments(b, l->old.after);
}

static int
write_list(const char *path, const struct strbuf *b)
{
	const struct new_file f = {.bytes = b->s, .n = b->len, .mode = 0644};

	if (file_replace(AT_FDCWD, path, &f, NULL) == 0)
		return 0;
	report("write '%s':", path);
	return -1;
}

static int
has_line(const struct keep *k, const char *text)
{
	size_t i;

	for (i = 0; i < k->count; i++)
		if (strcmp(k->line[i].text, text) == 0)
			return 1;
	return 0;
}

static int
lists(const struct list *list, const char *text)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (strcmp(list->line[i].text, text) == 0)
			return 1;
	return 0;
}

static int
show_changes(const struct keep *before, const struct list *after)
{
	int changed = 0;
	size_t k;

	for (k = 0; k < after->count; k++)
		if (!has_line(before, after->line[k].text)) {
			printf("+ %s  # %s\n", after->line[k].text, after->line[k].reason);
			changed = 1;
		}
	for (k = 0; k < before->count; k++)
		if (!lists(after, before->line[k].text)) {
			printf("- %s  # %s\n", before->line[k].text, before->line[k].reason);
			changed = 1;
		}
	return changed;
}

static int
open_list(const char *path, struct keep *k)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	memset(k, 0, sizeof(*k));
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0) {
		report("open '%s':", path);
		return -1;
	}
	return keep_read(k, fd, path);
}

/* Puts text in front of what is there, and frees it. */
static void
prepend(char **there, char *text)
{
	char *both = xasprintf("%s%s", text, *there ? *there : "");

	free(text);
	free(*there);
	*there = both;
}

/* Comments above a line that goes are the next one's. */
static void
forget_learned(struct keep *k)
{
	size_t i, to = 0;

	for (i = 0; i < k->count; i++) {
		if (!is_learned(k->line[i].reason)) {
			k->line[to++] = k->line[i];
			continue;
		}
		prepend(
		    i + 1 < k->count ? &k->line[i + 1].before : &k->after, k->line[i].before);
		free(k->line[i].path);
		free(k->line[i].reason);
		free(k->line[i].text);
	}
	k->count = to;
	k->tests = 0;
}

static int
merge(struct learning *l, const struct needs_options *o, const struct keep *before)
{
	struct list list = {0};
	struct strbuf text = STRBUF_INIT;
	int status = EXIT_YES, changed;
	size_t k;

	closure_init(&l->closure, &l->tree, families_of);
	closure_of_list(&l->closure, &l->old, NULL, NULL);
	for (k = 0; k < l->old.count; k++) {
		add_listed(&list, xstrdup(l->old.line[k].text), xstrdup(l->old.line[k].reason),
		    NO_ENTRY, 1);
		list.line[k].before = l->old.line[k].before;
	}
	add_needed(l, &list);
	fold_all(l, &list);
	if (list.count)
		qsort(list.line, list.count, sizeof(*list.line), by_text);
	changed = show_changes(before, &list);
	put_list(l, &list, &text);
	if (o->dry)
		status = changed ? EXIT_NO : EXIT_YES;
	else if (write_list(o->list, &text))
		status = EXIT_TROUBLE;
	for (k = 0; k < list.count; k++) {
		free(list.line[k].text);
		free(list.line[k].reason);
	}
	free(list.line);
	strbuf_free(&text);
	closure_free(&l->closure);
	return status;
}

int
needs(const struct needs_options *o, char **runs)
{
	cleanup_fd int root = open(o->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct learning l = {0};
	struct keep before;
	uint32_t i;
	int status = EXIT_TROUBLE, bad;

	if (root < 0) {
		report("open '%s':", o->root);
		return EXIT_TROUBLE;
	}
	bad = open_list(o->list, &before) || open_list(o->list, &l.old) ||
	      tree_read(&l.tree, root);
	if (!bad) {
		if (o->forget)
			forget_learned(&l.old);
		l.need = xcalloc(l.tree.count, sizeof(*l.need));
		for (i = 0; i < l.tree.count; i++)
			l.need[i].how = HOWS;
		for (; *runs; runs++)
			bad |= runs_read(*runs, &l.most_tests, take_line, &l);
		drop_namesakes(&l);
	}
	if (!bad && o->own)
		bad = need_all_own(&l, o->own);
	if (!bad)
		status = merge(&l, o, &before);
	for (i = 0; l.need && i < l.tree.count; i++) {
		free(l.need[i].program);
		free(l.need[i].name);
	}
	free(l.need);
	tree_free(&l.tree);
	keep_free(&l.old);
	keep_free(&before);
	strbuf_free(&l.path);
	return status;
}
