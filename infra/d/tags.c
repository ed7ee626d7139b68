#include "tags.h"

#include <jansson.h>
#include <string.h>

#include "engine_call.h"
#include "engine_inspect.h"
#include "engine_json.h"
#include "log.h"
#include "pipeline.h"
#include "report.h"

/* A tag's image, null where there is none, into tags. 0, or -1 after a message. */
static int
note_tag(struct app *a, json_t *tags, const char *reference)
{
	struct image now;
	int got = engine_image(&a->engine, reference, &now);

	if (got < 0)
		return -1;
	return json_object_set_new(tags, reference, got ? json_string(now.id) : json_null());
}

/* :latest is the builder's own. */
json_t *
tags_now(struct app *a, const struct place *p, const struct container *c)
{
	json_t *tags = json_object();
	const char *const own[] = {pool_printf("%s/%s:live", a->host.repo1, p->name),
	    pool_printf("%s/%s:prev", a->host.repo1, p->name)};
	int bad = p->makefile ? note_tag(a, tags, own[0]) || note_tag(a, tags, own[1])
			      : note_tag(a, tags, container_image(c));

	if (!bad)
		return tags;
	json_decref(tags);
	return NULL;
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
	if (engine_call(&a->engine, NULL, "tag", image, to, NULL))
		return -1;
	got = engine_image(&a->engine, to, &now);
	if (got == 1 && strcmp(now.id, image) != 0)
		report("the engine doesn't tag %s as '%s'", short_id(image), to);
	return got == 1 && strcmp(now.id, image) == 0 ? 0 : -1;
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

/* The second try is more than a repetition: an image that a container has can lose its last
 * name all the same. */
static void
put_tag_back(const struct engine *e, const char *reference, const char *id, bool again)
{
	if (!again && id)
		engine_try(e, NULL, "tag", id, reference, NULL);
	else if (!again)
		engine_try(e, NULL, "rmi", reference, NULL);
	else if (id)
		engine_call(e, NULL, "tag", id, reference, NULL);
	else if (e->kind == PODMAN)
		engine_call(e, NULL, "untag", reference, NULL);
	else
		engine_call(e, NULL, "rmi", "-f", reference, NULL);
}

/* What counts is what the tag names afterwards. */
static int
restore_tag(const struct engine *e, const char *reference, const char *id)
{
	struct image now;

	for (int tries = 0; tries < 3; tries++) {
		int got = engine_image(e, reference, &now);

		if (got < 0)
			return -1;
		if (id ? got == 1 && strcmp(now.id, id) == 0 : got == 0)
			return 0;
		if (tries < 2)
			put_tag_back(e, reference, id, tries > 0);
	}
	report("the engine doesn't put back the tag '%s'", reference);
	return -1;
}

/* The tags as they were when it began. */
int
tags_restore(struct journal *j)
{
	json_t *was;
	const char *reference;
	int bad = 0;

	json_object_foreach (json_object_get(j->o, "tags"), reference, was)
		bad |= restore_tag(&j->a->engine, reference, json_string_value(was));
	return bad;
}
