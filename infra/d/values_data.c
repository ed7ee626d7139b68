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

/* ---- hooks ---- */

const char *const hook_names[HOOK_POINTS + 1] = {
    "before_stop", "before_snapshot", "after_ready", "before_promote", NULL};

/* A command on the host, or a map. */
static int
take_hook(struct reader *r, const struct node *n, struct hook *h)
{
	static const char *const known[] = {"command", "inside", "within", NULL};
	const struct node *command = n, *inside = NULL;

	h->within = 60 * 1000;
	if (n->kind == NODE_MAP) {
		if (known_map(r, n, known, "command or inside, within") ||
		    duration_in(r, n, "within", &h->within))
			return -1;
		inside = settings_get(n, "inside");
		command = inside ? inside : settings_get(n, "command");
		if (!command || (inside && settings_get(n, "command")))
			return wrong_value(
			    r, n, "either command, on the host, or inside, in the container");
	}
	h->inside = inside != NULL;
	if (is_empty(command) || h->within < 1)
		return wrong_value(r, n, "a command, and time for it");
	return take_words(r, command, &h->command);
}

int
take_hooks(struct reader *r, const struct node *n)
{
	memset(r->c->hooks, 0, sizeof(r->c->hooks));
	if (is_empty(n))
		return 0;
	if (known_map(
		r, n, hook_names, "before_stop, before_snapshot, after_ready, before_promote"))
		return -1;
	for (size_t i = 0; i < HOOK_POINTS; i++) {
		const struct node *one = settings_get(n, hook_names[i]);

		if (one && take_hook(r, one, &r->c->hooks[i]))
			return -1;
	}
	return 0;
}
