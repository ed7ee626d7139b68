#include "engine_args.h"

#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "cleanup.h"
#include "engine.h"
#include "engine_call.h"
#include "identity.h"
#include "idmap.h"
#include "networks.h"
#include "podman_health.h"
#include "strbuf.h"

const char *
engine_refusal(const struct engine *e, const struct container *c)
{
	if (e->kind == DOCKER && c->log == LOG_PASSTHROUGH)
		return "log: passthrough is podman's; docker has none, json, journald and "
		       "syslog";
	if (e->kind == PODMAN && c->log == LOG_SYSLOG)
		return "log: syslog is docker's; podman has none, json, journald and "
		       "passthrough";
	if (e->kind == DOCKER && c->userns && strcmp(c->userns, "host") != 0)
		return "userns: docker has one map for all containers (userns-remap in "
		       "daemon.json); "
		       "here only host or nothing can be said";
	if (e->kind == DOCKER && c->fg && c->networks.n)
		return "networks: docker joins them only to what runs in the background (fg)";
	for (size_t i = 0; e->kind == DOCKER && i < c->env.n; i++)
		if (!c->env.v[i].value && getenv(c->env.v[i].key))
			return pool_printf("env: docker can't unset '%s' while it is set here",
			    c->env.v[i].key);
	return NULL;
}

static void
add2(struct words *out, const char *flag, const char *value)
{
	words_add(out, flag);
	words_add(out, value);
}

/* ---- groups of arguments ---- */

static void
add_labels(struct words *out, const struct container *c, const struct start *s)
{
	char digest[SHA256_HEX];

	container_digest(s->settings_of ? s->settings_of : c, digest);
	add2(out, "--label", pool_printf("whittle.name=%s", c->key));
	add2(out, "--label",
	    pool_printf("whittle.role=%s", s->role   ? s->role
					   : c->test ? "test"
						     : "service"));
	add2(out, "--label", pool_printf("whittle.settings=%s", digest));
	if (s->transaction)
		add2(out, "--label", pool_printf("whittle.transaction=%s", s->transaction));
	if (s->owner)
		add2(out, "--label", pool_printf("whittle.owner=%s", s->owner));
	for (size_t i = 0; i < c->labels.n; i++)
		if (c->labels.v[i].value)
			add2(out, "--label",
			    pool_printf("%s=%s", c->labels.v[i].key, c->labels.v[i].value));
}

static void
add_ports(struct words *out, const struct container *c)
{
	for (size_t i = 0; i < c->ports.n; i++) {
		const struct port *p = &c->ports.v[i];
		bool six = strchr(p->address, ':') != NULL;

		words_add(out, "--publish");
		words_addf(out, "%s%s%s:%s:%d%s%s", six ? "[" : "", p->address, six ? "]" : "",
		    p->host ? pool_printf("%d", p->host) : "", p->inside,
		    strcmp(p->protocol, "tcp") == 0 ? "" : "/",
		    strcmp(p->protocol, "tcp") == 0 ? "" : p->protocol);
	}
}

/* podman wants what belongs to one of several networks behind its name. */
static const char *
with_options(const char *network, const char *ip, const char *mac, const struct words *aliases)
{
	struct strbuf b = STRBUF_INIT;
	const char *got;

	if (ip)
		strbuf_printf(&b, ",%s=%s", strchr(ip, ':') ? "ip6" : "ip", ip);
	if (mac)
		strbuf_printf(&b, ",mac=%s", mac);
	for (size_t i = 0; i < aliases->n; i++)
		strbuf_printf(&b, ",alias=%s", aliases->w[i]);
	got = pool_printf("%s%s%s", network, b.len ? ":" : "", b.len ? b.s + 1 : "");
	strbuf_free(&b);
	return got;
}

static void
add_named_networks(struct words *out, const struct engine *e, const struct container *c)
{
	const char *name = network_name(c);

	if (e->kind == PODMAN && c->networks.n) {
		add2(out, "--network", with_options(name, c->ip, c->mac, &c->aliases));
		for (size_t i = 0; i < c->networks.n; i++)
			add2(out, "--network",
			    with_options(c->networks.v[i].name, c->networks.v[i].ip, NULL,
				&c->networks.v[i].aliases));
		return;
	}
	add2(out, "--network", name ? name : c->network);
	if (c->ip)
		add2(out, strchr(c->ip, ':') ? "--ip6" : "--ip", c->ip);
	if (c->mac)
		add2(out, "--mac-address", c->mac);
	for (size_t i = 0; i < c->aliases.n; i++)
		add2(out, "--network-alias", c->aliases.w[i]);
}

