/* Hosts' descriptions, and the containers in them. */
#ifndef PAGE_SITE_H
#define PAGE_SITE_H

#include <jansson.h>
#include <stddef.h>

/* One container of one host. */
struct item {
	const json_t *host, *o;
	const char *host_name, *name;
	char *path; /* "at/HOST/NAME", relative, of letters that need no escape */
	int mood;   /* enum mood */
};

enum mood { BAD, WARN, GOOD, OFF, MOODS };
extern const char *const mood_names[MOODS]; /* as descriptions have them */

struct site {
	json_t **host;
	size_t hosts;
	struct item *item; /* what needs attention first; by host and name */
	size_t items;
};

/* Takes over the descriptions in a text, one after the other; a host's later one replaces its
 * earlier one. Returns 0, or -1 after a report() that names what for each that is none. */
int site_add(struct site *s, const char *text, size_t n, const char *what);

/* Once all are there: the items. Logs that this one's descriptions lack are taken from the one
 * before (NULL: none). */
void site_finish(struct site *s, const struct site *before);
void site_free(struct site *s);

#endif
