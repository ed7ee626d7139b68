#include "parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "httpd.h"
#include "text.h"

enum { NS_PER_S = 1000000000, BAR_WIDTH = 100 };

/* ---- values ---- */

const char *
text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

int64_t
number_of(const json_t *o, const char *key, int64_t otherwise)
{
	const json_t *n = json_object_get(o, key);

	return json_is_integer(n) ? json_integer_value(n) : otherwise;
}

void
put_of(struct strbuf *b, const json_t *o, const char *key)
{
	const char *text = text_of(o, key);

	put_html(b, text ? text : "?");
}

void
put_bytes(struct strbuf *b, int64_t n)
{
	put_size(b, n < 0 ? 0 : n);
}

/* As nanoseconds, within what these can say. */
static int64_t
ns_of_seconds(int64_t s)
{
	const int64_t most = INT64_MAX / NS_PER_S;

	return (s > most ? most : s < 0 ? 0 : s) * NS_PER_S;
}

/* One unit says enough of what is long ago. */
static void
put_age(struct strbuf *b, int64_t s)
{
	if (s < 60)
		strbuf_printf(b, "%" PRId64 " s ago", s);
	else if (s < 3600)
		strbuf_printf(b, "%" PRId64 " min ago", s / 60);
	else if (s < 2 * 86400)
		strbuf_printf(b, "%" PRId64 " h ago", s / 3600);
	else
		strbuf_printf(b, "%" PRId64 " d ago", s / 86400);
}

void
put_ago(struct strbuf *b, int64_t when, time_t now)
{
	int64_t age = now - when;

	if (when <= 0) {
		strbuf_puts(b, "never");
		return;
	}
	strbuf_puts(b, "<time datetime=\"");
	put_time_iso(b, ns_of_seconds(when));
	strbuf_puts(b, "\" title=\"");
	put_time(b, ns_of_seconds(when));
	strbuf_puts(b, " UTC\">");
	if (age < 1)
		strbuf_puts(b, "just now");
	else
		put_age(b, age);
	strbuf_puts(b, "</time>");
}

void
put_image(struct strbuf *b, const char *id)
{
	char twelve[13] = "-";

	if (id && strncmp(id, "sha256:", 7) == 0)
		id += 7;
	if (id)
		strncpy(twelve, id, sizeof(twelve) - 1);
	twelve[12] = '\0';
	strbuf_puts(b, "<code>");
	put_html(b, twelve);
	strbuf_puts(b, "</code>");
}

/* ---- a page's two ends ---- */

void
put_head(struct strbuf *b, const char *title, const char *root, const char *class)
{
	strbuf_printf(b,
	    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
	    "<meta http-equiv=\"Content-Security-Policy\" content=\"" HTTPD_POLICY "\">"
	    "<meta name=\"referrer\" content=\"no-referrer\">"
	    "<title>%s</title><link rel=\"icon\" href=\"%sicon.svg\">"
	    "<link rel=\"stylesheet\" href=\"%sstyle.css\">"
	    "<script src=\"%spage.js\" defer></script>"
	    "<noscript><meta http-equiv=\"refresh\" content=\"60\"></noscript></head>\n"
	    "<body><main><p id=\"lost\" role=\"alert\" hidden>No answer: what you see may be "
	    "old.</p><header id=\"top\" class=\"%s\">",
	    title, root, root, root, class);
}

void
put_end(struct strbuf *b, const struct site *s, const char *root, const char *json, time_t now)
{
	(void)s;
	strbuf_puts(b, "<footer id=\"foot\" data-live><p>As of ");
	put_time(b, ns_of_seconds(now));
	strbuf_puts(b, " UTC. <a href=\"");
	put_html(b, json);
	strbuf_printf(b,
	    "\">JSON</a> \xc2\xb7 <a href=\"%smetrics\">metrics</a></p></footer>"
	    "</main></body></html>\n",
	    root);
}

/* ---- what stands in cells ---- */

void
put_bar(struct strbuf *b, int64_t percent, const char *class, const char *what)
{
	percent = percent < 0 ? 0 : percent > 999 ? 999 : percent;
	if (!*class)
		class = percent > 100 ? "over" : percent > 80 ? "near" : "age";
	strbuf_printf(b,
	    "<svg class=\"bar\" viewBox=\"0 0 %d 4\" preserveAspectRatio=\"none\" role=\"img\" "
	    "aria-label=\"%d percent of %s\"><rect class=\"track\" width=\"%d\" height=\"4\"/>"
	    "<rect class=\"%s\" width=\"%d\" height=\"4\"/></svg>",
	    BAR_WIDTH, (int)percent, what, BAR_WIDTH, class,
	    (int)(percent > BAR_WIDTH ? BAR_WIDTH : percent));
}

