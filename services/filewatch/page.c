/* The result for people: one page that works without scripts, and better with ours. */
#include <inttypes.h>
#include <stdlib.h>

#include "board.h"
#include "config.h"
#include "render.h"
#include "status.h"
#include "strbuf.h"
#include "text.h"
#include "times.h"

enum { ROWS_MAX = 500, BAR_WIDTH = 100 };

/* A day's picture, five minutes a unit. */
enum { DAY_WIDTH = 288, DAY_HEIGHT = 12, DAY_MS = 24 * 3600 * 1000 };

const char page_css[] =
    ".failing .pill{background:var(--bad-bg);color:var(--bad)}\n"
    ".pending .pill,.grace .pill{background:var(--wait-bg);color:var(--wait)}\n"
    ".skipped .pill{background:var(--skip-bg);color:var(--skip)}\n"
    ".failing td:first-child{box-shadow:inset 4px 0 var(--bad)}\n"
    ".pending td:first-child,.grace td:first-child{box-shadow:inset 4px 0 var(--wait)}\n"
    ".asked,.since,.how{color:var(--soft);font-size:.88rem}\n"
    ".since span{white-space:nowrap;display:block}\n"
    ".message{overflow-wrap:anywhere}\n"
    ".failing .message{color:var(--bad)}\n"
    "svg.day{display:block;width:100%;max-width:16rem;height:.75rem;margin-top:.45rem}\n"
    ".day .track{fill:var(--track)}.day .ok{fill:var(--ok)}.day .failing{fill:var(--bad)}\n"
    ".day .pending,.day .grace{fill:var(--wait)}\n"
    "@media(max-width:44rem){.since span{display:inline}"
    ".since .how::before{content:'\\b7\\a0'}"
    ".failing td:first-child,.pending td:first-child,.grace td:first-child{box-shadow:none}\n"
    "tr.failing{border-left:4px solid var(--bad)}"
    "tr.pending,tr.grace{border-left:4px solid var(--wait)}}\n";

const char page_icon[] =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\">"
    "<path fill=\"#4b8bbe\" d=\"M8 3C4 3 1.5 6 .5 8 1.5 10 4 13 8 13s6.500-3 7.500-5C14.500 6 "
    "12 3 8 3z\"/><circle cx=\"8\" cy=\"8\" r=\"3.200\" fill=\"#fff\"/>"
    "<circle cx=\"8\" cy=\"8\" r=\"1.600\" fill=\"#1a1d21\"/></svg>\n";

static void
put_ago(struct strbuf *b, int64_t since, int64_t now)
{
	strbuf_puts(b, "<time datetime=\"");
	put_time_iso(b, since);
	strbuf_puts(b, "\" title=\"");
	put_time(b, since);
	strbuf_puts(b, " UTC\">");
	put_duration(b, now - since < 1000 * NS_PER_MS ? 1000 : (now - since) / NS_PER_MS);
	strbuf_puts(b, "</time>");
}

static const char *
bar_class(int64_t percent)
{
	return percent > 100 ? "over" : percent > 80 ? "near" : "age";
}

/* How much of the allowed age is used up, by the oldest match. */
static void
put_bar(struct strbuf *b, const struct rule_status *r, int64_t now)
{
	int64_t age = (now - r->oldest) / NS_PER_MS, percent;

	if (r->rule->max_age == NOT_SET || r->oldest == 0)
		return;
	if (age < 0)
		age = 0;
	percent = age / (r->rule->max_age / 100 + 1);
	strbuf_printf(b,
	    "<svg class=\"bar\" viewBox=\"0 0 %d 4\" preserveAspectRatio=\"none\" role=\"img\" "
	    "aria-label=\"%d percent of the allowed age\">"
	    "<rect class=\"track\" width=\"%d\" height=\"4\"/>"
	    "<rect class=\"%s\" width=\"%d\" height=\"4\"/></svg>",
	    BAR_WIDTH, (int)(percent > 999 ? 999 : percent), BAR_WIDTH, bar_class(percent),
	    (int)(percent > BAR_WIDTH ? BAR_WIDTH : percent));
	strbuf_puts(b, "<span class=\"asked\">");
	put_duration(b, age < 1000 ? 1000 : age);
	strbuf_puts(b, " of ");
	put_duration(b, r->rule->max_age);
	strbuf_puts(b, "</span>");
}

/* Adds a time in a state, as far as it lies within the day. Not by colour alone: what is wrong
 * is taller than what is well. */
