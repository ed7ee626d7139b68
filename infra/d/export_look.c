#include "export_look.h"

#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine_call.h"
#include "engine_end.h"
#include "identity.h"
#include "image_files.h"
#include "image_volumes.h"
#include "report.h"
#include "run.h"
#include "say.h"
#include "strbuf.h"

enum { PROFILE_MAX = 1 << 20 };

static const char probe_program[] = "/bin/probe";

const char *
export_push(struct app *a, const struct container *c, const char *image, const char *registry,
    bool plain)
{
	struct words argv = {0};
	struct strbuf out = STRBUF_INIT;
	const char *got = NULL;
	int status;

	words_add(&argv, a->engine.pack);
	words_add(&argv, "push");
	if (plain)
		words_add(&argv, "--insecure");
	words_add(&argv, image);
	words_addf(&argv, "%s/%s:%s", registry, c->key, c->tag);
	say("PUSH", "%s to %s", c->key, registry);
	status = run(&(struct run){.argv = (const char *const *)argv.w, .out = &out});
	if (status < 0)
		report("start '%s':", argv.w[0]);
	else if (status || !out.len)
		report("%s: the image wasn't pushed to '%s'", c->key, registry);
	else
		got = pool_dupn(out.s, strcspn(out.s, "\n"));
	strbuf_free(&out);
	return got;
}

static void
find_volumes(struct app *a, struct export_item *i)
{
	struct words paths = {0};

	if (i->facts)
		image_volumes_open(i->c, i->facts, &paths);
	for (size_t k = 0; k < paths.n; k++)
		*GROW(i->volumes) =
		    (struct pair){paths.w[k], image_volume_name(a, i->c, paths.w[k])};
}

static void
find_devices(struct export_item *i)
{
	glob_t found;

	for (size_t k = 0; k < i->c->mount_devices.n; k++) {
		if (glob(i->c->mount_devices.w[k], 0, NULL, &found) == 0)
			for (size_t n = 0; n < found.gl_pathc; n++)
				words_add(&i->devices, found.gl_pathv[n]);
		globfree(&found);
	}
}

static int
read_profile(struct export_item *i)
{
	const char *path = i->c->seccomp;
	cleanup_fd int fd = -1;
	char *bytes;
	ssize_t n;

	if (!path || *path != '/')
		return 0;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	bytes = pool_zero(PROFILE_MAX, 1);
	n = fd < 0 ? -1 : read(fd, bytes, PROFILE_MAX - 1);
	if (n < 0) {
		report("%s: read '%s':", i->c->key, path);
		return -1;
	}
	i->seccomp_text = bytes;
	i->seccomp_len = (size_t)n;
	return 0;
}

/* ---- ready as a health check ---- */

static bool
image_has(struct app *a, const struct image *image, const char *path)
{
	const char *id = image_container(&a->engine, image);
	bool has = id && engine_try(&a->engine, NULL, "cp", pool_printf("%s:%s", id, path), "-",
			     NULL) == 0;

	if (id)
		engine_remove(&a->engine, id, true);
	return has;
}

/* probe(1)'s words; false where it can't ask that. */
static bool
probe_words(const struct ready *r, struct words *out)
{
	const char *at = r->host ? r->host : "127.0.0.1";
	const char *open = strchr(at, ':') ? "[" : "", *close = *open ? "]" : "";

	if (r->tls || r->status || r->name)
		return false;
	words_add(out, probe_program);
	if (r->kind == READY_HTTP)
		words_addf(out, "http://%s%s%s:%d%s", open, at, close, r->port, r->path);
	else if (r->kind == READY_TCP)
		words_addf(out, "tcp:%s%s%s:%d", open, at, close, r->port);
	else if (r->kind == READY_UNIX)
		words_addf(out, "unix:%s", r->path);
	else
		return false;
	if (r->expect)
		words_add(out, r->expect);
	return true;
}

/* Where neither the settings nor the image have one. */
static void
find_probe(struct app *a, enum target to, struct export_item *i)
{
	struct words probe = {0};

	if (to == TO_SWARM && i->facts && !i->facts->health && !i->c->health.given &&
	    !i->c->health.off && probe_words(&i->c->ready, &probe) &&
	    image_has(a, i->facts, probe_program))
		i->probe = probe;
}

int
export_look(struct app *a, enum target to, struct export_item *i)
{
	struct identity *who = pool_zero(1, sizeof(*who));
	int got = identity_of(a, i->c, i->facts, who);

	if (got < 0 || read_profile(i))
		return -1;
	i->who = got ? who : NULL;
	find_volumes(a, i);
	find_devices(i);
	find_probe(a, to, i);
	return 0;
}
