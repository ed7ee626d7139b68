#include "values_storage.h"

#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "settings.h"

static int
add_mount(
    struct reader *r, const struct node *n, const char *source, const char *target, bool ro)
{
	struct mount m = {NULL, NULL, ro};

	if (!*source || climbs(source) || !is_mount_path(source)) {
		settings_error(r->s, n,
		    "'%s' is no source of a mount: want a path without '..', commas or quotes",
		    source);
		return -1;
	}
	if (take_target(r, n, &target))
		return -1;
	m.source = source;
	m.target = target;
	if (ro)
		*GROW(r->c->mount_ro) = m;
	else
		*GROW(r->c->mount_rw) = m;
	return 0;
}

/* SOURCE:TARGET, or a map of them. */
static int
some_mounts(struct reader *r, const struct node *n, bool ro)
{
	const char *text, *colon;

	if (n->kind == NODE_MAP) {
		for (size_t i = 0; i < n->count; i++)
			if (text_value(r, n->item[i], &text) ||
			    add_mount(r, n->item[i], pool_dup(n->key[i]->text), text, ro))
				return -1;
		return 0;
	}
	if (settings_string(r->s, n, &text))
		return -1;
	colon = strchr(text, ':');
	if (!colon || strchr(colon + 1, ':'))
		return wrong_value(r, n, "SOURCE:TARGET");
	return add_mount(
	    r, n, pool_dupn(text, (size_t)(colon - text)), pool_dup(colon + 1), ro);
}

int
take_mount_ro(struct reader *r, const struct node *n)
{
	return some_mounts(r, n, true);
}

int
take_mount_rw(struct reader *r, const struct node *n)
{
	return some_mounts(r, n, false);
}

int
take_mount_device(struct reader *r, const struct node *n)
{
	const char *text;

	if (settings_string(r->s, n, &text))
		return -1;
	if (strncmp(text, "/dev/", 5) != 0 || climbs(text) || strchr(text, ':'))
		return wrong_value(r, n, "a pattern of device files below /dev");
	words_add(&r->c->mount_devices, text);
	return 0;
}

/* VENDOR/CLASS=NAME, as the Container Device Interface has it. */
static bool
is_cdi(const char *s)
{
	size_t vendor = strcspn(s, "/"), class = strcspn(s, "=");

	return *s != '/' && s[vendor] == '/' && memchr(s, '.', vendor) && s[class] == '=' &&
	       class > vendor + 1 && s[class + 1] && is_mount_path(s) && !strchr(s, ' ') &&
	       s[strcspn(s + class, "/") + class] == '\0';
}

int
take_device(struct reader *r, const struct node *n)
{
	static const char want[] =
	    "/dev/SOURCE[:/dev/TARGET][:RIGHTS], RIGHTS of r, w, m, or VENDOR/CLASS=NAME";
	struct device d = {NULL, NULL, "rw"};
	struct words part = {0};
	const char *text;
	char *copy, *save = NULL;

	if (settings_string(r->s, n, &text))
		return -1;
	if (is_cdi(text)) {
		*GROW(r->c->devices) = (struct device){.source = pool_dup(text)};
		return 0;
	}
	copy = pool_dup(text);
	for (char *p = strtok_r(copy, ":", &save); p; p = strtok_r(NULL, ":", &save))
		words_add(&part, p);
	if (part.n > 1 && part.w[part.n - 1][0] != '/') {
		d.rights = part.w[--part.n];
		if (!*d.rights || d.rights[strspn(d.rights, "rwm")])
			return wrong_value(r, n, want);
	}
	if (part.n < 1 || part.n > 2 || strncmp(part.w[0], "/dev/", 5) != 0 || climbs(text))
		return wrong_value(r, n, want);
	d.source = part.w[0];
	d.target = part.w[part.n - 1];
	if (take_target(r, n, &d.target))
		return -1;
	*GROW(r->c->devices) = d;
	return 0;
}

int
take_tmpfs(struct reader *r, const struct node *n)
{
	static const char *const known[] = {"path", "size", "mode", "exec", NULL};
	struct tmpfs t = {NULL, INT64_C(64) << 20, 01777, false};
	const struct node *at;
	const char *text, *mode = NULL, *colon;
	char *end;

	if (n->kind == NODE_MAP) {
		if (known_map(r, n, known, "path, size, mode, exec") ||
		    text_in(r, n, "path", &t.path) || text_in(r, n, "mode", &mode))
			return -1;
		at = settings_get(n, "size");
		if (at && settings_size(r->s, at, &t.size))
			return -1;
		at = settings_get(n, "exec");
		if (at && settings_bool(r->s, at, &t.exec))
			return -1;
	} else {
		if (settings_string(r->s, n, &text))
			return -1;
		colon = strchr(text, ':');
		t.path = pool_dupn(text, colon ? (size_t)(colon - text) : strlen(text));
		if (colon && parse_size(colon + 1, &t.size))
			return wrong_value(r, n, "PATH or PATH:SIZE, such as /tmp:16m");
	}
	if (mode) {
		unsigned long bits = strtoul(mode, &end, 8);

		if (!*mode || *end || bits > 01777)
			return wrong_value(
			    r, settings_get(n, "mode"), "a mode in octal digits, such as 1777");
		t.mode = (mode_t)bits;
	}
	if (!t.path)
		return wrong_value(r, n, "a path");
	if (t.size < 4096)
		return wrong_value(r, n, "a size of at least 4k");
	if (take_target(r, n, &t.path))
		return -1;
	*GROW(r->c->tmpfs) = t;
	return 0;
}

