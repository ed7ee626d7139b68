/* The container engine's command line: podman's or docker's, and where they differ. */
#ifndef WHITTLE_ENGINE_H
#define WHITTLE_ENGINE_H

#include <stdbool.h>

struct strbuf;

enum engine_kind { PODMAN, DOCKER };

struct engine {
	const char *command; /* what a person would type */
	char *program;       /* what is run */
	enum engine_kind kind;
	bool no_timers; /* podman without systemd: health checks aren't run by themselves */
	/* The program pack and its store, see imageid.h. Where they are set, arguments of the
	 * form "sha256:…" are image IDs as every engine computes them, and are translated to
	 * the engine's own. */
	const char *pack, *store;
	/* Once this isn't 0, a call that goes on has a minute left; NULL: it is never asked. */
	const volatile int *interrupted;
};

/* The path of whittle-engine, infra/engine as it is installed, beside this program; free(3) it.
 * NULL: there is none. */
char *engine_beside(void);

/*
 * command: podman or docker, or a path to one, or infra/engine, which is asked once how it
 * would run the engine; what it says of the environment is set in this process's. Keeps
 * the pointer. Returns 0, or -1 after a report().
 */
int engine_open(struct engine *e, const char *command);
void engine_close(struct engine *e);

const char *engine_name(const struct engine *e);

/*
 * Runs the engine with these arguments, NULL-terminated. What it writes is added to out and
 * err, each of which may be NULL: then it is thrown away. Nothing is to be parsed from both
 * together: engines warn on standard error whenever they like. No call goes on for longer
 * than a quarter of an hour, one that only asks for no longer than a minute
 * (WHITTLE_ENGINE_LIMIT says seconds, where it is less). Returns the exit status, 124 where the
 * time was up, or -1 with errno.
 */
int engine_run(
    const struct engine *e, const char *const *args, struct strbuf *out, struct strbuf *err);

/* The argument vector of engine_run(). free(3) each and all. */
char **engine_argv(const struct engine *e, const char *const *args);
/* That limit for a call with these arguments, in ms; and for what is a few calls in a row. */
unsigned engine_limit_for(const char *const *args);
unsigned engine_limit_ms(void);

/*
 * Whether there is a "container", "image", "network" or "volume" of that name or ID. The third
 * answer is never taken for the second: an engine that can't be reached, a store that can't be
 * read or a time limit is -1. Returns 1, 0, or -1 after a report().
 */
int engine_exists(const struct engine *e, const char *type, const char *name);

/*
 * The same once "TYPE inspect NAME" has failed and written err: 0 where there is none, or
 * -1 after a report() of what it said.
 */
int engine_missing(const struct engine *e, const char *type, const char *name, int status,
    const struct strbuf *err);

/* Whether that is docker's own way of saying that there is none. */
bool engine_says_missing(const char *type, const char *err);

/* The engine's error message on one line, without its usual warnings; only its end where it
 * is long. free(3) it. */
char *engine_gist(const struct strbuf *err);

/*
 * The ID of the next image that podman says is half made: a build or a load was killed, or goes
 * on just now, between the image's record in the store and its manifest. podman up to 4 then
 * mostly lists no images at all. Returns where to search on for another one, NULL: there is
 * none.
 */
enum { IMAGE_HEX = 64 };
const char *engine_half_made(const char *err, char id[IMAGE_HEX + 1]);

#endif
