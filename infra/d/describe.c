/* A container's description as JSON. */
#include "container.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "digest.h"

static json_t *
text(const char *s)
{
	json_t *got = s ? json_string(s) : json_null();

	return got ? got : json_string("?"); /* bytes that aren't UTF-8 */
}

static json_t *
words(const struct words *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, text(l->w[i]));
	return list;
}

static json_t *
pairs(const struct pair *v, size_t n)
{
	json_t *map = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(map, v[i].key, text(v[i].value));
	return map;
}

static json_t *
ports(const struct container *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->ports.n; i++) {
		const struct port *p = &c->ports.v[i];

		json_array_append_new(
		    list, json_pack("{s:s, s:i, s:i, s:s}", "address", p->address, "host",
			      p->host, "inside", p->inside, "protocol", p->protocol));
	}
	return list;
}

static void
add_mounts(json_t *list, const struct mount *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
		    list, json_pack("{s:o, s:o, s:b}", "source", text(m[i].source), "target",
			      text(m[i].target), "read_only", m[i].read_only));
}

static json_t *
mounts(const struct container *c)
{
	json_t *list = json_array();

	add_mounts(list, c->mount_ro.v, c->mount_ro.n);
	add_mounts(list, c->mount_rw.v, c->mount_rw.n);
	return list;
}

static json_t *
tmpfs(const struct container *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->tmpfs.n; i++) {
		json_t *o = json_pack("{s:o, s:I, s:i}", "path", text(c->tmpfs.v[i].path),
		    "size", (json_int_t)c->tmpfs.v[i].size, "mode", (int)c->tmpfs.v[i].mode);

		if (c->tmpfs.v[i].exec)
			json_object_set_new(o, "exec", json_true());
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
devices(const struct container *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->devices.n; i++)
		json_array_append_new(
		    list, json_pack("{s:o, s:o, s:s}", "source", text(c->devices.v[i].source),
			      "target", text(c->devices.v[i].target), "rights",
			      c->devices.v[i].rights ? c->devices.v[i].rights : ""));
	return list;
}

static json_t *
limits(const struct container *c)
{
	json_t *map = json_object();

	for (size_t i = 0; i < c->ulimits.n; i++)
		json_object_set_new(map, c->ulimits.v[i].name,
		    json_pack("[I, I]", (json_int_t)c->ulimits.v[i].soft,
			(json_int_t)c->ulimits.v[i].hard));
	return map;
}

static json_t *
needs(const struct container *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->needs.n; i++)
		json_array_append_new(
		    list, json_pack("{s:s, s:b, s:b}", "name", c->needs.v[i].name, "pid",
			      c->needs.v[i].pid, "network", c->needs.v[i].network));
	return list;
}

static json_t *
volumes(const struct container *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->vols.n; i++) {
		const struct volume *v = &c->vols.v[i];

		json_array_append_new(list,
		    json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "path", text(v->path), "type",
			text(v->type), "owner", text(v->owner), "group", text(v->group), "perm",
			text(v->perm), "contents", text(v->contents)));
	}
	return list;
}

static json_t *
health(const struct health *h)
{
	if (h->off)
		return json_string("none");
	if (!h->given)
		return json_null();
	return json_pack("{s:o, s:I, s:I, s:I, s:I}", "command", words(&h->command), "interval",
	    (json_int_t)h->interval, "timeout", (json_int_t)h->timeout, "start_period",
	    (json_int_t)h->start_period, "retries", (json_int_t)h->retries);
}

static void
set_said(json_t *o, const char *key, bool said, json_t *value)
{
	if (said)
		json_object_set_new(o, key, value);
	else
		json_decref(value);
}

