#include "engine_inspect.h"

#include <jansson.h>
#include <string.h>

#include "app.h"
#include "engine.h"
#include "engine_json.h"
#include "report.h"
#include "strbuf.h"

/* One object of "inspect": 1, 0 where there is none, -1 after a message. */
static int
inspect(const struct engine *e, const char *type, const char *name, json_t **list)
{
	struct strbuf out = STRBUF_INIT, err = STRBUF_INIT;
	const char *const args[] = {type, "inspect", name, NULL};
	int status = engine_run(e, args, &out, &err), got = -1;

	*list = status == 0 ? engine_json(e, &out) : NULL;
	if (status)
		got = engine_missing(e, type, name, status, &err);
	else if (json_array_size(*list) > 0)
		got = 1;
	else if (*list)
		report("%s %s inspect %s: no output", engine_name(e), type, name);
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
		seen_from_inspect(e, json_array_get(list, 0), out);
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
		image_from_inspect(e, json_array_get(list, 0), out);
	json_decref(list);
	return got;
}