static void
add_network(struct words *out, const struct engine *e, const struct container *c)
{
	const struct need *with = need_shared(c, true);

	if (with) {
		add2(out, "--network", pool_printf("container:%s", with->target));
		return;
	}
	add_named_networks(out, e, c);
	if (strcmp(c->network, "host") != 0)
		add2(out, "--hostname", c->hostname);
	for (size_t i = 0; i < c->dns.n; i++)
		add2(out, "--dns", c->dns.w[i]);
	for (size_t i = 0; i < c->extra_hosts.n; i++)
		add2(out, "--add-host",
		    pool_printf("%s:%s", c->extra_hosts.v[i].key, c->extra_hosts.v[i].value));
	add_ports(out, c);
}

static bool
has_limit(const struct container *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->ulimits.n; i++)
		if (strncmp(c->ulimits.v[i].name, name, len) == 0 &&
		    c->ulimits.v[i].name[len] == '\0')
			return true;
	return false;
}

/* podman forgets its settings' default_ulimits = ["NAME=SOFT:HARD", …] where one limit is
 * given, and on some hosts no container starts without them. */
static void
add_default_limits(struct words *out, const struct container *c)
{
	const char *conf = getenv("CONTAINERS_CONF");
	cleanup_file FILE *f = conf ? fopen(conf, "re") : NULL;
	cleanup_free char *line = NULL;
	size_t cap = 0;

	while (f && getline(&line, &cap, f) > 0) {
		char *word, *save = NULL;

		if (strncmp(line, "default_ulimits", 15) != 0)
			continue;
		strtok_r(line, "\"", &save);
		while ((word = strtok_r(NULL, "\"", &save)))
			if (strchr(word, '=') && !has_limit(c, word, strcspn(word, "=")))
				add2(out, "--ulimit", word);
	}
}

static void
add_limits(struct words *out, const struct engine *e, const struct container *c)
{
	if (c->memory)
		add2(out, "--memory", pool_printf("%" PRId64, c->memory));
	if (c->cpus)
		add2(out, "--cpus",
		    pool_printf("%" PRId64 ".%03d", c->cpus / 1000, (int)(c->cpus % 1000)));
	add2(out, "--pids-limit", c->pids ? pool_printf("%" PRId64, c->pids) : "-1");
	if (c->shm_size)
		add2(out, "--shm-size", pool_printf("%" PRId64, c->shm_size));
	for (size_t i = 0; i < c->sysctls.n; i++)
		add2(out, "--sysctl",
		    pool_printf("%s=%s", c->sysctls.v[i].key, c->sysctls.v[i].value));
	for (size_t i = 0; i < c->ulimits.n; i++)
		add2(out, "--ulimit",
		    pool_printf("%s=%" PRId64 ":%" PRId64, c->ulimits.v[i].name,
			c->ulimits.v[i].soft, c->ulimits.v[i].hard));
	if (e->kind == PODMAN && c->ulimits.n)
		add_default_limits(out, c);
}

static void
add_ranges(struct words *out, const char *flag, const struct id_map *m)
{
	for (size_t i = 0; i < m->count; i++)
		add2(out, flag,
		    pool_printf("%" PRIu32 ":%" PRIu32 ":%" PRIu32, m->range[i].inside,
			m->range[i].outside, m->range[i].count));
}

static void
add_userns(struct words *out, const struct container *c)
{
	struct idmap map = IDMAP_INIT;
	struct strbuf why = STRBUF_INIT;

	if (!c->userns)
		return;
	if (!strchr(c->userns, ':')) {
		add2(out, "--userns", c->userns);
		return;
	}
	if (idmap_parse(&map, c->userns, &why) == 0) {
		add_ranges(out, "--uidmap", &map.uid);
		add_ranges(out, "--gidmap", &map.gid);
	}
	idmap_free(&map);
	strbuf_free(&why);
}

/* By number, so that both engines and d's own volumes mean the same. */
static void
add_user(struct words *out, const struct container *c, const struct start *s)
{
	const struct identity *who = s->who;
	bool podmans_choice =
	    !c->user && c->userns && strcmp(c->userns, "keep-id") == 0 && who && !who->was_root;

	if (!who && c->user)
		add2(out, "--user", c->user);
	if (!who || podmans_choice)
		return;
	add2(out, "--user", pool_printf("%" PRIu32 ":%" PRIu32, who->uid, who->gid));
	for (size_t i = 0; i < who->groups.n; i++)
		add2(out, "--group-add", who->groups.w[i]);
}

