#include "origin.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"
#include "image.h"
#include "json.h"
#include "strbuf.h"
#include "tree.h"

/* "/bin/sh -c #(nop) COPY dir:… in /app " is what the classic builders write of a step,
 * "COPY files/ / # buildkit" the newer one. */
static char *
step_text(const char *by)
{
	static const char nop[] = "/bin/sh -c #(nop)", shell[] = "/bin/sh -c ", run[] = "RUN ";
	struct strbuf b = STRBUF_INIT;
	const char *mark;
	size_t n;

	if (strncmp(by, nop, sizeof(nop) - 1) == 0) {
		by += sizeof(nop) - 1;
	} else if (strncmp(by, shell, sizeof(shell) - 1) == 0) {
		by += sizeof(shell) - 1;
		strbuf_puts(&b, "RUN ");
	} else if (*by == '/') {
		strbuf_puts(&b, run);
	}
	by += strspn(by, " ");
	mark = strstr(by, " # buildkit");
	n = mark ? (size_t)(mark - by) : strlen(by);
	while (n && by[n - 1] == ' ')
		n--;
	strbuf_add(&b, by, n);
	return strbuf_steal(&b);
}

json_t *
origin_steps(const struct image *i)
{
	json_t *history = json_object_get(i->config, "history"), *steps = json_array(), *one;
	size_t k;

	json_array_foreach (history, k, one) {
		const char *by = json_string_value(json_object_get(one, "created_by"));
		cleanup_free char *text = step_text(by ? by : "");

		if (!json_is_true(json_object_get(one, "empty_layer")))
			json_array_append_new(steps, json_text(text));
	}
	/* A history that doesn't speak of every layer speaks of none. */
	if (json_array_size(steps) != i->layers)
		json_array_clear(steps);
	return steps;
}

char *
origin_write(const struct image *i, const struct listing *l)
{
	const char *base = config_get_label(i->config, LABEL_IMAGE);
	json_t *files = json_object(), *all;
	char *text;
	size_t k;

	for (k = 0; k < l->count; k++) {
		size_t len = strlen(l->item[k].path);
		cleanup_free char *plain =
		    xstrndup(l->item[k].path, l->item[k].path[len - 1] == '/' ? len - 1 : len);
		struct strbuf path = STRBUF_INIT;

		strbuf_putc(&path, '/');
		strbuf_put_visible(&path, plain, strlen(plain));
		if (l->item[k].node->layer)
			json_object_set_new(
			    files, path.s, json_integer((json_int_t)l->item[k].node->layer));
		strbuf_free(&path);
	}
	all = json_pack("{s:o, s:o}", "steps", origin_steps(i), "files", files);
	json_set_if(all, "base", base);
	text = json_canonical(all);
	json_decref(all);
	return text;
}
