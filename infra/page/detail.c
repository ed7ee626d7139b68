#include "detail.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "text.h"

static const char root[] = "../../";

/* ---- sections ---- */

static void
put_section(struct strbuf *b, const char *id, const char *title)
{
	strbuf_printf(b, "<section id=\"%s\" data-live><h2>%s</h2>", id, title);
}

static void
put_end_of_section(struct strbuf *b)
{
	strbuf_puts(b, "</section>\n");
}

static void
put_nothing(struct strbuf *b, const char *why)
{
	strbuf_printf(b, "<p class=\"soft\">%s</p>", why);
}

static void
put_left_out(struct strbuf *b, const json_t *o, const char *program)
{
	int64_t n = number_of(o, "left_out", 0);

	if (n > 0)
		strbuf_printf(b,
		    "<p class=\"soft\">and %" PRId64 " more: <code>%s</code> has all</p>", n,
		    program);
}

static void
put_table(struct strbuf *b, const char *id, const char *const *columns)
{
	strbuf_puts(b, "<table role=\"table\"><thead><tr role=\"row\">");
	for (; *columns; columns++)
		strbuf_printf(b, "<th role=\"columnheader\" scope=\"col\">%s</th>", *columns);
	strbuf_printf(b, "</tr></thead><tbody role=\"rowgroup\" id=\"%s\">\n", id);
}

static void
put_end_of_table(struct strbuf *b)
{
	strbuf_puts(b, "</tbody></table>");
}

/* A row's cell with its column's name, for phones. */
static void
put_cell(struct strbuf *b, const char *label)
{
	strbuf_printf(b, "<td role=\"cell\" data-label=\"%s\">", label);
}

static void
put_text_cell(struct strbuf *b, const char *label, const json_t *o, const char *key)
{
	const char *text = text_of(o, key);

	put_cell(b, label);
	put_html(b, text ? text : "");
	strbuf_puts(b, "</td>");
}

/* ---- at a glance ---- */

static void
put_fact(struct strbuf *b, const char *name)
{
	strbuf_printf(b, "</dd></div><div><dt>%s</dt><dd>", name);
}

static void
put_ports(struct strbuf *b, const json_t *list)
{
	const json_t *one;
	size_t k;

	json_array_foreach (list, k, one) {
		strbuf_puts(b, k ? " <code>" : "<code>");
		put_html(b, json_string_value(one) ? json_string_value(one) : "?");
		strbuf_puts(b, "</code>");
	}
	if (!json_array_size(list))
		strbuf_puts(b, "<span class=\"soft\">none</span>");
}

static void
put_facts(struct strbuf *b, const struct item *i, time_t now)
{
	const json_t *size = json_object_get(i->o, "size");

	strbuf_printf(b, "<dl id=\"facts\" class=\"%s\" data-live><div><dt>State</dt><dd>",
	    mood_names[i->mood]);
	put_state(b, i, now);
	put_fact(b, "Image");
	put_live(b, i);
	strbuf_puts(b, "<div>");
	put_image(b, text_of(i->o, "image"));
	strbuf_puts(b, " <span class=\"soft\">live since ");
	put_ago(b, number_of(i->o, "image_since", 0), now);
	strbuf_puts(b, "</span></div>");
	put_fact(b, "Size");
	put_size_bar(b, i);
	if (number_of(size, "programs_after", -1) >= 0)
		strbuf_printf(b,
		    "<div class=\"soft\">%" PRId64 " of %" PRId64 " files, %" PRId64
		    " of %" PRId64 " programs</div>",
		    number_of(size, "files_after", 0), number_of(size, "files_before", 0),
		    number_of(size, "programs_after", 0),
		    number_of(size, "programs_before", 0));
	put_fact(b, "Exposure");
	put_exposure(b, i);
	put_fact(b, "Memory");
	put_memory(b, i);
	put_fact(b, "Ports");
	put_ports(b, json_object_get(i->o, "ports"));
	strbuf_puts(b, "</dd></div></dl>\n");
}

/* ---- updates, what is loosened, tests, scan ---- */

