#include "export_table.h"

#include <string.h>

#include "identity.h"
#include "settings.h"

/* One key and one target: how it is expressed, and what isn't. */
struct answer {
	const char *how; /* the target's word; NULL: it has none */
	const char *why; /* why it can't; NULL: it can */
	bool (*when)(const struct export *x,
	    const struct export_item *i); /* NULL: whenever it is said */
	bool always;                      /* the target does so anyway */
};

struct row {
	const char *key;
	bool (*said)(const struct container *c); /* something that has to be expressed */
	bool secures;
	struct answer by[TARGETS]; /* Quadlet, compose, Kubernetes, Swarm */
	const char *with;          /* further keys that are kept where this one is */
	bool keep;                 /* its words don't lead back to exactly this */
};

/* ---- what the settings say ---- */

#define SAID_LIST(key, list)                                                                   \
	static bool said_##key(const struct container *c)                                      \
	{                                                                                      \
		return c->list.n > 0;                                                          \
	}
#define SAID_IF(key, test)                                                                     \
	static bool said_##key(const struct container *c)                                      \
	{                                                                                      \
		return test;                                                                   \
	}

SAID_LIST(aliases, aliases)
SAID_LIST(caps, caps)
SAID_LIST(cmd, cmd)
SAID_LIST(devices, devices)
SAID_LIST(dns, dns)
SAID_LIST(entrypoint, entrypoint)
SAID_LIST(env, env)
SAID_LIST(env_files, env_files)
SAID_LIST(extra_docker, extra_docker)
SAID_LIST(extra_hosts, extra_hosts)
SAID_LIST(extra_init, extra_init)
SAID_LIST(groups, groups)
SAID_LIST(jobs, jobs)
SAID_LIST(labels, labels)
SAID_LIST(mount_devices, mount_devices)
SAID_LIST(mount_ro, mount_ro)
SAID_LIST(mount_rw, mount_rw)
SAID_LIST(needs, needs)
SAID_LIST(networks, networks)
SAID_LIST(ports, ports)
SAID_LIST(scan, scan_allow)
SAID_LIST(on, on)
SAID_IF(rollout, c->rollout.given)
SAID_LIST(secrets, secrets)
SAID_LIST(sysctls, sysctls)
SAID_LIST(tags, tags)
SAID_LIST(tmpfs, tmpfs)
SAID_LIST(ulimits, ulimits)
SAID_IF(update, c->update.at != NULL)
SAID_IF(verify_key, c->verify_key != NULL)
SAID_LIST(vols, vols)
SAID_LIST(waive, waive)
SAID_IF(anything, c != NULL)
SAID_IF(autostart, c->wave >= 0)
SAID_IF(cpus, c->cpus > 0)
SAID_IF(fg, c->fg)
SAID_IF(gpus, c->gpus != 0)
SAID_IF(health, c->health.given || c->health.off)
SAID_IF(init, c->init)
SAID_IF(ip, c->ip != NULL)
SAID_IF(keep, c->keep >= 0)
SAID_IF(log, c->log != LOG_JSON)
SAID_IF(memory, c->memory > 0)
SAID_IF(needs_mount, c->needs_mount.n > 0)
SAID_IF(no_new_privileges, c->no_new_privileges)
SAID_IF(pids, c->pids > 0)
SAID_IF(port_offset, c->port_offset != 0)
SAID_IF(read_only, c->read_only)
SAID_IF(ready, c->ready.kind != READY_NONE)
SAID_IF(relabel, c->relabel != RELABEL_NO)
SAID_IF(repo2, c->repo2 != NULL)
SAID_IF(require_signature, c->require_signature)
SAID_IF(rm, c->rm)
SAID_IF(seccomp, c->seccomp != NULL && *c->seccomp == '/')
SAID_IF(unconfined, c->seccomp != NULL && *c->seccomp != '/')
SAID_IF(shell, c->shell)
SAID_IF(shift_uids, c->shift_uids != 0)
SAID_IF(shift_gids, c->shift_gids != 0)
SAID_IF(shm_size, c->shm_size != 0)
SAID_IF(snapshot, c->data.snapshot)
SAID_IF(swap, c->swap.beside)
SAID_IF(stop_signal, c->stop_signal != NULL)
SAID_IF(subnet, c->subnet != NULL)
SAID_IF(tz, c->tz != NULL)
SAID_IF(userns, c->userns != NULL)
SAID_IF(user, c->user != NULL)

