#include "engine_inspect.h"

#include <jansson.h>
#include <string.h>

#include "app.h"
#include "engine_json.h"
#include "engine_run.h"
#include "report.h"
#include "run.h"
#include "strbuf.h"

static bool
says_gone(const struct strbuf *err)
{
	return err->s && (strstr(err->s, "o such") || strstr(err->s, "not known"));
}

/* One object of "inspect": 1, 0 where there is none, -1 after a message. */
static int
inspect(const struct engine *e, const char *type, const char *name, json_t **list)
{
	struct strbuf out = STRBUF_INIT, err = STRBUF_INIT;
	const char *const argv[] = {e->program, type, "inspect", name, NULL};
	int status = run(&(struct run){.argv = argv, .out = &out, .err = &err}), got = -1;

	*list = NULL;
	if (status == 0)
		*list = engine_json(e, &out);
	if (*list && json_array_size(*list) > 0)
		got = 1;
	else if (status > 0 && says_gone(&err))
		got = 0;
	else if (status > 0)
		report("%s %s inspect %s: %s", engine_name(e), type, name, engine_gist(&err));
	else if (status < 0)
		report("start '%s':", e->program);
	strbuf_free(&out);
	strbuf_free(&err);
	return got;
}

int
engine_see(const struct engine *e, const char *name, struct seen *out)
{
	json_t *list;
	int got = inspect(e, "container", name, &list);

	if (got == 1) {
		seen_from_inspect(json_array_get(list, 0), out);
		seen_doubt(e, out);
	}
	json_decref(list);
	return got;
}

int
engine_image(const struct engine *e, const char *reference, struct image *out)
{
	json_t *list;
	int got = inspect(e, "image", reference, &list);

	if (got == 1)
		image_from_inspect(json_array_get(list, 0), out);
	json_decref(list);
	return got;
}
