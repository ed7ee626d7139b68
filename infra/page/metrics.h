/* What is on the page in Prometheus' text format, version 0.0.4. */
#ifndef PAGE_METRICS_H
#define PAGE_METRICS_H

#include <time.h>

struct item;
struct site;
struct strbuf;

void render_metrics(struct strbuf *b, const struct site *s, const struct item *i, time_t now);

#endif