static json_t *
ready(const struct ready *r)
{
	static const char *const kinds[] = {"none", "http", "tcp", "unix", "log", "command"};

	json_t *o = json_pack("{s:s, s:o, s:i, s:o, s:I, s:o, s:o, s:o, s:I, s:I}", "kind",
	    kinds[r->kind], "host", text(r->host), "port", (int)r->port, "path", text(r->path),
	    "status", (json_int_t)r->status, "expect", text(r->expect), "pattern",
	    text(r->pattern), "command", words(&r->command), "within", (json_int_t)r->within,
	    "stable", (json_int_t)r->stable);

	set_said(o, "tls", r->tls, json_true());
	set_said(o, "name", r->name, text(r->name));
	set_said(o, "ca", r->ca, text(r->ca));
	set_said(o, "pin", r->pin, text(r->pin));
	return o;
}

static json_t *
networks(const struct container *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->networks.n; i++)
		json_array_append_new(
		    list, json_pack("{s:o, s:o, s:o}", "name", text(c->networks.v[i].name),
			      "ip", text(c->networks.v[i].ip), "aliases",
			      words(&c->networks.v[i].aliases)));
	return list;
}

static json_t *
needs_mount(const struct container *c)
{
	json_t *map = json_object();

	for (size_t i = 0; i < c->needs_mount.n; i++)
		json_object_set_new(
		    map, c->needs_mount.v[i].path, json_integer(c->needs_mount.v[i].wait));
	return map;
}

static json_t *
hooks(const struct container *c)
{
	json_t *map = json_object();

	for (size_t i = 0; i < HOOK_POINTS; i++)
		if (c->hooks[i].command.n)
			json_object_set_new(map, hook_names[i],
			    json_pack("{s:o, s:b, s:I}", "command", words(&c->hooks[i].command),
				"inside", c->hooks[i].inside, "within",
				(json_int_t)c->hooks[i].within));
	return map;
}

/* Where they come from, never what they are. */
static json_t *
secrets(const struct container *c)
{
	static const char *const kinds[] = {"file", "age", "command"};
	json_t *list = json_array();

	for (size_t i = 0; i < c->secrets.n; i++) {
		const struct secret *s = &c->secrets.v[i];

		json_array_append_new(list,
		    json_pack("{s:o, s:s, s:o, s:i, s:I, s:I}", "name", text(s->name), "kind",
			kinds[s->kind], "source", words(&s->source), "mode", (int)s->mode,
			"uid", (json_int_t)s->uid, "gid", (json_int_t)s->gid));
	}
	return list;
}

static json_t *
data(const struct data *d)
{
	return json_pack("{s:o, s:o, s:s}", "command", words(&d->command), "vols",
	    words(&d->paths), "restore", d->restore ? "on-failure" : "never");
}

static json_t *
update(const struct update *u)
{
	static const char *const holds[] = {"none", "major", "minor"};

	return json_pack("{s:o, s:I, s:I, s:s, s:s}", "at", text(u->at), "wait",
	    (json_int_t)u->wait, "spread", (json_int_t)u->spread, "hold", holds[u->hold], "if",
	    u->if_ready ? "ready" : "always");
}

static json_t *
jobs(const struct container *c)
{
	json_t *map = json_object();

	for (size_t i = 0; i < c->jobs.n; i++) {
		const struct job_spec *j = &c->jobs.v[i];

		json_object_set_new(map, j->name,
		    json_pack("{s:o, s:o, s:s, s:s, s:I}", "cmd", words(&j->cmd), "at",
			text(j->at), "in", j->fresh ? "fresh" : "beside", "on_failure",
			j->ignore ? "ignore" : "notify", "within", (json_int_t)j->within));
	}
	return map;
}

static json_t *
rollout(const struct rollout *r)
{
	return json_pack("{s:I, s:I, s:s, s:I, s:I, s:I, s:s, s:s, s:o, s:o}", "replicas",
	    (json_int_t)r->replicas, "parallelism", (json_int_t)r->parallelism, "order",
	    r->start_first ? "start-first" : "stop-first", "delay", (json_int_t)r->delay,
	    "monitor", (json_int_t)r->monitor, "within", (json_int_t)r->within, "failure",
	    r->failure, "publish", r->host_ports ? "host" : "ingress", "placement",
	    words(&r->placement), "lossy", words(&r->lossy));
}

