/* The keys of settings.yaml in one table, and the order in which layers count. */
#include "container.h"
#include "path.h"
#include "settings.h"
#include "strbuf.h"
#include "values_data.h"
#include "values_life.h"
#include "values_limits.h"
#include "values_names.h"
#include "values_network.h"
#include "values_rollout.h"
#include "values_storage.h"
#include "values_update.h"

#include <string.h>

/* LIST: of words or of some struct; take adds one element of it. OTHER: take does it all. */
enum kind { LIST, WORDS, FLAG, NUMBER, SIZE, DURATION, TEXT, OTHER };

struct key {
	const char *name;
	enum kind kind;
	size_t at, size; /* of the member of struct container; not for OTHER */
	int64_t min, max;
	take *take;
};

#define AT(field) offsetof(struct container, field), sizeof(((struct container *)0)->field)
#define NOWHERE   0, 0
#define MAX_ID    INT64_C(4294967294)

static const struct key keys[] = {
    {"aliases", LIST, AT(aliases), 0, 0, take_alias},
    {"autostart", OTHER, NOWHERE, 0, 0, take_autostart},
    {"caps", LIST, AT(caps), 0, 0, take_cap},
    {"cmd", WORDS, AT(cmd), 0, 0, NULL},
    {"cpus", OTHER, NOWHERE, 0, 0, take_cpus},
    {"devices", LIST, AT(devices), 0, 0, take_device},
    {"dns", LIST, AT(dns), 0, 0, take_dns},
    {"entrypoint", WORDS, AT(entrypoint), 0, 0, NULL},
    {"env", LIST, AT(env), 0, 0, take_env},
    {"env_files", LIST, AT(env_files), 0, 0, take_env_file},
    {"extra_docker", WORDS, AT(extra_docker), 0, 0, NULL},
    {"extra_hosts", LIST, AT(extra_hosts), 0, 0, take_extra_host},
    {"extra_init", WORDS, AT(extra_init), 0, 0, NULL},
    {"fg", FLAG, AT(fg), 0, 0, NULL},
    {"gpus", OTHER, NOWHERE, 0, 0, take_gpus},
    {"groups", LIST, AT(groups), 0, 0, take_group},
    {"health", OTHER, NOWHERE, 0, 0, take_health},
    {"hooks", OTHER, NOWHERE, 0, 0, take_hooks},
    {"hostname", OTHER, NOWHERE, 0, 0, take_hostname},
    {"image", OTHER, NOWHERE, 0, 0, take_image},
    {"init", FLAG, AT(init), 0, 0, NULL},
    {"ip", OTHER, NOWHERE, 0, 0, take_ip},
    {"ipv6_ports", FLAG, AT(ipv6_ports), 0, 0, NULL},
    {"jobs", OTHER, NOWHERE, 0, 0, take_jobs},
    {"keep", NUMBER, AT(keep), 1, 100, NULL},
    {"labels", LIST, AT(labels), 0, 0, take_label},
    {"log", OTHER, NOWHERE, 0, 0, take_log},
    {"memory", SIZE, AT(memory), 0, INT64_C(1) << 50, NULL},
    {"mount_devices", LIST, AT(mount_devices), 0, 0, take_mount_device},
    {"mount_ro", LIST, AT(mount_ro), 0, 0, take_mount_ro},
    {"mount_rw", LIST, AT(mount_rw), 0, 0, take_mount_rw},
    {"name", OTHER, NOWHERE, 0, 0, take_name},
    {"needs", LIST, AT(needs), 0, 0, take_need},
    {"needs_mount", OTHER, NOWHERE, 0, 0, take_needs_mount},
    {"network", OTHER, NOWHERE, 0, 0, take_network},
    {"networks", LIST, AT(networks), 0, 0, take_joined_network},
    {"no_new_privileges", FLAG, AT(no_new_privileges), 0, 0, NULL},
    {"on", LIST, AT(on), 0, 0, take_on},
    {"pids", NUMBER, AT(pids), 0, 4194304, NULL},
    {"port_offset", OTHER, NOWHERE, 0, 0, take_port_offset},
    {"ports", LIST, AT(ports), 0, 0, take_port},
    {"read_only", FLAG, AT(read_only), 0, 0, NULL},
    {"ready", OTHER, NOWHERE, 0, 0, take_ready},
    {"relabel", OTHER, NOWHERE, 0, 0, take_relabel},
    {"repo1", OTHER, NOWHERE, 0, 0, take_repo1},
    {"repo2", OTHER, NOWHERE, 0, 0, take_repo2},
    {"require_signature", FLAG, AT(require_signature), 0, 0, NULL},
    {"restart", OTHER, NOWHERE, 0, 0, take_restart},
    {"rm", FLAG, AT(rm), 0, 0, NULL},
    {"rollout", OTHER, NOWHERE, 0, 0, take_rollout},
    {"scan", OTHER, NOWHERE, 0, 0, take_scan},
    {"seccomp", OTHER, NOWHERE, 0, 0, take_seccomp},
    {"secrets", OTHER, NOWHERE, 0, 0, take_secrets},
    {"shell", FLAG, AT(shell), 0, 0, NULL},
    {"shift_gids", NUMBER, AT(shift_gids), 0, MAX_ID, NULL},
    {"shift_uids", NUMBER, AT(shift_uids), 0, MAX_ID, NULL},
    {"shm_size", SIZE, AT(shm_size), 0, INT64_C(1) << 50, NULL},
    {"snapshot", OTHER, NOWHERE, 0, 0, take_snapshot},
    {"stop_signal", OTHER, NOWHERE, 0, 0, take_stop_signal},
    {"stop_timeout", DURATION, AT(stop_timeout), 0, 3600 * 1000, NULL},
    {"subnet", OTHER, NOWHERE, 0, 0, take_subnet},
    {"swap", OTHER, NOWHERE, 0, 0, take_swap},
    {"sysctls", LIST, AT(sysctls), 0, 0, take_sysctl},
    {"tag", OTHER, NOWHERE, 0, 0, take_tag},
    {"tags", OTHER, NOWHERE, 0, 0, take_tags},
    {"tmpfs", LIST, AT(tmpfs), 0, 0, take_tmpfs},
    {"tz", TEXT, AT(tz), 0, 0, NULL},
    {"ulimits", LIST, AT(ulimits), 0, 0, take_ulimit},
    {"update", OTHER, NOWHERE, 0, 0, take_update},
    {"user", OTHER, NOWHERE, 0, 0, take_user},
    {"userns", OTHER, NOWHERE, 0, 0, take_userns},
    {"verify_key", OTHER, NOWHERE, 0, 0, take_verify_key},
    {"vol_base", OTHER, NOWHERE, 0, 0, take_vol_base},
    {"vol_defaults", OTHER, NOWHERE, 0, 0, take_vol_defaults},
    {"vols", LIST, AT(vols), 0, 0, take_volume},
    {"waive", OTHER, NOWHERE, 0, 0, take_waive},
};

