/* Copying a container's data by hand, keeping copies elsewhere, and putting them back. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backup.h"
#include "engine_call.h"
#include "engine_inspect.h"
#include "engine_json.h"
#include "file.h"
#include "generations.h"
#include "history.h"
#include "instance.h"
#include "life.h"
#include "lock.h"
#include "options.h"
#include "owner.h"
#include "path.h"
#include "replace.h"
#include "report.h"
#include "say.h"
#include "select.h"
#include "self.h"
#include "service.h"
#include "signals.h"
#include "snapshots.h"
#include "verbs.h"
#include "volumes.h"

/* It is stopped meanwhile, and a container anew with what it ran with comes after. */
static int
snapshot_running(struct app *a, const struct place *p, struct container *c,
    const struct seen *now, const char **id)
{
	const struct generation *back = generation_gone_back_to(&a->host, p->name);
	struct journal j;
	struct replacement r = {.verb = "snapshot",
	    .place = p,
	    .want = c,
	    .settings = c->settings,
	    .generation = back ? back->n : 0,
	    .snapshot = true};

	if (engine_image(&a->engine, now->image, &r.image) != 1 || resolve_needs(a, c) ||
	    journal_begin(a, p, "snapshot", &j))
		return EXIT_TROUBLE;
	*id = j.id;
	return replace(&j, &r);
}

static int
snapshot_stopped(
    struct app *a, const struct place *p, const struct container *c, const char **id)
{
	struct jobs_held held;
	struct journal j;
	const char *why;
	int bad;

	if (jobs_hold(a, c, &held, &why)) {
		report("%s: no snapshot was taken: %s", p->name, why);
		return EXIT_NO;
	}
	/* The journal is for its ID alone: what is cut off here is no container's affair. */
	if (journal_begin(a, p, "snapshot", &j)) {
		jobs_let_go(&held);
		return EXIT_TROUBLE;
	}
	*id = j.id;
	bad = snapshot_take(a, c, j.id, "by hand");
	jobs_let_go(&held);
	bad |= journal_end(&j);
	bad |= snapshots_prune(a, p->name, c->keep > 0 ? c->keep : a->host.keep);
	return bad ? EXIT_TROUBLE : EXIT_YES;
}

/* Its settings, and what there is of it: 1, 0 for nothing, or -1 after a message. */
static int
look(struct app *a, const struct place *p, struct container *c, struct seen *now)
{
	int got;

	if (describe(a, p, false, c))
		return -1;
	if (!c->data.paths.n) {
		report(
		    "%s: its settings name no data to copy: see snapshot in settings.yaml(5)",
		    p->name);
		return -1;
	}
	got = engine_see(&a->engine, c->name, now);
	return got < 0 || (got == 1 && !owner_is_d(a, p, now)) ? -1 : got;
}

/* *id and *c get what was copied. */
static int
snapshot_locked(struct app *a, const struct place *p, struct container *c, struct seen *now,
    const char **id)
{
	int got = look(a, p, c, now);

	if (got < 0)
		return EXIT_TROUBLE;
	return got == 1 && now->running ? snapshot_running(a, p, c, now, id)
					: snapshot_stopped(a, p, c, id);
}

static int
snapshot_one(struct app *a, const struct place *p)
{
	struct container c;
	struct locks locks;
	struct seen now;
	const char *id;
	int status;

	if (lock_container(a, p, false, &locks))
		return EXIT_TROUBLE;
	status = snapshot_locked(a, p, &c, &now, &id);
	unlock_container(&locks);
	return start_pending(a, status);
}

int
do_snapshot(struct app *a, int argc, char **argv)
{
	const char *part = NULL, *source = NULL, *id = NULL, *other = NULL;
	const struct option_of options[] = {VALUED(0, "part", part),
	    VALUED(0, "source", source), VALUED(0, "id", id), VALUED(0, "other", other),
	    NO_MORE};

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 0)
		return EXIT_TROUBLE;
	/* d itself asks so, as rootless podman's user inside its namespace. */
	if (part && source && id)
		return snapshot_part(a, part, source, id, other) ? EXIT_TROUBLE : EXIT_YES;
	if (argc < 1)
		return usage(a);
	return each_named(a, argc, argv, snapshot_one);
}

/* ---- backups ---- */

/* Rootless podman's volumes are for its own namespace to read and write. 1 where it isn't
 * needed. */
static int
inside_namespace(struct app *a, const char *verb, const char *option, const char *image,
    const char *name, const char *where)
{
	struct words args = {0};
	int status;

	if (geteuid() == 0 || a->engine.kind != PODMAN)
		return 1;
	setenv("WHITTLE_OUTER_UID", pool_printf("%d", (int)geteuid()), 1);
	words_add(&args, "unshare");
	words_add(&args, program_path());
	words_add(&args, verb);
	words_add(&args, option);
	if (image)
		words_addf(&args, "--image=%s", image);
	words_add(&args, name);
	words_add(&args, where);
	status = engine_attached(&a->engine, &args);
	unsetenv("WHITTLE_OUTER_UID");
	return status ? -1 : 0;
}

