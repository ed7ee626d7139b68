#include "image_volumes.h"

#include <jansson.h>
#include <string.h>

#include "app.h"
#include "engine_call.h"
#include "engine_inspect.h"
#include "say.h"
#include "state.h"

static const char record_file[] = "volumes.json";

static bool
is_mounted(const struct container *c, const char *path)
{
	for (size_t i = 0; i < c->mount_ro.n; i++)
		if (strcmp(c->mount_ro.v[i].target, path) == 0)
			return true;
	for (size_t i = 0; i < c->mount_rw.n; i++)
		if (strcmp(c->mount_rw.v[i].target, path) == 0)
			return true;
	for (size_t i = 0; i < c->tmpfs.n; i++)
		if (strcmp(c->tmpfs.v[i].path, path) == 0)
			return true;
	return false;
}

void
image_volumes_open(const struct container *c, const struct image *image, struct words *paths)
{
	for (size_t i = 0; i < image->volumes.n; i++) {
		const char *path = image->volumes.w[i];
		size_t len = strlen(path);

		while (len > 1 && path[len - 1] == '/')
			len--;
		path = pool_dupn(path, len);
		if (!is_mounted(c, path) && !words_have(paths, path))
			words_add(paths, path);
	}
}

/* "web-var-lib-data" */
static const char *
name_for(const struct container *c, const char *path)
{
	char *name = pool_printf("%s%s", c->key, path);

	for (char *p = name; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-",
			*p))
			*p = '-';
	return name;
}

static const char *
volume_of_old(const struct seen *old, const char *path)
{
	for (size_t i = 0; i < old->volumes.n; i++)
		if (strcmp(old->volumes.v[i].key, path) == 0)
			return old->volumes.v[i].value;
	return NULL;
}

/* Told once: when a path gets its volume. Returns 1 then, 0, or -1 after a message. */
static int
choose(struct app *a, const struct container *c, const char *path, const struct seen *old,
    json_t *record, const char **volume)
{
	const char *had = json_string_value(json_object_get(record, path));

	*volume = volume_of_old(old, path);
	if (!*volume && had) {
		int got = engine_exists(&a->engine, "volume", had);

		if (got < 0)
			return -1;
		*volume = got ? pool_dup(had) : NULL;
	}
	if (!*volume)
		*volume = name_for(c, path);
	if (had && strcmp(had, *volume) == 0)
		return 0;
	json_object_set_new(record, path, json_string(*volume));
	say("VOLUME", "%s: '%s', a volume of the image, is kept as the engine's volume '%s'",
	    c->key, path, *volume);
	return 1;
}

static int
make(struct app *a, const struct container *c, const char *volume)
{
	int got = engine_exists(&a->engine, "volume", volume);

	if (got)
		return got < 0 ? -1 : 0;
	return engine_call(&a->engine, NULL, "volume", "create", "--label",
		   pool_printf("whittle.name=%s", c->key), volume, NULL)
		   ? -1
		   : 0;
}

int
image_volumes_carry(struct app *a, const struct container *c, const struct image *image,
    const char *old_id, struct pairs *out)
{
	struct words paths = {0};
	struct seen old = {0};
	json_t *record;
	int changed = 0, bad = 0, got;

	*out = (struct pairs){0};
	image_volumes_open(c, image, &paths);
	if (c->test || !paths.n)
		return 0;
	/* Where the old one can't be asked, nothing may start on an empty volume. */
	if (old_id && engine_see(&a->engine, old_id, &old) < 0)
		return -1;
	record = state_read(&a->host, c->key, record_file);
	record = record ? record : json_object();
	for (size_t i = 0; i < paths.n && !bad; i++) {
		struct pair p = {.key = paths.w[i]};

		got = choose(a, c, p.key, &old, record, &p.value);
		changed |= got > 0;
		bad = got < 0 ? -1 : make(a, c, p.value);
		*GROW(*out) = p;
	}
	if (!bad && changed)
		bad = state_write(&a->host, c->key, record_file, record);
	json_decref(record);
	return bad;
}

const char *
image_volume_name(struct app *a, const struct container *c, const char *path)
{
	json_t *record = state_read(&a->host, c->key, record_file);
	const char *had = json_string_value(json_object_get(record, path));

	had = had ? pool_dup(had) : name_for(c, path);
	json_decref(record);
	return had;
}
