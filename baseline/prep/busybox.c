#include "busybox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets_cut.h"
#include "applets_names.h"
#include "cleanup.h"
#include "commands.h"
#include "report.h"

enum {
	SMALLEST = 4096, /* no BusyBox is below that */
	SCRIPT_MAX = 1 << 20,
};

static const char *
text_of(const struct plan *p, enum conf_key key)
{
	return p->conf->value[key].text;
}

static int
is_asked_for(const struct plan *p)
{
	return *text_of(p, APPLETS_KEEP) || *text_of(p, APPLETS_RM);
}

/* Where a list says what stays, the applets are those by whose names anything is left. */
static int
is_carved(const struct plan *p)
{
	return p->keep && !is_asked_for(p);
}

/* How many were found, 0 where none was looked for. */
static size_t
busyboxes(const struct plan *p)
{
	return p->busyboxes ? p->busyboxes->count : 0;
}

struct busybox *
busybox_of(const struct plan *p, uint32_t i)
{
	const uint32_t *names;
	uint32_t n = tree_names_of(p->tree, i, &names), first = n ? names[0] : i;

	for (size_t k = 0; k < busyboxes(p); k++)
		if (p->busyboxes->one[k].entry == first)
			return &p->busyboxes->one[k];
	return NULL;
}

/* ---- finding them ---- */

static int
is_first_name(const struct tree *t, uint32_t i)
{
	const uint32_t *names;

	return tree_names_of(t, i, &names) == 0 || names[0] == i;
}

static int
begins_as_program(int fd)
{
	char magic[4];

	return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) &&
	       memcmp(magic, "\177ELF", sizeof(magic)) == 0;
}

/* A file of any name, and without the right to execute it, too: a program's loader asks
 * for no such right. */
static void
look_at_file(struct plan *p, uint32_t i)
{
	cleanup_fd int fd = tree_open(p->tree, i);
	struct busybox b = {.entry = i, .renewed = NO_ENTRY};

	if (fd < 0 || !begins_as_program(fd))
		return;
	if (applets_read(&b.applets, fd) == 0) {
		struct busyboxes *all = p->busyboxes;

		all->one = xreallocarray(all->one, all->count + 1, sizeof(*all->one));
		all->one[all->count++] = b;
		return;
	}
	if (b.applets.is_busybox && is_asked_for(p)) {
		report("'%s' %s", tree_path(p->tree, i, &p->path), b.applets.why);
		p->failed = 1;
	}
	applets_free(&b.applets);
}

/* Unless a cut is asked for, only what says so by its name: the audit of a tree that holds
 * no BusyBox needn't read all its programs. */
static int
may_be_busybox(const struct plan *p, uint32_t i)
{
	const struct entry *e = &p->tree->e[i];

	return is_file(e) && !e->mount && !e->unwanted && e->size >= SMALLEST &&
	       is_first_name(p->tree, i) &&
	       (is_asked_for(p) || applets_is_dispatcher(tree_name(p->tree, i)));
}

static void
read_all(struct plan *p)
{
	const struct tree *t = p->tree;

	if (p->busyboxes)
		return;
	p->busyboxes = xcalloc(1, sizeof(*p->busyboxes));
	for (uint32_t i = 1; i < t->count; i++)
		if (may_be_busybox(p, i))
			look_at_file(p, i);
}

void
busybox_free(struct plan *p)
{
	for (size_t k = 0; k < busyboxes(p); k++) {
		applets_free(&p->busyboxes->one[k].applets);
		strbuf_free(&p->busyboxes->one[k].cut);
	}
	if (p->busyboxes)
		free(p->busyboxes->one);
	free(p->busyboxes);
	p->busyboxes = NULL;
}

/* ---- reading scripts ---- */

static int
ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

/* A shell script's text, and its shell by its name, "" for the usual one; NULL where it is
 * none. free(3) it. */
