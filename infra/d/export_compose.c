#include "export_compose.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export_set.h"
#include "export_table.h"

/* One service as it grows. */
struct service {
	struct export *x;
	const struct export_item *i;
	const struct container *c;
	json_t *o;
	bool swarm;
};

/* Compose puts variables in where it reads "$". */
static json_t *
text(const char *s)
{
	char *out = pool_zero(strlen(s) * 2 + 1, 1), *p = out;
	json_t *got;

	for (; *s; s++) {
		if (*s == '$')
			*p++ = '$';
		*p++ = *s;
	}
	got = json_string(out);
	return got ? got : json_string("?");
}

static json_t *
list_of(const struct words *words)
{
	json_t *list = json_array();

	for (size_t i = 0; i < words->n; i++)
		json_array_append_new(list, text(words->w[i]));
	return list;
}

static json_t *
duration(int64_t ms)
{
	return json_string(ms % 1000 ? pool_printf("%" PRId64 "ms", ms)
				     : pool_printf("%" PRId64 "s", ms / 1000));
}

static void
set_text(json_t *o, const char *key, const char *value)
{
	if (value)
		json_object_set_new(o, key, text(value));
}

/* ---- what runs ---- */

static void
add_program(struct service *s)
{
	struct words command = {0};

	set_text(s->o, "image", s->i->image);
	if (!s->swarm) {
		if (!strchr(s->i->image, '@'))
			set_text(s->o, "pull_policy", "never");
		set_text(s->o, "container_name", s->c->name);
	}
	if (strcmp(s->c->network, "host") != 0 && !need_shared(s->c, true))
		set_text(s->o, "hostname", s->c->hostname);
	export_put(s->o, "entrypoint", list_of(&s->c->entrypoint));
	export_command(s->c, &command);
	export_put(s->o, "command", list_of(&command));
	set_text(s->o, "user", export_user(s->i));
	if (!s->swarm)
		export_put(s->o, "group_add", list_of(export_groups(s->i)));
	if (s->c->init)
		json_object_set_new(s->o, "init", json_true());
}

static void
add_environment(struct service *s)
{
	json_t *map = json_object();

	if (s->c->tz)
		set_text(map, "TZ", s->c->tz);
	for (size_t i = 0; i < s->c->env.n; i++)
		if (s->c->env.v[i].value)
			set_text(map, s->c->env.v[i].key, s->c->env.v[i].value);
	export_put(s->o, "environment", map);
	export_put(s->o, "labels", export_map(&s->c->labels, text));
}

/* ---- networks ---- */

static json_t *
joined(const char *ip, const struct words *aliases, bool swarm)
{
	json_t *o = json_object();

	export_put(o, "aliases", list_of(aliases));
	if (ip && strcmp(ip, "-") != 0 && !swarm)
		set_text(o, strchr(ip, ':') ? "ipv6_address" : "ipv4_address", ip);
	return o;
}

static void
add_ports(struct service *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->c->ports.n; i++) {
		const struct port *p = &s->c->ports.v[i];
		bool six = strchr(p->address, ':') != NULL;
		json_t *o;

		if (!s->swarm) {
			json_array_append_new(list,
			    json_string(
				pool_printf("%s%s%s:%s:%d/%s", six ? "[" : "", p->address,
				    six ? "]" : "", p->host ? pool_printf("%d", p->host) : "",
				    p->inside, p->protocol)));
			continue;
		}
		if (six)
			continue; /* a node's addresses are all of them anyway */
		o = json_pack("{s:i, s:s, s:s}", "target", p->inside, "protocol", p->protocol,
		    "mode", s->c->rollout.host_ports ? "host" : "ingress");
		if (p->host)
			json_object_set_new(o, "published", json_integer(p->host));
		json_array_append_new(list, o);
	}
	export_put(s->o, "ports", list);
}

