/* Files for other engines to run containers by, and what those can't express. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "export.h"
#include "export_look.h"
#include "export_table.h"
#include "file.h"
#include "options.h"
#include "report.h"
#include "say.h"
#include "select.h"
#include "service.h"
#include "verbs.h"
#include "volume_ids.h"
#include "volumes.h"

struct request {
	struct app *a;
	struct export x;
	const char *registry;
	bool follow_tag, lossy, json;
};

/* ---- what is known of one container ---- */

/* By a registry's digest where there is one, else by its ID: what is in no registry has no
 * other digest that all engines share. */
static int
name_image(const struct request *r, struct export_item *i)
{
	struct image *image = pool_zero(1, sizeof(*image));
	const char *name;
	int got = image_of(r->a, i->c, &name, image);

	if (got < 0)
		return -1;
	i->image_name = name ? name : i->c->image;
	if (got)
		i->facts = image;
	if (strchr(i->c->image, '@')) {
		i->image = i->c->image;
	} else if (!got) {
		report("%s: there is no image '%s': build and promote it first (d u %s)",
		    i->c->key, i->image_name, i->c->key);
	} else if (r->follow_tag) {
		i->image = i->image_name;
		i->auto_update =
		    strncmp(i->image, "localhost/", 10) == 0 ? "local" : "registry";
	} else {
		i->image = r->registry
			       ? export_push(r->a, i->c, i->image_name, r->registry, false)
			       : image->id;
	}
	return i->image ? 0 : -1;
}

static int
find_owners(const struct request *r, struct export_item *i)
{
	struct id_context ids = {.a = r->a, .c = i->c, .image = i->facts};
	uint32_t uid, gid;
	int bad;

	if (!i->c->vols.n)
		return 0;
	i->uid = pool_zero(i->c->vols.n, sizeof(*i->uid));
	i->gid = pool_zero(i->c->vols.n, sizeof(*i->gid));
	bad = id_context_open(&ids);
	for (size_t k = 0; !bad && k < i->c->vols.n; k++) {
		bad = volume_owner(&ids, &i->c->vols.v[k], &uid, &gid);
		i->uid[k] = uid;
		i->gid[k] = gid;
	}
	id_context_close(&ids);
	return bad;
}

static int
look_at(struct request *r, const struct place *p)
{
	struct container *c = pool_zero(1, sizeof(*c));
	struct export_item i = {.c = c};

	if (settings_in_force(r->a, p, c) || resolve_needs(r->a, c) || name_image(r, &i))
		return -1;
	if (export_look(r->a, r->x.to, &i) || find_owners(r, &i))
		return -1;
	*GROW(r->x.items) = i;
	return 0;
}

/* ---- the report ---- */

static json_t *
losses_as_json(const struct export_item *i, const struct losses *l)
{
	json_t *list = json_array();

	for (size_t k = 0; k < l->n; k++)
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:s, s:b}", "name", i->c->key, "key",
			      l->v[k].key, "why", l->v[k].why, "secures", l->v[k].secures));
	return list;
}

/* How many losses leave a container less confined. On standard error where standard output is
 * for the files. */
static size_t
tell_losses(const struct request *r)
{
	FILE *out = r->x.dir ? stdout : stderr;
	json_t *all = json_array(), *one;
	size_t secures = 0;

	for (size_t n = 0; n < r->x.items.n; n++) {
		const struct export_item *i = &r->x.items.v[n];
		struct losses l = {0};

		export_losses(&r->x, i, &l);
		one = losses_as_json(i, &l);
		json_array_extend(all, one);
		json_decref(one);
		for (size_t k = 0; k < l.n; k++) {
			secures += l.v[k].secures;
			if (!r->json)
				fprintf(out, "%-12s %-18s %s%s\n", i->c->key, l.v[k].key,
				    l.v[k].secures ? "LESS SECURE: " : "", l.v[k].why);
		}
	}
	if (r->json) {
		json_dumpf(all, out, JSON_INDENT(1));
		fprintf(out, "\n");
	}
	json_decref(all);
	return secures;
}

/* ---- the files ---- */

static int
write_file(const char *dir, const struct export_file *f)
{
	const char *path = pool_printf("%s/%s", dir, f->path);
	const char *parent = pool_dupn(path, (size_t)(strrchr(path, '/') - path));

	if (make_directories(parent, 0755) ||
	    file_replace(AT_FDCWD, path,
		&(struct new_file){.bytes = f->bytes, .n = f->n, .mode = f->mode}, NULL)) {
		report("write '%s':", path);
		return -1;
	}
	say("WRITE", "%s", path);
	return 0;
}

static int
write_all_files(const struct export *x)
{
	for (size_t i = 0; i < x->files.n; i++) {
		const struct export_file *f = &x->files.v[i];

		if (x->dir && write_file(x->dir, f))
			return -1;
		if (!x->dir)
			printf("# ---- %s\n%.*s", f->path, (int)f->n, f->bytes);
	}
	return 0;
}

static int
target_named(const char *name, enum target *to)
{
	for (int i = 0; i < TARGETS; i++)
		if (name && strcmp(target_names[i], name) == 0) {
			*to = (enum target)i;
			return 0;
		}
	report(name ? "--to: '%s' isn't one of quadlet, compose, kube and swarm"
		    : "--to quadlet, compose, kube or swarm is required%s",
	    name ? name : "");
	return -1;
}

/* As the units name it, also from elsewhere. */
static int
place_directory(struct request *r, const char *dir)
{
	char real[PATH_MAX];

	if (!dir)
		return 0;
	if (make_directories(dir, 0755) || !realpath(dir, real)) {
		report("make '%s':", dir);
		return -1;
	}
	r->x.dir = pool_dup(real);
	return 0;
}

int
do_export(struct app *a, int argc, char **argv)
{
	struct request r = {.a = a};
	const char *to = NULL, *dir = NULL;
	const struct option_of options[] = {VALUED(0, "to", to), VALUED('o', "output", dir),
	    VALUED(0, "registry", r.registry), SWITCH(0, "follow-tag", r.follow_tag),
	    SWITCH(0, "lossy", r.lossy), SWITCH(0, "json", r.json), NO_MORE};
	struct places some;
	size_t less;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 0 || target_named(to, &r.x.to) || pick_all(a, argc, argv, &some))
		return EXIT_TROUBLE;
	if (r.follow_tag && (r.registry || r.x.to != TO_QUADLET)) {
		report("--follow-tag is for quadlet, and excludes --registry");
		return EXIT_TROUBLE;
	}
	for (size_t i = 0; i < some.n; i++)
		if (look_at(&r, &some.v[i]))
			return EXIT_TROUBLE;
	r.x.dir = dir;
	less = tell_losses(&r);
	if (less && !r.lossy) {
		report("refusing to export: %zu %s would be less secure there; --lossy exports "
		       "all "
		       "the same",
		    less, less == 1 ? "setting" : "settings");
		return EXIT_NO;
	}
	if (place_directory(&r, dir))
		return EXIT_TROUBLE;
	export_all(&r.x);
	return write_all_files(&r.x) ? EXIT_TROUBLE : EXIT_YES;
}
