/* Baselines: what a tree is made of, as an mtree(5) file. */
#ifndef FILEWATCH_BASELINE_H
#define FILEWATCH_BASELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pattern.h"

struct strbuf;

/* What of an entry is known, or differs; a set of bits. */
enum what {
	WHAT_TYPE = 1 << 0,
	WHAT_MODE = 1 << 1,
	WHAT_UID = 1 << 2,
	WHAT_GID = 1 << 3,
	WHAT_SIZE = 1 << 4,
	WHAT_SHA256 = 1 << 5,
	WHAT_LINK = 1 << 6,
	WHAT_CAPS = 1 << 7,
	WHAT_ALL = (1 << 8) - 1,
};

enum { DIGEST_BYTES = 32, CAPS_MAX = 24 };

struct entry {
	char *path;     /* from the root: "/etc/passwd", "/" */
	char *link;     /* a link's target, else NULL */
	unsigned known; /* enum what */
	mode_t mode;    /* type and permissions */
	uid_t uid;
	gid_t gid;
	int64_t size;
	unsigned char sha256[DIGEST_BYTES];
	unsigned char caps[CAPS_MAX]; /* security.capability's bytes */
	unsigned char caps_len;
};

struct baseline {
	struct entry *entry; /* sorted by path, no two the same */
	size_t count, room;
	struct pattern *exclude;
	char **exclude_text;
	size_t excludes;
};

/*
 * Reads any mtree(5) file (libarchive does), and in comments what mtree has no words for:
 * "# exclude PATTERN" and "# xattr ./PATH security.capability=HEX". Returns 0, or -1 after
 * a message that names the file. The caller frees in both cases.
 */
int baseline_read(struct baseline *b, const char *file);
int baseline_parse(struct baseline *b, const char *name, const char *bytes, size_t n);
void baseline_free(struct baseline *b);

/* NULL, or what is wrong with the pattern. */
const char *baseline_exclude(struct baseline *b, const char *pattern);
bool baseline_is_excluded(const struct baseline *b, const char *path);

const struct entry *baseline_find(const struct baseline *b, const char *path);
/* It holds something below this directory. */
bool baseline_has_below(const struct baseline *b, const char *directory);
/* Takes the entry's memory over. */
void baseline_add(struct baseline *b, struct entry *e);
/* Once after the last baseline_add(). */
void baseline_sort(struct baseline *b);

void entry_free(struct entry *e);
struct entry entry_copy(const struct entry *e);
const char *entry_type(const struct entry *e);

/* The file's text, the same for the same entries. */
void baseline_format(struct strbuf *out, const struct baseline *b);
/* Puts it in the file's place in one step; "-" is standard output. Returns 0, or -1 after
 * a message. */
int baseline_write(const struct baseline *b, const char *file);

#endif