/* Keys that came later stand there only where they say something: a container that was made
 * by an earlier version keeps its digest. */
static void
add_said(json_t *o, const struct container *c)
{
	json_t *points = hooks(c);

	set_said(o, "hooks", json_object_size(points), points);
	set_said(o, "jobs", c->jobs.n, jobs(c));
	set_said(o, "keep", c->keep >= 0, json_integer(c->keep));
	set_said(o, "env_files", c->env_files.n, words(&c->env_files));
	set_said(o, "extra_hosts", c->extra_hosts.n, pairs(c->extra_hosts.v, c->extra_hosts.n));
	set_said(o, "gpus", c->gpus, json_integer(c->gpus));
	set_said(o, "groups", c->groups.n, words(&c->groups));
	set_said(o, "shm_size", c->shm_size, json_integer(c->shm_size));
	set_said(o, "sysctls", c->sysctls.n, pairs(c->sysctls.v, c->sysctls.n));
	set_said(o, "aliases", c->aliases.n, words(&c->aliases));
	set_said(o, "networks", c->networks.n, networks(c));
	set_said(o, "needs_mount", c->needs_mount_given, needs_mount(c));
	set_said(o, "relabel", c->relabel, json_integer(c->relabel));
	set_said(o, "port_offset", c->port_offset, json_integer(c->port_offset));
	set_said(o, "repo2", c->repo2, text(c->repo2));
	set_said(o, "require_signature", c->require_signature, json_true());
	set_said(o, "verify_key", c->verify_key, text(c->verify_key));
	set_said(o, "secrets", c->secrets.n, secrets(c));
	set_said(o, "snapshot", c->data.snapshot, data(&c->data));
	set_said(o, "swap", c->swap.beside,
	    json_pack("{s:s, s:b, s:I}", "how", "beside", "shared", c->swap.shared, "drain",
		(json_int_t)c->swap.drain));
	set_said(o, "on", c->on.n, words(&c->on));
	set_said(o, "rollout", c->rollout.given, rollout(&c->rollout));
	set_said(o, "shell", c->shell, json_true());
	set_said(o, "shift_gids", c->shift_gids, json_integer(c->shift_gids));
	set_said(o, "shift_uids", c->shift_uids, json_integer(c->shift_uids));
	set_said(o, "tags", c->tags.n, pairs(c->tags.v, c->tags.n));
	set_said(o, "update", c->update.at || c->update.wait || c->update.hold != HOLD_MAJOR,
	    update(&c->update));
	set_said(o, "waive", c->waive.n, pairs(c->waive.v, c->waive.n));
}

