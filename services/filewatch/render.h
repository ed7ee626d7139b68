/* A result in the forms that people and programs read. All of them only compute. */
#ifndef FILEWATCH_RENDER_H
#define FILEWATCH_RENDER_H

#include <stdbool.h>
#include <stdint.h>

struct board;
struct status;
struct strbuf;

/* s may be NULL: nothing is known yet. stale: the watcher is overdue. */
struct view {
	const struct status *status;
	struct board *board;
	bool stale;
	int64_t now; /* ns */
};

void render_page(struct strbuf *b, const struct view *v);
void render_json(struct strbuf *b, const struct view *v);
void render_metrics(struct strbuf *b, const struct view *v);

/* For a terminal. */
void render_table(struct strbuf *b, const struct view *v);
/* One line and performance data, for check commands of Nagios and its kin. Returns their
 * exit status: 0 ok, 1 warning, 2 critical, 3 unknown. */
int render_nagios(struct strbuf *b, const struct view *v);

/* Behind the style that all pages share, see webpage.h. */
extern const char page_css[], page_icon[];

#endif
