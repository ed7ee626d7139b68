#include "owner.h"

#include <jansson.h>
#include <string.h>

#include "engine_json.h"
#include "report.h"
#include "state.h"

static const char adopted_file[] = "adopted.json";

static bool
is_adopted(struct app *a, const struct place *p, const struct seen *now)
{
	json_t *o = state_read(&a->host, p->name, adopted_file);
	const char *id = json_string_value(json_object_get(o, "id"));
	bool same = id && strcmp(id, now->id) == 0;

	json_decref(o);
	return same;
}

bool
owner_is_d(struct app *a, const struct place *p, const struct seen *now)
{
	if ((now->key && strcmp(now->key, p->name) == 0) || is_adopted(a, p, now))
		return true;
	if (now->key)
		report("the container '%s' (%s) is d's, but of '%s': remove it, or take it "
		       "over with d adopt-name %s",
		    now->name, short_id(now->id), now->key, p->name);
	else
		report("the container '%s' (%s) was made by %s, not by d: remove it, or take "
		       "it over with d adopt-name %s",
		    now->name, short_id(now->id), now->maker ? now->maker : "hand", p->name);
	return false;
}

int
owner_adopt(struct app *a, const struct place *p, const struct seen *now)
{
	json_t *o = json_pack("{s:s, s:s}", "id", now->id, "time", state_now());
	int bad = state_write(&a->host, p->name, adopted_file, o);

	json_decref(o);
	return bad;
}

void
owner_forget(struct app *a, const struct place *p)
{
	if (state_has(&a->host, p->name, adopted_file))
		state_remove(&a->host, p->name, adopted_file);
}
