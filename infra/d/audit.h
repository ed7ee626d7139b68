/* What d audit says of one container. */
#ifndef WHITTLE_AUDIT_H
#define WHITTLE_AUDIT_H

#include <jansson.h>

#include "app.h"
#include "exposure.h"

struct audit {
	struct findings findings; /* the worst first */
	double score;
	bool learned; /* what its tests need is known */
};

/* 0, or -1 after a message. */
int audit_one(struct app *a, const struct place *p, struct audit *out);

/* How many are open, of at least that severity. */
size_t audit_open(const struct audit *u, enum severity least);

/* "tight", "good", "fair", "poor" */
const char *audit_verdict(double score);

json_t *audit_json(const struct place *p, const struct audit *u, enum severity least);

#endif
