#include "carve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "families.h"
#include "report.h"

static void
say_stale(const struct keep_line *l, void *arg)
{
	const char *name = arg;

	/* A note, not an error: another version of a package may have other files. */
	fprintf(stderr, "prep: %s:%zu: nothing in the tree is '%s'\n", name, l->line, l->text);
}

/* What engines mount over or write to in containers (docker's --init mounts its program in
 * /sbin), and what prep and engines look for. */
static const char *const always[] = {"/dev", "/etc", "/proc", "/run", "/sbin", "/sys", "/tmp",
    "/var", "/var/tmp", "/var/run", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf",
    "/var/lib/whittle/ledger.jsonl", /* the rule self decides about these: */
    "/prep", "/prep-keep", "/prep-local", "/prep.conf", "/prep.starts"};

static void
keep_always(struct closure *c)
{
	size_t k;

	for (k = 0; k < sizeof(always) / sizeof(always[0]); k++) {
		uint32_t i = tree_resolve(c->tree, TREE_ROOT, always[k], 0);

		if (i != NO_ENTRY)
			closure_keep(c, i, "every container has it", NO_ENTRY);
	}
}

/* On a usr-merged tree the root directory's symbolic links to directories stay. */
static int
is_top_link(const struct tree *t, uint32_t i)
{
	uint32_t to;

	if (!is_link(&t->e[i]) || t->e[i].parent != TREE_ROOT)
		return 0;
	to = tree_resolve(t, TREE_ROOT, tree_target(t, i), 1);
	return to != NO_ENTRY && is_dir(&t->e[to]);
}

void
carve(struct plan *p)
{
	const struct tree *t = p->tree;
	struct closure *c;
	uint32_t i;

	if (!p->keep)
		return;
	c = p->closure = xcalloc(1, sizeof(*p->closure));
	closure_init(c, t, families_of);
	keep_always(c);
	for (i = 1; i < t->count; i++)
		if (t->e[i].keep)
			closure_keep(c, i, "entry point", NO_ENTRY);
	closure_of_list(c, p->keep, say_stale, p->keep->name);
	for (i = 1; i < t->count; i++)
		if (!c->kept[i].reason && !is_top_link(t, i))
			plan_remove_one(p, i);
}

int
carve_record(struct plan *p, struct ledger *l)
{
	const struct tree *t = p->tree;
	struct strbuf record = STRBUF_INIT, why = STRBUF_INIT;
	int status = 0;
	uint32_t i;

	if (!p->closure)
		return 0;
	strbuf_printf(&record,
	    "{\"action\":\"carve\",\"path\":\"/\",\"rule\":\"carve\",\"tests\":%lu}\n",
	    p->keep->tests);
	status = ledger_write(l, &record);
	for (i = 1; i < t->count && status == 0; i++) {
		if (t->e[i].remove || is_dir(&t->e[i]) || !p->closure->kept[i].reason)
			continue;
		closure_why(p->closure, i, &why);
		record_kept(&record, t, i, why.s);
		status = ledger_write(l, &record);
	}
	strbuf_free(&record);
	strbuf_free(&why);
	return status;
}

void
carve_free(struct plan *p)
{
	if (p->closure)
		closure_free(p->closure);
	free(p->closure);
	p->closure = NULL;
}
