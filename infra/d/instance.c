#include "instance.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine_args.h"
#include "engine_call.h"
#include "engine_end.h"
#include "engine_inspect.h"
#include "explain.h"
#include "imageid.h"
#include "log.h"
#include "needs.h"
#include "networks.h"
#include "processes.h"
#include "ready.h"
#include "report.h"
#include "run.h"
#include "say.h"
#include "secrets.h"
#include "select.h"
#include "service.h"
#include "start.h"
#include "state.h"
#include "strbuf.h"
#include "volumes.h"

enum { LOG_LINES = 40, LOG_MS = 20000, LOCK_WAIT_MS = 60000 };

/* ---- those that there are ---- */

static int
instances_of(struct app *a, const char *key, struct words *ids)
{
	return engine_ids(
	    &a->engine, ids, "whittle.role=test", pool_printf("whittle.name=%s", key));
}

static const char *
volumes_of(struct app *a, const char *key)
{
	return pool_printf("%s/%s/test/volumes", a->host.state, key);
}

static int
remove_instance(struct app *a, const struct seen *s)
{
	int bad = engine_remove(&a->engine, s->id, true);

	if (!bad)
		secrets_forget(s->name, NULL);
	for (size_t i = 0; i < s->networks.n; i++)
		if (strcmp(s->networks.w[i], pool_printf("whittle-%s", s->name)) == 0)
			engine_try(&a->engine, NULL, "network", "rm", s->networks.w[i], NULL);
	return bad ? -1 : 0;
}

/* Removes all of a container's, or those whose owner is gone. How many are left. */
static int
remove_instances(struct app *a, const char *key, bool all)
{
	struct words ids = {0};
	struct seen s;
	int bad = instances_of(a, key, &ids), left = 0;

	for (size_t i = 0; i < ids.n; i++) {
		int got = engine_see(&a->engine, ids.w[i], &s);

		/* Where it can't be told, its volumes stay. */
		bad |= got < 0;
		if (got != 1)
			continue;
		if (all || (s.owner && process_is_gone(s.owner)))
			bad |= remove_instance(a, &s);
		else
			left++;
	}
	if (!left && !bad)
		bad = volumes_remove(a, volumes_of(a, key));
	return bad ? -1 : left;
}

void
instances_sweep(struct app *a)
{
	struct words ids = {0};
	struct seen s;

	if (engine_ids(&a->engine, &ids, "whittle.role=test", NULL))
		return;
	for (size_t i = 0; i < ids.n; i++) {
		if (engine_see(&a->engine, ids.w[i], &s) != 1 || !s.owner || !s.key ||
		    !place_find(a, s.key) || !process_is_gone(s.owner))
			continue;
		say("SWEEP", "%s, a test instance whose test is gone", s.name);
		remove_instance(a, &s);
		remove_instances(a, s.key, false);
	}
}

/* ---- starting one ---- */

static void
show_log(struct app *a, const char *id)
{
	const struct log_query q = {.id = id, .lines = LOG_LINES, .limit_ms = LOG_MS};
	struct strbuf out = STRBUF_INIT;

	log_read(&a->engine, &q, &out, NULL);
	if (out.len)
		fprintf(stderr, "%s%s", out.s, out.s[out.len - 1] == '\n' ? "" : "\n");
	strbuf_free(&out);
}

static void
show_failure(struct app *a, const struct instance *i, const char *id)
{
	show_log(a, id);
	explain(a, &i->c, &i->image, id);
}

static int
find_image(struct app *a, const struct container *c, const char *image, struct image *out)
{
	const char *reference = image;
	int got =
	    image ? engine_image(&a->engine, image, out) : image_of(a, c, &reference, out);

	if (got == 0)
		report("%s: there is no image '%s': build it first (d b %s)", c->key, reference,
		    c->key);
	return got == 1 ? 0 : -1;
}

/* The namespaces that it lives in are another test instance's. */
static int
start_sharers(struct app *a, const struct container *c, pid_t owner)
{
	struct instance other;

	for (size_t i = 0; i < c->needs.n; i++) {
		const struct place *p = place_find(a, c->needs.v[i].name);

		if (!c->needs.v[i].pid && !c->needs.v[i].network)
			continue;
		if (!p || instance_start(a, p, &(struct instance_wish){.owner = owner}, &other))
			return -1;
	}
	return 0;
}