enum { HOSTNAME_MAX = 63, KEYS = sizeof(keys) / sizeof(keys[0]) };

const char *const *
container_keys(void)
{
	static const char *names[KEYS + 1];

	for (size_t i = 0; i < KEYS; i++)
		names[i] = keys[i].name;
	return names;
}

/* 0 where nothing is written: no limit. */
static int
take_number(struct reader *r, const struct node *n, const struct key *k, int64_t *out)
{
	int bad;

	*out = 0;
	if (is_empty(n))
		return 0;
	if (k->kind == NUMBER)
		return settings_integer(r->s, n, k->min, k->max, out);
	bad = k->kind == SIZE ? settings_size(r->s, n, out) : settings_duration(r->s, n, out);
	if (bad)
		return -1;
	if (*out < k->min || *out > k->max) {
		settings_error(r->s, n, "'%s': too much", n->text);
		return -1;
	}
	return 0;
}

static void
apply_key(struct reader *r, const struct key *k, const struct node *n)
{
	char *field = (char *)r->c + k->at;
	const char *text;

	switch (k->kind) {
	case LIST:
		/* Never emptied in place: its elements may be another container's as well. */
		memset(field, 0, k->size);
		each_value(r, n, k->take);
		break;
	case WORDS:
		memset(field, 0, k->size);
		if (!is_empty(n))
			take_words(r, n, (struct words *)(void *)field);
		break;
	case FLAG:
		*(bool *)field = false;
		if (!is_empty(n))
			settings_bool(r->s, n, (bool *)field);
		break;
	case NUMBER:
	case SIZE:
	case DURATION:
		take_number(r, n, k, (int64_t *)(void *)field);
		break;
	case TEXT:
		if (settings_string(r->s, n, &text) == 0)
			*(const char **)(void *)field = is_empty(n) ? NULL : pool_dup(text);
		break;
	case OTHER:
		k->take(r, n);
		break;
	}
}

