/* The images and settings that a container can go back to, and the images that failed. */
#ifndef WHITTLE_GENERATIONS_H
#define WHITTLE_GENERATIONS_H

#include <stddef.h>

struct host;

struct generation {
	int n;
	const char *image, *settings, *time;
};

struct generations {
	struct generation *v; /* oldest first */
	size_t n;
	int current; /* its n; 0: none */
};

int generations_read(const struct host *h, const char *name, struct generations *out);
int generations_write(const struct host *h, const char *name, const struct generations *g);
const struct generation *generation_find(const struct generations *g, int n);

/* The one that was gone back to, whose settings count until the next upgrade; NULL where
 * the latest runs, or none is known. */
const struct generation *generation_gone_back_to(const struct host *h, const char *name);

/* Its settings; NULL: the directory's own count. */
const char *settings_gone_back_to(const struct host *h, const char *name);

/* "localhost/whittle/NAME:g7": what keeps a generation's image. */
const char *generation_tag(const struct host *h, const char *name, int n);

/* ---- images that failed ---- */

/* Why an image isn't to be tried again; NULL where it may be. */
const char *quarantined(const struct host *h, const char *name, const char *image);
void quarantine(const struct host *h, const char *name, const char *image, const char *why);
void quarantine_lift(const struct host *h, const char *name, const char *image);

#endif