static int
run_it(struct app *a, struct instance *i, const struct instance_wish *w)
{
	struct strbuf out = STRBUF_INIT;
	struct start s = {.verb = "create",
	    .image = i->image.id,
	    .facts = &i->image,
	    .owner = w->owner ? process_name(w->owner) : NULL,
	    .cmd = w->cmd};
	struct words args = {0};
	const char *id;
	int bad;

	secrets_forget(i->c.name, NULL);
	if (w->fill && w->fill(a, &i->c, w->arg))
		return -1;
	if (volumes_before(a, &i->c, &i->image) || start_complete(a, &i->c, NULL, &s) ||
	    secrets_place(a, &i->c, &s))
		return -1;
	engine_args(&args, &a->engine, &i->c, &s);
	bad = engine_words(&a->engine, &out, &args);
	id = bad ? NULL : engine_created(&a->engine, &out);
	strbuf_free(&out);
	if (!id || network_join(a, &i->c, id) || volumes_after(a, &i->c, &i->image, id) ||
	    engine_start(&a->engine, id))
		return -1;
	return engine_see(&a->engine, id, &i->seen) == 1 ? 0 : -1;
}

static int
wait_for_it(struct app *a, struct instance *i, bool wait)
{
	const char *why;

	i->c.ready.stable = 0; /* nobody goes back from a test */
	if (!wait && i->c.ready.kind == READY_NONE)
		return 0;
	if (ready_wait(&a->engine, &i->c, i->seen.id, i->image.health, NULL, NULL, &why) !=
	    READY_YES) {
		report(
		    "the test instance '%s' isn't ready: %s; this is its log", i->c.name, why);
		return -1;
	}
	/* Its ports and addresses as they are now. */
	return engine_see(&a->engine, i->seen.id, &i->seen) == 1 ? 0 : -1;
}

static int
start_locked(
    struct app *a, const struct place *p, const struct instance_wish *w, struct instance *i)
{
	struct seen other;
	int got;

	*i = (struct instance){.volumes = volumes_of(a, p->name)};
	if (host_container(&a->host, p, true, w->flags, NULL, &i->c) ||
	    resolve_needs(a, &i->c) || find_image(a, &i->c, w->image, &i->image))
		return EXIT_TROUBLE;
	if (remove_instances(a, p->name, false) < 0)
		return EXIT_TROUBLE;
	got = engine_see(&a->engine, i->c.name, &other);
	if (got < 0)
		return EXIT_TROUBLE;
	if (got == 1) {
		report("'%s' is there already: d stop -T %s removes it", i->c.name, p->name);
		return EXIT_TROUBLE;
	}
	if (start_sharers(a, &i->c, w->owner) || network_ensure(a, &i->c) || run_it(a, i, w) ||
	    wait_for_it(a, i, w->wait)) {
		if (engine_see(&a->engine, i->c.name, &other) == 1)
			show_failure(a, i, other.id);
		instance_stop(a, p);
		secrets_end(a, i->c.name);
		return EXIT_NO;
	}
	return EXIT_YES;
}

int
instance_start(
    struct app *a, const struct place *p, const struct instance_wish *w, struct instance *out)
{
	int fd = state_lock(&a->host, pool_printf("%s/test", p->name),
	    pool_printf("'d %s'", a->called_as), LOCK_WAIT_MS, false);
	int status;

	if (fd < 0)
		return EXIT_TROUBLE;
	status = needs_check(a, p->name) ? EXIT_TROUBLE : start_locked(a, p, w, out);
	close(fd);
	return status;
}

