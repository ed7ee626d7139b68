#include "explain.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "cleanup.h"
#include "engine_call.h"
#include "report.h"
#include "run.h"
#include "strbuf.h"

enum { TIME_MS = 60000 };

static void
ask(const char *program, const char *key, const char *id, const char *lines, struct strbuf *out)
{
	const char *said = engine_complaint();
	const char *argv[] = {program, "-l", "/dev/stdin", lines ? lines : key,
	    lines ? key : id, lines ? id : NULL, NULL};

	run(&(struct run){.argv = argv,
	    .in = said,
	    .in_len = strlen(said),
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
explain(struct app *a, const char *key, const char *id)
{
	const char *file = getenv("WHITTLE_EXPLAIN"), *program;
	struct strbuf out = STRBUF_INIT;

	if (!a->host.project)
		return;
	program = pool_printf("%s/infra/explain", a->host.project);
	if (access(program, X_OK))
		return;
	ask(program, key, id, NULL, &out);
	if (out.len)
		fputs(out.s, stderr);
	if (file) {
		strbuf_cut(&out, 0);
		ask(program, key, id, "--lines", &out);
		write_lines(file, &out);
	}
	strbuf_free(&out);
}