static char *
script_of(const struct plan *p, uint32_t i, size_t *n, char *shell, size_t size)
{
	const struct entry *e = &p->tree->e[i];
	cleanup_fd int fd = -1;
	char *text;
	ssize_t k;

	if (!is_file(e) || e->mount || e->remove || e->size <= 2 || e->size > SCRIPT_MAX ||
	    !is_first_name(p->tree, i) || (fd = tree_open(p->tree, i)) < 0)
		return NULL;
	text = xmalloc((size_t)e->size + 1);
	*n = 0;
	while (*n < (size_t)e->size && ((k = read(fd, text + *n, (size_t)e->size - *n)) > 0 ||
					   (k < 0 && errno == EINTR)))
		*n += k > 0 ? (size_t)k : 0;
	text[*n] = '\0';
	commands_shell(text, *n, shell, size);
	if (*shell ||
	    ((*n < 2 || memcmp(text, "#!", 2) != 0) && ends_in(tree_name(p->tree, i), ".sh")))
		return text;
	free(text);
	return NULL;
}

/* ---- cutting ---- */

static void
remove_program(struct plan *p, uint32_t i)
{
	const uint32_t *names;
	uint32_t n = tree_names_of(p->tree, i, &names);

	plan_remove_one(p, i);
	while (n-- > 0)
		plan_remove_one(p, names[n]);
}

/* What the ledger is to say. */
static void
note_cut(struct busybox *b)
{
	const char *between = "";

	strbuf_puts(&b->cut, "\"applets\":[");
	for (int builtin = 0; builtin < 2; builtin++) {
		for (size_t i = 0; i < b->applets.count; i++) {
			const struct applet *a = &b->applets.applet[i];

			if (!a->doomed || !a->alive || (builtin && !a->builtin))
				continue;
			strbuf_puts(&b->cut, between);
			strbuf_put_json(&b->cut, a->name, strlen(a->name));
			between = ",";
		}
		strbuf_puts(&b->cut, builtin ? "]" : "],\"builtin\":[");
		between = "";
	}
}

static int
is_left_with_nothing(const struct applets *a)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->applet[i].alive && !a->applet[i].doomed &&
		    !applets_is_dispatcher(a->applet[i].name))
			return 0;
	return 1;
}

/* list: words as in APPLETS_KEEP (keep 1) or APPLETS_RM (keep 0). */
static void
cut_one(struct plan *p, struct busybox *b, const char *list, int keep)
{
	struct strbuf unknown = STRBUF_INIT;
	const uint32_t *names;
	uint32_t n = tree_names_of(p->tree, b->entry, &names);

	applets_choose(&b->applets, list, keep, &unknown);
	strbuf_free(&unknown);
	if (is_left_with_nothing(&b->applets)) {
		/* By no name but its own it is called with an applet's name, who knows which.
		 */
		if (!is_carved(p))
			remove_program(p, b->entry);
		return;
	}
	note_cut(b);
	if (applets_cut(&b->applets) < 0) {
		report("'%s' %s", tree_path(p->tree, b->entry, &p->path), b->applets.why);
		p->failed = 1;
		return;
	}
	if (!b->applets.changed)
		return;
	p->tree->e[b->entry].edit = p->pass;
	while (n-- > 0)
		p->tree->e[names[n]].edit = p->pass;
}

/* Whether a word of the lists makes sense: what is to be kept must be there; what is to go
 * may be gone, as long as it could be an applet at all. */
static void
check_word(struct plan *p, const char *word, int keep)
{
	for (size_t k = 0; k < busyboxes(p); k++) {
		const struct applet *a = applets_find(&p->busyboxes->one[k].applets, word);

		if (a && (a->alive || !keep))
			return;
	}
	if (applets_is_dispatcher(word) && keep)
		return;
	if (keep)
		report("APPLETS_KEEP: no BusyBox here has an applet '%s'", word);
	else if (applets_is_dispatcher(word))
		report("APPLETS_RM: 'busybox' can't be cut: it's what calls the applets");
	else if (!name_is_known(word))
		report("APPLETS_RM: there is no applet '%s'", word);
	else
		return;
	p->failed = 1;
}