static const struct node *
prefixed(const struct node *map, const char *prefix, const char *name)
{
	size_t len = strlen(prefix);

	for (size_t i = 0; map->kind == NODE_MAP && i < map->count; i++)
		if (strncmp(map->key[i]->text, prefix, len) == 0 &&
		    strcmp(map->key[i]->text + len, name) == 0)
			return map->item[i];
	return NULL;
}

/* The layer's keys with that prefix, each replacing what the container had. */
static void
apply_layer(struct container *c, const struct layer *l, const char *prefix)
{
	struct reader r = {l->settings, c};
	const struct node *n;

	if (!l->map)
		return;
	for (size_t i = 0; i < KEYS; i++) {
		n = prefixed(l->map, prefix, keys[i].name);
		if (n)
			apply_key(&r, &keys[i], n);
	}
}

/* What a container gets that says nothing. */
static void
secure_defaults(struct container *c)
{
	c->name = c->key;
	c->image = c->key;
	c->tag = "live";
	c->network = "own";
	c->memory = INT64_C(256) << 20;
	c->cpus = 1000;
	c->pids = 128;
	c->read_only = true;
	c->no_new_privileges = true;
	c->restart = "on-failure:5";
	c->stop_timeout = 10 * 1000;
	c->ready = (struct ready){.within = 30000, .stable = 5000};
	c->update.hold = HOLD_MAJOR;
	c->rollout = rollout_defaults;
	c->wave = -1;
	c->keep = -1;
}

/* What a test instance has otherwise than production, before any test_KEY. */
static void
test_defaults(struct container *c, const char *vol_base)
{
	c->name = pool_printf("%s-test", c->name);
	c->hostname = NULL;
	c->tag = "latest";
	c->port_offset = 10000;
	c->vol_base = vol_base;
	c->restart = "no";
	c->networks.n = 0;
	c->swap.beside = false;
	c->needs_mount_given = false;
	c->needs_mount.n = 0;
	c->wave = -1;
	c->ip = NULL;
	if (strcmp(c->network, "none") != 0 && strcmp(c->network, "host") != 0) {
		c->network = "own";
		c->subnet = NULL;
	}
}

/* ---- what depends on several keys ---- */

static void
place_mounts(const struct container *c, struct mount *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (m[i].source[0] != '/')
			m[i].source = pool_printf("%s/%s/%s", c->vol_base, c->key, m[i].source);
}

static void
complete_volumes(struct container *c)
{
	const struct volume *d = &c->vol_defaults;

	for (size_t i = 0; i < c->vols.n; i++) {
		struct volume *v = &c->vols.v[i];

		if (!v->type)
			v->type = v->contents ? "file" : d->type ? d->type : "dir";
		if (!v->owner)
			v->owner = d->owner;
		if (!v->group)
			v->group = d->group;
		if (!v->perm)
			v->perm = d->perm;
	}
}

/* What is snapshotted, by whole paths. */
static void
complete_data(struct container *c)
{
	struct words whole = {0};

	for (size_t i = 0; i < c->data.paths.n; i++)
		if (c->data.paths.w[i][0] == '/')
			words_add(&whole, c->data.paths.w[i]);
		else
			words_addf(&whole, "%s/%s/%s", c->vol_base, c->key, c->data.paths.w[i]);
	if (c->data.snapshot && !whole.n)
		for (size_t i = 0; i < c->mount_rw.n; i++)
			words_add(&whole, c->mount_rw.v[i].source);
	c->data.paths = whole;
}

