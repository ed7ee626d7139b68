/* Which pages there are. */
#ifndef PAGE_PAGES_H
#define PAGE_PAGES_H

#include <time.h>

struct item;
struct site;
struct strbuf;

struct page {
	const char *path; /* "index.html"; items': what is behind item.path, ".html" */
	const char *type;
	void (*render)(
	    struct strbuf *b, const struct site *s, const struct item *i, time_t now);
};

/* The last one's path is NULL. item_pages are there for each item. */
extern const struct page site_pages[], item_pages[];

/* The page of a path, and its item (NULL for one of the site's); NULL where there is none. */
const struct page *page_find(const struct site *s, const char *path, const struct item **i);

#endif