static int64_t
put_spell(struct strbuf *b, enum state state, int64_t from, int64_t to, int64_t now)
{
	static const int height[STATES] = {[STATE_FAIL] = DAY_HEIGHT,
	    [STATE_PENDING] = DAY_HEIGHT * 3 / 4,
	    [STATE_GRACE] = DAY_HEIGHT * 3 / 4,
	    [STATE_OK] = DAY_HEIGHT / 2};
	int64_t first = now - DAY_MS * NS_PER_MS, x, end;

	if (from < first)
		from = first;
	if (to <= from || !height[state])
		return 0;
	x = (from - first) / NS_PER_MS * DAY_WIDTH / DAY_MS;
	end = (to - first) / NS_PER_MS * DAY_WIDTH / DAY_MS;
	/* The shortest failure is still to be seen. */
	if (end == x && state != STATE_FAIL)
		return to - from;
	if (end == x)
		x -= x == DAY_WIDTH;
	strbuf_printf(b,
	    "<rect class=\"%s\" x=\"%" PRId64 "\" y=\"%d\" width=\"%" PRId64
	    "\" height=\"%d\"/>",
	    state_name(state), x, DAY_HEIGHT - height[state], end > x ? end - x : 1,
	    height[state]);
	return to - from;
}

static void
put_day(struct strbuf *b, const struct rule_status *r, int64_t now)
{
	struct strbuf rects = STRBUF_INIT;
	int64_t in_state[STATES] = {0};
	const char *comma = "";

	for (size_t i = 0; i < r->past.n; i++)
		in_state[r->past.spell[i].state] +=
		    put_spell(&rects, r->past.spell[i].state, r->past.spell[i].from,
			i + 1 < r->past.n ? r->past.spell[i + 1].from : r->since, now);
	in_state[r->state] += put_spell(&rects, r->state, r->since, now, now);
	strbuf_printf(b,
	    "<svg class=\"day\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" "
	    "role=\"img\" aria-label=\"in the last 24 hours: ",
	    DAY_WIDTH, DAY_HEIGHT);
	for (int s = 0; s < STATES; s++)
		if (in_state[s] >= 1000 * NS_PER_MS || (in_state[s] && s == STATE_FAIL)) {
			strbuf_printf(b, "%s%s ", comma, state_name((enum state)s));
			put_duration(
			    b, in_state[s] < 1000 * NS_PER_MS ? 1000 : in_state[s] / NS_PER_MS);
			comma = ", ";
		}
	if (!*comma)
		strbuf_puts(b, "nothing known yet");
	strbuf_printf(b, "\"><rect class=\"track\" y=\"%d\" width=\"%d\" height=\"1\"/>",
	    DAY_HEIGHT - 1, DAY_WIDTH);
	strbuf_puts(b, rects.s ? rects.s : "");
	strbuf_puts(b, "</svg>");
	strbuf_free(&rects);
}

static void
put_files(struct strbuf *b, const struct rule_status *r, int64_t now)
{
	size_t i;

	if (r->shown_count < 2)
		return;
	strbuf_puts(b, "<details data-key=\"");
	put_html(b, r->rule->path);
	strbuf_printf(b, "\"><summary>%zu files</summary><ul>", r->bad);
	for (i = 0; i < r->shown_count; i++) {
		struct strbuf text = STRBUF_INIT;

		judge_describe(&text, r->rule, &r->shown[i].facts, r->shown[i].findings, now);
		writer_describe(&text, &r->shown[i].facts.writer);
		strbuf_puts(b, "<li><code>");
		put_html(b, r->shown[i].path);
		strbuf_puts(b, "</code> ");
		put_html(b, text.s ? text.s : "");
		strbuf_puts(b, "</li>");
		strbuf_free(&text);
	}
	if (r->bad > r->shown_count)
		strbuf_printf(b, "<li>and %zu more</li>", r->bad - r->shown_count);
	strbuf_puts(b, "</ul></details>");
}

static void
put_result(struct strbuf *b, const struct rule_status *r, int64_t now)
{
	struct strbuf text = STRBUF_INIT;

	status_describe(&text, r, now);
	if (r->shown_count)
		writer_describe(&text, &r->shown[0].facts.writer);
	strbuf_puts(b, "<td role=\"cell\"><span class=\"message\">");
	if (text.len)
		put_html(b, text.s);
	else if (!r->rule->skip)
		strbuf_printf(b, "%zu %s%s", r->files,
		    r->rule->empty == EMPTY_DIR ? "directory" : "file",
		    r->files == 1 ? "" : "s");
	strbuf_puts(b, "</span>");
	put_bar(b, r, now);
	put_files(b, r, now);
	strbuf_puts(b, "</td>");
	strbuf_free(&text);
}

