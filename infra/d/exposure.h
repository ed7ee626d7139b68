/* What a container is allowed beyond what it needs, and what an intruder would find in it. */
#ifndef WHITTLE_EXPOSURE_H
#define WHITTLE_EXPOSURE_H

#include <stdbool.h>
#include <stddef.h>

struct app;
struct container;
struct identity;
struct place;

enum severity { LOW, MEDIUM, HIGH, SEVERITIES };
extern const char *const severity_names[SEVERITIES + 1]; /* NULL-terminated */

struct finding {
	enum severity severity;
	const char
	    *key; /* of settings.yaml, or "image"; with ":WHAT" where there are several */
	const char *text;   /* for people */
	const char *waived; /* the reason; NULL: it is open */
};

struct findings {
	struct finding *v;
	size_t n;
};

void finding_add(struct findings *to, enum severity severity, const char *key, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));

/* What its settings allow. who may be NULL where the image isn't here. What a test needed is
 * what "make learn" noted last; learned becomes whether it did. */
void exposure_of_settings(const struct app *a, const struct place *p, const struct container *c,
    const struct identity *who, bool *learned, struct findings *to);

/* Gives findings the reasons of the settings' waive, and adds those that are about nothing. */
void exposure_waive(const struct container *c, struct findings *f);

/* From 0.0, nothing open, to 10.0. */
double exposure_score(const struct findings *f);

#endif
