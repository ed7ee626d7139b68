/* One container's page, and all there is about it as JSON. */
#ifndef PAGE_DETAIL_H
#define PAGE_DETAIL_H

#include <time.h>

struct item;
struct site;
struct strbuf;

void render_detail(struct strbuf *b, const struct site *s, const struct item *i, time_t now);
void render_item(struct strbuf *b, const struct site *s, const struct item *i, time_t now);

#endif
