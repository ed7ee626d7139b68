/* Numbers as people read them. */
#ifndef WHITTLE_TEXT_H
#define WHITTLE_TEXT_H

#include <stdint.h>

struct strbuf;

/* The two largest units: "1 d 12 h", "59 s", "250 ms". */
void put_duration(struct strbuf *b, int64_t ms);
/* "512 bytes", "1.5 KiB". */
void put_size(struct strbuf *b, int64_t bytes);
/* "2024-02-29 13:37:00" in UTC; ns since 1970. */
void put_time(struct strbuf *b, int64_t ns);
/* "2024-02-29T13:37:00Z", RFC 3339. */
void put_time_iso(struct strbuf *b, int64_t ns);
/* Text for HTML, attributes too. Bytes that aren't valid UTF-8, control characters, and those
 * that turn the direction of writing become U+FFFD. */
void put_html(struct strbuf *b, const char *s);

#endif