int
instance_stop(struct app *a, const struct place *p)
{
	struct container c;
	int bad;

	if (needs_check(a, p->name))
		return EXIT_TROUBLE;
	bad = remove_instances(a, p->name, true);
	if (host_container(&a->host, p, true, NULL, NULL, &c))
		return EXIT_TROUBLE;
	secrets_forget(c.name, NULL);
	for (size_t i = 0; i < c.needs.n; i++) {
		const struct place *other = place_find(a, c.needs.v[i].name);

		if (other && (c.needs.v[i].pid || c.needs.v[i].network))
			bad |= instance_stop(a, other);
	}
	return bad ? EXIT_TROUBLE : EXIT_YES;
}

int
instance_start_one(struct app *a, const struct place *p)
{
	struct instance i;
	int status;

	status = instance_start(a, p, &(struct instance_wish){.wait = true}, &i);

	if (status == EXIT_YES)
		instance_print(&i);
	return status;
}

int
instance_stop_one(struct app *a, const struct place *p)
{
	return instance_stop(a, p);
}

/* ---- telling of it ---- */

static void
tell(const struct instance *i, void (*one)(const char *key, const char *value))
{
	one("NAME", i->seen.name);
	one("ID", i->seen.id);
	one("IMAGE", i->image.id);
	one("PID", pool_printf("%d", (int)i->seen.pid));
	one("VOLUMES", pool_printf("%s/%s", i->c.vol_base, i->c.key));
	one("IP", i->seen.ips.n ? i->seen.ips.w[0] : "");
	one("SECCOMP", i->c.seccomp ? i->c.seccomp : "");
	for (size_t k = 0; k < i->seen.ports.n; k++) {
		/* ADDRESS:PORT->INSIDE/PROTOCOL */
		const char *outside = i->seen.ports.w[k], *arrow = strstr(outside, "->");
		const char *colon = arrow;
		char *inside = pool_dup(arrow + 2);

		while (colon > outside && *colon != ':')
			colon--;
		inside[strcspn(inside, "/")] = '\0';
		if (strstr(arrow, "/udp"))
			inside = pool_printf("%s_UDP", inside);
		one(pool_printf("PORT_%s", inside),
		    pool_dupn(colon + 1, (size_t)(arrow - colon - 1)));
		one(pool_printf("ADDRESS_%s", inside),
		    pool_dupn(outside, (size_t)(arrow - outside)));
	}
}

static void
print_one(const char *key, const char *value)
{
	struct words w = {0};
	struct strbuf b = STRBUF_INIT;

	words_add(&w, value);
	words_quote(&w, &b);
	printf("INSTANCE_%s=%s\n", key, b.s ? b.s : "''");
	strbuf_free(&b);
}

static void
export_one(const char *key, const char *value)
{
	setenv(pool_printf("INSTANCE_%s", key), value, 1);
}

void
instance_print(const struct instance *i)
{
	tell(i, print_one);
}

int
bats_words(const struct app *a, const struct place *p, const char *file, struct words *out)
{
	const char *const count[] = {"bats", "--count", file, NULL};
	struct strbuf n = STRBUF_INIT;
	int status = run(&(struct run){.argv = count, .cwd = p->directory, .out = &n});
	bool none = status == 0 && strcmp(n.s ? n.s : "", "0\n") == 0;

	strbuf_free(&n);
	if (none || status == 127) {
		report("%s/%s: %s", p->directory, file,
		    none ? "there is no test in it: that proves nothing"
			 : "there is no bats to run it");
		return -1;
	}
	words_add(out, a->host.project ? pool_printf("%s/tests/run", a->host.project) : "bats");
	words_add(out, file);
	return 0;
}

int
instance_around(
    struct app *a, const struct place *p, const struct words *cmd, const struct instance *i)
{
	cleanup_free char *image = imageid_own(&a->engine, i->image.id);
	struct seen now;
	int status;

	tell(i, export_one);
	setenv("TEST_IMAGE", image, 1);
	setenv("TEST_NAME", p->name, 1);
	status = run(&(struct run){.argv = (const char *const *)cmd->w, .cwd = p->directory});
	/* Who wants to know why may have been told by its end. */
	if (status && getenv("WHITTLE_EXPLAIN") &&
	    engine_see(&a->engine, i->seen.id, &now) == 1 && !now.running)
		show_failure(a, i, i->seen.id);
	return instance_stop(a, p) ? -1 : status;
}