static void
add_networks(struct service *s)
{
	const struct need *with = need_shared(s->c, true);
	const char *name = network_name(s->c);
	json_t *map = json_object();

	if (with && !s->swarm) {
		set_text(s->o, "network_mode",
		    export_item(s->x, with->name)
			? pool_printf("service:%s", with->name)
			: pool_printf(
			      "container:%s", with->target ? with->target : with->name));
	} else if (!name && !s->swarm) {
		set_text(s->o, "network_mode", s->c->network);
	} else if (strcmp(s->c->network, "host") == 0) {
		json_object_set_new(map, "host", json_object());
	} else if (name) {
		json_object_set_new(map, name, joined(s->c->ip, &s->c->aliases, s->swarm));
	}
	for (size_t i = 0; i < s->c->networks.n; i++)
		json_object_set_new(map, s->c->networks.v[i].name,
		    joined(s->c->networks.v[i].ip, &s->c->networks.v[i].aliases, s->swarm));
	export_put(s->o, "networks", map);
	export_put(s->o, "dns", list_of(&s->c->dns));
	map = json_array();
	for (size_t i = 0; i < s->c->extra_hosts.n; i++)
		if (!s->swarm || strcmp(s->c->extra_hosts.v[i].value, "host-gateway") != 0)
			json_array_append_new(
			    map, json_string(pool_printf("%s:%s", s->c->extra_hosts.v[i].key,
				     s->c->extra_hosts.v[i].value)));
	export_put(s->o, "extra_hosts", map);
	add_ports(s);
}

/* ---- limits and privileges ---- */

static const char *
cpus(const struct container *c)
{
	return pool_printf("%" PRId64 ".%03d", c->cpus / 1000, (int)(c->cpus % 1000));
}

static void
add_limits(struct service *s)
{
	json_t *map = json_object();

	if (!s->swarm) {
		if (s->c->memory)
			json_object_set_new(s->o, "mem_limit", json_integer(s->c->memory));
		if (s->c->cpus)
			json_object_set_new(s->o, "cpus", json_real((double)s->c->cpus / 1000));
		json_object_set_new(
		    s->o, "pids_limit", json_integer(s->c->pids ? s->c->pids : -1));
		if (s->c->shm_size)
			json_object_set_new(s->o, "shm_size", json_integer(s->c->shm_size));
	}
	for (size_t i = 0; i < s->c->ulimits.n; i++)
		json_object_set_new(map, s->c->ulimits.v[i].name,
		    json_pack("{s:I, s:I}", "soft", (json_int_t)s->c->ulimits.v[i].soft, "hard",
			(json_int_t)s->c->ulimits.v[i].hard));
	export_put(s->o, "ulimits", map);
	export_put(s->o, "sysctls", export_map(&s->c->sysctls, text));
}

static void
add_privileges(struct service *s)
{
	const char *profile = export_seccomp_path(s->x, s->i);
	json_t *list = json_array();

	json_object_set_new(s->o, "cap_drop", json_pack("[s]", "ALL"));
	export_put(s->o, "cap_add", list_of(&s->c->caps));
	if (s->c->no_new_privileges)
		json_array_append_new(list, json_string("no-new-privileges:true"));
	if (profile)
		json_array_append_new(list, text(pool_printf("seccomp:%s", profile)));
	if (s->swarm)
		json_array_clear(list);
	export_put(s->o, "security_opt", list);
	json_object_set_new(s->o, "read_only", json_boolean(s->c->read_only));
	if (!s->swarm && s->c->userns && strcmp(s->c->userns, "host") == 0)
		set_text(s->o, "userns_mode", "host");
}

/* ---- storage ---- */

static json_t *
bind_mount(const struct service *s, const struct mount *m)
{
	static const char *const selinux[] = {NULL, "z", "Z"};
	json_t *o = json_pack("{s:s}", "type", "bind"), *options = json_object();

	set_text(o, "source", m->source);
	set_text(o, "target", m->target);
	if (m->read_only)
		json_object_set_new(o, "read_only", json_true());
	set_text(options, "propagation", "rprivate");
	if (!s->swarm)
		set_text(options, "selinux", selinux[s->c->relabel]);
	json_object_set_new(o, "bind", options);
	return o;
}

/* The long form has no options for it. */
static const char *
tmpfs_line(const struct service *s, const struct tmpfs *t)
{
	const char *owner = s->i->who ? pool_printf(",uid=%u,gid=%u", (unsigned)s->i->who->uid,
					    (unsigned)s->i->who->gid)
				      : "";

	return pool_printf("%s:rw,%s,nosuid,nodev,size=%" PRId64 ",mode=%04o%s", t->path,
	    t->exec ? "exec" : "noexec", t->size, (unsigned)t->mode, owner);
}

static json_t *
tmpfs_mount(const char *path, int64_t size)
{
	return json_pack("{s:s, s:s, s:{s:I}}", "type", "tmpfs", "target", path, "tmpfs",
	    "size", (json_int_t)size);
}