/* The host's side moves by the offset; beyond the last port the engine chooses. */
static void
shift_ports(struct container *c)
{
	for (size_t i = 0; i < c->ports.n; i++) {
		struct port *p = &c->ports.v[i];

		if (!p->host)
			continue;
		if (c->port_offset < 0 || p->host + c->port_offset > 65535)
			p->host = 0;
		else
			p->host = (uint16_t)(p->host + c->port_offset);
	}
}

/* Each port that is bound to all or to the loopback address, once more for IPv6. */
static void
double_ports(struct container *c)
{
	struct port *all = pool_zero(c->ports.n * 2 + 1, sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < c->ports.n; i++) {
		const struct port *p = &c->ports.v[i];

		all[n++] = *p;
		if (strcmp(p->address, "127.0.0.1") == 0 ||
		    strcmp(p->address, "0.0.0.0") == 0) {
			all[n] = *p;
			all[n++].address = *p->address == '0' ? "::" : "::1";
		}
	}
	c->ports.v = all;
	c->ports.n = n;
}

static const char *
target_of(const struct container *c, size_t i)
{
	if (i < c->mount_ro.n)
		return c->mount_ro.v[i].target;
	i -= c->mount_ro.n;
	if (i < c->mount_rw.n)
		return c->mount_rw.v[i].target;
	return c->tmpfs.v[i - c->mount_rw.n].path;
}

static void
check_targets(const struct container *c, struct settings *s)
{
	size_t n = c->mount_ro.n + c->mount_rw.n + c->tmpfs.n;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(target_of(c, i), target_of(c, k)) == 0)
				settings_error(
				    s, NULL, "'%s' is mounted twice", target_of(c, i));
}

/* Relabelling what the host itself lives by takes the host's programs their rights. */
static void
check_relabel(const struct container *c, struct settings *s)
{
	static const char *const system[] = {"/bin", "/boot", "/dev", "/etc", "/lib", "/lib64",
	    "/proc", "/run", "/sbin", "/sys", "/usr", NULL};
	static const char *const tops[] = {
	    "/", "/home", "/media", "/mnt", "/opt", "/root", "/srv", "/tmp", "/var", NULL};

	for (size_t i = 0; c->relabel && i < c->mount_ro.n + c->mount_rw.n; i++) {
		const char *source = i < c->mount_ro.n
					 ? c->mount_ro.v[i].source
					 : c->mount_rw.v[i - c->mount_ro.n].source;

		bool ours = false;

		for (size_t k = 0; tops[k]; k++)
			ours |= strcmp(source, tops[k]) == 0;
		for (size_t k = 0; system[k]; k++)
			ours |= path_below(system[k], source) != NULL;
		if (ours)
			settings_error(
			    s, NULL, "refusing to relabel '%s': it is the host's", source);
	}
}

static bool
is_source(const struct container *c, const char *path)
{
	for (size_t i = 0; i < c->mount_rw.n; i++)
		if (strcmp(c->mount_rw.v[i].source, path) == 0)
			return true;
	for (size_t i = 0; i < c->vols.n; i++)
		if (strcmp(c->vols.v[i].path, path) == 0)
			return true;
	return false;
}

/* What env_files say, where env doesn't say otherwise. */
static void
add_env_files(struct container *c, struct settings *s)
{
	struct pairs own = c->env;

	c->env = (struct pairs){0};
	for (size_t i = 0; i < c->env_files.n; i++)
		read_env_file(s, c->env_files.w[i], &c->env);
	for (size_t i = 0; i < own.n; i++)
		put_pair(&c->env, own.v[i]);
}

/* What is meant to be lost has to be a key. */
static void
check_rollout(const struct container *c, struct settings *s, const struct node *at)
{
	for (size_t i = 0; i < c->rollout.lossy.n; i++) {
		const char *key = c->rollout.lossy.w[i];
		bool known = false;

		for (size_t k = 0; k < KEYS; k++)
			known |= strcmp(keys[k].name, key) == 0;
		if (!known)
			settings_error(s, at, "rollout: lossy: unknown key '%s'", key);
	}
}

