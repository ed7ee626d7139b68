/* Paths that name files: direct, with wildcards, or the newest of a directory. */
#ifndef FILEWATCH_PATTERN_H
#define FILEWATCH_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

enum { PATTERN_PARTS_MAX = 60 };

/*
 * "/var/log/app.log" is direct. "*", "?" and "[…]" match within one name, and a leading
 * dot only where the pattern has one, as in a shell; "**" as a whole name matches any
 * number of directories, none too; "\" takes the next character as it is.
 * "/dir/db-{NEWEST}.gz" is the file of /dir that was modified last among db-*.gz.
 */
struct pattern {
	char *base;     /* the directory above the first name with a wildcard: "/var/log" */
	char **part;    /* the names from there on; a direct path: its last name alone */
	unsigned parts; /* how many */
	bool direct;
	bool newest;
};

/* NULL, or what is wrong with path: then p holds nothing. */
const char *pattern_parse(struct pattern *p, const char *path);
void pattern_free(struct pattern *p);

/*
 * How far a path below base has come: bit i says that part i may come next, the bit
 * numbered parts that the path is a match.
 */
typedef uint64_t pattern_state;

pattern_state pattern_start(const struct pattern *p);
pattern_state pattern_step(const struct pattern *p, pattern_state s, const char *name);
/* All names of path, "/a/b", one after the other. */
pattern_state pattern_walk(const struct pattern *p, const char *path);
bool pattern_is_match(const struct pattern *p, pattern_state s);
/* Something in this directory may match. */
bool pattern_goes_on(const struct pattern *p, pattern_state s);

/* Something below an absolute path may match. */
bool pattern_may_be_above(const struct pattern *p, const char *path);

/* An absolute path matches the whole pattern (for {NEWEST}: is a candidate). */
bool pattern_matches(const struct pattern *p, const char *path);

#endif