static void
put_updates(struct strbuf *b, const struct item *i, time_t now)
{
	size_t security, k;
	const json_t *found = updates_of(i, &security), *one;

	put_section(b, "updates", "Updates");
	if (!found)
		put_nothing(
		    b, "Not looked for since this image is live: <code>d outdated</code>.");
	else if (!json_array_size(found))
		put_nothing(b, "Nothing newer.");
	if (json_array_size(found)) {
		strbuf_puts(b, "<ul>");
		json_array_foreach (found, k, one) {
			bool secure = json_is_true(json_object_get(one, "security"));

			strbuf_printf(b, "<li><span class=\"mark %s\">%s</span> ",
			    secure ? "bad" : "warn", secure ? "security" : "newer");
			put_of(b, one, "text");
			strbuf_puts(b, " <span class=\"soft\">found ");
			put_ago(b, number_of(one, "since", 0), now);
			strbuf_puts(b, "</span></li>");
		}
		strbuf_puts(b, "</ul>");
	}
	put_end_of_section(b);
}

static void
put_loosened(struct strbuf *b, const struct item *i)
{
	const json_t *list = json_object_get(json_object_get(i->o, "audit"), "findings"), *one;
	size_t k;

	put_section(b, "loosened", "What is loosened, and what is in it to misuse");
	if (!json_array_size(list))
		put_nothing(b, json_is_array(list) ? "Nothing." : "Not known.");
	else
		strbuf_puts(b, "<ul>");
	json_array_foreach (list, k, one) {
		const char *waived = text_of(one, "waived"), *level = text_of(one, "severity");

		level = level ? level : "?";
		strbuf_printf(b, "<li><span class=\"mark %s\">",
		    waived                       ? "off"
		    : strcmp(level, "high") == 0 ? "bad"
		    : strcmp(level, "low") == 0  ? "good"
						 : "warn");
		put_html(b, waived ? "waived" : level);
		strbuf_puts(b, "</span> <code>");
		put_of(b, one, "key");
		strbuf_puts(b, "</code> ");
		put_of(b, one, "text");
		if (waived) {
			strbuf_puts(b, " <span class=\"soft\">");
			put_html(b, waived);
			strbuf_puts(b, "</span>");
		}
		strbuf_puts(b, "</li>");
	}
	if (json_array_size(list))
		strbuf_puts(b, "</ul>");
	put_end_of_section(b);
}

static void
put_tests(struct strbuf *b, const struct item *i, time_t now)
{
	const json_t *tests = json_object_get(i->o, "tests");
	const char *image = text_of(tests, "image"), *live = text_of(i->o, "image");

	put_section(b, "tests", "Tests");
	if (!image) {
		put_nothing(b, "No results here.");
	} else {
		strbuf_printf(b,
		    "<p>%" PRId64 " passed, %" PRId64 " failed, %" PRId64 " skipped, ",
		    number_of(tests, "passed", 0), number_of(tests, "failed", 0),
		    number_of(tests, "skipped", 0));
		put_ago(b, number_of(tests, "time", 0), now);
		strbuf_puts(b, ", of ");
		put_image(b, image);
		strbuf_puts(b, live && strcmp(image, live) == 0
				   ? ", the image that is live.</p>"
				   : ", another image than the one that is live.</p>");
	}
	put_end_of_section(b);
}

static void
put_scan(struct strbuf *b, const struct item *i, time_t now)
{
	static const char *const columns[] = {"Change", "Path", "Type", NULL};
	const json_t *scan = json_object_get(i->o, "scan"), *one;
	const json_t *list = json_object_get(scan, "changes");
	size_t k;

	put_section(b, "scan", "Scan");
	if (!json_is_object(scan)) {
		put_nothing(b, "Never scanned: <code>d scan</code>.");
	} else {
		strbuf_printf(b, "<p>%" PRId64 " changed since it was made, ",
		    number_of(scan, "count", 0));
		put_ago(b, number_of(scan, "time", 0), now);
		strbuf_puts(b, number_of(scan, "time", 0) < number_of(i->o, "since", 0)
				   ? ", before it was last started.</p>"
				   : ".</p>");
	}
	if (json_array_size(list)) {
		put_table(b, "scanned", columns);
		json_array_foreach (list, k, one) {
			strbuf_puts(b, "<tr role=\"row\">");
			put_text_cell(b, "Change", one, "change");
			strbuf_puts(b, "<td role=\"cell\" data-label=\"Path\"><code>");
			put_of(b, one, "path");
			strbuf_puts(b, "</code></td>");
			put_text_cell(b, "Type", one, "type");
			strbuf_puts(b, "</tr>\n");
		}
		put_end_of_table(b);
	}
	put_end_of_section(b);
}