static bool
said_hooks(const struct container *c)
{
	for (size_t i = 0; i < HOOK_POINTS; i++)
		if (c->hooks[i].command.n)
			return true;
	return false;
}

/* ---- values that a target lacks ---- */

#define WHEN(name, test)                                                                       \
	static bool name(const struct export *x, const struct export_item *i)                  \
	{                                                                                      \
		(void)x;                                                                       \
		return test;                                                                   \
	}

WHEN(not_in_swarm, !container_in_swarm(i->c))
WHEN(rollout_beyond_one, i->c->rollout.replicas > 1 || i->c->rollout.start_first ||
			     i->c->rollout.placement.n || i->c->rollout.delay ||
			     i->c->rollout.host_ports)
WHEN(not_in_kube, !container_in_kube(i->c))
WHEN(placed_here, i->c->rollout.placement.n == 0)
WHEN(log_is_syslog, i->c->log == LOG_SYSLOG)
WHEN(log_is_passthrough, i->c->log == LOG_PASSTHROUGH)
WHEN(own_subnet_kept, strcmp(i->c->network, "own") != 0)
WHEN(renamed, strcmp(i->c->name, i->c->key) != 0)
WHEN(ip_looked_up, strcmp(i->c->ip, "-") == 0)
WHEN(no_network, strcmp(i->c->network, "none") == 0)
WHEN(host_network, strcmp(i->c->network, "host") == 0)
WHEN(userns_not_host, strcmp(i->c->userns, "host") != 0)
WHEN(userns_not_auto, strcmp(i->c->userns, "auto") != 0 && strcmp(i->c->userns, "host") != 0)
WHEN(restart_not_always, strcmp(i->c->restart, "always") != 0)
WHEN(restart_unless, strcmp(i->c->restart, "unless-stopped") == 0)
WHEN(all_gpus, i->c->gpus < 0)
WHEN(root_in_kube, i->who && i->who->uid == 0)
WHEN(user_by_name,
    !i->who && i->c->user && strspn(i->c->user, "0123456789:") != strlen(i->c->user))
WHEN(health_off, i->c->health.off)
WHEN(seccomp_unread, i->seccomp_text == NULL)

/* A file that the swarm has as a config is everywhere. */
static bool
files_placed_here(const struct export *x, const struct export_item *i)
{
	return placed_here(x, i) && i->configs.n < i->c->mount_ro.n;
}

static bool
unsets(const struct export *x, const struct export_item *i)
{
	(void)x;
	for (size_t k = 0; k < i->c->env.n; k++)
		if (!i->c->env.v[k].value)
			return true;
	return false;
}

/* It takes the empty word for the end. */
static bool
empty_word(const struct export *x, const struct export_item *i)
{
	(void)x;
	return words_have(&i->c->cmd, "") || words_have(&i->c->extra_init, "");
}

static bool
gateway(const struct export *x, const struct export_item *i)
{
	(void)x;
	for (size_t k = 0; k < i->c->extra_hosts.n; k++)
		if (strcmp(i->c->extra_hosts.v[k].value, "host-gateway") == 0)
			return true;
	return false;
}

static bool
groups_by_name(const struct export *x, const struct export_item *i)
{
	(void)x;
	for (size_t k = 0; !i->who && k < i->c->groups.n; k++)
		if (i->c->groups.w[k][strspn(i->c->groups.w[k], "0123456789")])
			return true;
	return false;
}

