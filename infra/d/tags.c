#include "tags.h"

#include <jansson.h>
#include <string.h>

#include "engine_call.h"
#include "engine_inspect.h"
#include "engine_json.h"
#include "pipeline.h"
#include "report.h"
#include "say.h"

static json_t *
id_now(struct app *a, const char *reference)
{
	struct image now;

	return engine_image(&a->engine, reference, &now) == 1 ? json_string(now.id)
							      : json_null();
}

/* What the tags were, for the way back. :latest is the builder's own. */
json_t *
tags_now(struct app *a, const struct place *p, const struct container *c)
{
	json_t *tags = json_object();
	const char *reference = container_image(c);

	if (p->makefile) {
		const char *live = pool_printf("%s/%s:live", a->host.repo1, p->name);
		const char *prev = pool_printf("%s/%s:prev", a->host.repo1, p->name);

		json_object_set_new(tags, live, id_now(a, live));
		json_object_set_new(tags, prev, id_now(a, prev));
	} else {
		json_object_set_new(tags, reference, id_now(a, reference));
	}
	return tags;
}

static int
tag_by_hand(struct app *a, const char *image, const char *to, const char *was)
{
	struct image now;
	int got = engine_image(&a->engine, to, &now);

	if (got < 0)
		return -1;
	if (got == 1 && strcmp(now.id, image) == 0)
		return 0;
	if (got == 1 && was && engine_call(&a->engine, NULL, "tag", now.id, was, NULL))
		return -1;
	return engine_call(&a->engine, NULL, "tag", image, to, NULL) ? -1 : 0;
}

int
tags_move(struct app *a, const struct place *p, const char *reference, const char *image,
    bool by_hand)
{
	static const char *const install[] = {"install", NULL};
	const char *log;
	struct image live;

	if (!p->makefile) /* a digest names one image for ever */
		return strchr(reference, '@') ? 0 : tag_by_hand(a, image, reference, NULL);
	if (by_hand)
		return tag_by_hand(a, image, pool_printf("%s/%s:live", a->host.repo1, p->name),
		    pool_printf("%s/%s:prev", a->host.repo1, p->name));
	if (pipeline_make(a, p, install, false, &log)) {
		if (log)
			show_log_end(log);
		return -1;
	}
	if (engine_image(
		&a->engine, pool_printf("%s/%s:live", a->host.repo1, p->name), &live) != 1 ||
	    strcmp(live.id, image) != 0) {
		report("%s: what was promoted isn't %s", p->name, short_id(image));
		return -1;
	}
	return 0;
}

/* The tags as they were when it began. */
int
tags_restore(struct journal *j)
{
	const struct engine *e = &j->a->engine;
	json_t *tags = json_object_get(j->o, "tags"), *was;
	struct image now;
	const char *reference;
	int bad = 0;

	json_object_foreach (tags, reference, was) {
		const char *id = json_string_value(was);
		int got = engine_image(e, reference, &now);

		if (got < 0 || (id && got == 1 && strcmp(now.id, id) == 0) || (!id && got == 0))
			continue;
		if (id)
			bad |= engine_call(e, NULL, "tag", id, reference, NULL);
		else
			engine_try(e, NULL, "rmi", reference, NULL);
	}
	return bad ? -1 : 0;
}
