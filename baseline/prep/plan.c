#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "entrypoint.h"
#include "report.h"

const struct pass *
plan_pass(const struct plan *p, uint8_t number)
{
	return &p->passes[number - 1];
}

mode_t
plan_mode_of(const struct entry *e)
{
	return e->chmod ? e->new_mode : e->mode & 07777;
}

void
plan_remove_one(struct plan *p, uint32_t i)
{
	struct entry *e = &p->tree->e[i];

	if (e->keep) {
		if (!e->spared)
			e->spared = p->pass;
		return;
	}
	if (!e->unwanted && !e->account && i != TREE_ROOT)
		e->unwanted = p->pass;
}

void
plan_remove(struct plan *p, uint32_t i)
{
	uint32_t k;

	for (k = i; k < p->tree->e[i].end; k++)
		plan_remove_one(p, k);
}

void
plan_mode(struct plan *p, uint32_t i, mode_t mode)
{
	struct entry *e = &p->tree->e[i];

	if (mode == plan_mode_of(e))
		return;
	e->new_mode = mode;
	if (!e->chmod)
		e->chmod = p->pass;
}

void
plan_owner(struct plan *p, uint32_t i, uid_t uid, gid_t gid)
{
	struct entry *e = &p->tree->e[i];

	if (e->uid == uid && e->gid == gid)
		return;
	e->new_uid = uid;
	e->new_gid = gid;
	if (!e->chown)
		e->chown = p->pass;
}

/* On a usr-merged tree /bin, /lib and the like are links. */
static void
find_aliases(struct plan *p)
{
	static const char *const tops[] = {"/bin", "/lib", "/lib32", "/lib64", "/sbin"};
	size_t i;

	for (i = 0; i < sizeof(tops) / sizeof(tops[0]); i++) {
		uint32_t link = tree_child(p->tree, TREE_ROOT, tops[i] + 1), real;

		if (link == NO_ENTRY || !is_link(&p->tree->e[link]))
			continue;
		real = tree_resolve(p->tree, TREE_ROOT, tops[i], 1);
		if (real == NO_ENTRY || real == TREE_ROOT || !is_dir(&p->tree->e[real]))
			continue;
		p->alias[p->aliases].name = xstrdup(tops[i]);
		p->alias[p->aliases++].real = xstrdup(tree_path(p->tree, real, &p->path));
	}
}

/* Where "/bin/su" is the end of "/usr/bin/su", only an expression that is anchored at the
 * path's start can tell them apart. */
static int
adds_nothing(const struct alias *a, const char *expression)
{
	size_t real = strlen(a->real), name = strlen(a->name);

	return !strchr(expression, '^') && real >= name &&
	       strcmp(a->real + real - name, a->name) == 0;
}

static int
alias_matches(struct plan *p, enum conf_key key)
{
	size_t i;

	for (i = 0; i < p->aliases; i++) {
		const struct alias *a = &p->alias[i];
		size_t n = strlen(a->real);

		if (strncmp(p->path.s, a->real, n) || p->path.s[n] != '/' ||
		    adds_nothing(a, p->conf->value[key].text))
			continue;
		strbuf_cut(&p->alias_path, 0);
		strbuf_puts(&p->alias_path, a->name);
		strbuf_puts(&p->alias_path, p->path.s + n);
		if (conf_matches(p->conf, key, p->alias_path.s))
			return 1;
	}
	return 0;
}

int
plan_matches(struct plan *p, enum conf_key key, uint32_t i)
{
	const struct endings *endings = &p->conf->value[key].endings;

	if (endings->count)
		return endings_have(endings, tree_name(p->tree, i));
	tree_path(p->tree, i, &p->path);
	return conf_matches(p->conf, key, p->path.s) || alias_matches(p, key);
}

static uint32_t
find_directory(const struct tree *t, const char *path)
{
	uint32_t i = tree_resolve(t, TREE_ROOT, path, 1);

	return i != NO_ENTRY && i != TREE_ROOT && is_dir(&t->e[i]) ? i : NO_ENTRY;
}

static void
mark_system_directories(struct tree *t)
{
	static const char *const paths[] = {"/bin", "/etc", "/lib", "/sbin", "/usr"};
	size_t k;
	uint32_t top, i;

	for (k = 0; k < sizeof(paths) / sizeof(paths[0]); k++)
		if ((top = find_directory(t, paths[k])) != NO_ENTRY)
			for (i = top; i < t->e[top].end; i++)
				t->e[i].system = 1;
}

/* /sbin may be a link to another sbin, but also to a bin that holds everything: then
 * there is no sbin. */
static void
mark_sbin(struct tree *t)
{
	static const char *const paths[] = {"/sbin", "/usr/sbin"};
	size_t k;
	uint32_t top, i;

	for (k = 0; k < sizeof(paths) / sizeof(paths[0]); k++)
		if ((top = find_directory(t, paths[k])) != NO_ENTRY &&
		    strcmp(tree_name(t, top), "sbin") == 0)
			for (i = top + 1; i < t->e[top].end; i++)
				t->e[i].sbin = 1;
}

