#include "index.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "text.h"

enum { STALE_S = 600 };

struct counts {
	size_t mood[MOODS], updates, security;
};

static struct counts
count(const struct site *s, const json_t *host)
{
	struct counts c = {0};

	for (size_t i = 0; i < s->items; i++) {
		size_t security;
		const json_t *updates = updates_of(&s->item[i], &security);

		if (host && s->item[i].host != host)
			continue;
		c.mood[s->item[i].mood]++;
		c.updates += json_array_size(updates) > 0;
		c.security += security > 0;
	}
	return c;
}

/* ---- the hosts ---- */

static const char *
fault_of_host(const json_t *h, time_t now)
{
	return text_of(h, "error")                       ? "not reached"
	       : now - number_of(h, "time", 0) > STALE_S ? "old"
							 : NULL;
}

static void
put_host(struct strbuf *b, const struct site *s, const json_t *h, time_t now)
{
	struct counts c = count(s, h);
	const char *fault = fault_of_host(h, now);

	strbuf_printf(b, "<li class=\"%s\"><strong>",
	    fault || c.mood[BAD] ? "bad"
	    : c.mood[WARN]       ? "warn"
				 : "good");
	put_of(b, h, "host");
	strbuf_printf(b, "</strong> %zu container%s",
	    json_array_size(json_object_get(h, "containers")),
	    json_array_size(json_object_get(h, "containers")) == 1 ? "" : "s");
	if (c.mood[BAD])
		strbuf_printf(b, ", %zu not well", c.mood[BAD]);
	if (fault) {
		strbuf_printf(b, ", <b>%s</b>, described ", fault);
		put_ago(b, number_of(h, "time", 0), now);
	}
	if (text_of(h, "error")) {
		strbuf_puts(b, ": ");
		put_of(b, h, "error");
	}
	strbuf_puts(b, "</li>");
}

static size_t
hosts_at_fault(const struct site *s, time_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < s->hosts; i++)
		n += fault_of_host(s->host[i], now) != NULL;
	return n;
}

/* ---- the head ---- */

static void
put_headline(struct strbuf *b, const struct counts *c, size_t at_fault)
{
	if (c->mood[BAD])
		strbuf_printf(b, "%zu not well", c->mood[BAD]);
	else if (at_fault)
		strbuf_printf(
		    b, "%zu host%s can't be seen", at_fault, at_fault == 1 ? "" : "s");
	else if (c->mood[WARN])
		strbuf_printf(b, "%zu to look at", c->mood[WARN]);
	else
		strbuf_puts(b, "All well");
}

static void
put_summary(struct strbuf *b, const struct site *s, const struct counts *c)
{
	strbuf_printf(b, "%zu container%s on %zu host%s: %zu as meant", s->items,
	    s->items == 1 ? "" : "s", s->hosts, s->hosts == 1 ? "" : "s", c->mood[GOOD]);
	if (c->mood[OFF])
		strbuf_printf(b, ", %zu off", c->mood[OFF]);
	if (c->mood[WARN])
		strbuf_printf(b, ", %zu with another image than what is live", c->mood[WARN]);
	if (c->updates)
		strbuf_printf(b, ", %zu with updates waiting", c->updates);
	if (c->security)
		strbuf_printf(b, " (%zu for security)", c->security);
}

/* ---- rows ---- */

static void
put_cell(struct strbuf *b, const char *label)
{
	strbuf_printf(b, "<td role=\"cell\" data-label=\"%s\">", label);
}

static void
put_updates(struct strbuf *b, const struct item *i)
{
	size_t security, n;
	const json_t *found = updates_of(i, &security);

	n = json_array_size(found);
	if (!found)
		strbuf_puts(b, "<span class=\"soft\">not looked for</span>");
	else if (security)
		strbuf_printf(b, "<span class=\"mark bad\">%zu for security</span>", security);
	else if (n)
		strbuf_printf(b, "<span class=\"mark warn\">%zu newer</span>", n);
	else
		strbuf_puts(b, "<span class=\"soft\">none</span>");
}

/* What is allowed that isn't by default, by its settings' keys. */
static void
put_loosened(struct strbuf *b, const struct item *i)
{
	enum { SHOWN = 3 };
	const json_t *list = json_object_get(json_object_get(i->o, "audit"), "findings"), *one;
	size_t k, n = 0;

	json_array_foreach (list, k, one) {
		const char *key = text_of(one, "key");

		if (!key || strncmp(key, "image", 5) == 0 || strcmp(key, "tests") == 0)
			continue;
		if (n++ >= SHOWN)
			continue;
		strbuf_puts(b, n == 1 ? "<div class=\"soft keys\">" : ", ");
		put_html(b, key);
	}
	if (n > SHOWN)
		strbuf_printf(b, ", %zu more", n - SHOWN);
	if (n)
		strbuf_puts(b, "</div>");
}