static void
put_row(struct strbuf *b, const struct rule_status *r, int64_t now)
{
	const char *state = state_name(r->state);

	strbuf_printf(b,
	    "<tr role=\"row\" class=\"%s\"><td role=\"cell\"><span "
	    "class=\"pill\">%s</span></td>"
	    "<td role=\"cell\"><code>",
	    state, state);
	put_html(b, r->rule->path);
	strbuf_puts(b, "</code><br><span class=\"asked\">");
	put_html(b, r->rule->summary);
	strbuf_puts(b, "</span></td>");
	put_result(b, r, now);
	strbuf_puts(b, "<td role=\"cell\" class=\"since\">");
	if (!r->rule->skip) {
		strbuf_puts(b, "<span>for ");
		put_ago(b, r->since, now);
		strbuf_printf(b, "</span> <span class=\"how\">by %s</span>", how_name(r->how));
		put_day(b, r, now);
	}
	strbuf_puts(b, "</td></tr>\n");
}

static void
put_headline(struct strbuf *b, const struct view *v)
{
	const size_t *n = v->status->by_state;

	if (v->stale)
		strbuf_puts(b, "Results are stale");
	else if (n[STATE_FAIL])
		strbuf_printf(b, "%zu failing", n[STATE_FAIL]);
	else if (n[STATE_PENDING])
		strbuf_printf(b, "%zu not known yet", n[STATE_PENDING]);
	else
		strbuf_puts(b, "All ok");
}

static void
put_head(struct strbuf *b, const struct view *v)
{
	const struct status *s = v->status;
	const char *class = v->stale || s->by_state[STATE_FAIL] ? "bad"
			    : s->by_state[STATE_PENDING]        ? "wait"
								: "ok";

	strbuf_puts(b, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		       "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
		       "<title>");
	put_headline(b, v);
	strbuf_puts(b, " \xc2\xb7 ");
	put_html(b, s->config->title);
	strbuf_puts(b,
	    "</title><link rel=\"icon\" href=\"favicon.svg\">"
	    "<link rel=\"stylesheet\" href=\"filewatch.css\">"
	    "<script src=\"filewatch.js\" defer></script>"
	    "<noscript><meta http-equiv=\"refresh\" content=\"30\"></noscript>"
	    "</head>\n<body><main>"
	    "<p id=\"lost\" role=\"alert\" hidden>No answer from filewatch: what you "
	    "see may be old.</p>");
	strbuf_printf(b,
	    "<header class=\"%s\" id=\"top\"><div role=\"status\"><h1 id=\"state\" data-live>",
	    class);
	put_headline(b, v);
	strbuf_puts(b, "</h1></div><p id=\"about\" data-live>");
	put_html(b, s->config->title);
	strbuf_printf(b, ": %zu %s, %zu ok, last change ", s->rules,
	    s->rules == 1 ? "rule" : "rules", s->by_state[STATE_OK]);
	put_ago(b, s->changed, v->now);
	strbuf_puts(b, " ago</p></header>\n");
}

void
render_page(struct strbuf *b, const struct view *v)
{
	const struct status *s = v->status;
	const struct rule_status **sorted = status_sorted(s);
	size_t i, shown = s->rules < ROWS_MAX ? s->rules : ROWS_MAX;

	put_head(b, v);
	strbuf_puts(b, "<table role=\"table\"><thead><tr role=\"row\">"
		       "<th role=\"columnheader\" scope=\"col\">State</th>"
		       "<th role=\"columnheader\" scope=\"col\">Rule</th>"
		       "<th role=\"columnheader\" scope=\"col\">Result</th>"
		       "<th role=\"columnheader\" scope=\"col\">Since</th>"
		       "</tr></thead>\n<tbody id=\"rules\" data-live>\n");
	for (i = 0; i < shown; i++)
		put_row(b, sorted[i], v->now);
	strbuf_puts(b, "</tbody></table>\n<footer id=\"foot\" data-live><p>");
	if (shown < s->rules)
		strbuf_printf(b,
		    "%zu more rules, see <a href=\"api/v1/status\">all of them</a>. ",
		    s->rules - shown);
	strbuf_puts(b, "As of ");
	put_time(b, v->now);
	strbuf_puts(b, " UTC. <a href=\"api/v1/status\">JSON</a> \xc2\xb7 "
		       "<a href=\"metrics\">metrics</a> \xc2\xb7 "
		       "<a href=\"healthz\">health</a></p></footer></main></body></html>\n");
	free(sorted);
}
