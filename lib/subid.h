/* /etc/subuid and /etc/subgid, subuid(5): which ids of the host a user may hand on. */
#ifndef WHITTLE_SUBID_H
#define WHITTLE_SUBID_H

#include <stddef.h>
#include <stdint.h>

/* A line OWNER:FIRST:COUNT. */
struct subid {
	char *owner; /* a user's name, or number; for subgid(5) too */
	uint32_t first, count;
	size_t line; /* from 1 */
};

struct subids {
	struct subid *entry;
	size_t count;
};

/*
 * Adds the entries of n bytes. Empty lines and those that begin with # are no entries.
 * A line that is wrong is left out and told to bad (line number, what is wrong, arg),
 * which may be NULL. Returns how many were wrong.
 */
size_t subids_parse(struct subids *s, const char *text, size_t n,
    void (*bad)(size_t line, const char *what, void *arg), void *arg);

/* The same for all that is read from fd, at most 16 MiB. Returns how many lines were
 * wrong, or -1 with errno. */
long subids_read(
    struct subids *s, int fd, void (*bad)(size_t line, const char *what, void *arg), void *arg);

void subids_free(struct subids *s);

/* The first id after the entry. */
static inline uint64_t
subid_end(const struct subid *e)
{
	return (uint64_t)e->first + e->count;
}

#endif