static void
add_privileges(
    struct words *out, const struct engine *e, const struct container *c, const struct start *s)
{
	add2(out, "--cap-drop", "ALL");
	for (size_t i = 0; i < c->caps.n; i++)
		add2(out, "--cap-add", c->caps.w[i]);
	if (c->no_new_privileges)
		add2(out, "--security-opt", "no-new-privileges");
	if (c->seccomp)
		add2(out, "--security-opt", pool_printf("seccomp=%s", c->seccomp));
	add_user(out, c, s);
	if (c->read_only)
		words_add(out, "--read-only");
	/* podman would put writable directories over /tmp, /run and /var/tmp unasked. */
	if (c->read_only && e->kind == PODMAN)
		words_add(out, "--read-only-tmpfs=false");
	add_userns(out, c);
}

/* It is the service's own: runc before 1.2 gives it the mode of the image's directory, and then
 * nobody else could write to it. */
static void
add_tmpfs(
    struct words *out, const struct engine *e, const struct tmpfs *t, const struct start *s)
{
	const char *owner = "";

	if (e->kind == PODMAN) {
		add2(out, "--mount",
		    pool_printf("type=tmpfs,dst=%s,tmpfs-size=%" PRId64
				",tmpfs-mode=%04o,%snosuid,nodev,U=true",
			t->path, t->size, (unsigned)t->mode, t->exec ? "" : "noexec,"));
		return;
	}
	if (s->who)
		owner = pool_printf(",uid=%" PRIu32 ",gid=%" PRIu32, s->who->uid, s->who->gid);
	add2(out, "--tmpfs",
	    pool_printf("%s:rw,%s,nosuid,nodev,size=%" PRId64 ",mode=%04o%s", t->path,
		t->exec ? "exec" : "noexec", t->size, (unsigned)t->mode, owner));
}

/* SELinux's labels: docker only knows them in the older way to write a mount. */
static void
add_mount(
    struct words *out, const struct engine *e, const struct container *c, const struct mount *m)
{
	static const char *const podman[] = {"", ",relabel=shared", ",relabel=private"};
	static const char *const docker[] = {"", ",z", ",Z"};

	if (e->kind == DOCKER && c->relabel) {
		words_add(out, "--volume");
		words_addf(out, "%s:%s:%s,rprivate%s", m->source, m->target,
		    m->read_only ? "ro" : "rw", docker[c->relabel]);
		return;
	}
	words_add(out, "--mount");
	words_addf(out, "type=bind,src=%s,dst=%s%s,bind-propagation=rprivate%s", m->source,
	    m->target, m->read_only ? ",readonly" : "", podman[c->relabel]);
}

/* podman knows them by the Container Device Interface, docker by a word of its own. */
static void
add_gpus(struct words *out, const struct engine *e, const struct container *c)
{
	if (!c->gpus)
		return;
	if (e->kind == DOCKER) {
		add2(out, "--gpus", c->gpus < 0 ? "all" : pool_printf("%" PRId64, c->gpus));
		return;
	}
	if (c->gpus < 0)
		add2(out, "--device", "nvidia.com/gpu=all");
	for (int64_t i = 0; i < c->gpus; i++)
		add2(out, "--device", pool_printf("nvidia.com/gpu=%" PRId64, i));
}

static void
add_storage(
    struct words *out, const struct engine *e, const struct container *c, const struct start *s)
{
	size_t i, k;

	for (i = 0; i < c->mount_ro.n; i++)
		add_mount(out, e, c, &c->mount_ro.v[i]);
	for (i = 0; i < c->mount_rw.n; i++)
		add_mount(out, e, c, &c->mount_rw.v[i]);
	for (i = 0; i < s->volumes.n; i++)
		add2(out, "--mount",
		    pool_printf("type=volume,src=%s,dst=%s", s->volumes.v[i].value,
			s->volumes.v[i].key));
	if (s->secrets)
		add_mount(out, e, c, &(struct mount){s->secrets, "/run/secrets", true});
	for (i = 0; i < c->tmpfs.n; i++)
		add_tmpfs(out, e, &c->tmpfs.v[i], s);
	for (i = 0; i < c->devices.n; i++)
		add2(out, "--device",
		    !c->devices.v[i].target
			? c->devices.v[i].source
			: pool_printf("%s:%s:%s", c->devices.v[i].source,
			      c->devices.v[i].target, c->devices.v[i].rights));
	add_gpus(out, e, c);
	for (i = 0; i < c->mount_devices.n; i++) {
		glob_t found;

		if (glob(c->mount_devices.w[i], 0, NULL, &found) == 0)
			for (k = 0; k < found.gl_pathc; k++)
				add2(out, "--device", found.gl_pathv[k]);
		globfree(&found);
	}
}