static bool
needs_elsewhere(const struct export *x, const struct export_item *i)
{
	for (size_t k = 0; k < i->c->needs.n; k++)
		if (!export_item(x, i->c->needs.v[k].name))
			return true;
	return false;
}

static bool
mounts_wait(const struct export *x, const struct export_item *i)
{
	(void)x;
	for (size_t k = 0; k < i->c->needs_mount.n; k++)
		if (i->c->needs_mount.v[k].wait)
			return true;
	return false;
}

static bool
bound_ports(const struct export *x, const struct export_item *i)
{
	(void)x;
	for (size_t k = 0; k < i->c->ports.n; k++)
		if (strcmp(i->c->ports.v[k].address, "0.0.0.0") != 0 &&
		    strcmp(i->c->ports.v[k].address, "::") != 0)
			return true;
	return false;
}

/* A Service's own cluster address reaches no further than the cluster. */
static bool
chosen_address(const struct export *x, const struct export_item *i)
{
	(void)x;
	for (size_t k = 0; k < i->c->ports.n; k++) {
		const char *at = i->c->ports.v[k].address;

		if (strcmp(at, "0.0.0.0") != 0 && strcmp(at, "::") != 0 &&
		    strcmp(at, "127.0.0.1") != 0 && strcmp(at, "::1") != 0)
			return true;
	}
	return false;
}

static bool
caps_beyond_restricted(const struct export *x, const struct export_item *i)
{
	(void)x;
	for (size_t k = 0; k < i->c->caps.n; k++)
		if (strcmp(i->c->caps.w[k], "NET_BIND_SERVICE") != 0)
			return true;
	return false;
}

/* Whether the target's own health check asks what ready asks. */
static bool
ready_not_asked(const struct export *x, const struct export_item *i)
{
	(void)x;
	return !i->probe.n &&
	       (i->c->ready.kind != READY_COMMAND || i->c->health.given || i->c->ready.expect);
}

static bool
no_probe(const struct export *x, const struct export_item *i)
{
	const struct ready *r = &i->c->ready;

	(void)x;
	return r->kind == READY_LOG || r->kind == READY_UNIX || r->expect || r->status ||
	       r->ca || r->pin;
}

/* ---- the table ---- */

#define YES(word)                                                                              \
	{                                                                                      \
		word, NULL, NULL, false                                                        \
	}
#define NO(reason)                                                                             \
	{                                                                                      \
		NULL, reason, NULL, false                                                      \
	}
#define BUT(word, when, reason)                                                                \
	{                                                                                      \
		word, reason, when, false                                                      \
	}
#define ALWAYS(word)                                                                           \
	{                                                                                      \
		word, NULL, NULL, true                                                         \
	}
#define NOWHERE(reason)                                                                        \
	{                                                                                      \
		NO(reason), NO(reason), NO(reason), NO(reason)                                 \
	}
#define LOOSE   false
#define SECURES true

static const char whittles[] = "what d does beside running it";
static const char elsewhere[] = "files are for the host that they are brought to";

