/* passwd(5), shadow(5), group(5) and gshadow(5) as lines of fields, for a root file
 * system other than the running one's. */
#ifndef WHITTLE_ACCOUNTS_H
#define WHITTLE_ACCOUNTS_H

#include <stddef.h>
#include <sys/types.h>

/* A line of such a file, cut at its colons. */
struct account_line {
	char *text;     /* the line as it stands, without its newline */
	size_t fields;  /* how many */
	char *field[9]; /* shadow has the most; NULL beyond fields */
	char *cut;      /* the memory behind field[] */
};

struct accounts {
	struct account_line *line;
	size_t count;
};

/*
 * Reads fd to its end. Empty lines are kept (0 fields), so that line numbers hold.
 * A file of more than 16 MiB is refused (EFBIG). Returns 0, or -1 with errno.
 */
int accounts_read(int fd, struct accounts *a);
void accounts_free(struct accounts *a);

/* The number in a field: 0..2^32-2. Returns 0, or -1 with errno EINVAL. */
int account_id(const char *field, uid_t *id);

/* The id of a name (field 0) with its number in field 2, as in passwd and group.
 * Returns 0, or -1 with errno ENOENT. */
int accounts_lookup(const struct accounts *a, const char *name, uid_t *id);

/* The name of an id, NULL where there is none. The first line wins, as in libc. */
const char *accounts_name(const struct accounts *a, uid_t id);

#endif