static void
add_secrets(struct service *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->c->secrets.n; i++) {
		const struct secret *from = &s->c->secrets.v[i];
		int64_t uid = from->uid >= 0 ? from->uid
			      : s->i->who    ? s->i->who->uid
					     : 0,
			gid = from->gid >= 0 ? from->gid
			      : s->i->who    ? s->i->who->gid
					     : 0;
		json_t *o = json_object();

		set_text(o, "source", export_secret_name(s->i, i));
		set_text(o, "target", from->name);
		if (s->swarm) {
			set_text(o, "uid", pool_printf("%" PRId64, uid));
			set_text(o, "gid", pool_printf("%" PRId64, gid));
			json_object_set_new(o, "mode", json_integer((json_int_t)from->mode));
		}
		json_array_append_new(list, o);
	}
	export_put(s->o, "secrets", list);
}

static void
add_storage(struct service *s)
{
	json_t *list = json_array(), *memory = json_array();
	const struct container *c = s->c;

	for (size_t i = 0; i < c->mount_ro.n; i++)
		if (!export_config(s->i, c->mount_ro.v[i].target))
			json_array_append_new(list, bind_mount(s, &c->mount_ro.v[i]));
	for (size_t i = 0; i < c->mount_rw.n; i++)
		json_array_append_new(list, bind_mount(s, &c->mount_rw.v[i]));
	for (size_t i = 0; i < s->i->volumes.n; i++)
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:s}", "type", "volume", "source",
			      s->i->volumes.v[i].value, "target", s->i->volumes.v[i].key));
	for (size_t i = 0; i < c->tmpfs.n; i++)
		if (s->swarm)
			json_array_append_new(
			    list, tmpfs_mount(c->tmpfs.v[i].path, c->tmpfs.v[i].size));
		else
			json_array_append_new(memory, text(tmpfs_line(s, &c->tmpfs.v[i])));
	if (s->swarm && c->shm_size)
		json_array_append_new(list, tmpfs_mount("/dev/shm", c->shm_size));
	export_put(s->o, "volumes", list);
	export_put(s->o, "tmpfs", memory);
	list = json_array();
	for (size_t i = 0; i < s->i->configs.n; i++)
		json_array_append_new(
		    list, json_pack("{s:s, s:o}", "source", s->i->configs.v[i].value, "target",
			      text(s->i->configs.v[i].key)));
	export_put(s->o, "configs", list);
	add_secrets(s);
}

static void
add_devices(struct service *s)
{
	json_t *list = json_array();
	const struct container *c = s->c;

	for (size_t i = 0; i < c->devices.n && !s->swarm; i++)
		json_array_append_new(
		    list, text(!c->devices.v[i].target
				   ? c->devices.v[i].source
				   : pool_printf("%s:%s:%s", c->devices.v[i].source,
					 c->devices.v[i].target, c->devices.v[i].rights)));
	for (size_t i = 0; i < s->i->devices.n && !s->swarm; i++)
		json_array_append_new(list, text(s->i->devices.w[i]));
	export_put(s->o, "devices", list);
}

/* ---- life ---- */

static void
add_log(struct service *s)
{
	static const char *const drivers[] = {
	    "json-file", "none", "syslog", "journald", "json-file"};
	json_t *options = json_object(), *o = json_object();

	set_text(o, "driver", drivers[s->c->log]);
	if (s->c->log == LOG_JSON) {
		set_text(options, "max-size", "10m");
		set_text(options, "max-file", "3");
	}
	set_text(options, "syslog-address", s->c->log_address);
	export_put(o, "options", options);
	json_object_set_new(s->o, "logging", o);
}

/* A swarm goes on as soon as that is healthy. */
enum { PROBE_MS = 5000 };

static json_t *
command_check(const struct words *command)
{
	json_t *list = json_pack("[s]", "CMD");

	for (size_t i = 0; i < command->n; i++)
		json_array_append_new(list, text(command->w[i]));
	return list;
}

static void
add_health(struct service *s)
{
	const struct health *h = &s->c->health;
	json_t *o = json_object();

	if (h->off) {
		json_object_set_new(o, "disable", json_true());
	} else if (h->given) {
		json_object_set_new(o, "test", command_check(&h->command));
		json_object_set_new(o, "interval", duration(h->interval));
		json_object_set_new(o, "timeout", duration(h->timeout));
		json_object_set_new(o, "retries", json_integer(h->retries));
		json_object_set_new(o, "start_period", duration(h->start_period));
	} else if (s->c->ready.kind == READY_COMMAND && !s->c->ready.expect) {
		json_object_set_new(o, "test", command_check(&s->c->ready.command));
		json_object_set_new(o, "start_period", duration(s->c->ready.within));
	} else if (s->i->probe.n) {
		json_object_set_new(o, "test", command_check(&s->i->probe));
		json_object_set_new(o, "interval", duration(PROBE_MS));
		json_object_set_new(o, "start_period", duration(s->c->ready.within));
	}
	export_put(s->o, "healthcheck", o);
}