static void
check_words(struct plan *p, enum conf_key key)
{
	static const char between[] = ", \t\n";
	const char *at = text_of(p, key);

	for (at += strspn(at, between); *at; at += strspn(at, between)) {
		size_t len = strcspn(at, between);
		cleanup_free char *word = xstrndup(at, len);

		check_word(p, word, key == APPLETS_KEEP);
		at += len;
	}
}

static void
add_word(void *list, const char *word, size_t len, size_t line)
{
	const char *slash = memrchr(word, '/', len);

	(void)line;
	strbuf_putc(list, ' ');
	strbuf_add(
	    list, slash ? slash + 1 : word, slash ? (size_t)(word + len - slash - 1) : len);
}

/* What a list of kept files leaves of a BusyBox: the applets whose names are left, and those
 * that scripts which are left name. */
static void
cut_by_names(struct plan *p, struct busybox *b, const struct strbuf *scripts)
{
	struct strbuf list = STRBUF_INIT;
	const struct tree *t = p->tree;

	strbuf_add(&list, scripts->s ? scripts->s : "", scripts->len);
	for (uint32_t i = 1; i < t->count; i++) {
		const struct entry *e = &t->e[i];
		uint32_t program = i;

		if (e->unwanted)
			continue;
		if (is_link(e))
			program = tree_resolve(t, e->parent, tree_target(t, i), 1);
		if (program != NO_ENTRY && is_file(&t->e[program]) &&
		    busybox_of(p, program) == b)
			add_word(&list, tree_name(t, i), strlen(tree_name(t, i)), 0);
	}
	cut_one(p, b, list.s ? list.s : "", 1);
	strbuf_free(&list);
}

static void
cut_what_is_carved(struct plan *p)
{
	struct strbuf scripts = STRBUF_INIT;
	const struct tree *t = p->tree;

	read_all(p);
	for (uint32_t i = 1; i < t->count && busyboxes(p) > 0; i++) {
		cleanup_free char *text = NULL;
		char shell[16];
		size_t n;

		if (!t->e[i].unwanted && (text = script_of(p, i, &n, shell, sizeof(shell))))
			commands_in(text, n, add_word, &scripts);
	}
	for (size_t k = 0; k < busyboxes(p) && !p->failed; k++)
		if (!t->e[p->busyboxes->one[k].entry].unwanted)
			cut_by_names(p, &p->busyboxes->one[k], &scripts);
	strbuf_free(&scripts);
}

void
busybox_cut(struct plan *p)
{
	const char *keep = text_of(p, APPLETS_KEEP);

	if (is_carved(p))
		cut_what_is_carved(p);
	if (!is_asked_for(p))
		return;
	if (*keep && *text_of(p, APPLETS_RM)) {
		report("APPLETS_KEEP and APPLETS_RM: one of them has to be empty");
		p->failed = 1;
		return;
	}
	read_all(p);
	if (busyboxes(p) == 0)
		return;
	check_words(p, *keep ? APPLETS_KEEP : APPLETS_RM);
	for (size_t k = 0; k < busyboxes(p) && !p->failed; k++)
		cut_one(p, &p->busyboxes->one[k], *keep ? keep : text_of(p, APPLETS_RM),
		    *keep != '\0');
}

/* ---- names ---- */

static int
calls_something(const struct applets *a, const char *name)
{
	const struct applet *applet = applets_find(a, name);

	return applets_is_dispatcher(name) || (applet && applet->alive);
}

/* A program that is none by its name and has no other is left: a copy for some purpose. */
void
busybox_unlink(struct plan *p)
{
	struct tree *t = p->tree;

	if (!is_asked_for(p) || p->failed)
		return;
	for (uint32_t i = 1; i < t->count; i++) {
		const struct entry *e = &t->e[i];
		const struct busybox *b;
		const uint32_t *names;
		uint32_t program = i;

		if (is_link(e))
			program = tree_resolve(t, e->parent, tree_target(t, i), 1);
		else if (!is_file(e) || tree_names_of(t, i, &names) == 0)
			continue;
		b = program == NO_ENTRY ? NULL : busybox_of(p, program);
		if (b && !calls_something(&b->applets, tree_name(t, i)))
			plan_remove_one(p, i);
	}
}