static int
write_backup(
    struct app *a, const struct container *c, const char *id, const char *image, const char *to)
{
	const char *where;

	if (backup_write(a, c, id, image, to, &where))
		return EXIT_TROUBLE;
	say("BACKUP", "%s %s", c->key, where);
	event(&a->host, c->key, "backed-up", image, "%s", where);
	return EXIT_YES;
}

static int
backup_one(struct app *a, const struct place *p, const char *to)
{
	struct container c;
	struct locks locks;
	struct seen now = {0};
	const char *id = NULL;
	int status, got;

	if (lock_container(a, p, false, &locks))
		return EXIT_TROUBLE;
	status = snapshot_locked(a, p, &c, &now, &id);
	if (status == EXIT_YES) {
		got = inside_namespace(
		    a, "backup", pool_printf("--part=%s", id), now.image, p->name, to);
		status = got == 0  ? EXIT_YES
			 : got < 0 ? EXIT_TROUBLE
				   : write_backup(a, &c, id, now.image, to);
	}
	unlock_container(&locks);
	return start_pending(a, status);
}

int
do_backup(struct app *a, int argc, char **argv)
{
	const char *part = NULL, *image = NULL, *to;
	const struct option_of options[] = {
	    VALUED(0, "part", part), VALUED(0, "image", image), NO_MORE};
	const struct place *p;
	struct container c;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 1 || argc > 2)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	p = pick(a, argv[0]);
	to = argc > 1 ? argv[1] : ".";
	if (!p)
		return EXIT_TROUBLE;
	if (!part)
		return backup_one(a, p, to);
	return describe(a, p, false, &c) ? EXIT_TROUBLE : write_backup(a, &c, part, image, to);
}

static void
tell_backup(const struct place *p, const char *from, json_t *about)
{
	say("WHOLE", "%s: %s of %s, image %s: %lld entries, %lld bytes", from, p->name,
	    json_string_value(json_object_get(about, "time")),
	    short_id(json_string_value(json_object_get(about, "image"))),
	    (long long)json_integer_value(json_object_get(about, "files")),
	    (long long)json_integer_value(json_object_get(about, "bytes")));
}

/* To the snapshot `id` or the directory `into`; both NULL: it is only checked. */
static int
read_backup(
    struct app *a, const struct place *p, const char *from, const char *id, const char *into)
{
	struct container c;
	json_t *about;

	if (describe(a, p, false, &c) || backup_read(a, &c, from, id, into, &about))
		return -1;
	tell_backup(p, from, about);
	json_decref(about);
	return 0;
}

/* The image that a restored container has: that of the one that there is. 0, or -1 after a
 * message. */
static int
image_for(struct app *a, const struct container *c, const struct seen *now, struct image *out)
{
	return now ? (engine_image(&a->engine, now->image, out) == 1 ? 0 : -1)
		   : wanted_image(a, c, out);
}

/* What is there becomes one more snapshot, and is back where the container isn't ready. */
static int
restore_locked(struct app *a, const struct place *p, const char *from)
{
	const struct generation *back = generation_gone_back_to(&a->host, p->name);
	struct replacement r = {
	    .verb = "restore", .place = p, .generation = back ? back->n : 0};
	struct container c;
	struct journal j;
	struct seen now;
	int got = look(a, p, &c, &now), read;

	if (got < 0 || resolve_needs(a, &c) ||
	    image_for(a, &c, got == 1 ? &now : NULL, &r.image))
		return EXIT_TROUBLE;
	r.want = &c;
	r.settings = c.settings;
	r.data = pool_printf("%lld.%d.backup", (long long)time(NULL), (int)getpid());
	read = inside_namespace(
	    a, "restore", pool_printf("--part=%s", r.data), NULL, p->name, from);
	if (read == 1)
		read = read_backup(a, p, from, r.data, NULL);
	if (read || journal_begin(a, p, "restore", &j))
		return EXIT_TROUBLE;
	return replace(&j, &r);
}

/* ---- a backup, tried ---- */

struct trial {
	const struct place *place;
	const struct container *c; /* as production has it */
	const char *from;
};

/* Whatever the test instance mounts at or below `path`, or above it, becomes `data` there. */
static int
mount_instead(
    struct container *test, const struct container *c, const char *path, const char *data)
{
	const char *rest = path_below(c->vol_base, path), *below;
	const char *own = rest ? pool_printf("%s/%s", test->vol_base, rest) : path;
	struct mount inner = {0};
	bool found = false;