static json_t *
description(const struct container *c)
{
	static const char *const logs[] = {"json", "none", "syslog", "journald", "passthrough"};
	json_t *o = json_object();

	json_object_set_new(o, "autostart", json_integer(c->wave));
	json_object_set_new(o, "autostart_host", text(c->wave_host));
	json_object_set_new(o, "caps", words(&c->caps));
	json_object_set_new(o, "cmd", words(&c->cmd));
	json_object_set_new(o, "cpus_milli", json_integer(c->cpus));
	json_object_set_new(o, "devices", devices(c));
	json_object_set_new(o, "dns", words(&c->dns));
	json_object_set_new(o, "entrypoint", words(&c->entrypoint));
	json_object_set_new(o, "env", pairs(c->env.v, c->env.n));
	json_object_set_new(o, "extra_docker", words(&c->extra_docker));
	json_object_set_new(o, "extra_init", words(&c->extra_init));
	json_object_set_new(o, "fg", json_boolean(c->fg));
	json_object_set_new(o, "health", health(&c->health));
	json_object_set_new(o, "hostname", text(c->hostname));
	json_object_set_new(o, "image", text(container_image(c)));
	json_object_set_new(o, "init", json_boolean(c->init));
	json_object_set_new(o, "ip", text(c->ip));
	json_object_set_new(o, "labels", pairs(c->labels.v, c->labels.n));
	json_object_set_new(o, "log", text(logs[c->log]));
	json_object_set_new(o, "log_address", text(c->log_address));
	json_object_set_new(o, "memory", json_integer(c->memory));
	json_object_set_new(o, "mount_devices", words(&c->mount_devices));
	json_object_set_new(o, "mounts", mounts(c));
	json_object_set_new(o, "name", text(c->name));
	json_object_set_new(o, "needs", needs(c));
	json_object_set_new(o, "network", text(c->network));
	json_object_set_new(o, "no_new_privileges", json_boolean(c->no_new_privileges));
	json_object_set_new(o, "pids", json_integer(c->pids));
	json_object_set_new(o, "ports", ports(c));
	json_object_set_new(o, "read_only", json_boolean(c->read_only));
	json_object_set_new(o, "ready", ready(&c->ready));
	json_object_set_new(o, "restart", text(c->restart));
	json_object_set_new(o, "rm", json_boolean(c->rm));
	json_object_set_new(o, "scan_allow", words(&c->scan_allow));
	json_object_set_new(o, "seccomp", text(c->seccomp));
	json_object_set_new(o, "stop_signal", text(c->stop_signal));
	json_object_set_new(o, "stop_timeout", json_integer(c->stop_timeout));
	json_object_set_new(o, "subnet", text(c->subnet));
	json_object_set_new(o, "tmpfs", tmpfs(c));
	json_object_set_new(o, "tz", text(c->tz));
	json_object_set_new(o, "ulimits", limits(c));
	json_object_set_new(o, "user", text(c->user));
	json_object_set_new(o, "userns", text(c->userns));
	json_object_set_new(o, "vols", volumes(c));
	add_said(o, c);
	return o;
}

/* The JSON's text, in the pool; the JSON is given back. */
static char *
dump(json_t *o)
{
	char *got = json_dumps(o, JSON_SORT_KEYS | JSON_COMPACT);
	char *kept = pool_dup(got ? got : "{}");

	free(got);
	json_decref(o);
	return kept;
}

char *
container_json(const struct container *c)
{
	return dump(description(c));
}

/* The bytes of the seccomp profile, not its name; NULL where there is none. */
static json_t *
seccomp_digest(const struct container *c)
{
	char hex[SHA256_HEX];
	cleanup_fd int fd = -1;

	if (!c->seccomp || *c->seccomp != '/')
		return NULL;
	fd = open(c->seccomp, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return text(fd < 0 || sha256_fd(fd, hex) ? "unreadable" : hex);
}

/* What the files that settings.yaml holds contain. */
static json_t *
contents(const struct container *c)
{
	json_t *map = json_object();

	for (size_t i = 0; i < c->vols.n; i++)
		if (c->vols.v[i].contents)
			json_object_set_new(
			    map, c->vols.v[i].path, text(c->vols.v[i].contents));
	return map;
}

void
container_digest(const struct container *c, char hex[SHA256_HEX])
{
	/* What d does with a container, not what the container is. */
	static const char *const not_its_own[] = {"autostart", "autostart_host", "env_files",
	    "hooks", "image", "jobs", "keep", "needs_mount", "on", "port_offset", "ready",
	    "repo2", "require_signature", "rollout", "scan_allow", "shift_gids", "shift_uids",
	    "snapshot", "tags", "update", "verify_key", "vols", "waive"};
	json_t *o = description(c), *profile = seccomp_digest(c), *files = contents(c);
	const char *json;

	for (size_t i = 0; i < sizeof(not_its_own) / sizeof(not_its_own[0]); i++)
		json_object_del(o, not_its_own[i]);
	set_said(o, "contents", json_object_size(files), files);
	if (profile)
		json_object_set_new(o, "seccomp_digest", profile);
	json = dump(o);
	sha256_bytes(json, strlen(json), hex);
}
