#include "values_data.h"

#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "settings.h"
#include "values_names.h"

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

/* ---- swap ---- */

static int
swap_how(struct reader *r, const struct node *n, bool *beside)
{
	static const char *const known[] = {"plain", "beside", NULL};
	const char *text;

	if (text_value(r, n, &text) || known_word(r, n, "way to swap", text, known))
		return -1;
	*beside = strcmp(text, "beside") == 0;
	return 0;
}

int
take_swap(struct reader *r, const struct node *n)
{
	static const char *const known[] = {"how", "drain", "volumes", NULL};
	struct swap swap = {.drain = 10 * 1000};
	const char *volumes = NULL;
	const struct node *how;

	r->c->swap = swap;
	if (is_empty(n))
		return 0;
	if (n->kind == NODE_SCALAR) {
		if (swap_how(r, n, &swap.beside))
			return -1;
	} else {
		if (known_map(r, n, known, "how, drain, volumes") ||
		    duration_in(r, n, "drain", &swap.drain) ||
		    text_in(r, n, "volumes", &volumes))
			return -1;
		how = settings_get(n, "how");
		if (how && swap_how(r, how, &swap.beside))
			return -1;
		if (volumes && strcmp(volumes, "shared") != 0 &&
		    strcmp(volumes, "exclusive") != 0)
			return wrong_value(
			    r, settings_get(n, "volumes"), "shared or exclusive");
		swap.shared = volumes && strcmp(volumes, "shared") == 0;
	}
	r->c->swap = swap;
	return 0;
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

/* ---- secrets ---- */

static const char *
beside_settings(const struct reader *r, const char *path)
{
	return *path == '/' || !r->c->directory ? path
						: pool_printf("%s/%s", r->c->directory, path);
}

static int
take_owner(struct reader *r, const struct node *n, struct secret *s)
{
	const char *text = NULL;
	char *end;

	if (text_in(r, n, "owner", &text) || !text)
		return text || !settings_get(n, "owner") ? 0 : -1;
	s->uid = strtol(text, &end, 10);
	s->gid = s->uid;
	if (end != text && *end == ':' && end[1])
		s->gid = strtol(end + 1, &end, 10);
	if (end == text || *end || s->uid < 0 || s->gid < 0 || s->uid > INT32_MAX ||
	    s->gid > INT32_MAX)
		return wrong_value(
		    r, settings_get(n, "owner"), "UID or UID:GID, numbers, as inside");
	return 0;
}

static int
take_secret_map(struct reader *r, const struct node *n, struct secret *s)
{
	static const char *const known[] = {"file", "age", "command", "mode", "owner", NULL};
	const struct node *command = settings_get(n, "command");
	const char *file = NULL, *age = NULL, *mode = NULL;
	char *end;

	if (known_map(r, n, known, "file, age or command; mode, owner") ||
	    text_in(r, n, "file", &file) || text_in(r, n, "age", &age) ||
	    text_in(r, n, "mode", &mode) || take_owner(r, n, s))
		return -1;
	if (!!file + !!age + !!command != 1)
		return wrong_value(r, n, "one of file, age and command");
	if (mode) {
		s->mode = (mode_t)strtoul(mode, &end, 8);
		if (!*mode || *end || s->mode > 0777 || !(s->mode & 0444))
			return wrong_value(r, settings_get(n, "mode"), "a mode such as '0440'");
	}
	s->kind = command ? SECRET_COMMAND : age ? SECRET_AGE : SECRET_FILE;
	if (command)
		return is_empty(command) ? wrong_value(r, n, "a command")
					 : take_words(r, command, &s->source);
	words_add(&s->source, beside_settings(r, age ? age : file));
	return 0;
}

int
take_secrets(struct reader *r, const struct node *n)
{
	memset(&r->c->secrets, 0, sizeof(r->c->secrets));
	if (is_empty(n))
		return 0;
	if (n->kind != NODE_MAP)
		return wrong_value(r, n, "a map of names to FILE, age:FILE or a map");
	for (size_t i = 0; i < n->count; i++) {
		struct secret s = {
		    .name = pool_dup(n->key[i]->text), .mode = 0400, .uid = -1, .gid = -1};
		const char *text;

		if (!is_name(s.name))
			return wrong_value(r, n->key[i], "the name of a file");
		if (n->item[i]->kind == NODE_MAP) {
			if (take_secret_map(r, n->item[i], &s))
				return -1;
		} else if (text_value(r, n->item[i], &text)) {
			return -1;
		} else {
			s.kind = strncmp(text, "age:", 4) == 0 ? SECRET_AGE : SECRET_FILE;
			text += s.kind == SECRET_AGE ? 4 : 0;
			if (!*text)
				return wrong_value(r, n->item[i], "FILE or age:FILE");
			words_add(&s.source, beside_settings(r, text));
		}
		*GROW(r->c->secrets) = s;
	}
	return 0;
}

/* ---- waivers ---- */

int
take_waive(struct reader *r, const struct node *n)
{
	r->c->waive = (struct pairs){0};
	if (is_empty(n))
		return 0;
	if (n->kind != NODE_MAP)
		return wrong_value(r, n, "a map of what d audit finds to the reasons");
	for (size_t i = 0; i < n->count; i++) {
		const char *reason;

		if (text_value(r, n->item[i], &reason))
			return -1;
		if (!*reason)
			return wrong_value(r, n->item[i], "a reason");
		put_pair(&r->c->waive, (struct pair){pool_dup(n->key[i]->text), reason});
	}
	return 0;
}
