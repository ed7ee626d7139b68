#include "engine_call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app.h"
#include "cleanup.h"
#include "engine.h"
#include "report.h"
#include "run.h"
#include "strbuf.h"

enum {
	LIST_TRIES = 5,
	LIST_PAUSE_MS = 200,
	START_TRIES = 3,
	START_PAUSE_MS = 500,
	TIMED_OUT = 124
};

static struct strbuf complaint = STRBUF_INIT;

const char *
engine_complaint(void)
{
	return complaint.s ? complaint.s : "";
}

/* What it said is kept as the complaint. */
static void
complain(const struct engine *e, const struct words *args, int status, const struct strbuf *err)
{
	cleanup_free char *gist = engine_gist(err);
	char half[IMAGE_HEX + 1];

	if (engine_half_made(err->s, half))
		report("%s %s fails because of image %s, which a build or load that was killed "
		       "left half made; to remove it: d clean",
		    engine_name(e), args->w[0], half);
	else
		report("%s %s%s%s: %s", engine_name(e), args->w[0], args->n > 1 ? " " : "",
		    args->n > 1 ? args->w[args->n - 1] : "",
		    status == TIMED_OUT ? "no answer in time" : gist);
	strbuf_cut(&complaint, 0);
	strbuf_add(&complaint, err->s ? err->s : "", err->len);
}

static int
call_heard(const struct engine *e, struct strbuf *out, struct strbuf *err,
    const struct words *args, bool quietly)
{
	int status = engine_run(e, (const char *const *)args->w, out, err);

	if (status < 0)
		report("start '%s':", e->program);
	else if (status > 0 && !quietly)
		complain(e, args, status, err);
	return status;
}

static int
call(const struct engine *e, struct strbuf *out, const struct words *args, bool quietly)
{
	struct strbuf err = STRBUF_INIT;
	int status = call_heard(e, out, &err, args, quietly);

	strbuf_free(&err);
	return status;
}

int
engine_words(const struct engine *e, struct strbuf *out, const struct words *args)
{
	return call(e, out, args, false);
}

int
engine_words_try(const struct engine *e, struct strbuf *out, const struct words *args)
{
	return call(e, out, args, true);
}

#define COLLECT(args, last)                                                                    \
	do {                                                                                   \
		va_list ap;                                                                    \
		const char *word;                                                              \
		va_start(ap, last);                                                            \
		while ((word = va_arg(ap, const char *)))                                      \
			words_add(&(args), word);                                              \
		va_end(ap);                                                                    \
	} while (0)

int
engine_call(const struct engine *e, struct strbuf *out, ...)
{
	struct words args = {0};

	COLLECT(args, out);
	return call(e, out, &args, false);
}

int
engine_try(const struct engine *e, struct strbuf *out, ...)
{
	struct words args = {0};

	COLLECT(args, out);
	return call(e, out, &args, true);
}

int
engine_quiet(
    const struct engine *e, struct strbuf *out, unsigned timeout_ms, const struct words *args)
{
	char **argv = engine_argv(e, (const char *const *)args->w);
	int status;

	status = run(&(struct run){.argv = (const char *const *)argv,
	    .out = out,
	    .err = out,
	    .discard_out = !out,
	    .discard_err = !out,
	    .timeout_ms = timeout_ms});
	for (char **word = argv; *word; word++)
		free(*word);
	free(argv);
	return status;
}

int
engine_start(const struct engine *e, const char *id)
{
	struct strbuf err = STRBUF_INIT;
	struct words args = {0};
	int status;

	words_add(&args, "start");
	words_add(&args, id);
	for (int tries = START_TRIES;;) {
		strbuf_cut(&err, 0);
		status = engine_run(e, (const char *const *)args.w, NULL, &err);
		if (status <= 0 || --tries == 0 || (e->interrupted && *e->interrupted) ||
		    !err.s || !strstr(err.s, "address already in use"))
			break;
		usleep(START_PAUSE_MS * 1000);
	}
	if (status < 0)
		report("start '%s':", e->program);
	else if (status > 0)
		complain(e, &args, status, &err);
	strbuf_free(&err);
	return status ? -1 : 0;
}

/* podman fails to list at all where somebody removes a thing while it looks, or is about to
 * write an image: then it is asked again, in the latter case a moment later. */
int
engine_lines(const struct engine *e, struct words *out, const struct words *args)
{
	struct strbuf text = STRBUF_INIT, err = STRBUF_INIT;
	char *line, *save = NULL, half[IMAGE_HEX + 1];
	int status = -1;

	for (int i = 0; i < LIST_TRIES && status; i++) {
		if (engine_half_made(err.s, half))
			usleep(LIST_PAUSE_MS * 1000);
		strbuf_cut(&text, 0);
		strbuf_cut(&err, 0);
		status = call_heard(e, &text, &err, args, i + 1 < LIST_TRIES);
	}
	strbuf_free(&err);
	if (status == 0 && text.s)
		for (line = strtok_r(text.s, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			if (!words_have(out, line))
				words_add(out, line);
	strbuf_free(&text);
	return status == 0 ? 0 : -1;
}

int
engine_ids(const struct engine *e, struct words *out, const char *label, const char *second)
{
	struct words args = {0};
	const char *const labels[] = {label, second};

	words_add(&args, "ps");
	words_add(&args, "-aq");
	words_add(&args, "--no-trunc");
	for (size_t i = 0; i < 2 && labels[i]; i++) {
		words_add(&args, "--filter");
		words_addf(&args, "label=%s", labels[i]);
	}
	return engine_lines(e, out, &args);
}

const char *
engine_last_line(struct strbuf *out)
{
	const char *last, *got;

	while (out->len && out->s[out->len - 1] == '\n')
		strbuf_cut(out, out->len - 1);
	last = out->len ? strrchr(out->s, '\n') : NULL;
	got = out->len ? pool_dup(last ? last + 1 : out->s) : "";
	strbuf_free(out);
	return got;
}

const char *
engine_created(const struct engine *e, struct strbuf *out)
{
	const char *id = engine_last_line(out);

	if (*id)
		return id;
	report("%s create: no container ID in its output", engine_name(e));
	return NULL;
}

int
engine_attached(const struct engine *e, const struct words *args)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0) {
		report("fork:");
		return EXIT_TROUBLE;
	}
	if (pid == 0) {
		char **argv = engine_argv(e, (const char *const *)args->w);

		signal(SIGPIPE, SIG_DFL);
		execvp(argv[0], argv);
		report("start '%s':", argv[0]);
		_exit(errno == ENOENT ? 127 : 126);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
