#include "snapshots.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "copy.h"
#include "engine_call.h"
#include "file.h"
#include "generations.h"
#include "jobs.h"
#include "mounts.h"
#include "report.h"
#include "run.h"
#include "say.h"
#include "self.h"
#include "signals.h"
#include "state.h"
#include "strbuf.h"
#include "walk.h"
#include "zfs.h"

static const char snapshots_file[] = "snapshots.json", store_name[] = ".whittle-snapshots",
		  shown_name[] = ".shown";

enum { COMMAND_MS = 3600 * 1000 };

/* ---- the records ---- */

static json_t *
records_read(const struct host *h, const char *name)
{
	json_t *all;

	errno = 0;
	all = state_read(h, name, snapshots_file);
	if (!all && errno != EBADMSG)
		all = json_array();
	return all;
}

static json_t *
record_of(json_t *all, const char *id)
{
	json_t *one;
	size_t i;

	json_array_foreach (all, i, one)
		if (id && strcmp(json_string_value(json_object_get(one, "id")), id) == 0)
			return one;
	return NULL;
}

static bool
is_whole(const json_t *record)
{
	return json_is_true(json_object_get(record, "whole"));
}

static const char *
text_in_record(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return pool_dup(text ? text : "");
}

int
snapshots_read(const struct host *h, const char *name, struct snapshots *out)
{
	json_t *all = records_read(h, name), *one;
	size_t i;

	*out = (struct snapshots){0};
	if (!all)
		return -1;
	out->v = pool_zero(json_array_size(all) + 1, sizeof(*out->v));
	json_array_foreach (all, i, one)
		out->v[out->n++] = (struct snapshot){.id = text_in_record(one, "id"),
		    .time = text_in_record(one, "time"),
		    .why = text_in_record(one, "why"),
		    .generation = (int)json_integer_value(json_object_get(one, "generation")),
		    .whole = is_whole(one)};
	json_decref(all);
	return 0;
}

const char *
snapshot_of(const struct host *h, const char *name, int generation)
{
	struct snapshots all;
	const char *found = NULL;

	if (snapshots_read(h, name, &all))
		return NULL;
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].whole && all.v[i].generation == generation)
			found = all.v[i].id;
	return found;
}

/* The generation that has the data now; the first where none is recorded yet. */
static int
generation_now(const struct host *h, const char *name)
{
	struct generations g;

	return generations_read(h, name, &g) == 0 && g.current ? g.current : 1;
}

/* A record that isn't whole, of these sources; one that is there already stays. */
static int
record_begin(const struct host *h, const char *name, json_t *all, const char *id,
    const char *why, const struct words *sources, const struct words *command)
{
	json_t *list = json_array(), *words = json_array();

	if (record_of(all, id)) {
		json_decref(list);
		json_decref(words);
		return 0;
	}
	for (size_t i = 0; i < sources->n; i++)
		json_array_append_new(list, json_string(sources->w[i]));
	for (size_t i = 0; i < command->n; i++)
		json_array_append_new(words, json_string(command->w[i]));
	json_array_append_new(
	    all, json_pack("{s:s, s:s, s:s, s:i, s:b, s:o, s:o}", "id", id, "time", state_now(),
		     "why", why, "generation", generation_now(h, name), "whole", 0, "sources",
		     list, "command", words));
	return state_write(h, name, snapshots_file, all);
}

static int
record_whole(const struct host *h, const char *name, json_t *all, const char *id)
{
	json_object_set_new(record_of(all, id), "whole", json_true());
	return state_write(h, name, snapshots_file, all);
}

/* ---- one source, on this file system ---- */

struct part {
	int parent, store; /* directories: the source's, that of its snapshots */
	const char *name;  /* the source's in parent */
	const char *source;
};

static void
part_close(struct part *p)
{
	if (p->parent >= 0)
		close(p->parent);
	if (p->store >= 0)
		close(p->store);
}

/* The directory `name` of `at`, nobody's but ours: the tree around it may be a container's to
 * write to. */
static int
open_own(int at, const char *name)
{
	cleanup_fd int fd = -1;
	struct stat st;

	if (mkdirat(at, name, 0700) && errno != EEXIST)
		return -1;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return -1;
	if (st.st_uid != geteuid() || (st.st_mode & 077)) {
		errno = EPERM;
		return -1;
	}
	return steal_fd(&fd);
}

