/* podman or docker as a child process, and what they tell in one shape. */
#ifndef WHITTLE_ENGINE_H
#define WHITTLE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <sys/types.h>
#include <time.h>

#include "pool.h"

struct host;
struct strbuf;

enum engine_kind { PODMAN, DOCKER };

struct engine {
	const char *command; /* what a person would type */
	const char *program; /* what is run */
	enum engine_kind kind;
	bool no_timers; /* podman without systemd: health checks aren't run by themselves */
};

/* Which engine it is. Returns 0, or -1 after a message. */
int engine_find(struct engine *e, const struct host *h);
const char *engine_name(const struct engine *e);

/*
 * Runs the engine with these words, the last one NULL. out gets its standard output and
 * may be NULL. What it says to standard error is shown only where it fails, behind the
 * name of what was tried. Returns its exit status, or -1 after a message.
 */
int engine_call(const struct engine *e, struct strbuf *out, ...) __attribute__((sentinel));
int engine_words(const struct engine *e, struct strbuf *out, const struct words *args);
int engine_words_try(const struct engine *e, struct strbuf *out, const struct words *args);

/* The same, and a failure is no reason for a message. */
int engine_try(const struct engine *e, struct strbuf *out, ...) __attribute__((sentinel));

/* The same with standard error beside standard output, and a limit in ms (0: none). */
int engine_quiet(
    const struct engine *e, struct strbuf *out, unsigned timeout_ms, const struct words *args);

/* Runs the engine on this terminal. Returns its exit status. */
int engine_attached(const struct engine *e, const struct words *args);

/* ---- containers ---- */

/* Removes a container, at once where it runs; what its image declares as volumes and no
 * setting names stays, unless it is throwaway too. 0, or -1 after a message. */
int engine_remove(const struct engine *e, const char *id, bool throwaway);

struct seen {
	const char *id, *name;
	const char *image;  /* "sha256:…" */
	const char *state;  /* "running", "exited", "created" … */
	const char *health; /* "healthy", "unhealthy", "starting"; NULL: no health check */
	bool running;
	pid_t pid;
	int exit_code, restarts;
	time_t started, created;
	struct words ips;
	struct words ports; /* "127.0.0.1:8080->80/tcp" */
	struct words networks;
	const char *upper; /* the overlay's upper folder; NULL: the engine doesn't say */
	/* Labels that d gave it; NULL where it was another. */
	const char *key, *role, *digest, *transaction, *owner;
};

struct seens {
	struct seen *v;
	size_t n;
};

/* One container, by name or id. Returns 1, 0 where there is none, -1 after a message. */
int engine_see(const struct engine *e, const char *name, struct seen *out);

/* Every container that there is. Returns 0, or -1 after a message. */
int engine_see_all(const struct engine *e, struct seens *out);

/* The same without addresses and upper folders, where that can be had more quickly. */
int engine_list(const struct engine *e, struct seens *out);

const struct seen *seen_named(const struct seens *all, const char *name);

/* ---- images ---- */

struct image {
	const char *id;   /* "sha256:…" */
	const char *user; /* only engine_image() knows this and health */
	bool health;
	time_t created;
	const char *size; /* for people; only engine_images() knows */
	struct words tags;
};

struct images {
	struct image *v;
	size_t n;
};

/* Returns 1, 0 where there is none, -1 after a message. */
int engine_image(const struct engine *e, const char *reference, struct image *out);

/* Every image that has a name, and those without one where dangling is set. */
int engine_images(const struct engine *e, bool dangling, struct images *out);

/* engine_list(), and meanwhile those images of these names that there are. */
int engine_list_with_images(const struct engine *e, const struct words *names,
    struct seens *all, struct images *images);
const struct image *image_tagged(const struct images *all, const char *tag);

/* The twelve digits by which people know it. */
const char *short_id(const char *id);

/* "2026-11-22T04:51:47.75Z" as seconds; 0 where it is none or "never". */
time_t engine_time(const char *text);

#endif