void
put_state(struct strbuf *b, const struct item *i, time_t now)
{
	const char *state = text_of(i->o, "state"), *health = text_of(i->o, "health");
	int64_t code = number_of(i->o, "exit", 0), restarts = number_of(i->o, "restarts", 0);

	strbuf_puts(b, "<span class=\"pill\">");
	put_html(b, !state || strcmp(state, "-") == 0 ? "not there" : state);
	strbuf_puts(b, "</span>");
	if (health) {
		strbuf_puts(b, " <span class=\"soft\">");
		put_html(b, health);
		strbuf_puts(b, "</span>");
	}
	if (number_of(i->o, "since", 0) > 0) {
		strbuf_puts(b, "<div class=\"soft\">since ");
		put_ago(b, number_of(i->o, "since", 0), now);
		strbuf_puts(b, "</div>");
	}
	if (code || restarts > 0) {
		strbuf_puts(b, "<div class=\"soft\">");
		if (code)
			strbuf_printf(
			    b, "status %" PRId64 "%s", code, restarts > 0 ? ", " : "");
		if (restarts > 0)
			strbuf_printf(
			    b, "%" PRId64 " restart%s", restarts, restarts == 1 ? "" : "s");
		strbuf_puts(b, "</div>");
	}
}

static int64_t
percent_of(int64_t part, int64_t all)
{
	return all > 0 && part > 0 ? (int64_t)(100.0 * (double)part / (double)all + 0.5) : 0;
}

void
put_size_bar(struct strbuf *b, const struct item *i)
{
	const json_t *size = json_object_get(i->o, "size");
	int64_t before = number_of(size, "before", 0), after = number_of(size, "after", -1);

	if (after < 0) {
		strbuf_puts(b, "<span class=\"soft\">not known</span>");
		return;
	}
	put_bytes(b, after);
	strbuf_puts(b, " <span class=\"soft\">of ");
	put_bytes(b, before);
	strbuf_puts(b, "</span>");
	put_bar(b, percent_of(after, before), "size", "the size before carving");
}

void
put_memory(struct strbuf *b, const struct item *i)
{
	int64_t used = number_of(i->o, "memory", -1),
		limit = number_of(i->o, "memory_limit", 0);

	if (used < 0) {
		strbuf_puts(b, "<span class=\"soft\">-</span>");
		return;
	}
	put_bytes(b, used);
	if (limit <= 0)
		return;
	strbuf_puts(b, " <span class=\"soft\">of ");
	put_bytes(b, limit);
	strbuf_puts(b, "</span>");
	put_bar(b, percent_of(used, limit), "", "the limit");
}

void
put_exposure(struct strbuf *b, const struct item *i)
{
	const json_t *audit = json_object_get(i->o, "audit");
	double score = json_number_value(json_object_get(audit, "exposure"));

	if (!json_is_object(audit)) {
		strbuf_puts(b, "<span class=\"soft\">not known</span>");
		return;
	}
	score = score < 0 ? 0 : score > 10 ? 10 : score;
	strbuf_printf(b, "%.1f <span class=\"soft\">of 10, ", score);
	put_of(b, audit, "verdict");
	strbuf_puts(b, "</span>");
	put_bar(b, (int64_t)(score * 10),
	    score < 3   ? "age"
	    : score < 6 ? "near"
			: "over",
	    "the greatest exposure");
}

void
put_live(struct strbuf *b, const struct item *i)
{
	const char *live = text_of(i->o, "live");

	if (live && strcmp(live, "yes") == 0)
		strbuf_puts(b, "<span class=\"mark good\">live</span>");
	else if (live && strcmp(live, "no") == 0)
		strbuf_puts(b, "<span class=\"mark warn\">not what is live</span>");
	else if (live && strcmp(live, "none") == 0)
		strbuf_puts(b, "<span class=\"mark off\">no image</span>");
	else
		strbuf_puts(b, "<span class=\"mark off\">doesn't run</span>");
}

const json_t *
updates_of(const struct item *i, size_t *security)
{
	const json_t *updates = json_object_get(i->o, "updates"), *one;
	const json_t *found = json_object_get(updates, "found");
	size_t k;

	*security = 0;
	if (!json_is_array(found) ||
	    number_of(updates, "time", 0) < number_of(i->o, "image_since", 0))
		return NULL;
	json_array_foreach (found, k, one)
		*security += json_is_true(json_object_get(one, "security"));
	return found;
}