/* ---- scripts ---- */

struct search {
	struct plan *plan;
	uint32_t script;
	struct strbuf told;          /* the names that were found in it, each with a NUL */
	const struct applets *shell; /* its shell is this BusyBox; NULL: another one */
	void (*found)(void *arg, uint32_t script, const char *name, size_t line);
	void *arg;
};

/* Whether the tree, once the plan is carried out, has a program of that name where a
 * shell looks for it; one without a slash also where it is a living applet, which a
 * shell that knows applets calls without a link. */
static int
is_brought(const struct plan *p, const char *name)
{
	static const char *const directories[] = {
	    "/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"};
	const struct tree *t = p->tree;

	if (strchr(name, '/'))
		return tree_resolve(t, TREE_ROOT, name, 1) != NO_ENTRY;
	for (size_t k = 0; k < sizeof(directories) / sizeof(directories[0]); k++) {
		cleanup_free char *path = xasprintf("%s/%s", directories[k], name);

		if (tree_resolve(t, TREE_ROOT, path, 1) != NO_ENTRY)
			return 1;
	}
	for (size_t k = 0; k < busyboxes(p); k++)
		if (calls_something(&p->busyboxes->one[k].applets, name))
			return 1;
	return 0;
}

static int
is_builtin(const struct search *s, const char *name)
{
	if (s->shell)
		return applets_has_builtin(s->shell, name);
	return commands_is_builtin(name, strlen(name));
}

/* Whether it is the first time in this script. */
static int
is_new(struct search *s, const char *name)
{
	size_t at = 0;

	while (at < s->told.len && strcmp(s->told.s + at, name) != 0)
		at += strlen(s->told.s + at) + 1;
	if (at < s->told.len)
		return 0;
	strbuf_add(&s->told, name, strlen(name) + 1);
	return 1;
}

static void
look_at_command(void *arg, const char *word, size_t len, size_t line)
{
	struct search *s = arg;
	const char *slash = strrchr(word, '/'), *name = slash ? slash + 1 : word;

	(void)len;
	/* a path that isn't absolute hangs on where the script is called */
	if ((slash && *word != '/') || !name_is_known(name))
		return;
	if ((slash || !is_builtin(s, name)) && !is_brought(s->plan, word) && is_new(s, name))
		s->found(s->arg, s->script, name, line);
}

static const struct applets *
shell_of(const struct plan *p, const char *name)
{
	cleanup_free char *path = xasprintf("/bin/%s", *name ? name : "sh");
	uint32_t program = tree_resolve(p->tree, TREE_ROOT, path, 1);
	const struct busybox *b = program == NO_ENTRY ? NULL : busybox_of(p, program);

	return b ? &b->applets : NULL;
}

/* shell: by its name, "" for the usual one. */
static void
look_at_text(struct search *s, uint32_t i, const char *text, size_t n, const char *shell)
{
	s->script = i;
	strbuf_cut(&s->told, 0);
	s->shell = shell_of(s->plan, shell);
	commands_in(text, n, look_at_command, s);
}

static int
is_cut_somewhere(const struct plan *p)
{
	for (size_t k = 0; k < busyboxes(p); k++)
		if (p->busyboxes->one[k].applets.cut ||
		    applets_nameless(&p->busyboxes->one[k].applets))
			return 1;
	return 0;
}

void
busybox_find_calls(struct plan *p, const char *entry_point,
    void (*found)(void *arg, uint32_t script, const char *name, size_t line), void *arg)
{
	struct search s = {.plan = p, .found = found, .arg = arg};
	const struct tree *t = p->tree;

	read_all(p);
	if (!is_cut_somewhere(p))
		return;
	for (uint32_t i = 1; i < t->count; i++) {
		cleanup_free char *text = NULL;
		char shell[16];
		size_t n;

		if ((text = script_of(p, i, &n, shell, sizeof(shell))))
			look_at_text(&s, i, text, n, shell);
	}
	if (entry_point)
		look_at_text(&s, TREE_ROOT, entry_point, strlen(entry_point), "");
	strbuf_free(&s.told);
}
