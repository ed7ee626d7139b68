#include "rename.h"

#include <string.h>
#include <unistd.h>

#include "engine_call.h"
#include "engine_end.h"
#include "engine_inspect.h"
#include "engine_json.h"
#include "report.h"

enum { TRIES = 10, TRY_PAUSE_MS = 500 };

int
clear_name(struct journal *j, const char *name)
{
	const char *old = journal_text(j, "old"), *relay = journal_text(j, "relay_old");
	struct seen other;
	int got = engine_see(&j->a->engine, name, &other);

	if (got <= 0)
		return got;
	if (!other.transaction || (old && strcmp(other.id, old) == 0) ||
	    (relay && strcmp(other.id, relay) == 0)) {
		report("a container named '%s' (%s) is in the way%s", name, short_id(other.id),
		    other.transaction ? "" : ", and d didn't make it");
		return -1;
	}
	return engine_remove(&j->a->engine, other.id, false);
}

/* What the engine answers isn't what counts: it may have done it and lost the answer, or
 * something else has the name. So the container itself is looked at. */
int
rename_to(struct journal *j, const char *id, const char *name)
{
	const struct engine *e = &j->a->engine;
	struct seen now;

	for (int tries = 0; tries < 2; tries++) {
		int bad = tries == 0 ? engine_try(e, NULL, "rename", id, name, NULL)
				     : engine_call(e, NULL, "rename", id, name, NULL);
		int got = engine_see(e, id, &now);

		if (got == 1 && strcmp(now.name, name) == 0)
			return 0;
		if (got < 1 || (tries == 0 && bad && clear_name(j, name)))
			return -1;
	}
	report("%s: the engine doesn't rename %s", j->place->name, short_id(id));
	return -1;
}

int
put_back(struct journal *j, const char *id, const char *name, bool running)
{
	const struct engine *e = &j->a->engine;
	struct seen now;

	for (int i = 0; i < TRIES; i++) {
		struct words args = {0};
		int got = engine_see(e, id, &now);
		bool named = got == 1 && strcmp(now.name, name) == 0;

		if (named && (now.running || !running))
			return 0;
		words_add(&args, named ? "start" : "rename");
		words_add(&args, id);
		if (!named)
			words_add(&args, name);
		/* What fails may work in a moment; only the last failure is worth a word. */
		if (got != 1 || (i + 1 < TRIES ? engine_words_try(e, NULL, &args)
					       : engine_words(e, NULL, &args)))
			usleep(TRY_PAUSE_MS * 1000);
	}
	return -1;
}
