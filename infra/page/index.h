/* All hosts on one page, and as one document of JSON without what belongs to a container's own
 * page. */
#ifndef PAGE_INDEX_H
#define PAGE_INDEX_H

#include <time.h>

struct item;
struct site;
struct strbuf;

void render_index(struct strbuf *b, const struct site *s, const struct item *i, time_t now);
void render_hosts(struct strbuf *b, const struct site *s, const struct item *i, time_t now);

#endif