static void
add_needs(struct service *s)
{
	const struct need *pid = need_shared(s->c, false);
	json_t *map = json_object();

	for (size_t i = 0; i < s->c->needs.n; i++) {
		const struct export_item *other = export_item(s->x, s->c->needs.v[i].name);

		if (other)
			json_object_set_new(map, s->c->needs.v[i].name,
			    json_pack("{s:s}", "condition",
				other->c->health.given ? "service_healthy"
						       : "service_started"));
	}
	export_put(s->o, "depends_on", map);
	if (pid)
		set_text(s->o, "pid",
		    export_item(s->x, pid->name)
			? pool_printf("service:%s", pid->name)
			: pool_printf("container:%s", pid->target ? pid->target : pid->name));
}

static void
add_life(struct service *s)
{
	if (!s->swarm) {
		set_text(s->o, "restart", s->c->restart);
		add_needs(s);
	}
	if (s->c->stop_signal)
		set_text(s->o, "stop_signal", pool_printf("SIG%s", s->c->stop_signal));
	json_object_set_new(s->o, "stop_grace_period", duration(s->c->stop_timeout));
	add_log(s);
	add_health(s);
}

/* ---- deploy ---- */

static json_t *
limits(const struct container *c)
{
	json_t *o = json_object();

	if (c->cpus)
		set_text(o, "cpus", cpus(c));
	if (c->memory)
		set_text(o, "memory", pool_printf("%" PRId64 "b", c->memory));
	if (c->pids)
		json_object_set_new(o, "pids", json_integer(c->pids));
	return o;
}

static json_t *
update_of(const struct container *c)
{
	const struct rollout *r = &c->rollout;

	return json_pack("{s:I, s:s, s:o, s:s, s:o}", "parallelism", (json_int_t)r->parallelism,
	    "order", r->start_first ? "start-first" : "stop-first", "delay", duration(r->delay),
	    "failure_action", r->failure, "monitor",
	    duration(r->monitor < 0 ? c->ready.within + c->ready.stable : r->monitor));
}

/* The way back is the same, and the end of it. */
static json_t *
rollback_of(const struct container *c)
{
	json_t *o = update_of(c);

	set_text(o, "failure_action", "pause");
	return o;
}

static json_t *
placement_of(const struct service *s)
{
	const struct words *said = &s->c->rollout.placement;
	char host[256] = "";
	json_t *list = list_of(said);

	if (!said->n && export_has_places(s->i) && gethostname(host, sizeof(host) - 1) == 0)
		json_array_append_new(list, text(pool_printf("node.hostname == %s", host)));
	return list;
}

static json_t *
restart_of(const struct container *c)
{
	json_t *o = json_object();
	int times = 0;

	if (strcmp(c->restart, "no") == 0)
		set_text(o, "condition", "none");
	else if (strncmp(c->restart, "on-failure", 10) == 0)
		set_text(o, "condition", "on-failure");
	else
		set_text(o, "condition", "any");
	if (sscanf(c->restart, "on-failure:%d", &times) == 1)
		json_object_set_new(o, "max_attempts", json_integer(times));
	return o;
}

static void
add_deploy(struct service *s)
{
	json_t *deploy = json_object(), *resources = json_object();
	json_t *placement = json_object();

	if (s->swarm) {
		json_object_set_new(
		    deploy, "replicas", json_integer((json_int_t)s->c->rollout.replicas));
		/* Without the routing mesh nothing needs an address of the whole service. */
		if (s->c->rollout.host_ports)
			set_text(deploy, "endpoint_mode", "dnsrr");
		export_put(deploy, "labels", export_map(&s->i->labels, text));
		export_put(resources, "limits", limits(s->c));
		json_object_set_new(deploy, "update_config", update_of(s->c));
		json_object_set_new(deploy, "rollback_config", rollback_of(s->c));
		json_object_set_new(deploy, "restart_policy", restart_of(s->c));
		export_put(placement, "constraints", placement_of(s));
	} else if (s->c->gpus) {
		json_t *gpu =
		    json_pack("{s:s, s:[s]}", "driver", "nvidia", "capabilities", "gpu");

		if (s->c->gpus < 0)
			set_text(gpu, "count", "all");
		else
			json_object_set_new(gpu, "count", json_integer(s->c->gpus));
		export_put(resources, "reservations", json_pack("{s:[o]}", "devices", gpu));
	}
	export_put(deploy, "placement", placement);
	export_put(deploy, "resources", resources);
	export_put(s->o, "deploy", deploy);
}

