/* d audit: what containers are allowed beyond what they need, as a score and by severity. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "options.h"
#include "report.h"
#include "select.h"
#include "strbuf.h"
#include "verbs.h"

static void
print_audit(const struct place *p, const struct audit *u, enum severity least)
{
	struct strbuf b = STRBUF_INIT;
	size_t i, shown = 0, widest = 0;

	for (i = 0; i < u->findings.n; i++)
		if (strlen(u->findings.v[i].key) > widest && strlen(u->findings.v[i].key) <= 32)
			widest = strlen(u->findings.v[i].key);
	strbuf_printf(
	    &b, "%s: %.1f of 10 exposed, %s\n", p->name, u->score, audit_verdict(u->score));
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
		if (audit_open(&u, least) && status == EXIT_YES)
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