/* ---- history ---- */

static const char *
event_class(const char *what)
{
	static const char *const bad[] = {
	    "failed", "job-failed", "quarantined", "undelivered", "refused"};
	static const char *const good[] = {"promoted", "started", "backed-up", "adopted"};

	for (size_t k = 0; what && k < sizeof(bad) / sizeof(bad[0]); k++)
		if (strcmp(what, bad[k]) == 0)
			return "bad";
	for (size_t k = 0; what && k < sizeof(good) / sizeof(good[0]); k++)
		if (strcmp(what, good[k]) == 0)
			return "good";
	return "off";
}

static void
put_history(struct strbuf *b, const struct item *i, time_t now)
{
	const json_t *list = json_object_get(i->o, "events");
	size_t n = json_array_size(list);

	put_section(b, "history", "History");
	if (!n)
		put_nothing(b, "Nothing happened yet.");
	else
		strbuf_puts(b, "<ol class=\"timeline\">");
	for (size_t k = n; k-- > 0;) {
		const json_t *one = json_array_get(list, k);
		const char *text = text_of(one, "text"), *user = text_of(one, "user");

		strbuf_printf(b, "<li class=\"%s\">", event_class(text_of(one, "event")));
		put_ago(b, number_of(one, "time", 0), now);
		strbuf_puts(b, " <strong>");
		put_of(b, one, "event");
		strbuf_puts(b, "</strong> ");
		if (text_of(one, "image"))
			put_image(b, text_of(one, "image"));
		strbuf_puts(b, " ");
		put_html(b, text ? text : "");
		if (user) {
			strbuf_puts(b, " <span class=\"soft\">by ");
			put_html(b, user);
			strbuf_puts(b, "</span>");
		}
		strbuf_puts(b, "</li>\n");
	}
	if (n)
		strbuf_puts(b, "</ol>");
	put_end_of_section(b);
}

static void
put_generations(struct strbuf *b, const struct item *i, time_t now)
{
	static const char *const columns[] = {
	    "Generation", "Image", "Since", "Data kept", NULL};
	const json_t *list = json_object_get(i->o, "generations"), *one;
	const json_t *bad = json_object_get(i->o, "quarantine");
	size_t k;

	put_section(b, "generations", "Generations");
	if (!json_array_size(list))
		put_nothing(b, "None yet.");
	else
		put_table(b, "generation", columns);
	for (k = json_array_size(list); k-- > 0;) {
		one = json_array_get(list, k);
		strbuf_puts(b, "<tr role=\"row\">");
		put_cell(b, "Generation");
		strbuf_printf(b, "%" PRId64 "%s</td>", number_of(one, "n", 0),
		    json_is_true(json_object_get(one, "current"))
			? " <span class=\"mark good\">runs</span>"
			: "");
		put_cell(b, "Image");
		put_image(b, text_of(one, "image"));
		strbuf_puts(b, "</td>");
		put_cell(b, "Since");
		put_ago(b, number_of(one, "time", 0), now);
		strbuf_puts(b, "</td>");
		put_cell(b, "Data kept");
		strbuf_printf(
		    b, "%zu</td></tr>\n", json_array_size(json_object_get(one, "data")));
	}
	if (json_array_size(list))
		put_end_of_table(b);
	json_array_foreach (bad, k, one) {
		strbuf_puts(b, "<p><span class=\"mark bad\">quarantined</span> ");
		put_image(b, text_of(one, "image"));
		strbuf_puts(b, " ");
		put_of(b, one, "why");
		strbuf_puts(b, "</p>");
	}
	put_end_of_section(b);
}

