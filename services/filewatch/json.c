/* The result for programs: JSON, and Prometheus' text format (version 0.0.4). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "config.h"
#include "render.h"
#include "status.h"
#include "strbuf.h"
#include "text.h"

static void
put_time_member(struct strbuf *b, const char *key, int64_t ns)
{
	strbuf_printf(b, "\"%s\":", key);
	if (ns == 0) {
		strbuf_puts(b, "null");
		return;
	}
	strbuf_putc(b, '"');
	put_time_iso(b, ns);
	strbuf_putc(b, '"');
}

static void
put_writer(struct strbuf *b, const struct writer *w)
{
	if (!w->pid)
		return;
	strbuf_printf(b, ",\"written_by\":{\"pid\":%d", w->pid);
	if (w->uid >= 0) {
		strbuf_printf(b, ",\"uid\":%lld,", (long long)w->uid);
		strbuf_put_json_member(b, "name", w->name);
	}
	strbuf_putc(b, '}');
}

static void
put_file(struct strbuf *b, const struct rule_status *r, const struct bad_file *f, int64_t now)
{
	struct strbuf text = STRBUF_INIT;

	judge_describe(&text, r->rule, &f->facts, f->findings, now);
	strbuf_putc(b, '{');
	strbuf_put_json_member(b, "path", f->path);
	strbuf_putc(b, ',');
	strbuf_put_json_member(b, "message", text.s ? text.s : "");
	strbuf_putc(b, ',');
	put_time_member(b, "since", f->since);
	put_writer(b, &f->facts.writer);
	strbuf_putc(b, '}');
	strbuf_free(&text);
}

static void
put_rule(struct strbuf *b, const struct rule_status *r, int64_t now)
{
	struct strbuf text = STRBUF_INIT;
	size_t i;

	status_describe(&text, r, now);
	strbuf_putc(b, '{');
	strbuf_put_json_member(b, "path", r->rule->path);
	strbuf_printf(b, ",\"state\":\"%s\",", state_name(r->state));
	put_time_member(b, "since", r->since);
	strbuf_putc(b, ',');
	strbuf_put_json_member(b, "asked", r->rule->summary);
	strbuf_putc(b, ',');
	strbuf_put_json_member(b, "message", text.s ? text.s : "");
	strbuf_printf(b, ",\"watched_by\":\"%s\",\"files\":%zu,\"bad\":%zu,",
	    r->rule->skip ? "nothing" : how_name(r->how), r->files, r->bad);
	put_time_member(b, "oldest", r->oldest);
	strbuf_puts(b, ",\"findings\":[");
	for (i = 0; i < r->shown_count; i++) {
		strbuf_puts(b, i ? "," : "");
		put_file(b, r, &r->shown[i], now);
	}
	strbuf_puts(b, "]}");
	strbuf_free(&text);
}

void
render_json(struct strbuf *b, const struct view *v)
{
	const struct status *s = v->status;
	size_t i;

	strbuf_printf(b, "{\"ok\":%s,\"stale\":%s,",
	    status_is_ok(s) && !v->stale ? "true" : "false", v->stale ? "true" : "false");
	put_time_member(b, "time", v->now);
	strbuf_putc(b, ',');
	put_time_member(b, "changed", s->changed);
	strbuf_putc(b, ',');
	put_time_member(b, "last_scan", v->board->counters.last_scan);
	strbuf_puts(b, ",\"rules_by_state\":{");
	for (i = 0; i < STATES; i++)
		strbuf_printf(
		    b, "%s\"%s\":%zu", i ? "," : "", state_name((enum state)i), s->by_state[i]);
	strbuf_puts(b, "},\"rules\":[");
	for (i = 0; i < s->rules; i++) {
		strbuf_puts(b, i ? ",\n" : "\n");
		put_rule(b, &s->rule[i], v->now);
	}
	strbuf_puts(b, "\n]}\n");
}

/* ---- Prometheus ---- */

static void
put_metric(struct strbuf *b, const char *name, const char *type, const char *help)
{
	strbuf_printf(
	    b, "# HELP filewatch_%s %s\n# TYPE filewatch_%s %s\n", name, help, name, type);
}

static void
put_counter(struct strbuf *b, const char *name, const char *help, uint64_t value)
{
	put_metric(b, name, "counter", help);
	strbuf_printf(b, "filewatch_%s %" PRIu64 "\n", name, value);
}

static void
put_seconds(struct strbuf *b, const char *name, const char *help, int64_t ns)
{
	put_metric(b, name, "gauge", help);
	strbuf_printf(b, "filewatch_%s %" PRId64 ".%09" PRId64 "\n", name, ns / 1000000000,
	    ns % 1000000000);
}

static void
put_states(struct strbuf *b, const struct status *s)
{
	size_t i;

	put_metric(b, "rules", "gauge", "Rules by state.");
	for (i = 0; i < STATES; i++)
		strbuf_printf(b, "filewatch_rules{state=\"%s\"} %zu\n",
		    state_name((enum state)i), s->by_state[i]);
}

/* Labels are bounded: one value for each state, none for paths or messages. */
void
render_metrics(struct strbuf *b, const struct view *v)
{
	const struct status *s = v->status;
	const struct counters *c = &v->board->counters;
	size_t i, files = 0, bad = 0;

	for (i = 0; i < s->rules; i++) {
		files += s->rule[i].files;
		bad += s->rule[i].bad;
	}
	put_metric(b, "ok", "gauge", "Whether all is ok.");
	strbuf_printf(b, "filewatch_ok %d\n", status_is_ok(s) && !v->stale);
	put_metric(b, "stale", "gauge", "Whether the watcher is overdue.");
	strbuf_printf(b, "filewatch_stale %d\n", v->stale);
	put_states(b, s);
	put_metric(b, "files", "gauge", "Files that rules match.");
	strbuf_printf(b, "filewatch_files %zu\n", files);
	put_metric(b, "files_bad", "gauge", "Files with findings.");
	strbuf_printf(b, "filewatch_files_bad %zu\n", bad);
	put_seconds(b, "last_scan_age_seconds", "Time since the last full scan ended.",
	    c->last_scan && v->now > c->last_scan ? v->now - c->last_scan : 0);
	put_seconds(
	    b, "scan_duration_seconds", "What the last full scan took.", c->scan_duration);
	put_metric(b, "watches", "gauge", "inotify watches in use.");
	strbuf_printf(b, "filewatch_watches %" PRIu64 "\n", (uint64_t)c->watches);
	put_counter(b, "scans_total", "Full scans.", c->scans);
	put_counter(b, "events_total", "Events from the kernel.", c->events);
	put_counter(b, "event_overflows_total", "Times that events were lost.", c->overflows);
	put_counter(b, "searched_bytes_total", "Bytes searched for text.", c->bytes_searched);
	put_counter(b, "hashed_bytes_total", "Bytes hashed for integrity.", c->bytes_hashed);
	put_counter(b, "reloads_total", "Settings taken over by SIGHUP.", c->reloads);
	put_counter(
	    b, "reload_failures_total", "Settings refused at SIGHUP.", c->reloads_failed);
	put_counter(b, "neighbour_ended_total", "Times that a tampered neighbour was ended.",
	    c->neighbour_ended);
	put_counter(b, "requests_total", "HTTP requests.", c->requests);
}
