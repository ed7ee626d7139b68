#include "engine_end.h"

#include <unistd.h>

#include "app.h"
#include "cleanup.h"
#include "engine.h"
#include "engine_call.h"
#include "engine_inspect.h"
#include "engine_json.h"
#include "report.h"
#include "strbuf.h"

enum { REMOVE_TRIES = 6, REMOVE_PAUSE_MS = 200, TIMED_OUT = 124 };

/* 1, 0, or -1 after a message. */
static int
still_runs(const struct engine *e, const struct seen *s)
{
	struct seen now = *s;
	int got;

	/* Without asking, where its process can be looked at. */
	now.running = true;
	seen_doubt(e, &now);
	if (!now.running)
		return 0;
	got = engine_see(e, s->id, &now);
	return got == 1 ? now.running : got;
}

int
engine_stop(const struct engine *e, const struct seen *s, int64_t timeout_ms)
{
	const char *const args[] = {
	    "stop", "-t", pool_printf("%d", (int)((timeout_ms + 999) / 1000)), s->id, NULL};
	struct strbuf err = STRBUF_INIT;
	int status = engine_run(e, args, NULL, &err), runs = still_runs(e, s);
	cleanup_free char *gist = engine_gist(&err);

	if (runs < 0)
		report("%s: can't tell whether it has stopped", s->name);
	else if (runs)
		report("%s still runs: %s stop: %s", s->name, engine_name(e),
		    status == TIMED_OUT ? "no answer in time" : gist);
	strbuf_free(&err);
	return runs ? -1 : 0;
}

/*
 * podman refuses to remove a container while another of its processes is still noting that it
 * ended ("container state improper"), by the status of any failure: it is asked again for a
 * moment. What is gone is removed, whatever the answer was.
 */
int
engine_remove(const struct engine *e, const char *id, bool throwaway)
{
	struct words args = {0};
	int status = -1;

	words_add(&args, "rm");
	words_add(&args, throwaway ? "-fv" : "-f");
	if (e->kind == PODMAN) { /* it would ask it to end, and wait; docker never does */
		words_add(&args, "-t");
		words_add(&args, "0");
	}
	words_add(&args, id);
	for (int i = 1; i <= REMOVE_TRIES; i++) {
		status = i < REMOVE_TRIES ? engine_words_try(e, NULL, &args)
					  : engine_words(e, NULL, &args);
		if (status == 0 || engine_exists(e, "container", id) == 0)
			return 0;
		if (status < 0 || status == TIMED_OUT)
			break;
		usleep(REMOVE_PAUSE_MS * 1000);
	}
	if (status == TIMED_OUT)
		report("%s rm %s: no answer in time", engine_name(e), id);
	return -1;
}