/* Two at a time: what they would get in each other's way with. */
static void
check_swap(const struct container *c, struct settings *s, const struct node *at)
{
	if (!c->swap.beside)
		return;
	if (strcmp(c->network, "own") != 0 || need_shared(c, true))
		settings_error(s, at,
		    "swap: beside needs a network of its own; others can be joined by "
		    "'networks'");
	if (!c->ports.n)
		settings_error(s, at, "swap: beside needs ports: they are what moves");
	for (size_t i = 0; i < c->ports.n; i++)
		if (strcmp(c->ports.v[i].protocol, "tcp") != 0)
			settings_error(s, at, "swap: beside moves tcp, not %s: port %d",
			    c->ports.v[i].protocol, c->ports.v[i].inside);
	if (c->mount_rw.n && !c->swap.shared)
		settings_error(s, at,
		    "swap: beside would have two containers write to '%s': where the program "
		    "bears that, say {how: beside, volumes: shared}",
		    c->mount_rw.v[0].target);
	if (c->data.snapshot)
		settings_error(s, at,
		    "swap: beside and snapshot exclude each other: the old container writes "
		    "while the new one starts");
	if (c->fg || c->rm)
		settings_error(
		    s, at, "swap: beside and %s exclude each other", c->fg ? "fg" : "rm");
}

static void
check_together(struct container *c, struct settings *s, const struct node *map)
{
	bool network = strcmp(c->network, "none") != 0 && strcmp(c->network, "host") != 0;
	bool shared = false;

	for (size_t i = 0; i < c->needs.n; i++)
		shared |= c->needs.v[i].network;
	check_targets(c, s);
	add_env_files(c, s);
	check_relabel(c, s);
	check_swap(c, s, settings_get(map, "swap"));
	check_rollout(c, s, settings_get(map, "rollout"));
	for (size_t i = 0; i < c->networks.n; i++)
		for (size_t k = 0; k <= i; k++)
			if (strcmp(c->networks.v[i].name,
				k < i ? c->networks.v[k].name : c->network) == 0)
				settings_error(s, NULL, "the network '%s' is joined twice",
				    c->networks.v[i].name);
	if (c->networks.n && (!network || shared))
		settings_error(s, NULL, "networks needs a network of its own or a named one");
	if (c->aliases.n && (!network || shared))
		settings_error(s, NULL, "aliases needs a network of its own or a named one");
	if (c->ip && !network)
		settings_error(s, NULL, "ip needs a network of its own or a named one");
	if (c->ip && !c->subnet && strcmp(c->network, "own") == 0)
		settings_error(s, NULL, "ip in a network of its own needs subnet as well");
	if (c->ports.n && (shared || strcmp(c->network, "none") == 0))
		settings_error(s, NULL, "ports can't be published %s",
		    shared ? "where the network is another container's: say them there"
			   : "without a network");
	for (size_t i = 0; i < c->sysctls.n; i++)
		if (strncmp(c->sysctls.v[i].key, "net.", 4) == 0 && (shared || !network))
			settings_error(s, NULL,
			    "sysctls: '%s' needs a network of its own or a named one",
			    c->sysctls.v[i].key);
	if (c->log == LOG_NONE && c->ready.kind == READY_LOG)
		settings_error(s, NULL, "ready: log can't be seen without a log (log: none)");
	for (size_t i = 0; i < c->data.paths.n; i++)
		if (!is_source(c, c->data.paths.w[i]))
			settings_error(s, NULL,
			    "snapshot: '%s' is no source of mount_rw and none of vols",
			    c->data.paths.w[i]);
	if (c->secrets.n && c->userns && strcmp(c->userns, "auto") == 0)
		settings_error(s, NULL,
		    "secrets and 'userns: auto' exclude each other: their reader's number "
		    "isn't known before the start");
	if (c->fg && c->wave >= 0)
		settings_error(s, NULL, "autostart and fg exclude each other");
	if ((words_have(&c->on, "swarm") || words_have(&c->on, "kube")) && c->on.n > 1)
		settings_error(s, settings_get(map, "on"),
		    "on: what a swarm or a cluster runs is on no host beside it");
}

