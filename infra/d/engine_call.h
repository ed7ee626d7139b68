/* lib/engine for d: calls made of words, with a message where one fails. */
#ifndef WHITTLE_ENGINE_CALL_H
#define WHITTLE_ENGINE_CALL_H

#include "engine.h"
#include "pool.h"

struct strbuf;

/*
 * Runs the engine with these words, the last one NULL. out gets its standard output and
 * may be NULL. What it says to standard error is shown only where it fails, behind the
 * name of what was tried. Returns its exit status, or -1 after a message.
 */
int engine_call(const struct engine *e, struct strbuf *out, ...) __attribute__((sentinel));
int engine_words(const struct engine *e, struct strbuf *out, const struct words *args);

/* What the engine said to standard error when a call of these failed for the last time. */
const char *engine_complaint(void);

/* The same, and a failure is no reason for a message. */
int engine_try(const struct engine *e, struct strbuf *out, ...) __attribute__((sentinel));
int engine_words_try(const struct engine *e, struct strbuf *out, const struct words *args);

/* The same with standard error beside standard output, and a limit in ms. */
int engine_quiet(
    const struct engine *e, struct strbuf *out, unsigned timeout_ms, const struct words *args);

/* Every line of standard output becomes a word of out, each once. 0, or -1 after a message. */
int engine_lines(const struct engine *e, struct words *out, const struct words *args);

/* The IDs of all containers with a label, "key=value", or with two. 0, or -1 after a message.
 */
int engine_ids(
    const struct engine *e, struct words *out, const char *label, const char *second);

/* The last line of what a call wrote to standard output, without its end, "" where it wrote
 * nothing: podman may warn there before it answers. Frees out. */
const char *engine_last_line(struct strbuf *out);

/* The same of a "create": the ID that it names; NULL after a message where it names none. */
const char *engine_created(const struct engine *e, struct strbuf *out);

/*
 * Starts a container that there is. A port that is in use may be what the engine chose for
 * itself, or where somebody's connection to elsewhere comes from, and free a moment later: then
 * it is tried again. 0, or -1 after a message.
 */
int engine_start(const struct engine *e, const char *id);

/* Runs the engine on this terminal. Returns its exit status. */
int engine_attached(const struct engine *e, const struct words *args);

#endif
