/*
 * Secrets of a container: files below /run/secrets inside, which stand on a tmpfs of the host
 * and nowhere else. Each start has a directory of its own, so that the old container keeps its
 * own until the new one stays.
 */
#ifndef WHITTLE_SECRETS_H
#define WHITTLE_SECRETS_H

#include "app.h"

struct start;
struct strbuf;

/* The value, as it is read, decrypted or made. 0, or -1 after a message. secret_free() leaves
 * nothing of it in freed memory. */
int secret_read(const struct container *c, const struct secret *s, struct strbuf *out);
void secret_free(struct strbuf *b);

/* Reads, decrypts or has made what the settings name, writes it for who runs in there, and
 * says in s where it is. After start_complete(). 0, or -1 after a message. */
int secrets_place(struct app *a, const struct container *c, struct start *s);

/* As d cmd prints it: START stands for the directory, which each start has anew. */
void secrets_show(const struct container *c, struct start *s);

/* Whether a container that was made by that transaction has other ones than it would get now.
 */
bool secrets_changed(struct app *a, const struct container *c, const char *transaction);

/* Removes those of all starts of a container, by its name, but one; keep may be NULL. 0, or -1
 * where some are still there; a sweep finds them. */
int secrets_forget(const char *name, const char *keep);

/* The same of a container that went away by itself; where it is still there, they stay. */
void secrets_end(struct app *a, const char *name);

/*
 * Removes those that a d of this engine and state directory has put there for containers that
 * there aren't any more, as one that was killed leaves them; not what is being made right now.
 * dry: only says what it would remove. For how many containers, or -1 after a message, also
 * where some can't be removed.
 */
int secrets_sweep(struct app *a, bool dry);

/* Removes those of one start. */
void secrets_drop(const char *name, const char *transaction);

#endif