	for (size_t i = 0; i < test->mount_ro.n + test->mount_rw.n; i++) {
		struct mount *m = i < test->mount_ro.n
				      ? &test->mount_ro.v[i]
				      : &test->mount_rw.v[i - test->mount_ro.n];

		if ((below = path_below(own, m->source)) ||
		    (below = path_below(path, m->source))) {
			m->source = *below ? pool_printf("%s/%s", data, below) : data;
			found = true;
		} else if ((below = path_below(m->source, own))) {
			inner =
			    (struct mount){data, pool_printf("%s/%s", m->target, below), false};
		}
	}
	if (!found && inner.source)
		*GROW(test->mount_rw) = inner;
	if (found || inner.source)
		return 0;
	report("%s: the test instance mounts nothing of '%s'", c->key, path);
	return -1;
}

static int
fill_from_backup(struct app *a, struct container *test, void *arg)
{
	const struct trial *t = arg;
	const char *into = pool_printf("%s/.restored", test->vol_base);
	int got;

	if (volumes_remove(a, into))
		return -1;
	if (make_directories(into, 0700)) {
		report("make the directory '%s':", into);
		return -1;
	}
	got = inside_namespace(
	    a, "restore", pool_printf("--into=%s", into), NULL, t->place->name, t->from);
	if (got == 1)
		got = read_backup(a, t->place, t->from, NULL, into);
	for (size_t i = 0; i < t->c->data.paths.n && !got; i++)
		got = mount_instead(
		    test, t->c, t->c->data.paths.w[i], pool_printf("%s/%zu", into, i));
	return got;
}

/* restore.bats, where tests need to know that there is data, or test.bats. */
static int
choose_tests(const struct app *a, const struct place *p, struct words *cmd)
{
	bool own = access(pool_printf("%s/restore.bats", p->directory), F_OK) == 0;

	if (!own && !p->tests) {
		report(
		    "%s has neither restore.bats nor test.bats: what isn't tested doesn't pass",
		    p->name);
		return -1;
	}
	return bats_words(a, p, own ? "restore.bats" : "test.bats", cmd);
}

/* A test instance with that data, as a restored container would be; production isn't touched.
 */
static int
verify_backup(struct app *a, const struct place *p, const char *from, struct words *cmd)
{
	struct words flags = {0};
	struct container c;
	struct seen now;
	struct image image;
	struct instance i;
	int got = look(a, p, &c, &now), status;
	struct trial trial = {p, &c, from};
	struct instance_wish w = {.flags = &flags,
	    .owner = getpid(),
	    .wait = true,
	    .fill = fill_from_backup,
	    .arg = &trial};

	if (got < 0 || image_for(a, &c, got == 1 ? &now : NULL, &image))
		return EXIT_TROUBLE;
	if (!cmd->n && choose_tests(a, p, cmd))
		return EXIT_NO;
	words_add(&flags, "--name");
	words_addf(&flags, "%s-restored-%d", p->name, (int)getpid());
	words_add(&flags, "--port_offset");
	words_add(&flags, "free");
	w.image = image.id;
	setenv("INSTANCE_RESTORED", from, 1);
	status = instance_start(a, p, &w, &i);
	if (status == EXIT_YES) {
		got = instance_around(a, p, cmd, &i);
		status = got < 0 ? EXIT_TROUBLE : got ? EXIT_NO : EXIT_YES;
	}
	if (interrupted)
		return 130;
	say(status ? "FAILED" : "VERIFIED", "%s %s with image %s", p->name, from,
	    short_id(image.id));
	event(&a->host, p->name, status ? "failed" : "backup-verified", image.id,
	    "restore --verify %s", from);
	return status;
}

int
do_restore(struct app *a, int argc, char **argv)
{
	const char *part = NULL, *into = NULL;
	bool dry = false, verify = false;
	const struct option_of options[] = {SWITCH('n', "dry-run", dry),
	    SWITCH(0, "verify", verify), VALUED(0, "part", part), VALUED(0, "into", into),
	    NO_MORE};
	struct words cmd = {0};
	const struct place *p;
	struct locks locks;
	int status;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 2 || (argc > 2 && !verify) || (dry && verify))
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	for (int i = 2; i < argc; i++)
		words_add(&cmd, argv[i]);
	p = pick(a, argv[0]);
	if (!p)
		return EXIT_TROUBLE;
	if (verify)
		return verify_backup(a, p, argv[1], &cmd);
	if (dry || part || into)
		return read_backup(a, p, argv[1], part, into) ? EXIT_TROUBLE : EXIT_YES;
	if (lock_container(a, p, false, &locks))
		return EXIT_TROUBLE;
	status = restore_locked(a, p, argv[1]);
	unlock_container(&locks);
	return start_pending(a, status);
}
