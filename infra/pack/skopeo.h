/* Registries, by way of skopeo(1). */
#ifndef PACK_SKOPEO_H
#define PACK_SKOPEO_H

struct strbuf;

/*
 * Runs skopeo with these words, the last one NULL; its standard output is added to out where
 * that isn't NULL. It retries network failures by itself; temporary failures that it takes for
 * permanent ones are retried here. Return 0, or -1 where it failed, with a report() unless
 * quiet.
 */
int skopeo_try(const char *const *words, struct strbuf *out, int quiet);
int skopeo(const char *const *words, struct strbuf *out);

/* Whether a text is "sha256:" and 64 hex digits. */
int is_digest(const char *s);

#endif
