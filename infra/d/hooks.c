#include "hooks.h"

#include <stdlib.h>

#include "engine_call.h"
#include "history.h"
#include "report.h"
#include "run.h"
#include "say.h"
#include "strbuf.h"

enum { NO_TIME = 124 }; /* run()'s and timeout(1)'s exit status */

static int
run_inside(struct app *a, const struct hook *h, const char *id, struct strbuf *out)
{
	struct words args = {0};

	words_add(&args, "exec");
	words_add(&args, id);
	words_add_all(&args, &h->command);
	return engine_quiet(&a->engine, out, (unsigned)h->within, &args);
}

static int
run_on_host(const struct container *c, const struct hook *h, enum hook_point point,
    const char *id, const char *verb, struct strbuf *out)
{
	setenv("WHITTLE_POINT", hook_names[point], 1);
	setenv("WHITTLE_NAME", c->key, 1);
	setenv("WHITTLE_CONTAINER", id, 1);
	setenv("WHITTLE_VERB", verb, 1);
	return run(&(struct run){.argv = (const char *const *)h->command.w,
	    .out = out,
	    .err = out,
	    .timeout_ms = (unsigned)h->within});
}

int
hook_run(struct app *a, const struct container *c, enum hook_point point, const char *id,
    const char *verb, const char **why)
{
	const struct hook *h = &c->hooks[point];
	struct strbuf out = STRBUF_INIT;
	const char *said;
	int status;

	if (!h->command.n)
		return 0;
	say("HOOK", "%s %s", c->key, hook_text(c, point));
	status =
	    h->inside ? run_inside(a, h, id, &out) : run_on_host(c, h, point, id, verb, &out);
	said = engine_gist(&out);
	strbuf_free(&out);
	if (!status)
		return 0;
	*why = status == NO_TIME ? pool_printf("%s took longer than %lld s", hook_names[point],
				       (long long)h->within / 1000)
				 : pool_printf("%s refused with status %d%s%s",
				       hook_names[point], status, *said ? ": " : "", said);
	event(&a->host, c->key, "refused", NULL, "%s: %s", verb, *why);
	return -1;
}

const char *
hook_text(const struct container *c, enum hook_point point)
{
	const struct hook *h = &c->hooks[point];
	struct strbuf b = STRBUF_INIT;
	char *got;

	if (!h->command.n)
		return NULL;
	strbuf_printf(&b, "%s%s: ", hook_names[point], h->inside ? " (inside)" : "");
	words_quote(&h->command, &b);
	got = pool_dup(b.s);
	strbuf_free(&b);
	return got;
}
