/* The command lines of clusters, docker's and kubectl's. */
#ifndef WHITTLE_CLUSTER_CALL_H
#define WHITTLE_CLUSTER_CALL_H

#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>

#include "pool.h"

struct strbuf;

struct cluster_call {
	const char *on;    /* "swarm" or "kube": what needs the program */
	struct words argv; /* the program's words */
	const char *in;    /* standard input; NULL: none */
	size_t in_len;
	struct strbuf *out, *err; /* out may be NULL */
	unsigned limit_ms;
	bool hurry; /* an interrupt ends it */
};

/* The exit status; -1 after a message where the program can't be run. */
int cluster_call(const struct cluster_call *c);

/* All up to NULL. */
void words_add_each(struct words *l, va_list ap);

/* A member that is a string, in the pool; "" where there is none. */
const char *text_member(const json_t *o, const char *key);

#endif
