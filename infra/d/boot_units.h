/* systemd's units, systemd.unit(5): what starts containers at boot, and what does what is due.
 */
#ifndef WHITTLE_BOOT_UNITS_H
#define WHITTLE_BOOT_UNITS_H

#include <stdbool.h>

#include "pool.h"

struct strbuf;

/* What only this host knows. */
struct unit_facts {
	const char *program; /* d's path */
	struct words env;    /* NAME=VALUE */
	struct words paths;  /* what has to be mounted first */
	bool user;           /* for the user's own manager */
	bool docker;         /* it has to run first, and is the system's */
};

/* "up-all" at boot, and "down-all" where that is stopped. */
void unit_of_boot(const struct unit_facts *f, struct strbuf *out);

/* "down-all" when the host goes down, also where "up-all" failed or isn't through: systemd
 * doesn't stop what didn't start. */
void unit_of_stop(const struct unit_facts *f, struct strbuf *out);

/* For the scopes that podman's containers are in, which systemd otherwise ends at the same
 * time, with SIGTERM and in no order. */
void unit_of_scopes(const struct unit_facts *f, struct strbuf *out);

/* A template: "auto" or "jobs", which the timer of its name starts every five minutes. */
void unit_of_timed(const struct unit_facts *f, struct strbuf *out);
void unit_of_timer(const struct unit_facts *f, struct strbuf *out);

#endif