static void
put_events(struct strbuf *b, const struct item *i, time_t now)
{
	enum { SHOWN = 2 };
	const json_t *list = json_object_get(i->o, "events");
	size_t n = json_array_size(list);

	for (size_t k = 0; k < SHOWN && k < n; k++) {
		const json_t *one = json_array_get(list, n - 1 - k);

		strbuf_puts(b, "<div>");
		put_of(b, one, "event");
		strbuf_puts(b, " <span class=\"soft\">");
		put_ago(b, number_of(one, "time", 0), now);
		strbuf_puts(b, "</span></div>");
	}
	if (!n)
		strbuf_puts(b, "<span class=\"soft\">none</span>");
}

static void
put_row(struct strbuf *b, const struct item *i, time_t now)
{
	const char *runs = text_of(i->o, "runs");

	strbuf_printf(
	    b, "<tr role=\"row\" class=\"%s\" data-key=\"%s\">", mood_names[i->mood], i->path);
	put_cell(b, "State");
	put_state(b, i, now);
	strbuf_puts(b, "</td><th role=\"rowheader\" scope=\"row\" data-label=\"Container\">");
	strbuf_printf(b, "<a href=\"%s.html\">", i->path);
	put_html(b, i->name);
	strbuf_puts(b, "</a><div class=\"soft\">");
	put_html(b, i->host_name);
	strbuf_puts(b, "</div></th>");
	put_cell(b, "Image");
	put_live(b, i);
	strbuf_puts(b, "<div class=\"soft\">");
	put_image(b, runs ? runs : text_of(i->o, "image"));
	strbuf_puts(b, "</div></td>");
	put_cell(b, "Updates");
	put_updates(b, i);
	strbuf_puts(b, "</td>");
	put_cell(b, "Exposure");
	put_exposure(b, i);
	put_loosened(b, i);
	strbuf_puts(b, "</td>");
	put_cell(b, "Size");
	put_size_bar(b, i);
	strbuf_puts(b, "</td>");
	put_cell(b, "Memory");
	put_memory(b, i);
	strbuf_puts(b, "</td>");
	put_cell(b, "Last");
	put_events(b, i, now);
	strbuf_puts(b, "</td></tr>\n");
}

void
render_index(struct strbuf *b, const struct site *s, const struct item *i, time_t now)
{
	static const char *const columns[] = {
	    "State", "Container", "Image", "Updates", "Exposure", "Size", "Memory", "Last"};
	struct counts c = count(s, NULL);
	size_t at_fault = hosts_at_fault(s, now);
	struct strbuf title = STRBUF_INIT;

	(void)i;
	put_headline(&title, &c, at_fault);
	put_head(b, title.s, "",
	    c.mood[BAD] || at_fault ? "bad"
	    : c.mood[WARN]          ? "wait"
				    : "ok");
	strbuf_printf(b,
	    "<div role=\"status\"><h1 id=\"state\" data-live>%s</h1></div>"
	    "<p id=\"about\" data-live>",
	    title.s);
	put_summary(b, s, &c);
	strbuf_puts(b, "</p></header>\n<ul id=\"hosts\" class=\"hosts\" data-live>");
	for (size_t h = 0; h < s->hosts; h++)
		put_host(b, s, s->host[h], now);
	strbuf_puts(b,
	    "</ul>\n<p class=\"find\" hidden><label>Find <input type=\"search\" id=\"find\" "
	    "data-rows=\"rows\"></label> <label><input type=\"checkbox\" id=\"only\"> only "
	    "what "
	    "needs a look</label> <span id=\"found\" role=\"status\"></span></p>\n"
	    "<table role=\"table\" class=\"wide\"><thead><tr role=\"row\">");
	for (size_t k = 0; k < sizeof(columns) / sizeof(columns[0]); k++)
		strbuf_printf(b, "<th role=\"columnheader\" scope=\"col\">%s</th>", columns[k]);
	strbuf_puts(b, "</tr></thead>\n<tbody role=\"rowgroup\" id=\"rows\" data-live>\n");
	for (size_t k = 0; k < s->items; k++)
		put_row(b, &s->item[k], now);
	strbuf_puts(b, "</tbody></table>\n");
	put_end(b, s, "", "hosts.json", now);
	strbuf_free(&title);
}

/* Without what only a container's own page has. */
void
render_hosts(struct strbuf *b, const struct site *s, const struct item *i, time_t now)
{
	static const char *const own[] = {"contents", "changes", "log", "events", "scan"};
	json_t *all = json_array();
	char *text;

	(void)i;
	(void)now;
	for (size_t h = 0; h < s->hosts; h++) {
		json_t *host = json_copy(s->host[h]), *list = json_array(), *one;
		size_t k;

		json_array_foreach (json_object_get(s->host[h], "containers"), k, one) {
			json_t *o = json_copy(one);

			for (size_t w = 0; w < sizeof(own) / sizeof(own[0]); w++)
				json_object_del(o, own[w]);
			json_array_append_new(list, o);
		}
		json_object_set_new(host, "containers", list);
		json_array_append_new(all, host);
	}
	text = json_dumps(all, JSON_INDENT(1) | JSON_REAL_PRECISION(3));
	strbuf_printf(b, "%s\n", text ? text : "[]");
	free(text);
	json_decref(all);
}
