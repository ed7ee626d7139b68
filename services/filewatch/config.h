/* filewatch's settings: what the YAML file may say, and what it becomes. */
#ifndef FILEWATCH_CONFIG_H
#define FILEWATCH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pattern.h"

enum { NOT_SET = -1 };

/* A text or an extended regular expression (regex(7)) that is looked for, line by line. */
struct needle {
	char *text;
	size_t len;
	bool is_regex;
	void *regex; /* regex_t, compiled; NULL for a plain text */
};

struct bounds {
	bool set;
	int64_t min, max;
};

enum empty_kind { EMPTY_NOT_ASKED, EMPTY_FILE, EMPTY_DIR };

struct rule {
	char *path;    /* as written */
	size_t line;   /* in the settings file */
	char *summary; /* what is asked, for people: "at most 2 h old; without 'ERROR'" */
	struct pattern pattern;
	bool skip;
	bool is_sidecar; /* stands for the neighbour, has no files of its own */
	bool missing_ok;
	int64_t max_age, min_age, grace; /* ms, NOT_SET */
	enum empty_kind empty;
	struct needle *not_found, *found; /* NULL: not asked */
	struct bounds count, size;
	int64_t uid, gid;        /* NOT_SET */
	int32_t mode, mode_max;  /* permission bits, NOT_SET */
	char *integrity;         /* path of the baseline, NULL */
	char *integrity_root;    /* the tree that it is about */
	int64_t integrity_every; /* ms between hashing everything */
	int64_t integrity_rate;  /* bytes a second, 0: as fast as it goes */
};

struct notify {
	char **command; /* NULL-terminated, NULL: none */
	int64_t every;  /* ms, at most one run in this time */
	int64_t timeout;
};

struct sidecar {
	char *baseline;  /* mtree file; NULL: not a sidecar */
	char *neighbour; /* name of its program, where there are several; NULL */
	int64_t interval, restart_window, term_wait; /* ms */
	int64_t restarts;
};

struct config {
	char *file;
	char *host, *port; /* to listen on */
	char *title;
	int64_t interval; /* ms between full scans */
	int64_t poll;     /* ms between looks where there are no events */
	int64_t stale;    /* ms that a result may be overdue */
	int64_t connections;
	struct notify notify;
	struct sidecar sidecar;
	struct rule *rule;
	size_t rules;
	const struct rule **direct; /* the direct ones, by path */
	size_t directs;
	const struct rule **skipping; /* those with skip and wildcards */
	size_t skippings;
	int references;
};

/* Reads and checks. NULL after messages, one for each mistake: "FILE:LINE:COLUMN: …".
 * The caller drops what it gets. */
struct config *config_read(const char *file);
/* The same from bytes; name for messages. */
struct config *config_parse(const char *name, const char *bytes, size_t n);
struct config *config_hold(struct config *c);
void config_drop(struct config *c);

/* The rule whose direct path this is, NULL. */
const struct rule *config_direct(const struct config *c, const char *path);
/* A rule with skip, or a direct one, takes path away from other rules' wildcards. */
bool config_is_exception(const struct config *c, const char *path);

#endif
