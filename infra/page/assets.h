/* What the pages are shown with. */
#ifndef PAGE_ASSETS_H
#define PAGE_ASSETS_H

#include <time.h>

struct item;
struct site;
struct strbuf;

void render_style(struct strbuf *b, const struct site *s, const struct item *i, time_t now);
void render_script(struct strbuf *b, const struct site *s, const struct item *i, time_t now);
void render_icon(struct strbuf *b, const struct site *s, const struct item *i, time_t now);

#endif