/* /etc/passwd has the name of a dangerous program, but it is none. */
static void
mark_accounts(struct tree *t)
{
	size_t k;

	for (k = 0; k < EDITS; k++) {
		uint32_t name = tree_resolve(t, TREE_ROOT, account_paths[k], 0);
		uint32_t file = tree_resolve(t, TREE_ROOT, account_paths[k], 1);

		if (file != NO_ENTRY && is_file(&t->e[file]))
			t->e[name].account = t->e[file].account = 1;
	}
}

/* An expression that says what goes is off when it is empty; one that says what stays
 * then keeps nothing. */
static int
is_on(const struct conf *c, const struct pass *pass)
{
	switch (pass->key) {
	case CONF_ALWAYS:
	case SBIN_DONT_DELETE_REGEX:
	case SUID_ACTION:
		return 1;
	case SYSDIRS_RM_REGEX:
		return c->value[pass->key].compiled;
	default:
		return conf_word(c, pass->key) != 0;
	}
}

static void
remove_found(uint32_t i, void *arg)
{
	plan_remove(arg, i);
}

/* The pass whose turn it is; NULL where it is switched off. */
static const struct pass *
turn_of(struct plan *p, size_t k)
{
	p->pass = (uint8_t)(k + 1);
	return is_on(p->conf, &p->passes[k]) ? &p->passes[k] : NULL;
}

static void
run_passes(struct plan *p)
{
	const struct pass *pass;
	const char *const *path;
	uint32_t i;
	size_t k;

	for (k = 0; k < p->passes_count; k++)
		if ((pass = turn_of(p, k)) && pass->paths)
			for (path = pass->paths; *path; path++)
				tree_glob(p->tree, *path, remove_found, p);
	for (i = 0; i < p->tree->count; i++)
		for (k = 0; k < p->passes_count; k++)
			if (p->passes[k].each && (pass = turn_of(p, k)))
				pass->each(p, i);
	for (k = 0; k < p->passes_count; k++)
		if ((pass = turn_of(p, k)) && pass->whole)
			pass->whole(p);
}

static int
run_again(struct plan *p)
{
	const struct pass *pass;
	int found = 0;
	size_t k;

	for (k = 0; k < p->passes_count; k++)
		if ((pass = turn_of(p, k)) && pass->again)
			found |= pass->again(p);
	return found;
}

/* What goes of the unwanted: not a mount, and no directory in which something stays. */
static void
settle_removals(struct tree *t)
{
	uint32_t i;

	for (i = 1; i < t->count; i++)
		t->e[i].remove = t->e[i].mount ? 0 : t->e[i].unwanted;
	for (i = t->count; i-- > 1;)
		if (!t->e[i].remove)
			t->e[t->e[i].parent].remove = 0;
}

static void
settle(struct plan *p)
{
	struct tree *t = p->tree;
	uint32_t i;

	for (i = t->count; i-- > 0;) {
		struct entry *e = &t->e[i], *parent = &t->e[e->parent];

		if (e->mount || e->remove)
			e->chmod = e->chown = e->edit = e->strip = 0;
		if (e->remove && e->late < plan_pass(p, e->remove)->stage)
			e->late = (unsigned)plan_pass(p, e->remove)->stage & 3;
		if (i == TREE_ROOT)
			break;
		/* A directory can't go before what is in it. */
		if (e->remove && parent->remove && parent->late < e->late)
			parent->late = e->late;
		if (has_work(e))
			parent->work_below |= 1u << e->late;
		parent->work_below |= e->work_below;
	}
}

void
plan_init(struct plan *p, const struct pass *passes, size_t n)
{
	*p = (struct plan){.passes = passes, .passes_count = n};
}

int
plan_make(struct plan *p, struct tree *tree, const struct conf *conf, struct starts *starts)
{
	p->tree = tree;
	p->conf = conf;
	tree->mounts = conf->value[RUNTIME_MOUNTS].text;
	tree->mount = starts->mount;
	tree->mount_count = starts->mounts;
	p->starts = starts;
	find_aliases(p);
	mark_system_directories(tree);
	mark_sbin(tree);
	mark_accounts(tree);
	starts_mark(p, starts);
	run_passes(p);
	do
		settle_removals(tree);
	while (run_again(p));
	settle(p);
	return p->failed ? -1 : 0;
}

void
plan_free(struct plan *p)
{
	size_t i;

	for (i = 0; i < p->aliases; i++) {
		free(p->alias[i].real);
		free(p->alias[i].name);
	}
	for (i = 0; i < EDITS; i++)
		edit_free(&p->edits[i]);
	strbuf_free(&p->path);
	strbuf_free(&p->alias_path);
}
