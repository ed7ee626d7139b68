#include "exposure.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "identity.h"
#include "path.h"

const char *const severity_names[SEVERITIES + 1] = {"low", "medium", "high", NULL};

void
finding_add(struct findings *to, enum severity severity, const char *key, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = vasprintf(&text, fmt, ap) < 0 ? NULL : text;
	va_end(ap);
	*GROW(*to) =
	    (struct finding){severity, pool_dup(key), pool_dup(text ? text : key), NULL};
	free(text);
}

/* ---- what the tests needed ---- */

/* NULL where nothing was learned. The caller frees. */
static json_t *
read_learned(const struct app *a, const struct place *p)
{
	return json_load_file(
	    pool_printf("%s/../learned/%s.json", a->host.state, p->name), 0, NULL);
}

static bool
json_has(const json_t *list, const char *word)
{
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one)
		if (json_is_string(one) && strcmp(json_string_value(one), word) == 0)
			return true;
	return false;
}

/* ", and no test needed it", where that is known. */
static const char *
unneeded(const json_t *needed, const char *key, const char *word)
{
	const json_t *list = json_object_get(needed, key);

	return json_is_array(list) && !json_has(list, word) ? ", and no test needed it" : "";
}

/* ---- rights ---- */

static void
look_at_caps(const struct container *c, const json_t *needed, struct findings *to)
{
	/* By these the host, or every file and process of others, is within reach. */
	static const char *const strong[] = {"BPF", "DAC_OVERRIDE", "DAC_READ_SEARCH",
	    "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "PERFMON", "SYS_ADMIN",
	    "SYS_BOOT", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "SYSLOG", NULL};

	for (size_t i = 0; i < c->caps.n; i++) {
		const char *cap = c->caps.w[i], *spare = unneeded(needed, "caps", cap);
		bool is_strong = false;

		for (size_t k = 0; strong[k]; k++)
			is_strong |= strcmp(strong[k], cap) == 0;
		finding_add(to,
		    is_strong ? HIGH
		    : *spare  ? MEDIUM
			      : LOW,
		    pool_printf("caps:%s", cap), "it keeps the capability CAP_%s%s", cap,
		    spare);
	}
}

static void
look_at_rights(const struct container *c, const struct identity *who, const json_t *needed,
    struct findings *to)
{
	if (identity_is_root(c, who))
		finding_add(to, HIGH, "user", "it runs as root%s",
		    json_is_string(json_object_get(needed, "user")) ||
			    !json_object_get(needed, "user") ||
			    identity_is_root(c, NULL) != identity_is_root(c, who)
			? ""
			: ", and its tests pass as somebody else");
	if (!c->no_new_privileges)
		finding_add(to, HIGH, "no_new_privileges",
		    "setuid programs and file capabilities give it more rights");
	if (!c->read_only)
		finding_add(to, MEDIUM, "read_only", "its root can be written to%s",
		    json_is_true(json_object_get(needed, "read_only"))
			? ", and no test needed that"
			: "");
	if (c->seccomp && strcmp(c->seccomp, "unconfined") == 0)
		finding_add(to, HIGH, "seccomp", "every system call is allowed");
	else if (!c->seccomp)
		finding_add(to, MEDIUM, "seccomp",
		    "the engine's profile allows what most programs need, not what this one "
		    "does");
	for (size_t i = 0; i < c->extra_docker.n; i++)
		finding_add(to, strstr(c->extra_docker.w[i], "privileged") ? HIGH : MEDIUM,
		    "extra_docker", "the engine is told '%s', which nothing else here checks",
		    c->extra_docker.w[i]);
	if (c->userns ? strcmp(c->userns, "host") == 0 : geteuid() == 0)
		finding_add(to, LOW, "userns",
		    "its user ids are the host's own: it has no user namespace");
	look_at_caps(c, needed, to);
}

static void
look_at_limits(const struct container *c, struct findings *to)
{
	if (!c->memory)
		finding_add(to, MEDIUM, "memory", "it may take all of the host's memory");
	if (!c->pids)
		finding_add(to, MEDIUM, "pids", "it may start any number of processes");
	if (!c->cpus)
		finding_add(to, LOW, "cpus", "it may take all of the host's processors");
}

/* ---- what it reaches ---- */

static void
look_at_network(const struct container *c, const json_t *needed, struct findings *to)
{
	if (strcmp(c->network, "host") == 0)
		finding_add(to, HIGH, "network", "it is in the host's own network");
	for (size_t i = 0; i < c->ports.n; i++) {
		const struct port *p = &c->ports.v[i];
		const char *inside = pool_printf("%d/%s", p->inside, p->protocol);
		const char *key = pool_printf("ports:%s", inside);
		bool near =
		    strncmp(p->address, "127.", 4) == 0 || strcmp(p->address, "::1") == 0;

		if (*unneeded(needed, "ports", inside))
			finding_add(to, MEDIUM, key,
			    "it is published, and no test saw anything "
			    "listen there");
		if (!near)
			finding_add(to, LOW, key, "other machines reach it at %s", p->address);
	}
	for (size_t i = 0; i < c->needs.n; i++)
		if (c->needs.v[i].pid || c->needs.v[i].network)
			finding_add(to, LOW, pool_printf("needs:%s", c->needs.v[i].name),
			    "it shares the %s of '%s'",
			    c->needs.v[i].pid ? "processes" : "network", c->needs.v[i].name);
}

