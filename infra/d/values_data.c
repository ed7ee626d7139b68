#include "values_data.h"

#include <string.h>

#include "container.h"
#include "settings.h"

static int
take_path(struct reader *r, const struct node *n)
{
	const char *text;

	if (text_value(r, n, &text))
		return -1;
	if (!*text || climbs(text))
		return wrong_value(r, n, "a source of mount_rw, as it stands there");
	words_add(&r->c->data.paths, text);
	return 0;
}

static int
take_map(struct reader *r, const struct node *n)
{
	static const char *const known[] = {"vols", "restore", "command", NULL};
	const struct node *vols, *command;
	const char *restore = "never";

	if (known_map(r, n, known, "vols, restore, command") ||
	    text_in(r, n, "restore", &restore))
		return -1;
	if (strcmp(restore, "on-failure") != 0 && strcmp(restore, "never") != 0)
		return wrong_value(r, settings_get(n, "restore"), "on-failure or never");
	r->c->data.restore = strcmp(restore, "on-failure") == 0;
	vols = settings_get(n, "vols");
	command = settings_get(n, "command");
	return (vols && each_value(r, vols, take_path)) ||
		       (command && take_words(r, command, &r->c->data.command))
		   ? -1
		   : 0;
}

int
take_snapshot(struct reader *r, const struct node *n)
{
	r->c->data = (struct data){0};
	if (is_empty(n))
		return 0;
	if (n->kind == NODE_SCALAR)
		return settings_bool(r->s, n, &r->c->data.snapshot);
	r->c->data.snapshot = true;
	return n->kind == NODE_MAP ? take_map(r, n) : each_value(r, n, take_path);
}
