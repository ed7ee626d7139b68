#include "generations.h"

#include <errno.h>
#include <jansson.h>

#include "history.h"
#include "host.h"
#include "state.h"

static const char *
text_in(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return pool_dup(text ? text : "");
}

int
generations_read(const struct host *h, const char *name, struct generations *out)
{
	json_t *all, *list, *o;
	size_t i;

	*out = (struct generations){0};
	errno = 0;
	all = state_read(h, name, "generations.json");
	if (!all)
		return errno == EBADMSG ? -1 : 0;
	list = json_object_get(all, "list");
	out->current = (int)json_integer_value(json_object_get(all, "current"));
	out->v = pool_zero(json_array_size(list) + 2, sizeof(*out->v));
	json_array_foreach (list, i, o)
		out->v[out->n++] =
		    (struct generation){.n = (int)json_integer_value(json_object_get(o, "n")),
			.image = text_in(o, "image"),
			.settings = text_in(o, "settings"),
			.time = text_in(o, "time")};
	json_decref(all);
	return 0;
}

int
generations_write(const struct host *h, const char *name, const struct generations *g)
{
	json_t *list = json_array(), *all;
	int bad;

	for (size_t i = 0; i < g->n; i++)
		json_array_append_new(list,
		    json_pack("{s:i, s:s, s:s, s:s}", "n", g->v[i].n, "image", g->v[i].image,
			"settings", g->v[i].settings, "time", g->v[i].time));
	all = json_pack("{s:i, s:o}", "current", g->current, "list", list);
	bad = state_write(h, name, "generations.json", all);
	json_decref(all);
	return bad;
}

const struct generation *
generation_find(const struct generations *g, int n)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i].n == n)
			return &g->v[i];
	return NULL;
}

const struct generation *
generation_gone_back_to(const struct host *h, const char *name)
{
	struct generations g;

	if (generations_read(h, name, &g) || g.n == 0 || g.current == g.v[g.n - 1].n)
		return NULL;
	return generation_find(&g, g.current);
}

const char *
settings_gone_back_to(const struct host *h, const char *name)
{
	const struct generation *now = generation_gone_back_to(h, name);

	return now ? now->settings : NULL;
}

const char *
generation_tag(const struct host *h, const char *name, int n)
{
	return pool_printf("%s/%s:g%d", h->repo1, name, n);
}

/* ---- images that failed ---- */

const char *
quarantined(const struct host *h, const char *name, const char *image)
{
	json_t *all = state_read(h, name, "quarantine.json");
	const char *why =
	    json_string_value(json_object_get(json_object_get(all, image), "why"));
	const char *got = pool_dup(why);

	json_decref(all);
	return got;
}

void
quarantine(const struct host *h, const char *name, const char *image, const char *why)
{
	json_t *all = state_read(h, name, "quarantine.json");

	if (!all)
		all = json_object();
	json_object_set_new(
	    all, image, json_pack("{s:s, s:s}", "time", state_now(), "why", why));
	state_write(h, name, "quarantine.json", all);
	json_decref(all);
	event(h, name, "quarantined", image, "%s", why);
}

void
quarantine_lift(const struct host *h, const char *name, const char *image)
{
	json_t *all = state_read(h, name, "quarantine.json");

	if (json_object_get(all, image)) {
		json_object_del(all, image);
		state_write(h, name, "quarantine.json", all);
	}
	json_decref(all);
}