/* To docker a name without a value that it doesn't find in its own environment is one to take
 * away. */
static void
add_environment(struct words *out, const struct engine *e, const struct container *c)
{
	if (c->tz)
		add2(out, "--env", pool_printf("TZ=%s", c->tz));
	for (size_t i = 0; i < c->env.n; i++) {
		const struct pair *p = &c->env.v[i];

		if (p->value)
			add2(out, "--env", pool_printf("%s=%s", p->key, p->value));
		else
			add2(out, e->kind == PODMAN ? "--unsetenv" : "--env", p->key);
	}
}

/* Logs without a limit fill disks. */
static void
add_log(struct words *out, const struct engine *e, const struct container *c)
{
	static const char *const podman[] = {"k8s-file", "none", "", "journald", "passthrough"};
	static const char *const docker[] = {"json-file", "none", "syslog", "journald", ""};

	add2(out, "--log-driver", e->kind == PODMAN ? podman[c->log] : docker[c->log]);
	if (c->log == LOG_JSON)
		add2(out, "--log-opt", e->kind == PODMAN ? "max-size=10mb" : "max-size=10m");
	if (c->log == LOG_JSON && e->kind == DOCKER)
		add2(out, "--log-opt", "max-file=3");
	if (c->log_address)
		add2(out, "--log-opt", pool_printf("syslog-address=%s", c->log_address));
}

static void
add_health(
    struct words *out, const struct engine *e, const struct container *c, const struct start *s)
{
	const struct health *h = &c->health;
	bool has = h->given || !s->facts || s->facts->health;

	if (h->off) {
		words_add(out, "--no-healthcheck");
		return;
	}
	if (h->given) {
		/* docker knows nothing but a shell's line. */
		add2(out, "--health-cmd",
		    e->kind == DOCKER ? words_line(&h->command) : podman_health(&h->command));
		add2(out, "--health-timeout", pool_printf("%" PRId64 "ms", h->timeout));
		add2(out, "--health-retries", pool_printf("%" PRId64, h->retries));
		add2(out, "--health-start-period",
		    pool_printf("%" PRId64 "ms", h->start_period));
	}
	/* podman's timers are systemd's: without it such a container wouldn't start. */
	if (has && e->kind == PODMAN && e->no_timers)
		add2(out, "--health-interval", "disable");
	else if (h->given)
		add2(out, "--health-interval", pool_printf("%" PRId64 "ms", h->interval));
}

static void
add_life(
    struct words *out, const struct engine *e, const struct container *c, const struct start *s)
{
	if (c->init)
		words_add(out, "--init");
	if (c->rm)
		words_add(out, "--rm");
	else if (strcmp(c->restart, "no") != 0)
		add2(out, "--restart", c->restart);
	if (c->stop_signal)
		add2(out, "--stop-signal", pool_printf("SIG%s", c->stop_signal));
	add2(out, "--stop-timeout", pool_printf("%" PRId64, (c->stop_timeout + 999) / 1000));
	add_health(out, e, c, s);
}

static void
add_program(struct words *out, const struct container *c, const struct start *s)
{
	size_t i;

	if (s->shell || c->shell)
		add2(out, "--entrypoint", "/bin/sh");
	else if (c->entrypoint.n)
		add2(out, "--entrypoint", c->entrypoint.w[0]);
	words_add_all(out, &c->extra_docker);
	words_add(out, s->image);
	for (i = 1; i < c->entrypoint.n && !s->shell && !c->shell; i++)
		words_add(out, c->entrypoint.w[i]);
	if (s->cmd) {
		words_add_all(out, s->cmd);
	} else if (!s->shell && !c->shell) {
		words_add_all(out, &c->cmd);
		words_add_all(out, &c->extra_init);
	}
}

void
engine_args(
    struct words *out, const struct engine *e, const struct container *c, const struct start *s)
{
	const struct need *with = need_shared(c, false);

	words_add(out, s->verb);
	if (s->detach)
		words_add(out, "-d");
	if (s->interactive)
		words_add(out, "-i");
	if (s->terminal)
		words_add(out, "-t");
	add2(out, "--pull", "never");
	add2(out, "--name", s->name ? s->name : c->name);
	add_labels(out, c, s);
	add_network(out, e, c);
	if (with)
		add2(out, "--pid", pool_printf("container:%s", with->target));
	add_limits(out, e, c);
	add_privileges(out, e, c, s);
	add_storage(out, e, c, s);
	add_environment(out, e, c);
	add_log(out, e, c);
	add_life(out, e, c, s);
	add_program(out, c, s);
}
