#include "cluster_call.h"

#include "report.h"
#include "run.h"
#include "signals.h"

enum { NO_PROGRAM = 127 };

int
cluster_call(const struct cluster_call *c)
{
	int status = run(&(struct run){.argv = (const char *const *)c->argv.w,
	    .in = c->in,
	    .in_len = c->in_len,
	    .out = c->out,
	    .discard_out = 1,
	    .err = c->err,
	    .timeout_ms = c->limit_ms,
	    .hurry = c->hurry ? &interrupted : NULL});

	if (status < 0)
		report("start '%s':", c->argv.w[0]);
	else if (status == NO_PROGRAM)
		report("on: %s needs the %s command here", c->on, c->argv.w[0]);
	return status == NO_PROGRAM ? -1 : status;
}

void
words_add_each(struct words *l, va_list ap)
{
	const char *word;

	while ((word = va_arg(ap, const char *)))
		words_add(l, word);
}

const char *
text_member(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return pool_dup(text ? text : "");
}