static json_t *
service_of(struct export *x, const struct export_item *i)
{
	struct service s = {
	    .x = x, .i = i, .c = i->c, .o = json_object(), .swarm = x->to == TO_SWARM};

	add_program(&s);
	add_environment(&s);
	add_networks(&s);
	add_limits(&s);
	add_privileges(&s);
	add_storage(&s);
	add_devices(&s);
	add_life(&s);
	add_deploy(&s);
	/* Also where nothing is kept: it says whose file it is. */
	json_object_set_new(s.o, "x-whittle", export_kept(x, i));
	return s.o;
}

/* ---- the file ---- */

static void
add_network(const struct export *x, json_t *map, const char *name, const char *subnet)
{
	json_t *o;

	if (json_object_get(map, name))
		return;
	o = json_object();
	if (x->to == TO_SWARM)
		set_text(o, "driver", "overlay");
	if (subnet)
		export_put(o, "ipam", json_pack("{s:[{s:s}]}", "config", "subnet", subnet));
	json_object_set_new(map, name, o);
}

static json_t *
all_networks(const struct export *x)
{
	json_t *map = json_object();

	for (size_t i = 0; i < x->items.n; i++) {
		const struct container *c = x->items.v[i].c;

		if (network_name(c))
			add_network(x, map, network_name(c), c->subnet);
		else if (x->to == TO_SWARM && strcmp(c->network, "host") == 0)
			json_object_set_new(map, "host", json_pack("{s:b}", "external", 1));
		for (size_t k = 0; k < c->networks.n; k++)
			add_network(x, map, c->networks.v[k].name, NULL);
	}
	return map;
}

static json_t *
all_volumes(const struct export *x)
{
	json_t *map = json_object();

	for (size_t i = 0; i < x->items.n; i++)
		for (size_t k = 0; k < x->items.v[i].volumes.n; k++) {
			const char *name = x->items.v[i].volumes.v[k].value;

			json_object_set_new(map, name, json_pack("{s:s}", "name", name));
		}
	return map;
}

static json_t *
all_secrets(const struct export *x)
{
	json_t *map = json_object();

	for (size_t i = 0; i < x->items.n; i++)
		for (size_t k = 0; k < x->items.v[i].c->secrets.n; k++) {
			const char *name = export_secret_name(&x->items.v[i], k);

			json_object_set_new(map, name,
			    x->to == TO_SWARM ? json_pack("{s:b}", "external", 1)
					      : json_pack("{s:s}", "file",
						    pool_printf("./secrets/%s", name)));
		}
	return map;
}

static json_t *
all_configs(const struct export *x)
{
	json_t *map = json_object();

	for (size_t i = 0; i < x->items.n; i++)
		for (size_t k = 0; k < x->items.v[i].configs.n; k++)
			json_object_set_new(map, x->items.v[i].configs.v[k].value,
			    json_pack("{s:b}", "external", 1));
	return map;
}

static void
export_file(struct export *x, const char *path, const char *head)
{
	json_t *o = json_object(), *services = json_object();

	/* docker stack deploy wants to know which of its own formats it is. */
	if (x->to == TO_SWARM)
		json_object_set_new(o, "version", json_string("3.9"));
	for (size_t i = 0; i < x->items.n; i++)
		json_object_set_new(
		    services, x->items.v[i].c->key, service_of(x, &x->items.v[i]));
	json_object_set_new(o, "services", services);
	export_put(o, "networks", all_networks(x));
	export_put(o, "volumes", all_volumes(x));
	export_put(o, "secrets", all_secrets(x));
	export_put(o, "configs", all_configs(x));
	export_add_yaml(x, path, head, &o, 1);
	json_decref(o);
}

void
export_compose(struct export *x)
{
	export_file(x, "compose.yaml", "# docker compose up -d\n");
}

void
export_swarm(struct export *x)
{
	export_file(x, "stack.yaml",
	    "# docker stack deploy --resolve-image never -c stack.yaml NAME\n");
}
