#include "mounts.h"

#include <jansson.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "path.h"
#include "report.h"
#include "say.h"
#include "signals.h"
#include "state.h"

enum { LOOK_EVERY_MS = 500 };

static const char mounts_file[] = "mounts.json";

static void
add_source(const struct container *c, const char *path, struct words *out)
{
	const char *whole =
	    *path == '/' ? path : pool_printf("%s/%s/%s", c->vol_base, c->key, path);

	if (!words_have(out, whole))
		words_add(out, whole);
}

void
mounts_sources(const struct container *c, struct words *out)
{
	for (size_t i = 0; i < c->mount_ro.n; i++)
		add_source(c, c->mount_ro.v[i].source, out);
	for (size_t i = 0; i < c->mount_rw.n; i++)
		add_source(c, c->mount_rw.v[i].source, out);
	for (size_t i = 0; i < c->vols.n; i++)
		add_source(c, c->vols.v[i].path, out);
}

/* Every mount point of this process's namespace. -1 after a message. */
static int
mount_points(struct words *out)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;

	if (!f) {
		report("open '/proc/self/mounts':");
		return -1;
	}
	while ((m = getmntent(f)))
		words_add(out, m->mnt_dir);
	endmntent(f);
	return 0;
}

/* The mount point that a path is below: the longest. */
static const char *
mount_of(const struct words *points, const char *path)
{
	const char *best = "/";

	for (size_t i = 0; i < points->n; i++)
		if (strlen(points->w[i]) > strlen(best) && path_below(points->w[i], path))
			best = points->w[i];
	return best;
}

bool
mounts_at(const char *path)
{
	struct words points = {0};

	return mount_points(&points) == 0 && words_have(&points, path);
}

static int
check_earlier(struct app *a, const struct container *c)
{
	json_t *known = c->test ? NULL : state_read(&a->host, c->key, mounts_file);
	struct words sources = {0}, points = {0};
	int bad = 0;

	if (!known)
		return 0;
	mounts_sources(c, &sources);
	bad = mount_points(&points);
	for (size_t i = 0; !bad && i < sources.n; i++) {
		const char *was = json_string_value(json_object_get(known, sources.w[i]));

		if (!was || words_have(&points, was))
			continue;
		report("%s: '%s' isn't mounted, where '%s' was when it last started; mount it, "
		       "or say that the data is elsewhere now: d prep %s, or needs_mount: []",
		    c->key, was, sources.w[i], c->key);
		bad = -1;
	}
	json_decref(known);
	return bad;
}

/* Asks for it as well, so that an automounter mounts it. -1 after a message. */
static int
is_mounted(const char *path)
{
	struct words points = {0};

	access(pool_printf("%s/.", path), F_OK);
	return mount_points(&points) ? -1 : words_have(&points, path);
}

static int
wait_for(const struct container *c, const struct mount_need *need)
{
	long long end = monotonic_ms() + need->wait;
	int got = is_mounted(need->path);

	if (got == 0 && need->wait)
		say("WAIT", "%s: for '%s' to be mounted", c->key, need->path);
	while (got == 0 && monotonic_ms() < end && !interrupted) {
		usleep(LOOK_EVERY_MS * 1000);
		got = is_mounted(need->path);
	}
	if (got == 0)
		report(
		    "%s: '%s' isn't mounted (needs_mount in its settings)", c->key, need->path);
	return got == 1 ? 0 : -1;
}

int
mounts_check(struct app *a, const struct container *c)
{
	for (size_t i = 0; i < c->needs_mount.n; i++)
		if (wait_for(c, &c->needs_mount.v[i]))
			return -1;
	return c->needs_mount_given ? 0 : check_earlier(a, c);
}

int
mounts_remember(struct app *a, const struct container *c)
{
	json_t *now = json_object(), *known;
	struct words sources = {0}, points = {0};
	int bad;

	mounts_sources(c, &sources);
	bad = mount_points(&points);
	for (size_t i = 0; !bad && i < sources.n; i++) {
		const char *on = mount_of(&points, sources.w[i]);

		if (strcmp(on, "/") != 0)
			json_object_set_new(now, sources.w[i], json_string(on));
	}
	known = state_read(&a->host, c->key, mounts_file);
	if (!bad && (known ? !json_equal(known, now) : json_object_size(now) > 0))
		bad = state_write(&a->host, c->key, mounts_file, now);
	json_decref(known);
	json_decref(now);
	return bad;
}