int
take_vol_base(struct reader *r, const struct node *n)
{
	const char *text;

	r->c->vol_base = NULL;
	if (is_empty(n))
		return 0;
	if (text_value(r, n, &text))
		return -1;
	if (*text != '/' || climbs(text) || !is_mount_path(text))
		return wrong_value(r, n, "an absolute path without '..'");
	r->c->vol_base = text;
	return 0;
}

static int
volume_of(struct reader *r, const struct node *n, struct volume *v, bool defaults)
{
	static const char *const known[] = {
	    "type", "owner", "group", "perm", "contents", "path", NULL};
	const struct node *at;
	char *end;

	if (known_map(r, n,
		defaults ? (const char *const[]){"type", "owner", "group", "perm", NULL}
			 : known,
		"path, type, owner, group, perm, contents"))
		return -1;
	if (text_in(r, n, "path", &v->path) || text_in(r, n, "type", &v->type) ||
	    text_in(r, n, "owner", &v->owner) || text_in(r, n, "group", &v->group) ||
	    text_in(r, n, "perm", &v->perm) || text_in(r, n, "contents", &v->contents))
		return -1;
	at = settings_get(n, "type");
	if (at && strcmp(v->type, "dir") != 0 && strcmp(v->type, "file") != 0)
		return wrong_value(r, at, "dir or file");
	at = settings_get(n, "perm");
	if (at && (!*v->perm || strtoul(v->perm, &end, 8) > 07777 || *end || *v->perm == '-'))
		return wrong_value(r, at, "a mode in octal digits, such as 0750");
	at = settings_get(n, "path");
	if (at && (!*v->path || climbs(v->path) || !is_mount_path(v->path)))
		return wrong_value(r, at, "a path without '..'");
	return 0;
}

int
take_volume(struct reader *r, const struct node *n)
{
	struct volume v = {0};

	if (n->kind == NODE_SCALAR) {
		if (text_value(r, n, &v.path))
			return -1;
		if (!*v.path || climbs(v.path) || !is_mount_path(v.path))
			return wrong_value(r, n, "a path without '..'");
	} else if (volume_of(r, n, &v, false)) {
		return -1;
	}
	if (!v.path) {
		settings_error(r->s, n, "a volume without a path");
		return -1;
	}
	if (v.contents && v.type && strcmp(v.type, "dir") == 0) {
		settings_error(r->s, n, "a directory has no contents: set type: file");
		return -1;
	}
	*GROW(r->c->vols) = v;
	return 0;
}

int
take_vol_defaults(struct reader *r, const struct node *n)
{
	r->c->vol_defaults = (struct volume){0};
	return is_empty(n) ? 0 : volume_of(r, n, &r->c->vol_defaults, true);
}

static int
mount_need(struct reader *r, const struct node *n)
{
	static const char *const known[] = {"path", "wait", NULL};
	struct mount_need need = {0};

	if (n->kind == NODE_MAP) {
		if (known_map(r, n, known, "path, wait") || text_in(r, n, "path", &need.path) ||
		    duration_in(r, n, "wait", &need.wait))
			return -1;
	} else if (text_value(r, n, &need.path)) {
		return -1;
	}
	if (!need.path || *need.path != '/' || climbs(need.path))
		return wrong_value(r, n, "the absolute path of a mount point");
	*GROW(r->c->needs_mount) = need;
	return 0;
}

/* An empty one says that there is none to look for. */
int
take_needs_mount(struct reader *r, const struct node *n)
{
	r->c->needs_mount_given = n->kind != NODE_SCALAR || !is_empty(n);
	r->c->needs_mount.v = NULL;
	r->c->needs_mount.n = 0;
	return each_value(r, n, mount_need);
}

int
take_relabel(struct reader *r, const struct node *n)
{
	const char *text;

	r->c->relabel = RELABEL_NO;
	if (is_empty(n))
		return 0;
	if (settings_string(r->s, n, &text))
		return -1;
	if (strcmp(text, "shared") == 0)
		r->c->relabel = RELABEL_SHARED;
	else if (strcmp(text, "private") == 0)
		r->c->relabel = RELABEL_PRIVATE;
	else if (strcmp(text, "no") != 0)
		return wrong_value(r, n, "shared, private or no");
	return 0;
}

int
take_gpus(struct reader *r, const struct node *n)
{
	r->c->gpus = 0;
	if (is_empty(n))
		return 0;
	if (n->kind == NODE_SCALAR && strcmp(n->text, "all") == 0) {
		r->c->gpus = -1;
		return 0;
	}
	return settings_integer(r->s, n, 0, 64, &r->c->gpus);
}
