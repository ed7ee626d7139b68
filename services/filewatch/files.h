/* What is known about a rule's files, and what follows from it. */
#ifndef FILEWATCH_FILES_H
#define FILEWATCH_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "scan.h"
#include "search.h"
#include "status.h"

struct file {
	struct file *next; /* in its slot */
	struct search *search;
	struct facts facts;
	uint32_t findings;
	unsigned round; /* the scan that saw it last */
	int64_t bad_since;
	bool pending;      /* its search isn't at the end */
	bool watch_itself; /* its directory's events aren't enough: a link, hard links, or a
			    * directory whose entries matter */
	char path[];
};

struct rule_state {
	const struct rule *rule;
	struct file **slot;
	size_t slots, files, pending, judged_files;
	unsigned round;
	bool scanned;
	bool dirty;         /* to be judged again */
	char *trouble;      /* what kept the last scan from seeing all, NULL */
	uint32_t integrity; /* RULE_INTEGRITY, RULE_UNVERIFIED */
	char *integrity_message;
	/* the judgement */
	enum state state;
	uint32_t findings;
	size_t bad;
	struct history past;
	int64_t since, bad_since; /* ns; bad_since: findings of the rule itself, 0: none */
	int64_t next;             /* when another judgement comes by time alone */
	int64_t oldest;
};

void rule_state_init(struct rule_state *s, const struct rule *r);
void rule_state_free(struct rule_state *s);

/* Expands the rule's path and looks at everything. also (may be NULL) is told of each
 * directory and file, for watching them. */
struct rule_watcher {
	void (*directory)(void *arg, const char *path, const struct stat *st);
	void (*file)(void *arg, const struct file *f);
	void *arg;
};
void rule_scan(
    struct rule_state *s, const struct config *c, int rootfd, const struct rule_watcher *also);

/* Looks at one path of the rule that may have changed, come or gone. Returns the file,
 * NULL where there is none. */
struct file *rule_look(struct rule_state *s, int rootfd, const char *path);

/* Goes on with searches, about budget bytes. Returns what is left of it. */
int64_t rule_search(struct rule_state *s, int rootfd, int64_t budget);

/* Judges all. Returns true where what people see of it changed. */
bool rule_judge(struct rule_state *s, int64_t now);

void rule_report(const struct rule_state *s, struct rule_status *out);

/* Whether the machine's clock is likely to be right: something keeps it right, or the machine
 * has been up for a quarter of an hour, so that nothing may ever do. */
bool clock_is_trusted(void);

#endif
