#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "host.h"
#include "notify.h"
#include "pool.h"
#include "report.h"
#include "run.h"
#include "state.h"
#include "strbuf.h"

enum { HOOK_MS = 30000 };

/* One write of one line under a lock, so that lines of two never mix. */
static void
append(const struct host *h, const char *name, const char *line, size_t len)
{
	const char *path = state_path(h, name, "history.jsonl");
	cleanup_fd int fd = -1;
	off_t end;

	if (!state_directory(h, name))
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	end = fd < 0 || flock(fd, LOCK_EX) ? -1 : lseek(fd, 0, SEEK_END);
	if (end < 0) {
		report("write '%s':", path);
	} else if (write_all(fd, line, len)) {
		report("write '%s':", path);
		/* Half a line would take the next one with it. */
		if (ftruncate(fd, end))
			report("cut '%s':", path);
	}
}

static void
run_hook(const struct host *h, const char *name, const char *what, const char *image,
    const char *text)
{
	int status;

	if (!h->hook.n)
		return;
	setenv("WHITTLE_EVENT", what, 1);
	setenv("WHITTLE_NAME", name, 1);
	setenv("WHITTLE_IMAGE", image ? image : "", 1);
	setenv("WHITTLE_TEXT", text, 1);
	status = run(&(struct run){
	    .argv = (const char *const *)h->hook.w, .discard_out = 1, .timeout_ms = HOOK_MS});
	if (status)
		report("the hook '%s' failed with status %d", h->hook.w[0], status);
}

static void
record(const struct host *h, const char *name, const char *what, const char *image,
    const char *text)
{
	const char *user = getenv("SUDO_USER") ? getenv("SUDO_USER") : getenv("USER");
	struct strbuf line = STRBUF_INIT;

	strbuf_puts(&line, "{");
	strbuf_put_json_member(&line, "time", state_now());
	strbuf_puts(&line, ",");
	strbuf_put_json_member(&line, "event", what);
	if (image) {
		strbuf_puts(&line, ",");
		strbuf_put_json_member(&line, "image", image);
	}
	if (*text) {
		strbuf_puts(&line, ",");
		strbuf_put_json_member(&line, "text", text);
	}
	if (user) {
		strbuf_puts(&line, ",");
		strbuf_put_json_member(&line, "user", user);
	}
	strbuf_puts(&line, "}\n");
	append(h, name, line.s, line.len);
	strbuf_free(&line);
}

void
event(const struct host *h, const char *name, const char *what, const char *image,
    const char *fmt, ...)
{
	struct strbuf b = STRBUF_INIT;
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	text = b.s ? b.s : "";
	if (name)
		record(h, name, what, image, text);
	run_hook(h, name ? name : "", what, image, text);
	notify_queue(h, name, what, image, text);
	strbuf_free(&b);
}

/* Of the last event that isn't about notifying. */
static void
keep_text(const json_t *one, void *arg)
{
	const char **last = arg, *what = json_string_value(json_object_get(one, "event")),
		   *text = json_string_value(json_object_get(one, "text"));

	if (what && strcmp(what, "undelivered") != 0)
		*last = pool_dup(text ? text : "");
}

void
event_repeated(const struct host *h, const char *name, const char *what, const char *image,
    const char *fmt, ...)
{
	struct strbuf b = STRBUF_INIT;
	const char *text, *last = NULL;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	text = b.s ? b.s : "";
	history_each(h, name, keep_text, &last);
	record(h, name, what, image, text);
	run_hook(h, name, what, image, text);
	/* A failure and its way back have one text. */
	if (!last || strcmp(last, text) != 0)
		notify_queue(h, name, what, image, text);
	strbuf_free(&b);
}

static void
undelivered(const struct host *h, const char *name, const char *why)
{
	record(h, name, "undelivered", NULL, why);
}

void
events_send(const struct host *h, bool always)
{
	/* A d that another one waits for leaves it to that one. */
	if (!getenv("WHITTLE_NOTIFY_LATER") && (always || notify_has_queued()))
		notify_flush(h, undelivered);
}

int
history_each(
    const struct host *h, const char *name, void (*one)(const json_t *, void *), void *arg)
{
	const char *path = state_path(h, name, "history.jsonl");
	cleanup_file FILE *f = fopen(path, "re");
	cleanup_free char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (!f && errno == ENOENT)
		return 0;
	if (!f) {
		report("open '%s':", path);
		return -1;
	}
	while ((n = getline(&line, &cap, f)) > 0) {
		json_t *o = json_loadb(line, (size_t)n, 0, NULL);

		if (o) /* a line that a full disk cut short tells nothing */
			one(o, arg);
		json_decref(o);
	}
	return 0;
}