static int
part_open(struct part *p, const char *source)
{
	const char *slash = strrchr(source, '/');
	cleanup_fd int all = -1;

	*p = (struct part){-1, -1, slash ? slash + 1 : source, source};
	if (!slash || !*p->name) {
		report("'%s' can't be snapshotted: not a path of something below /", source);
		return -1;
	}
	p->parent = open(slash == source ? "/" : pool_dupn(source, (size_t)(slash - source)),
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->parent >= 0)
		all = open_own(p->parent, store_name);
	if (all >= 0)
		p->store = open_own(all, p->name);
	if (p->store < 0) {
		report("open the directory of the snapshots of '%s':", source);
		part_close(p);
		return -1;
	}
	return 0;
}

static bool
there(int at, const char *name)
{
	return faccessat(at, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

const char *
snapshot_draft(const char *id)
{
	return pool_printf(".%s.new", id);
}

/* The copy under its name only once it is complete and on the disk. */
static int
copy_whole(const struct part *p, int from, const char *name, const char *as, int earlier,
    bool fixed, enum copied_how *how)
{
	const char *draft = snapshot_draft(as);

	if (remove_entry(p->store, draft) ||
	    copy_entry(from, name, p->store, draft, earlier, fixed, how))
		return -1;
	if (renameat(p->store, draft, p->store, as) || fsync(p->store)) {
		report("rename the snapshot of '%s':", p->source);
		return -1;
	}
	return 0;
}

/* ZFS's own snapshot is elsewhere: where a copy would be, a link has its name. One that isn't
 * as d names them names nothing that d may touch. */
static const char *
name_in_link(const struct part *p, const char *id)
{
	char text[1024];
	ssize_t n = readlinkat(p->store, id, text, sizeof(text));
	const char *name =
	    n > 0 && (size_t)n < sizeof(text) ? pool_dupn(text, (size_t)n) : NULL;

	return name && zfs_is_snapshot_name(name, id) ? name : NULL;
}

static int
take_of_dataset(const struct part *p, const char *dataset, const char *id)
{
	const char *snapshot = zfs_snapshot_name(dataset, id), *draft = snapshot_draft(id);

	if (remove_entry(p->store, draft) || zfs_take(snapshot))
		return -1;
	if (symlinkat(snapshot, p->store, draft) || renameat(p->store, draft, p->store, id) ||
	    fsync(p->store)) {
		report("name the snapshot of '%s':", p->source);
		return -1;
	}
	say("SNAPSHOT", "%s (a snapshot of its dataset)", p->source);
	return 0;
}

/* The directory in which the files of a dataset's snapshot are, until part_hide(). */
static const char *
part_show(const struct part *p, const char *snapshot)
{
	const char *last = strrchr(p->source, '/');
	const char *at = pool_printf("%.*s/%s/%s/%s", (int)(last - p->source), p->source,
	    store_name, last + 1, shown_name);

	if (mkdirat(p->store, shown_name, 0700) && errno != EEXIST) {
		report("create '%s':", at);
		return NULL;
	}
	return zfs_open(snapshot, at) ? NULL : at;
}

static int
part_hide(const struct part *p, const char *snapshot)
{
	return zfs_close(snapshot) || remove_entry(p->store, shown_name) ? -1 : 0;
}

static int
part_take(const struct part *p, const char *id, const char *earlier)
{
	const char *dataset;
	static const char *const words[] = {
	    "copied", "reflinks", "a snapshot of its subvolume"};
	cleanup_fd int before = -1;
	enum copied_how how;

	if (there(p->store, id))
		return 0;
	dataset = zfs_dataset_at(p->source);
	if (dataset)
		return take_of_dataset(p, dataset, id);
	if (earlier)
		before =
		    openat(p->store, earlier, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (copy_whole(p, p->parent, p->name, id, before, true, &how)) {
		report("no snapshot of '%s' was taken", p->source);
		return -1;
	}
	say("SNAPSHOT", "%s (%s)", p->source, words[how]);
	return 0;
}

static int
copy_in_place(const struct part *p, const char *id)
{
	cleanup_fd int from =
	    openat(p->store, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_fd int to =
	    openat(p->parent, p->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	enum copied_how how;

	if (from < 0 || to < 0) {
		report("open '%s' or its snapshot:", p->source);
		return -1;
	}
	return remove_contents(to) || copy_contents(from, to, &how) ? -1 : 0;
}

/* A mount point can't be moved: its contents change, while nobody looks. */
static int
restore_in_place(const struct part *p, const char *id)
{
	const char *snapshot = name_in_link(p, id);
	int bad;

	if (!snapshot)
		return copy_in_place(p, id);
	/* Not zfs rollback, which would destroy the later ones. */
	bad = !part_show(p, snapshot) || copy_in_place(p, shown_name);
	return part_hide(p, snapshot) || bad ? -1 : 0;
}

/*
 * A copy of the snapshot is made complete, what is there moves aside, the copy moves in. Which
 * of the names are there says how far an earlier run came.
 */
static int
restore_by_name(const struct part *p, const char *id, const char *displaced)
{
	const char *ready = pool_printf(".%s.ready", displaced);
	enum copied_how how;

	if (!there(p->store, ready)) {
		if (there(p->store, displaced) && there(p->parent, p->name))
			return 0;
		if (copy_whole(p, p->store, id, ready, -1, false, &how))
			return -1;
	}
	if (there(p->parent, p->name) && !there(p->store, displaced) &&
	    renameat(p->parent, p->name, p->store, displaced)) {
		report("move '%s' aside:", p->source);
		return -1;
	}
	if (renameat(p->store, ready, p->parent, p->name) || fsync(p->store) ||
	    fsync(p->parent)) {
		report("move the snapshot's copy to '%s':", p->source);
		return -1;
	}
	return 0;
}

static int
part_restore(const struct part *p, const char *id, const char *displaced)
{
	int bad;

	if (!there(p->store, id)) /* it was cut off before this one's turn */
		return 0;
	if (mounts_at(p->source))
		bad = part_take(p, displaced, NULL) || restore_in_place(p, id);
	else
		bad = restore_by_name(p, id, displaced);
	if (!bad)
		say("RESTORE", "%s", p->source);
	return bad ? -1 : 0;
}

/* A run that was cut off may have left one that no link names yet. */
static int
remove_from_dataset(const struct part *p, const char *id)
{
	const char *snapshot = name_in_link(p, id), *dataset;

	if (!snapshot && (dataset = zfs_dataset_at(p->source)))
		snapshot = zfs_snapshot_name(dataset, id);
	return snapshot && zfs_remove(snapshot) ? -1 : 0;
}

static int
part_remove(const struct part *p, const char *id)
{
	if (remove_from_dataset(p, id) || remove_entry(p->store, id) ||
	    remove_entry(p->store, shown_name) ||
	    remove_entry(p->store, pool_printf(".%s.new", id)) ||
	    remove_entry(p->store, pool_printf(".%s.ready", id)) ||
	    remove_entry(p->store, pool_printf("..%s.ready.new", id)))
		return -1;
	/* The last one takes the directories along. */
	if (unlinkat(p->parent, pool_printf("%s/%s", store_name, p->name), AT_REMOVEDIR) == 0)
		unlinkat(p->parent, store_name, AT_REMOVEDIR);
	return 0;
}

/* ---- space ---- */

struct space {
	unsigned long long all, own;
};

static enum walk_action
add_blocks(const struct walk_entry *e, void *arg)
{
	struct space *s = arg;

	s->all += (unsigned long long)e->st.st_blocks * 512;
	if (S_ISDIR(e->st.st_mode) || e->st.st_nlink == 1)
		s->own += (unsigned long long)e->st.st_blocks * 512;
	return WALK_GO;
}

static int
part_space(const struct part *p, const char *id, struct space *s)
{
	const char *snapshot = name_in_link(p, id);
	cleanup_fd int fd = -1;
	struct stat st;

	if (snapshot)
		return zfs_space(snapshot, &s->all, &s->own);
	fd = openat(p->store, id, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st)) {
		report("read the snapshot of '%s':", p->source);
		return -1;
	}
	if (S_ISDIR(st.st_mode))
		return walk_tree(fd, NULL, add_blocks, s) < 0 ? -1 : 0;
	s->all += (unsigned long long)st.st_blocks * 512;
	s->own += (unsigned long long)st.st_blocks * 512;
	return 0;
}

/* ---- one source, by whoever can ---- */

int
snapshot_part(
    struct app *a, const char *verb, const char *source, const char *id, const char *other)
{
	struct space space = {0};
	struct part p;
	int bad;

	(void)a;
	if (part_open(&p, source))
		return -1;
	if (strcmp(verb, "take") == 0)
		bad = part_take(&p, id, other);
	else if (strcmp(verb, "restore") == 0)
		bad = part_restore(&p, id, other);
	else if (strcmp(verb, "remove") == 0)
		bad = part_remove(&p, id);
	else
		bad = part_space(&p, id, &space) ||
		      printf("%llu %llu\n", space.all, space.own) < 0;
	part_close(&p);
	return bad ? -1 : 0;
}

/* The user's own command, with the words VERB ID SOURCE, and OTHER for restore. */
static int
by_command(const json_t *command, const char *verb, const char *source, const char *id,
    const char *other)
{
	struct words args = {0};
	struct strbuf err = STRBUF_INIT;
	json_t *word;
	size_t i;
	int status;

	json_array_foreach (command, i, word)
		words_add(&args, json_string_value(word));
	words_add(&args, verb);
	words_add(&args, id);
	words_add(&args, source);
	if (other && strcmp(verb, "restore") == 0)
		words_add(&args, other);
	status = run(&(struct run){.argv = (const char *const *)args.w,
	    .discard_out = 1,
	    .err = &err,
	    .timeout_ms = COMMAND_MS});
	if (status)
		report("snapshot: '%s %s' failed with status %d: %s", args.w[0], verb, status,
		    engine_gist(&err));
	strbuf_free(&err);
	return status ? -1 : 0;
}

/* Rootless podman's volumes belong to ids that only its user namespace may touch. */
static int
unshared(struct app *a, struct strbuf *out, const char *verb, const char *source,
    const char *id, const char *other)
{
	struct words args = {0};
	int status;

	setenv("WHITTLE_OUTER_UID", pool_printf("%d", (int)geteuid()), 1);
	words_add(&args, "unshare");
	words_add(&args, program_path());
	words_add(&args, "snapshot");
	words_addf(&args, "--part=%s", verb);
	words_addf(&args, "--source=%s", source);
	words_addf(&args, "--id=%s", id);
	if (other)
		words_addf(&args, "--other=%s", other);
	status =
	    out ? engine_words(&a->engine, out, &args) : engine_attached(&a->engine, &args);
	unsetenv("WHITTLE_OUTER_UID");
	return status ? -1 : 0;
}

static int
do_part(struct app *a, const json_t *record, const char *verb, const char *source,
    const char *id, const char *other)
{
	const json_t *command = json_object_get(record, "command");

	if (json_array_size(command))
		return by_command(command, verb, source, id, other);
	if (geteuid() != 0 && a->engine.kind == PODMAN)
		return unshared(a, NULL, verb, source, id, other);
	return snapshot_part(a, verb, source, id, other);
}

static int
each_part(struct app *a, const json_t *record, const char *verb, const char *other)
{
	const char *id = json_string_value(json_object_get(record, "id"));
	json_t *source;
	size_t i;
	int bad = 0;

	json_array_foreach (json_object_get(record, "sources"), i, source)
		if (!bad)
			bad = do_part(a, record, verb, json_string_value(source), id, other);
	return bad;
}

/* ---- who else may write ---- */

void
jobs_let_go(struct jobs_held *held)
{
	while (held->n)
		close(held->fd[--held->n]);
}

int
jobs_hold(struct app *a, const struct container *c, struct jobs_held *out, const char **why)
{
	long long end = monotonic_ms() + state_patience();
	struct words names = {0};

	jobs_sweep(a);
	jobs_fresh(a, c, &names);
	*out = (struct jobs_held){pool_zero(names.n + 1, sizeof(*out->fd)), 0};
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.w[i], *place = pool_printf("%s/jobs/%s", c->key, name);
		bool told = false;
		int fd = -1;

		while (
		    state_is_locked(&a->host, place) && monotonic_ms() < end && !interrupted) {
			if (!told)
				say("WAIT", "%s: for its job '%s'", c->key, name);
			told = true;
			usleep(100000);
		}
		if (!state_is_locked(&a->host, place))
			fd = state_lock(&a->host, place, "d", 0, false);
		if (fd < 0) {
			*why = pool_printf("its job '%s' runs, and has the same data%s", name,
			    state_patience() ? "" : "; WHITTLE_WAIT=SECONDS waits for it");
			jobs_let_go(out);
			return -1;
		}
		out->fd[out->n++] = fd;
	}
	return 0;
}

/* ---- all of one ---- */

static void
sources_of(const json_t *record, const char *key, struct words *out)
{
	json_t *source;
	size_t i;

	json_array_foreach (json_object_get(record, key), i, source)
		words_add(out, json_string_value(source));
}

int
snapshot_take(struct app *a, const struct container *c, const char *id, const char *why)
{
	json_t *all, *record;
	const char *earlier = NULL;
	size_t i;
	int bad;

	if (!c->data.paths.n)
		return 0;
	all = records_read(&a->host, c->key);
	if (!all)
		return -1;
	json_array_foreach (all, i, record)
		if (is_whole(record))
			earlier = text_in_record(record, "id");
	bad = record_begin(&a->host, c->key, all, id, why, &c->data.paths, &c->data.command);
	bad = bad || each_part(a, record_of(all, id), "take", earlier) ||
	      record_whole(&a->host, c->key, all, id);
	json_decref(all);
	return bad ? -1 : 0;
}

int
snapshot_restore(
    struct app *a, const char *name, const char *id, const char *displaced, const char *why)
{
	json_t *all = records_read(&a->host, name), *record;
	struct words sources = {0}, command = {0};
	int bad;

	record = record_of(all, id);
	if (!record) {
		report("%s: there is no snapshot '%s'", name, id);
		json_decref(all);
		return -1;
	}
	sources_of(record, "sources", &sources);
	sources_of(record, "command", &command);
	bad = record_begin(&a->host, name, all, displaced, why, &sources, &command);
	bad = bad || each_part(a, record_of(all, id), "restore", displaced) ||
	      record_whole(&a->host, name, all, displaced);
	json_decref(all);
	return bad ? -1 : 0;
}

/* Whether nothing needs it: see the header. later: how many of its generation come after. */
static bool
is_surplus(const struct generations *g, const struct snapshot *s, int64_t later, int64_t keep)
{
	if (!s->whole)
		return true;
	if (s->generation == g->current || !g->n)
		return later >= keep;
	return later >= 1 || !generation_find(g, s->generation);
}

static int
remove_record(struct app *a, const char *name, json_t *all, const char *id)
{
	json_t *record = record_of(all, id);
	size_t i;

	/* No longer one to go back to, before the first file of it goes. */
	json_object_set_new(record, "whole", json_false());
	if (state_write(&a->host, name, snapshots_file, all) ||
	    each_part(a, record, "remove", NULL))
		return -1;
	for (i = 0; json_array_get(all, i) != record; i++)
		;
	json_array_remove(all, i);
	return state_write(&a->host, name, snapshots_file, all);
}

int
snapshots_prune(struct app *a, const char *name, int64_t keep)
{
	struct snapshots s;
	struct generations g;
	json_t *all = records_read(&a->host, name);
	int bad;

	bad =
	    !all || snapshots_read(&a->host, name, &s) || generations_read(&a->host, name, &g);
	for (size_t i = 0; !bad && i < s.n; i++) {
		int64_t later = 0;

		for (size_t k = i + 1; k < s.n; k++)
			later += s.v[k].whole && s.v[k].generation == s.v[i].generation;
		if (is_surplus(&g, &s.v[i], later, keep))
			bad = remove_record(a, name, all, s.v[i].id);
	}
	json_decref(all);
	return bad ? -1 : 0;
}

int
snapshot_space(struct app *a, const char *name, const char *id, unsigned long long *all,
    unsigned long long *own)
{
	json_t *records = records_read(&a->host, name), *source;
	json_t *record = record_of(records, id);
	size_t i;
	int bad = record ? 0 : -1;

	*all = *own = 0;
	json_array_foreach (json_object_get(record, "sources"), i, source) {
		const char *path = json_string_value(source);
		struct space s = {0};
		struct strbuf out = STRBUF_INIT;
		struct part p;

		if (json_array_size(json_object_get(record, "command")))
			continue;
		if (geteuid() != 0 && a->engine.kind == PODMAN) {
			bad |= unshared(a, &out, "space", path, id, NULL);
			if (!bad &&
			    sscanf(out.s ? out.s : "", "%llu %llu", &s.all, &s.own) != 2)
				bad = -1;
			strbuf_free(&out);
		} else if (part_open(&p, path) == 0) {
			bad |= part_space(&p, id, &s);
			part_close(&p);
		}
		*all += s.all;
		*own += s.own;
	}
	json_decref(records);
	return bad;
}

/* ---- backups ---- */

int
snapshot_copies(const struct host *h, const char *name, const char *id, struct words *sources,
    struct words *copies)
{
	json_t *all = records_read(h, name), *record = record_of(all, id);
	bool command = json_array_size(json_object_get(record, "command")) > 0;

	if (!record)
		report("%s: there is no snapshot '%s'", name, id);
	else if (command)
		report("%s: its snapshots are its own command's: d can't read them", name);
	else
		sources_of(record, "sources", sources);
	json_decref(all);
	if (!record || command)
		return -1;
	for (size_t i = 0; i < sources->n; i++) {
		const char *source = sources->w[i], *last = strrchr(source, '/'), *snapshot;
		const char *path = pool_printf(
		    "%.*s/%s/%s/%s", (int)(last - source), source, store_name, last + 1, id);
		struct part p;

		if (part_open(&p, source))
			return -1;
		snapshot = name_in_link(&p, id);
		if (snapshot)
			path = part_show(&p, snapshot);
		part_close(&p);
		if (!path)
			return -1;
		words_add(copies, path);
	}
	return 0;
}

int
snapshot_copies_end(const char *id, const struct words *sources)
{
	int bad = 0;

	for (size_t i = 0; i < sources->n; i++) {
		const char *snapshot;
		struct part p;

		if (part_open(&p, sources->w[i]))
			return -1;
		snapshot = name_in_link(&p, id);
		bad |= snapshot && part_hide(&p, snapshot);
		part_close(&p);
	}
	return bad ? -1 : 0;
}

int
snapshot_import_begin(
    struct app *a, const char *name, const char *id, const struct words *sources)
{
	json_t *all = records_read(&a->host, name);
	struct words none = {0};
	int bad =
	    !all || record_begin(&a->host, name, all, id, "from a backup", sources, &none);

	json_decref(all);
	return bad ? -1 : 0;
}

int
snapshot_import_at(const char *source, const char *id)
{
	struct part p;
	int fd = -1;

	/* On a new machine nothing is there yet. */
	if (make_directories(
		pool_dupn(source, (size_t)(strrchr(source, '/') - source)), 0755)) {
		report("create the directory of '%s':", source);
		return -1;
	}
	if (part_open(&p, source))
		return -1;
	if (remove_entry(p.store, snapshot_draft(id)) == 0)
		fd = fcntl(p.store, F_DUPFD_CLOEXEC, 0);
	part_close(&p);
	return fd;
}

int
snapshot_import_end(struct app *a, const char *name, const char *id)
{
	json_t *all = records_read(&a->host, name);
	struct words sources = {0};
	int bad = 0;

	sources_of(record_of(all, id), "sources", &sources);
	for (size_t i = 0; i < sources.n && !bad; i++) {
		struct part p;

		bad = part_open(&p, sources.w[i]);
		if (bad)
			break;
		/* All of it is on the disk before it has its name. */
		if (syncfs(p.store) || renameat(p.store, snapshot_draft(id), p.store, id) ||
		    fsync(p.store)) {
			report("rename the snapshot of '%s':", p.source);
			bad = -1;
		}
		part_close(&p);
	}
	bad = bad || record_whole(&a->host, name, all, id);
	json_decref(all);
	return bad ? -1 : 0;
}

int
snapshot_import_drop(struct app *a, const char *name, const char *id)
{
	json_t *all = records_read(&a->host, name);
	int bad = !all || (record_of(all, id) && remove_record(a, name, all, id));

	json_decref(all);
	return bad ? -1 : 0;
}