/* What hands over the host, or tells much about it. */
static bool
is_the_hosts(const char *source)
{
	static const char *const below[] = {"/boot", "/dev", "/etc", "/lib", "/proc", "/root",
	    "/run", "/sys", "/usr", "/var/run", NULL};

	if (strcmp(source, "/") == 0 || strcmp(source, "/home") == 0 ||
	    strcmp(source, "/var") == 0)
		return true;
	for (size_t i = 0; below[i]; i++)
		if (path_below(below[i], source))
			return true;
	return false;
}

static void
look_at_mount(const struct mount *m, const json_t *needed, struct findings *to)
{
	const char *last = strrchr(m->source, '/');
	const char *key =
	    pool_printf("%s:%s", m->read_only ? "mount_ro" : "mount_rw", m->target);
	const char *spare = m->read_only ? "" : unneeded(needed, "writable", m->target);

	if (last && (strcmp(last, "/docker.sock") == 0 || strcmp(last, "/podman.sock") == 0))
		finding_add(to, HIGH, key, "the engine's socket: whoever has it is root");
	else if (is_the_hosts(m->source) && strncmp(m->source, "/run/media/", 11) != 0)
		finding_add(
		    to, m->read_only ? MEDIUM : HIGH, key, "it has the host's '%s'", m->source);
	else if (!m->read_only)
		finding_add(to, *spare ? MEDIUM : LOW, key,
		    "programs can be written there and run from there%s", spare);
}

static void
look_at_places(const struct container *c, const json_t *needed, struct findings *to)
{
	for (size_t i = 0; i < c->mount_ro.n; i++)
		look_at_mount(&c->mount_ro.v[i], needed, to);
	for (size_t i = 0; i < c->mount_rw.n; i++)
		look_at_mount(&c->mount_rw.v[i], needed, to);
	for (size_t i = 0; i < c->tmpfs.n; i++) {
		const char *path = c->tmpfs.v[i].path, *key = pool_printf("tmpfs:%s", path);
		const char *spare = unneeded(needed, "tmpfs", path);

		if (c->tmpfs.v[i].exec)
			finding_add(to, MEDIUM, key,
			    "programs can be written there and run from "
			    "there%s",
			    spare);
		else if (*spare)
			finding_add(to, LOW, key, "it can be written to%s", spare);
	}
	for (size_t i = 0; i < c->devices.n; i++)
		finding_add(to, MEDIUM, pool_printf("devices:%s", c->devices.v[i].source),
		    "it has a device of the host");
	for (size_t i = 0; i < c->mount_devices.n; i++)
		finding_add(to, MEDIUM, pool_printf("mount_devices:%s", c->mount_devices.w[i]),
		    "it has devices of the host");
	if (c->gpus)
		finding_add(to, MEDIUM, "gpus", "it has devices of the host");
}

void
exposure_of_settings(const struct app *a, const struct place *p, const struct container *c,
    const struct identity *who, bool *learned, struct findings *to)
{
	json_t *all = read_learned(a, p);
	const json_t *needed = json_object_get(all, "needed");

	*learned = needed != NULL;
	look_at_rights(c, who, needed, to);
	look_at_limits(c, to);
	look_at_network(c, needed, to);
	look_at_places(c, needed, to);
	if (!p->tests)
		finding_add(
		    to, MEDIUM, "tests", "there is no test.bats: nothing shows what it needs");
	else if (!needed)
		finding_add(to, LOW, "tests",
		    "what they need isn't known here: 'd learn %s' finds out", p->name);
	if (p->dockerfile && access(pool_printf("%s/keep", p->directory), F_OK) != 0)
		finding_add(to, LOW, "keep",
		    "its image isn't carved: there is no list of what it needs");
	json_decref(all);
}

/* ---- waivers and the score ---- */

/* "caps" is about all of caps:…, "caps:KILL" about one. */
static bool
is_about(const char *waiver, const char *key)
{
	size_t n = strlen(waiver);

	return strncmp(waiver, key, n) == 0 && (!key[n] || key[n] == ':');
}

void
exposure_waive(const struct container *c, struct findings *f)
{
	size_t found = f->n;

	for (size_t k = 0; k < c->waive.n; k++) {
		bool used = false;

		for (size_t i = 0; i < found; i++)
			if (is_about(c->waive.v[k].key, f->v[i].key)) {
				f->v[i].waived = c->waive.v[k].value;
				used = true;
			}
		if (!used)
			finding_add(f, LOW, pool_printf("waive:%s", c->waive.v[k].key),
			    "there is nothing that this waives any more");
	}
}

double
exposure_score(const struct findings *f)
{
	static const double weight[SEVERITIES] = {0.2, 0.8, 2.5};
	double sum = 0;

	for (size_t i = 0; i < f->n; i++)
		sum += f->v[i].waived ? 0 : weight[f->v[i].severity];
	return sum > 10 ? 10 : sum;
}