static const struct row table[] = {
    {"aliases", said_aliases, LOOSE,
	{YES("Network=:alias"), YES("networks.aliases"), YES("Service"),
	    YES("networks.aliases")},
	NULL, false},
    {"autostart", said_autostart, LOOSE,
	{BUT("[Install]", NULL, "systemd knows no waves: only needs give an order"),
	    NO("docker starts at boot what has restart: always or unless-stopped"),
	    NO("a cluster runs what is applied"), NO("a cluster runs what is deployed")},
	NULL, true},
    {"caps", said_caps, LOOSE,
	{YES("AddCapability="), YES("cap_add"),
	    BUT("capabilities.add", caps_beyond_restricted,
		"the restricted Pod Security Standard allows NET_BIND_SERVICE alone: the "
		"namespace has to be labelled for less"),
	    YES("cap_add")},
	NULL, false},
    {"cmd", said_cmd, LOOSE,
	{BUT("Exec=", empty_word, "Quadlet cuts a command off at an empty word"),
	    YES("command"), YES("args"), YES("command")},
	NULL, false},
    {"cpus", said_cpus, SECURES,
	{YES("PodmanArgs=--cpus"), YES("cpus"), YES("resources.limits.cpu"),
	    YES("deploy.resources.limits.cpus")},
	NULL, false},
    {"devices", said_devices, LOOSE,
	{YES("AddDevice="), YES("devices"), NO("a cluster gives devices by a device plugin"),
	    NO("Swarm gives no devices")},
	NULL, false},
    {"dns", said_dns, LOOSE, {YES("DNS="), YES("dns"), YES("dnsConfig"), YES("dns")}, NULL,
	false},
    {"entrypoint", said_entrypoint, LOOSE,
	{YES("Entrypoint="), YES("entrypoint"), YES("command"), YES("entrypoint")}, NULL,
	false},
    {"env", said_env, LOOSE,
	{YES("Environment="),
	    BUT("environment", unsets, "a variable of the image can't be unset"),
	    BUT("env", unsets, "a variable of the image can't be unset"),
	    BUT("environment", unsets, "a variable of the image can't be unset")},
	NULL, false},
    {"env_files", said_env_files, LOOSE,
	{YES("Environment="), YES("environment"), YES("env"), YES("environment")}, "env", true},
    {"extra_docker", said_extra_docker, SECURES,
	{YES("PodmanArgs="), NO("arguments of the engine's command line"),
	    NO("arguments of the engine's command line"),
	    NO("arguments of the engine's command line")},
	NULL, true},
    {"extra_hosts", said_extra_hosts, LOOSE,
	{YES("AddHost="), YES("extra_hosts"),
	    BUT("hostAliases", gateway, "host-gateway: the node's address isn't known before"),
	    BUT("extra_hosts", gateway, "host-gateway: the node's address isn't known before")},
	NULL, false},
    {"extra_init", said_extra_init, LOOSE,
	{BUT("Exec=", empty_word, "Quadlet cuts a command off at an empty word"),
	    YES("command"), YES("args"), YES("command")},
	"cmd", true},
    {"fg", said_fg, LOOSE, NOWHERE("a service runs in the background"), NULL, true},
    {"gpus", said_gpus, LOOSE,
	{YES("AddDevice="), YES("deploy.resources.reservations.devices"),
	    BUT("resources.limits", all_gpus, "a cluster counts GPUs: 'all' is no number"),
	    NO("Swarm knows GPUs only as what its daemons' settings name")},
	"devices", true},
    {"groups", said_groups, LOOSE,
	{YES("GroupAdd="), YES("group_add"),
	    BUT("supplementalGroups", groups_by_name,
		"a cluster wants numbers, and the image isn't here to ask"),
	    NO("docker stack deploy ignores group_add")},
	NULL, true},
    {"health", said_health, LOOSE,
	{YES("HealthCmd="), YES("healthcheck"),
	    BUT("livenessProbe", health_off,
		"a cluster doesn't know the image's own health check"),
	    YES("healthcheck")},
	NULL, true},
    {"hooks", said_hooks, LOOSE, NOWHERE(whittles), NULL, true},
    {"hostname", said_anything, LOOSE,
	{YES("HostName="), YES("hostname"), YES("hostname"), YES("hostname")}, NULL, false},
    {"image", said_anything, LOOSE, {YES("Image="), YES("image"), YES("image"), YES("image")},
	NULL, true},
    {"init", said_init, LOOSE,
	{YES("RunInit="), YES("init"), NO("process 1 is the service"), YES("init")}, NULL,
	false},
    {"ip", said_ip, LOOSE,
	{BUT("Network=:ip", ip_looked_up, "an address that is looked up at each start"),
	    BUT("networks.ipv4_address", ip_looked_up,
		"an address that is looked up at each start"),
	    NO("a cluster chooses addresses"), NO("Swarm chooses addresses")},
	NULL, false},
    {"ipv6_ports", said_ports, LOOSE,
	{YES("PublishPort="), YES("ports"), ALWAYS("Service"), ALWAYS("ports")}, NULL, false},
    {"jobs", said_jobs, LOOSE, NOWHERE("its times are d's: 'd enable' brings the timer"), NULL,
	true},
    {"keep", said_keep, LOOSE, NOWHERE(whittles), NULL, true},
    {"labels", said_labels, LOOSE,
	{YES("Label="), YES("labels"), YES("annotations"), YES("labels")}, NULL, false},
    {"log", said_log, LOOSE,
	{BUT("LogDriver=", log_is_syslog, "syslog is docker's"),
	    BUT("logging", log_is_passthrough, "passthrough is podman's"),
	    NO("a cluster's nodes keep logs their own way"),
	    BUT("logging", log_is_passthrough, "passthrough is podman's")},
	NULL, true},
    {"memory", said_memory, SECURES,
	{YES("PodmanArgs=--memory"), YES("mem_limit"), YES("resources.limits.memory"),
	    YES("deploy.resources.limits.memory")},
	NULL, false},
    {"mount_devices", said_mount_devices, LOOSE,
	{BUT("AddDevice=", NULL,
	     "patterns of device files are expanded now, not at each start"),
	    BUT("devices", NULL,
		"patterns of device files are expanded now, not at each start"),
	    NO("a cluster gives devices by a device plugin"), NO("Swarm gives no devices")},
	"devices", true},
    {"mount_ro", said_mount_ro, LOOSE,
	{YES("Mount="), YES("volumes"),
	    BUT("volumeMounts", NULL,
		"a claim begins empty: what is on this host has to be copied"),
	    BUT("volumes", files_placed_here,
		"its data is on this host: it is placed here alone")},
	NULL, false},
    {"mount_rw", said_mount_rw, LOOSE,
	{YES("Mount="), YES("volumes"),
	    BUT("volumeMounts", NULL,
		"a claim begins empty: what is on this host has to be copied"),
	    BUT("volumes", placed_here, "its data is on this host: it is placed here alone")},
	NULL, false},
    {"name", said_anything, LOOSE,
	{YES("ContainerName="), YES("container_name"),
	    BUT("metadata.name", renamed,
		"a cluster names what it runs itself; the directory's name is the service's"),
	    BUT("services", renamed,
		"Swarm names what it runs itself; the directory's name is the service's")},
	NULL, false},
    {"needs", said_needs, LOOSE,
	{BUT("Requires=", needs_elsewhere, "one that it needs isn't exported with it"),
	    BUT("depends_on", needs_elsewhere, "one that it needs isn't exported with it"),
	    NO("a cluster starts in no order, and shares no namespaces between pods"),
	    NO("Swarm starts in no order, and shares no namespaces")},
	NULL, true},
    {"needs_mount", said_needs_mount, SECURES,
	{BUT("RequiresMountsFor=", mounts_wait,
	     "systemd waits by the mount unit's own time limit"),
	    NO("docker starts what it finds: an empty mount point as well"),
	    NO("claims are bound before a pod starts"),
	    NO("docker starts what it finds: an empty mount point as well")},
	NULL, true},
    {"network", said_anything, SECURES,
	{YES("Network="), YES("networks"),
	    BUT("NetworkPolicy", host_network,
		"the restricted Pod Security Standard forbids the host's network"),
	    BUT("networks", no_network, "a Swarm service always has a network")},
	NULL, true},
    {"networks", said_networks, LOOSE,
	{YES("Network="), YES("networks"), YES("NetworkPolicy"), YES("networks")}, NULL, true},
    {"no_new_privileges", said_no_new_privileges, SECURES,
	{YES("NoNewPrivileges="), YES("security_opt"), YES("allowPrivilegeEscalation"),
	    NO("docker stack deploy ignores security_opt; \"no-new-privileges\": true in each "
	       "node's daemon.json does it")},
	NULL, false},
    {"on", said_on, LOOSE,
	{NO(elsewhere), NO(elsewhere), BUT("Deployment", not_in_kube, elsewhere),
	    BUT("deploy", not_in_swarm, elsewhere)},
	NULL, true},
    {"pids", said_pids, SECURES,
	{YES("PidsLimit="), YES("pids_limit"),
	    NO("a cluster limits processes by each node's podPidsLimit alone"),
	    YES("deploy.resources.limits.pids")},
	NULL, false},
    {"port_offset", said_port_offset, LOOSE,
	{YES("PublishPort="), YES("ports"), YES("Service"), YES("ports")}, "ports ipv6_ports",
	true},
    {"ports", said_ports, SECURES,
	{YES("PublishPort="), YES("ports"),
	    BUT("Service", chosen_address,
		"a Service is published on no address of one's own choice"),
	    BUT("ports", bound_ports, "Swarm publishes on all of a node's addresses")},
	NULL, false},
    {"read_only", said_read_only, SECURES,
	{YES("ReadOnly="), YES("read_only"), YES("readOnlyRootFilesystem"), YES("read_only")},
	NULL, false},
    {"ready", said_ready, LOOSE,
	{BUT("HealthCmd=", ready_not_asked,
	     "podman asks the health check alone, inside the container"),
	    BUT("healthcheck", ready_not_asked,
		"docker asks the health check alone, inside the container"),
	    BUT("readinessProbe", no_probe,
		"a probe knows a port, a path and a command, no text, log, socket or "
		"certificate"),
	    BUT("healthcheck", ready_not_asked,
		"docker asks the health check alone, inside the container")},
	NULL, true},
    {"relabel", said_relabel, LOOSE,
	{YES("Mount=relabel"), YES("bind.selinux"), NO("a cluster labels volumes itself"),
	    NO("Swarm's mounts know no relabelling")},
	NULL, false},
    {"repo1", said_anything, LOOSE, {YES("Image="), YES("image"), YES("image"), YES("image")},
	NULL, true},
    {"repo2", said_repo2, LOOSE,
	NOWHERE("the repository in which the image was found is named alone"), NULL, true},
    {"require_signature", said_require_signature, SECURES,
	{NO("podman checks signatures by policy.json"), NO("docker checks no such signature"),
	    NO("a cluster checks signatures by an admission policy"),
	    NO("docker checks no such signature")},
	NULL, true},
    {"restart", said_anything, LOOSE,
	{BUT("Restart=", restart_unless,
	     "systemd's always: what was stopped by hand starts again at boot"),
	    YES("restart"),
	    BUT("restartPolicy", restart_not_always, "a Deployment always starts it again"),
	    BUT("deploy.restart_policy", restart_unless, "Swarm starts it again always")},
	NULL, true},
    {"rm", said_rm, LOOSE,
	{ALWAYS("Quadlet's --rm"), NO("docker compose removes what is down"), ALWAYS("a pod"),
	    ALWAYS("a task")},
	NULL, true},
    {"rollout", said_rollout, LOOSE,
	{NO("a unit is one container, which systemd restarts"),
	    NO("docker compose replaces what changed, all at once"),
	    BUT("Deployment", rollout_beyond_one,
		"a Deployment here has one pod, which stops before its successor starts"),
	    YES("deploy")},
	NULL, true},
    {"scan", said_scan, LOOSE, NOWHERE(whittles), NULL, true},
    {"seccomp", said_seccomp, SECURES,
	{BUT("SeccompProfile=", seccomp_unread, "the profile can't be read"),
	    BUT("security_opt", seccomp_unread, "the profile can't be read"),
	    BUT("seccompProfile.localhostProfile", seccomp_unread, "the profile can't be read"),
	    NO("docker stack deploy ignores security_opt")},
	NULL, true},
    {"seccomp", said_unconfined, LOOSE,
	{YES("SeccompProfile="), YES("security_opt"), YES("seccompProfile"),
	    NO("docker stack deploy ignores security_opt")},
	NULL, true},
    {"secrets", said_secrets, LOOSE,
	{BUT("Secret=", NULL, "podman's own store keeps it, on disk"),
	    BUT("secrets", NULL, "it stands in a file beside compose.yaml"),
	    BUT("Secret", NULL, "the cluster's own store keeps it"), YES("secrets")},
	NULL, true},
    {"shell", said_shell, LOOSE,
	NOWHERE("a shell instead of the service is for looking around"), NULL, true},
    {"shift_gids", said_shift_gids, LOOSE,
	NOWHERE("owners of volumes are those of the user namespace"), NULL, true},
    {"shift_uids", said_shift_uids, LOOSE,
	NOWHERE("owners of volumes are those of the user namespace"), NULL, true},
    {"shm_size", said_shm_size, LOOSE,
	{YES("ShmSize="), YES("shm_size"), YES("emptyDir"), YES("volumes")}, NULL, false},
    {"snapshot", said_snapshot, LOOSE, NOWHERE(whittles), "mount_rw", true},
    {"stop_signal", said_stop_signal, LOOSE,
	{YES("PodmanArgs=--stop-signal"), YES("stop_signal"),
	    NO("a cluster sends the image's own signal"), YES("stop_signal")},
	NULL, false},
    {"stop_timeout", said_anything, LOOSE,
	{YES("StopTimeout="), YES("stop_grace_period"), YES("terminationGracePeriodSeconds"),
	    YES("stop_grace_period")},
	NULL, true},
    {"subnet", said_subnet, LOOSE,
	{YES("Subnet="), YES("ipam"), NO("a cluster chooses addresses"),
	    BUT("ipam", own_subnet_kept,
		"of a network that several share, the first one's counts")},
	NULL, true},
    {"swap", said_swap, LOOSE, NOWHERE(whittles), NULL, true},
    {"sysctls", said_sysctls, LOOSE,
	{YES("Sysctl="), YES("sysctls"), YES("securityContext.sysctls"), YES("sysctls")}, NULL,
	false},
    {"tag", said_anything, LOOSE, {YES("Image="), YES("image"), YES("image"), YES("image")},
	NULL, true},
    {"tags", said_tags, LOOSE, NOWHERE(whittles), NULL, true},
    {"tmpfs", said_tmpfs, SECURES,
	{YES("Mount=type=tmpfs"), YES("tmpfs"),
	    BUT("emptyDir", NULL, "no noexec, nosuid, nodev on an emptyDir"),
	    BUT("volumes", NULL, "no noexec and no mode on a tmpfs of Swarm's")},
	NULL, false},
    {"tz", said_tz, LOOSE,
	{YES("Environment=TZ"), YES("environment"), YES("env"), YES("environment")}, NULL,
	true},
    {"ulimits", said_ulimits, SECURES,
	{YES("Ulimit="), YES("ulimits"), NO("a cluster has its nodes' limits"), YES("ulimits")},
	NULL, false},
    {"update", said_update, LOOSE, NOWHERE(whittles), NULL, true},
    {"user", said_user, LOOSE,
	{YES("User="), YES("user"),
	    BUT("runAsUser", user_by_name,
		"a cluster wants numbers, and the image isn't here to ask"),
	    YES("user")},
	NULL, true},
    {"user", said_anything, LOOSE,
	{YES("User="), YES("user"),
	    BUT("runAsUser", root_in_kube,
		"the restricted Pod Security Standard forbids root: the namespace has to be "
		"labelled for less"),
	    YES("user")},
	NULL, true},
    {"userns", said_userns, SECURES,
	{YES("UserNS="),
	    BUT("userns_mode", userns_not_host,
		"docker has one map for all containers (userns-remap)"),
	    BUT("hostUsers", userns_not_auto, "a cluster chooses the map itself"),
	    NO("docker stack deploy ignores userns_mode")},
	NULL, true},
    {"verify_key", said_verify_key, LOOSE,
	NOWHERE("it is what require_signature asks, which has no word there either"), NULL,
	true},
    {"vol_base", said_anything, LOOSE,
	{YES("Mount="), YES("volumes"), ALWAYS("claims"), YES("volumes")}, NULL, true},
    {"vol_defaults", said_vols, LOOSE,
	{YES("setup.sh"), YES("setup.sh"),
	    BUT("ConfigMap", NULL,
		"owners and modes of claims are the storage's; fsGroup gives the group"),
	    YES("setup.sh")},
	NULL, true},
    {"vols", said_vols, LOOSE,
	{YES("setup.sh"), YES("setup.sh"),
	    BUT("ConfigMap", NULL,
		"owners and modes of claims are the storage's; fsGroup gives the group"),
	    YES("setup.sh")},
	NULL, true},
    {"waive", said_waive, LOOSE, NOWHERE(whittles), NULL, true},
};

