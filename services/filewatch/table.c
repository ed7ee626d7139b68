/* The result for a terminal, and for check commands. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "config.h"
#include "render.h"
#include "status.h"
#include "strbuf.h"

/* Columns that people see: UTF-8 continuation bytes take none. */
static size_t
width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static void
put_padded(struct strbuf *b, const char *s, size_t columns)
{
	size_t before = b->len, used;

	strbuf_put_visible(b, s, strlen(s));
	used = width(b->s + before);
	for (; used < columns; used++)
		strbuf_putc(b, ' ');
	strbuf_puts(b, "  ");
}

static size_t
widest_path(const struct status *s)
{
	enum { COLUMNS_MAX = 60 };
	size_t i, most = 4;

	for (i = 0; i < s->rules; i++) {
		size_t n = width(s->rule[i].rule->path);

		if (n > most && n <= COLUMNS_MAX)
			most = n;
	}
	return most;
}

static void
put_visible(struct strbuf *b, const struct strbuf *text)
{
	strbuf_put_visible(b, text->s ? text->s : "", text->len);
}

static void
put_row(struct strbuf *b, const struct rule_status *r, size_t columns, int64_t now)
{
	struct strbuf text = STRBUF_INIT;
	char files[24];

	snprintf(files, sizeof(files), "%zu", r->files);
	put_padded(b, state_name(r->state), 7);
	put_padded(b, r->rule->skip ? "-" : files, 5);
	put_padded(b, r->rule->path, columns);
	status_describe(&text, r, now);
	if (text.len) {
		put_visible(b, &text);
	} else {
		strbuf_put_visible(b, r->rule->summary, strlen(r->rule->summary));
	}
	strbuf_putc(b, '\n');
	strbuf_free(&text);
}

void
render_table(struct strbuf *b, const struct view *v)
{
	const struct status *s = v->status;
	const struct rule_status **sorted = status_sorted(s);
	size_t i, columns = widest_path(s);

	put_padded(b, "STATE", 7);
	put_padded(b, "FILES", 5);
	put_padded(b, "PATH", columns);
	strbuf_puts(b, "RESULT\n");
	for (i = 0; i < s->rules; i++)
		put_row(b, sorted[i], columns, v->now);
	strbuf_puts(b, status_is_ok(s) ? "all ok\n" : "ERROR\n");
	free(sorted);
}

/* '|' and newlines have a meaning of their own there. */
static void
put_plain(struct strbuf *b, const char *s)
{
	size_t before = b->len;

	strbuf_put_visible(b, s, strlen(s));
	for (; before < b->len; before++)
		if (b->s[before] == '|')
			b->s[before] = '/';
}

static void
put_first_finding(struct strbuf *b, const struct view *v)
{
	const struct rule_status **sorted = status_sorted(v->status);
	struct strbuf text = STRBUF_INIT;

	if (v->status->rules && sorted[0]->state < STATE_OK) {
		status_describe(&text, sorted[0], v->now);
		strbuf_puts(b, ": ");
		put_plain(b, sorted[0]->rule->path);
		strbuf_puts(b, ": ");
		put_plain(b, text.s ? text.s : "");
	}
	strbuf_free(&text);
	free(sorted);
}

int
render_nagios(struct strbuf *b, const struct view *v)
{
	const struct status *s = v->status;
	const size_t *n = s->by_state;
	int status = n[STATE_FAIL] ? 2 : n[STATE_PENDING] ? 3 : n[STATE_GRACE] ? 1 : 0;
	static const char *const word[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

	strbuf_printf(b, "FILEWATCH %s - %zu of %zu rules ok", word[status],
	    n[STATE_OK] + n[STATE_SKIP], s->rules);
	put_first_finding(b, v);
	strbuf_printf(b, " | failing=%zu;;0;0;%zu pending=%zu grace=%zu ok=%zu\n",
	    n[STATE_FAIL], s->rules, n[STATE_PENDING], n[STATE_GRACE], n[STATE_OK]);
	return status;
}
