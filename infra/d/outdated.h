/* What there is newer than what a container is made of, asked without pulling or changing
 * anything. */
#ifndef WHITTLE_OUTDATED_H
#define WHITTLE_OUTDATED_H

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#include "app.h"

enum found {
	FOUND_TAG,     /* a newer tag */
	FOUND_HELD,    /* a newer tag that update: hold leaves alone */
	FOUND_DIGEST,  /* the tag is another image by now */
	FOUND_PACKAGE, /* a package of packages.lock */
	FOUND_PIN,     /* one of the project's pinned sources */
	FOUND_TROUBLE, /* it couldn't be found out */
};

extern const char *const found_names[];

struct finding {
	const char *name; /* the container's; "" for the project */
	enum found kind;
	bool security;
	bool from;           /* of the Dockerfile, else of the settings */
	const char *subject; /* an image's reference as it is written, a package, a source */
	const char *have, *want;
	const char *digest; /* of the image that is wanted; NULL: not known */
	const char *text;   /* for people; NULL: have and want say it */
	time_t since;       /* when it was first found; 0: not known */
};

struct findings {
	struct finding *v;
	size_t n;
};

/* Adds what is found about one container; remembers since when. 0, or -1 after a message. */
int outdated_find(
    struct app *a, const struct place *p, const struct container *c, struct findings *out);

/* Adds the project's pinned sources that are outdated. */
void outdated_pins(struct app *a, struct findings *out);

/* "nginx:1.27.1 -> 1.27.3" */
const char *finding_text(const struct finding *f);

json_t *finding_json(const struct finding *f);

#endif