enum { ROWS = sizeof(table) / sizeof(table[0]) };

static bool
is_lost(const struct export *x, const struct export_item *i, const struct row *r)
{
	const struct answer *a = &r->by[x->to];

	return a->why && r->said(i->c) && (!a->when || a->when(x, i));
}

void
export_losses(const struct export *x, const struct export_item *i, struct losses *out)
{
	for (size_t k = 0; k < ROWS; k++) {
		const struct row *r = &table[k];
		if (is_lost(x, i, r))
			*GROW(*out) = (struct loss){r->key, r->by[x->to].why, r->secures};
	}
}

const char *
export_word(enum target to, const char *key, bool *known)
{
	const char *word = NULL;

	*known = false;
	for (size_t k = 0; k < ROWS; k++)
		if (strcmp(table[k].key, key) == 0) {
			*known = true;
			word = table[k].by[to].how ? table[k].by[to].how : word;
		}
	return word;
}

bool
export_always(enum target to, const char *key)
{
	for (size_t k = 0; k < ROWS; k++)
		if (strcmp(table[k].key, key) == 0 && table[k].by[to].always)
			return true;
	return false;
}

/* ---- what goes along as it was written ---- */

static json_t *
node_as_json(const struct node *n)
{
	json_t *got;

	if (n->kind == NODE_LIST) {
		got = json_array();
		for (size_t i = 0; i < n->count; i++)
			json_array_append_new(got, node_as_json(n->item[i]));
	} else if (n->kind == NODE_MAP) {
		got = json_object();
		for (size_t i = 0; i < n->count; i++)
			json_object_set_new(got, n->key[i]->text, node_as_json(n->item[i]));
	} else if (!n->quoted &&
		   (!*n->text || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0)) {
		got = json_null();
	} else {
		got = json_string(n->text);
	}
	return got ? got : json_string("");
}

