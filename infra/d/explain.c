#include "explain.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "cleanup.h"
#include "container.h"
#include "engine_call.h"
#include "file_caps.h"
#include "report.h"
#include "run.h"
#include "strbuf.h"

enum { TIME_MS = 60000 };

struct question {
	const char *program, *key, *id;
	const char *said; /* by the engine */
	const char *caps; /* that the program's file wants and the settings don't give */
};

static void
ask(const struct question *q, bool lines, struct strbuf *out)
{
	struct words argv = {0};

	words_add(&argv, q->program);
	if (lines)
		words_add(&argv, "--lines");
	words_add(&argv, "-l");
	words_add(&argv, "/dev/stdin");
	if (q->caps && *q->caps) {
		words_add(&argv, "-c");
		words_add(&argv, q->caps);
	}
	words_add(&argv, q->key);
	words_add(&argv, q->id);
	run(&(struct run){.argv = (const char *const *)argv.w,
	    .in = q->said,
	    .in_len = strlen(q->said),
	    .out = out,
	    .discard_err = 1,
	    .timeout_ms = TIME_MS});
}

static void
write_lines(const char *file, const struct strbuf *lines)
{
	FILE *f = fopen(file, "we");
	int bad = !f || (lines->len && fputs(lines->s, f) == EOF);

	if (f)
		bad |= fclose(f) == EOF;
	if (bad)
		report("write '%s':", file);
}

void
explain(struct app *a, const struct container *c, const struct image *image, const char *id)
{
	const char *file = getenv("WHITTLE_EXPLAIN");
	struct question q = {.key = c->key, .id = id, .said = pool_dup(engine_complaint())};
	struct strbuf out = STRBUF_INIT;

	if (!a->host.project)
		return;
	q.program = pool_printf("%s/infra/explain", a->host.project);
	if (access(q.program, X_OK))
		return;
	q.caps = file_caps_missing(a, c, image);
	ask(&q, false, &out);
	if (out.len)
		fputs(out.s, stderr);
	if (file) {
		strbuf_cut(&out, 0);
		ask(&q, true, &out);
		write_lines(file, &out);
	}
	strbuf_free(&out);
}
