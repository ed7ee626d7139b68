#include "sharing.h"

#include <jansson.h>

#include "engine_end.h"
#include "engine_inspect.h"
#include "needs.h"
#include "owner.h"
#include "say.h"
#include "select.h"
#include "service.h"
#include "state.h"

static const char pending_file[] = "restart.json";

int
sharing_with(struct app *a, const struct place *p, struct words *running, struct words *stopped)
{
	struct words names = {0};
	struct container c;
	struct seen now;

	needs_sharers(a, p->name, &names);
	for (size_t i = 0; i < names.n; i++) {
		const struct place *other = place_find(a, names.w[i]);
		int got;

		if (!other || settings_in_force(a, other, &c))
			continue;
		got = engine_see(&a->engine, c.name, &now);
		if (got < 0)
			return -1;
		if (got == 1)
			words_add(now.running ? running : stopped, other->name);
	}
	return 0;
}

static int
note_pending(struct app *a, const char *name, const char *with)
{
	json_t *o = json_pack("{s:s, s:s*}", "time", state_now(), "with", with);
	int bad = state_write(&a->host, name, pending_file, o);

	json_decref(o);
	return bad;
}

int
sharing_stop(struct app *a, const char *name, const char *other, enum sharing_again again)
{
	const struct place *p = place_find(a, name);
	struct container c;
	struct seen now;
	int got;

	if (!p || describe(a, p, false, &c))
		return -1;
	got = engine_see(&a->engine, c.name, &now);
	if (got <= 0)
		return got;
	if (!owner_is_d(a, p, &now) ||
	    (again != SHARING_STAYS &&
		note_pending(a, name, again == SHARING_WITH ? other : NULL)))
		return -1;
	say("STOP", "%s (shares its namespaces)", name);
	if (now.running && engine_stop(&a->engine, &now, c.stop_timeout))
		return -1;
	return engine_remove(&a->engine, now.id, false);
}

bool
sharing_pending(const struct host *h, const char *name)
{
	return state_has(h, name, pending_file);
}

int
sharing_wanted(struct app *a, const char *name)
{
	json_t *o = state_read(&a->host, name, pending_file);
	const char *with = json_string_value(json_object_get(o, "with"));
	const struct place *p = with ? place_find(a, with) : NULL;
	struct container c;
	struct seen now;
	int got = o != NULL;

	if (p && settings_in_force(a, p, &c))
		got = -1;
	else if (p && (got = engine_see(&a->engine, c.name, &now)) == 1)
		got = now.running;
	json_decref(o);
	return got;
}

int
sharing_done(const struct host *h, const char *name)
{
	return sharing_pending(h, name) ? state_remove(h, name, pending_file) : 0;
}