/* ---- the image ---- */

static void
put_path(struct strbuf *b, const json_t *one)
{
	bool present = json_is_true(json_object_get(one, "present"));
	const json_t *why = json_object_get(one, "why"), *line;
	const char *from = text_of(one, "from");
	size_t k;

	strbuf_printf(b, "<tr role=\"row\" class=\"%s\">", present ? "there" : "gone");
	strbuf_puts(b, "<td role=\"cell\" data-label=\"Path\"><code>");
	put_of(b, one, "path");
	strbuf_puts(b, "</code></td>");
	put_cell(b, "Size");
	if (!present)
		strbuf_puts(b, "<span class=\"mark off\">not there</span>");
	else if (number_of(one, "size", -1) >= 0)
		put_bytes(b, number_of(one, "size", 0));
	else
		put_of(b, one, "type");
	strbuf_puts(b, "</td>");
	put_cell(b, "Why");
	if (from) {
		strbuf_puts(b, "<div>from ");
		put_html(b, from);
		strbuf_puts(b, "</div>");
	}
	json_array_foreach (why, k, line) {
		strbuf_puts(b, "<div>");
		put_html(b, json_string_value(line) ? json_string_value(line) : "?");
		strbuf_puts(b, "</div>");
	}
	strbuf_puts(b, "</td></tr>\n");
}

static void
put_contents(struct strbuf *b, const struct item *i)
{
	static const char *const columns[] = {"Path", "Size", "Why", NULL};
	const json_t *contents = json_object_get(i->o, "contents"), *one;
	const json_t *list = json_object_get(contents, "paths");
	size_t k, there = 0;

	json_array_foreach (list, k, one)
		there += json_is_true(json_object_get(one, "present"));
	strbuf_puts(b, "<section id=\"contents\"><h2>What is in it, and why</h2>");
	if (!json_array_size(list)) {
		put_nothing(b, "Not known: its image wasn't packed here.");
		put_end_of_section(b);
		return;
	}
	strbuf_puts(b, "<p class=\"find\" hidden><label>Find a path or a reason <input "
		       "type=\"search\" id=\"find\" data-rows=\"paths\"></label> <span "
		       "id=\"found\" role=\"status\"></span></p>");
	strbuf_printf(b,
	    "<details id=\"all\"><summary>%zu paths, and %zu that were removed</summary>",
	    there, json_array_size(list) - there);
	put_table(b, "paths", columns);
	json_array_foreach (list, k, one)
		put_path(b, one);
	put_end_of_table(b);
	put_left_out(b, contents, "pack explain --all");
	strbuf_puts(b, "</details>");
	put_end_of_section(b);
}

static void
put_changes(struct strbuf *b, const struct item *i)
{
	static const char *const columns[] = {"", "What", "Was", "Is", NULL};
	const json_t *changes = json_object_get(i->o, "changes"), *one;
	const json_t *list = json_object_get(changes, "list");
	size_t k;

	strbuf_puts(b, "<section id=\"changes\"><h2>Different from the version before</h2>");
	if (!json_is_object(changes)) {
		put_nothing(b, "There is no earlier image to compare with.");
		put_end_of_section(b);
		return;
	}
	strbuf_printf(b, "<details><summary>%" PRId64 " differences to ",
	    (int64_t)json_array_size(list) + number_of(changes, "left_out", 0));
	put_image(b, text_of(changes, "from"));
	if (number_of(changes, "old_bytes", -1) >= 0) {
		strbuf_puts(b, ", which had ");
		put_bytes(b, number_of(changes, "old_bytes", 0));
	}
	strbuf_puts(b, "</summary>");
	put_table(b, "changed", columns + 1);
	json_array_foreach (list, k, one) {
		const char *sign = text_of(one, "sign");

		strbuf_puts(b, "<tr role=\"row\">");
		put_cell(b, "What");
		strbuf_puts(b, sign && *sign == '+'   ? "new "
			       : sign && *sign == '-' ? "gone "
						      : "changed ");
		put_of(b, one, "kind");
		strbuf_puts(b, " <code>");
		put_of(b, one, "name");
		strbuf_puts(b, "</code></td>");
		put_text_cell(b, "Was", one, "was");
		put_text_cell(b, "Is", one, "is");
		strbuf_puts(b, "</tr>\n");
	}
	put_end_of_table(b);
	put_left_out(b, changes, "pack diff");
	strbuf_puts(b, "</details>");
	put_end_of_section(b);
}

