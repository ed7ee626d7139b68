#include "audit.h"

#include <stdlib.h>
#include <string.h>

#include "exposure_image.h"
#include "identity.h"
#include "service.h"

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

int
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

size_t
audit_open(const struct audit *u, enum severity least)
{
	size_t n = 0;

	for (size_t i = 0; i < u->findings.n; i++)
		n += !u->findings.v[i].waived && u->findings.v[i].severity >= least;
	return n;
}

const char *
audit_verdict(double score)
{
	return score < 1 ? "tight" : score < 3 ? "good" : score < 6 ? "fair" : "poor";
}

static json_t *
text(const char *s)
{
	json_t *got = s ? json_string(s) : json_null();

	return got ? got : json_string("?");
}

json_t *
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
	    (double)(int)(u->score * 10 + 0.5) / 10, "verdict", audit_verdict(u->score),
	    "learned", u->learned, "open", (int)audit_open(u, least), "findings", list);
}
