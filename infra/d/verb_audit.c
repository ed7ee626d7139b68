/* d audit: what containers are allowed beyond what they need, as a score and by severity. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exposure.h"
#include "exposure_image.h"
#include "identity.h"
#include "options.h"
#include "report.h"
#include "select.h"
#include "service.h"
#include "strbuf.h"
#include "verbs.h"

struct audit {
	struct findings findings;
	double score;
	bool learned;
};

/* The worst first; among equals by key. */
static int
worse(const void *x, const void *y)
{
	const struct finding *a = x, *b = y;

	if (!a->waived != !b->waived)
		return a->waived ? 1 : -1;
	if (a->severity != b->severity)
		return a->severity < b->severity ? 1 : -1;
	return strcmp(a->key, b->key);
}

/* 0, or -1 after a message. */
static int
audit_one(struct app *a, const struct place *p, struct audit *out)
{
	struct container c;
	struct identity who;
	struct image image;
	const char *reference;
	int got, known;

	memset(out, 0, sizeof(*out));
	if (describe(a, p, false, &c) || (got = image_of(a, &c, &reference, &image)) < 0)
		return -1;
	known = identity_of(a, &c, got ? &image : NULL, &who);
	if (known < 0)
		return -1;
	exposure_of_settings(a, p, &c, known ? &who : NULL, &out->learned, &out->findings);
	if (got)
		exposure_of_image(a, &c, image.id, &out->findings);
	else
		finding_add(&out->findings, MEDIUM, "image", "'%s' isn't here", reference);
	exposure_waive(&c, &out->findings);
	if (out->findings.n)
		qsort(out->findings.v, out->findings.n, sizeof(*out->findings.v), worse);
	out->score = exposure_score(&out->findings);
	return 0;
}

static size_t
open_from(const struct audit *u, enum severity least)
{
	size_t n = 0;

	for (size_t i = 0; i < u->findings.n; i++)
		n += !u->findings.v[i].waived && u->findings.v[i].severity >= least;
	return n;
}

static const char *
verdict(double score)
{
	return score < 1 ? "tight" : score < 3 ? "good" : score < 6 ? "fair" : "poor";
}

static void
print_audit(const struct place *p, const struct audit *u, enum severity least)
{
	struct strbuf b = STRBUF_INIT;
	size_t i, shown = 0, widest = 0;

	for (i = 0; i < u->findings.n; i++)
		if (strlen(u->findings.v[i].key) > widest && strlen(u->findings.v[i].key) <= 32)
			widest = strlen(u->findings.v[i].key);
	strbuf_printf(&b, "%s: %.1f of 10 exposed, %s\n", p->name, u->score, verdict(u->score));
	for (i = 0; i < u->findings.n; i++) {
		const struct finding *f = &u->findings.v[i];

		if (f->severity < least)
			continue;
		strbuf_printf(&b, "  %-8s", f->waived ? "waived" : severity_names[f->severity]);
		strbuf_put_visible(&b, f->key, strlen(f->key));
		strbuf_printf(&b, "%*s  ",
		    strlen(f->key) < widest ? (int)(widest - strlen(f->key)) : 0, "");
		strbuf_put_visible(&b, f->text, strlen(f->text));
		if (f->waived) {
			strbuf_puts(&b, ": ");
			strbuf_put_visible(&b, f->waived, strlen(f->waived));
		}
		strbuf_putc(&b, '\n');
		shown++;
	}
	if (!shown)
		strbuf_puts(&b, "  nothing to say\n");
	fputs(b.s, stdout);
	strbuf_free(&b);
}

static json_t *
text(const char *s)
{
	json_t *got = s ? json_string(s) : json_null();

	return got ? got : json_string("?");
}

static json_t *
audit_json(const struct place *p, const struct audit *u, enum severity least)
{
	json_t *list = json_array();

	for (size_t i = 0; i < u->findings.n; i++) {
		const struct finding *f = &u->findings.v[i];

		if (f->severity >= least)
			json_array_append_new(
			    list, json_pack("{s:s, s:o, s:o, s:o}", "severity",
				      severity_names[f->severity], "key", text(f->key), "text",
				      text(f->text), "waived", text(f->waived)));
	}
	return json_pack("{s:s, s:f, s:s, s:b, s:i, s:o}", "name", p->name, "exposure",
	    (double)(int)(u->score * 10 + 0.5) / 10, "verdict", verdict(u->score), "learned",
	    u->learned, "open", (int)open_from(u, least), "findings", list);
}

static int
severity_of(const char *word, enum severity *out)
{
	for (size_t i = 0; severity_names[i]; i++)
		if (strcmp(severity_names[i], word) == 0) {
			*out = (enum severity)i;
			return 0;
		}
	report("--min '%s': want low, medium or high", word);
	return -1;
}

int
do_audit(struct app *a, int argc, char **argv)
{
	bool json = false;
	const char *word = "low";
	const struct option_of options[] = {
	    SWITCH(0, "json", json), VALUED(0, "min", word), NO_MORE};
	json_t *all = json_array();
	enum severity least = LOW;
	struct places places = {0};
	int status = EXIT_YES;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 0 || severity_of(word, &least) || pick_all(a, argc, argv, &places))
		status = EXIT_TROUBLE;
	for (size_t i = 0; i < places.n && (status != EXIT_TROUBLE || i); i++) {
		struct audit u;

		if (audit_one(a, &places.v[i], &u)) {
			status = EXIT_TROUBLE;
			continue;
		}
		if (open_from(&u, least) && status == EXIT_YES)
			status = EXIT_NO;
		if (json)
			json_array_append_new(all, audit_json(&places.v[i], &u, least));
		else
			print_audit(&places.v[i], &u, least);
	}
	if (json && (status != EXIT_TROUBLE || json_array_size(all))) {
		json_dumpf(
		    all, stdout, JSON_INDENT(1) | JSON_SORT_KEYS | JSON_REAL_PRECISION(3));
		printf("\n");
	}
	json_decref(all);
	return status;
}
