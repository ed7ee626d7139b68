/* What both kinds of page are made of. Everything of a description goes through put_html(). */
#ifndef PAGE_PARTS_H
#define PAGE_PARTS_H

#include <jansson.h>
#include <stdint.h>
#include <time.h>

#include "site.h"
#include "strbuf.h"

/* NULL, and the default, where it is missing or something else. */
const char *text_of(const json_t *o, const char *key);
int64_t number_of(const json_t *o, const char *key, int64_t otherwise);

/* The text of a key; "?" where there is none. */
void put_of(struct strbuf *b, const json_t *o, const char *key);

/* root: the way to the site's top, "" or "../../". title is escaped. */
void put_head(struct strbuf *b, const char *title, const char *root, const char *class);
void put_end(
    struct strbuf *b, const struct site *s, const char *root, const char *json, time_t now);

/* "3 h ago", its instant beside it; "never" for none. */
void put_ago(struct strbuf *b, int64_t when, time_t now);
/* The twelve digits by which people know an image; "-". */
void put_image(struct strbuf *b, const char *id);
void put_bytes(struct strbuf *b, int64_t n);

/* percent may be above 100. class "" decides by how near that is. */
void put_bar(struct strbuf *b, int64_t percent, const char *class, const char *what);

/* State and health as a pill, and since when. */
void put_state(struct strbuf *b, const struct item *i, time_t now);
void put_size_bar(struct strbuf *b, const struct item *i);
void put_memory(struct strbuf *b, const struct item *i);
void put_exposure(struct strbuf *b, const struct item *i);
/* Whether that is what should run. */
void put_live(struct strbuf *b, const struct item *i);

/* What "d outdated" found and hasn't been brought up to date since; NULL: it didn't look since.
 */
const json_t *updates_of(const struct item *i, size_t *security);

#endif
