/* The plan: what the passes want changed in a tree, settled into what will be changed. */
#ifndef PREP_PLAN_H
#define PREP_PLAN_H

#include "conf.h"
#include "edit.h"
#include "starts.h"
#include "tree.h"

/*
 * The order in which things are applied. Whoever kills prep and runs it again has to end
 * up with the same tree, so what tells a pass that other things are to go (a file named
 * "sh" makes a shell of its other names) goes after them, and prep itself last of all.
 */
enum { STAGE_MAIN, STAGE_TELLTALE, STAGE_SELF, STAGES };

struct plan;

/* A pass has one or more of: paths that go, something to do at each entry, or once. */
struct pass {
	const char *name;    /* the rule, in the ledger and in findings */
	const char *finding; /* what the audit says of an entry that it would change */
	enum conf_key key;   /* its switch, or CONF_ALWAYS */
	int stage;           /* in which its removals are applied */
	const char *const *paths;
	void (*each)(struct plan *p, uint32_t i);
	void (*whole)(struct plan *p);
	/* Called whenever it is settled what goes, until no pass finds anything more. */
	int (*again)(struct plan *p);
};

struct busyboxes;
struct closure;
struct keep;

struct plan {
	struct tree *tree;
	const struct conf *conf;
	const struct pass *passes; /* in their order */
	size_t passes_count;
	struct starts *starts;
	uint8_t pass; /* the one at work: its place in passes[], from 1 */
	struct edit edits[EDITS];
	struct busyboxes *busyboxes; /* see busybox.h */
	const struct keep *keep;     /* what stays; NULL: no list, and the rule carve is off */
	struct closure *closure;     /* of that, see carve.h */
	int failed; /* a pass doesn't know enough for the plan to be carried out */
	struct strbuf path, alias_path;
	struct alias { /* on a usr-merged tree "/bin" is another name of "/usr/bin" */
		char *real, *name;
	} alias[8];
	size_t aliases;
};

/* Empty, over the n passes of a table. plan_free() is due. */
void plan_init(struct plan *p, const struct pass *passes, size_t n);

/* Runs every pass that is switched on. Returns 0, or -1 after a report() where no part of
 * the plan can be trusted. */
int plan_make(
    struct plan *p, struct tree *tree, const struct conf *conf, struct starts *starts);
void plan_free(struct plan *p);

/* For the passes: the entry and all below it is to go; the entry alone; it gets these
 * permission bits; this owner. */
void plan_remove(struct plan *p, uint32_t i);
void plan_remove_one(struct plan *p, uint32_t i);
void plan_mode(struct plan *p, uint32_t i, mode_t mode);
void plan_owner(struct plan *p, uint32_t i, uid_t uid, gid_t gid);

/* The permission bits that an entry has after what is planned so far. */
mode_t plan_mode_of(const struct entry *e);

/* Whether the entry's path, by any of its names on a usr-merged tree, fits. */
int plan_matches(struct plan *p, enum conf_key key, uint32_t i);

/* The pass behind a number of struct entry. */
const struct pass *plan_pass(const struct plan *p, uint8_t number);

static inline int
has_work(const struct entry *e)
{
	return e->remove || e->chmod || e->chown || e->edit || e->spared;
}

#endif