static void
keep(json_t *kept, const struct node *map, const char *key, size_t len)
{
	const char *name = pool_dupn(key, len);
	const struct node *n = settings_get(map, name);

	if (n)
		json_object_set_new(kept, name, node_as_json(n));
}

json_t *
export_kept(const struct export *x, const struct export_item *i)
{
	const struct container *c = i->c;
	struct settings s = {0};
	json_t *kept = json_object();

	if (!c->settings ||
	    settings_parse(&s, "settings.yaml", c->settings, strlen(c->settings)) || !s.root) {
		settings_free(&s);
		return kept;
	}
	for (size_t k = 0; k < ROWS; k++) {
		const struct row *r = &table[k];

		if (!r->keep && !is_lost(x, i, r))
			continue;
		keep(kept, s.root, r->key, strlen(r->key));
		for (const char *p = r->said(c) && r->with ? r->with : ""; *p;
		     p += strspn(p, " ")) {
			keep(kept, s.root, p, strcspn(p, " "));
			p += strcspn(p, " ");
		}
	}
	for (size_t k = 0; s.root->kind == NODE_MAP && k < s.root->count; k++)
		if (strncmp(s.root->key[k]->text, "test_", 5) == 0)
			keep(kept, s.root, s.root->key[k]->text, strlen(s.root->key[k]->text));
	settings_free(&s);
	return kept;
}