/* ---- the log ---- */

/* A line without what turns colours on and off. */
static void
put_log_line(struct strbuf *b, const char *line, size_t n)
{
	struct strbuf plain = STRBUF_INIT;

	for (size_t k = 0; k < n; k++) {
		if (line[k] == '\033' && k + 1 < n && line[k + 1] == '[') {
			k += 2;
			while (k < n && ((unsigned char)line[k] < 0x40 || line[k] == 0x7f))
				k++;
		} else if (line[k] == '\t') {
			strbuf_puts(&plain, "    ");
		} else if (line[k] != '\r' || k + 1 < n) {
			strbuf_putc(&plain, line[k]);
		}
	}
	put_html(b, plain.s ? plain.s : "");
	strbuf_putc(b, '\n');
	strbuf_free(&plain);
}

static void
put_log(struct strbuf *b, const struct item *i)
{
	const char *log = text_of(i->o, "log");

	put_section(b, "log", "The end of its log");
	if (!log || !*log) {
		put_nothing(b, log ? "It wrote nothing." : "Not known.");
	} else {
		strbuf_puts(b, "<pre tabindex=\"0\">");
		while (*log) {
			size_t n = strcspn(log, "\n");

			put_log_line(b, log, n);
			log += n + (log[n] == '\n');
		}
		strbuf_puts(b, "</pre>");
	}
	put_end_of_section(b);
}

void
render_detail(struct strbuf *b, const struct site *s, const struct item *i, time_t now)
{
	static const char *const class[MOODS] = {
	    [BAD] = "bad", [WARN] = "wait", [GOOD] = "ok", [OFF] = "off"};
	struct strbuf title = STRBUF_INIT, json = STRBUF_INIT;
	const char *slash = strrchr(i->path, '/');

	put_html(&title, i->name);
	strbuf_puts(&title, " on ");
	put_html(&title, i->host_name);
	strbuf_printf(&json, "%s.json", slash + 1);
	put_head(b, title.s, root, class[i->mood]);
	strbuf_printf(b,
	    "<h1>%s</h1><p><a href=\"%sindex.html\">All containers</a></p></header>\n"
	    "<nav aria-label=\"On this page\">"
	    "<a href=\"#updates\">Updates</a>"
	    " <a href=\"#loosened\">Loosened</a>"
	    " <a href=\"#history\">History</a>"
	    " <a href=\"#generations\">Generations</a>"
	    " <a href=\"#contents\">Contents</a>"
	    " <a href=\"#changes\">Differences</a>"
	    " <a href=\"#tests\">Tests</a>"
	    " <a href=\"#scan\">Scan</a>"
	    " <a href=\"#log\">Log</a></nav>\n",
	    title.s, root);
	put_facts(b, i, now);
	put_updates(b, i, now);
	put_loosened(b, i);
	put_history(b, i, now);
	put_generations(b, i, now);
	put_contents(b, i);
	put_changes(b, i);
	put_tests(b, i, now);
	put_scan(b, i, now);
	put_log(b, i);
	put_end(b, s, root, json.s, now);
	strbuf_free(&title);
	strbuf_free(&json);
}

void
render_item(struct strbuf *b, const struct site *s, const struct item *i, time_t now)
{
	json_t *o = json_copy((json_t *)(uintptr_t)i->o);
	char *text;

	(void)s;
	(void)now;
	json_object_set_new(o, "host", json_string(i->host_name));
	text = json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(3));
	strbuf_printf(b, "%s\n", text ? text : "{}");
	free(text);
	json_decref(o);
}
