/* What is probed, as it stands on the command line. */
#ifndef PROBE_TARGET_H
#define PROBE_TARGET_H

enum target_kind { TARGET_HTTP, TARGET_TCP, TARGET_UNIX };

struct target {
	enum target_kind kind;
	char *host;      /* http, tcp: a name or an address, without brackets */
	char *port;      /* http, tcp: decimal */
	char *authority; /* http: host and port as they were written, for the Host field */
	char *path;      /* http: path and query; unix: the socket's file */
};

/*
 * Understands http://HOST[:PORT][/PATH][?QUERY], tcp:HOST:PORT and unix:PATH. An IPv6
 * address stands in brackets. A fragment is dropped, as it is never sent (RFC 9110, 4.2.5).
 * Anything that could change the meaning of the request line (blanks, control bytes,
 * a user name) is refused.
 *
 * Returns 0, or -1 with *why saying what is wrong. The caller frees in both cases.
 */
int target_parse(struct target *t, const char *text, const char **why);
void target_free(struct target *t);

#endif