/* The name, as far as the kernel takes it: 64 bytes at most. */
static const char *
default_hostname(const struct container *c)
{
	size_t len = strlen(c->name);

	if (len <= HOSTNAME_MAX)
		return c->name;
	len = HOSTNAME_MAX;
	while (len > 1 && strchr(".-_", c->name[len - 1]))
		len--;
	return pool_dupn(c->name, len);
}

static void
complete(struct container *c)
{
	if (!c->hostname || !*c->hostname)
		c->hostname = default_hostname(c);
	complete_volumes(c);
	place_mounts(c, c->mount_ro.v, c->mount_ro.n);
	place_mounts(c, c->mount_rw.v, c->mount_rw.n);
	complete_data(c);
	shift_ports(c);
	if (c->ipv6_ports)
		double_ports(c);
}

static unsigned
errors_of(const struct layer *layer, size_t n)
{
	unsigned errors = 0;

	for (size_t i = 0; i < n; i++)
		errors += layer[i].settings->errors;
	return errors;
}

int
container_apply(struct container *c, const struct layer *layer, size_t n, size_t last)
{
	const char *vol_base = c->vol_base;
	struct container other;
	size_t i;

	secure_defaults(c);
	for (i = 0; i < n; i++) {
		if (!layer[i].map)
			continue;
		if (layer[i].map->kind != NODE_MAP)
			settings_error(
			    layer[i].settings, layer[i].map, "want a map of settings");
		else
			settings_known(
			    layer[i].settings, layer[i].map, container_keys(), "test_");
	}
	for (i = 0; i < last; i++)
		apply_layer(c, &layer[i], "");
	/* test_KEYs are checked also where they don't count. */
	other = *c;
	test_defaults(&other, vol_base);
	for (i = 0; i < last; i++)
		apply_layer(&other, &layer[i], "test_");
	if (c->test)
		*c = other;
	for (i = last; i < n; i++)
		apply_layer(c, &layer[i], "");
	if (!c->vol_base)
		c->vol_base = vol_base;
	if (errors_of(layer, n))
		return -1;
	if (n)
		check_together(
		    c, layer[last ? last - 1 : 0].settings, layer[last ? last - 1 : 0].map);
	complete(c);
	return errors_of(layer, n) ? -1 : 0;
}

const char *
container_reference(const struct container *c, const char *repo, const char *tag)
{
	const char *last = strrchr(c->image, '/');

	if (!last && !repo)
		return NULL;
	last = last ? last + 1 : c->image;
	return pool_printf("%s%s%s%s%s", strchr(c->image, '/') ? "" : repo,
	    strchr(c->image, '/') ? "" : "/", c->image, strpbrk(last, ":@") ? "" : ":",
	    strpbrk(last, ":@") ? "" : tag);
}

bool
container_in_swarm(const struct container *c)
{
	return words_have(&c->on, "swarm") && !c->test;
}

bool
container_in_kube(const struct container *c)
{
	return words_have(&c->on, "kube") && !c->test;
}

bool
container_in_cluster(const struct container *c)
{
	return container_in_swarm(c) || container_in_kube(c);
}

const struct need *
need_shared(const struct container *c, bool network)
{
	for (size_t i = 0; i < c->needs.n; i++)
		if (network ? c->needs.v[i].network : c->needs.v[i].pid)
			return &c->needs.v[i];
	return NULL;
}

const char *
network_name(const struct container *c)
{
	if (need_shared(c, true) || strcmp(c->network, "none") == 0 ||
	    strcmp(c->network, "host") == 0)
		return NULL;
	return strcmp(c->network, "own") == 0 ? pool_printf("whittle-%s", c->name) : c->network;
}

bool
network_is_of(const struct container *c, const char *name)
{
	const char *first = network_name(c);

	if (first && strcmp(first, name) == 0)
		return true;
	for (size_t i = 0; i < c->networks.n; i++)
		if (strcmp(c->networks.v[i].name, name) == 0)
			return true;
	return false;
}

const char *
container_image(const struct container *c)
{
	return container_reference(c, c->repo1, c->tag);
}
