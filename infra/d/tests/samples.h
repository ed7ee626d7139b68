/* Samples of every key of settings.yaml. ENV_FILE, the name of a file that is there, has to be
 * defined before. */
#ifndef WHITTLE_SAMPLES_H
#define WHITTLE_SAMPLES_H

/* Two values for each key, and what has to be said beside it. "also": where the key does
 * nothing alone. */
static const struct {
	const char *key, *one, *other, *also;
} samples[] = {
    {"aliases", "[a, b]", "[c]", ""},
    {"autostart", "1", "2", ""},
    {"caps", "[CHOWN, KILL]", "[SYS_ADMIN]", ""},
    {"cmd", "[a, b]", "[c]", ""},
    {"cpus", "1.5", "0.5", ""},
    {"devices", "[/dev/a, /dev/b]", "[/dev/c]", ""},
    {"dns", "[9.9.9.9, 8.8.8.8]", "[1.1.1.1]", ""},
    {"entrypoint", "[/a, /b]", "[/c]", ""},
    {"env", "{A: 1, B: 2}", "{A: 3}", ""},
    {"env_files", "[" ENV_FILE "]", "[]", ""},
    {"extra_docker", "[--a, --b]", "[--c]", ""},
    {"extra_hosts", "{a: 10.0.0.1, b: host-gateway}", "['c:::1']", ""},
    {"extra_init", "[a, b]", "[c]", ""},
    {"fg", "yes", "no", ""},
    {"gpus", "all", "2", ""},
    {"groups", "[video, 7]", "[host/render]", ""},
    {"health", "{command: [a, b]}", "{command: [c]}", ""},
    {"hooks", "{before_stop: a}", "{before_stop: b}", ""},
    {"hostname", "one", "other", ""},
    {"image", "one", "other", ""},
    {"init", "yes", "no", ""},
    {"ip", "10.0.0.2", "10.0.0.3", "subnet: 10.0.0.0/24\ntest_subnet: 10.0.0.0/24"},
    {"ipv6_ports", "yes", "no", "ports: ['80:80']"},
    {"jobs", "{a: {cmd: [b], at: '02:00'}}", "{a: {cmd: [c]}}", ""},
    {"keep", "1", "2", ""},
    {"labels", "{a: b, c: d}", "{e: f}", ""},
    {"log", "none", "journald", ""},
    {"memory", "1g", "2g", ""},
    {"mount_devices", "['/dev/a*', '/dev/b*']", "['/dev/c*']", ""},
    {"mount_ro", "[a:/a, b:/b]", "[c:/c]", ""},
    {"mount_rw", "[a:/a, b:/b]", "[c:/c]", ""},
    {"name", "one", "other", ""},
    {"needs", "[a, b]", "[c]", ""},
    {"needs_mount", "[/a, {path: /b, wait: 1m}]", "[/c]", ""},
    {"network", "lan", "none", ""},
    {"networks", "[a, {name: b, ip: 10.0.0.1, aliases: [x, y]}]", "[c]", ""},
    {"no_new_privileges", "no", "yes", ""},
    {"on", "[attic, lab]", "[cellar]", ""},
    {"pids", "1", "2", ""},
    {"port_offset", "1", "2", "ports: ['80:80']"},
    {"ports", "['1:1', '2:2']", "['3:3']", ""},
    {"read_only", "no", "yes", ""},
    {"ready", "{command: [a, b]}", "{command: [c]}", ""},
    {"relabel", "shared", "private", "mount_rw: [a:/a]"},
    {"repo1", "one", "other", ""},
    {"repo2", "one", "other", ""},
    {"require_signature", "yes", "no", ""},
    {"restart", "always", "unless-stopped", ""},
    {"rm", "yes", "no", ""},
    {"rollout", "{replicas: 2, placement: [node.role == worker], lossy: [ports]}",
	"{order: start-first}", ""},
    {"scan", "{allow: [/a, /b]}", "{allow: [/c]}", ""},
    {"seccomp", "unconfined", "/a.json", ""},
    {"secrets", "{a: x}", "{a: y}", ""},
    {"shell", "yes", "no", ""},
    {"shift_gids", "1", "2", ""},
    {"shift_uids", "1", "2", ""},
    {"shm_size", "1m", "2m", ""},
    {"snapshot", "[a]", "[b]", "mount_rw: [a:/a, b:/b]"},
    {"stop_signal", "INT", "HUP", ""},
    {"stop_timeout", "1s", "2s", ""},
    {"subnet", "10.0.0.0/24", "10.0.1.0/24", ""},
    {"swap", "plain", "beside", "ports: [80]"},
    {"sysctls", "{net.core.somaxconn: 1, kernel.msgmax: 2}", "[net.core.somaxconn=3]", ""},
    {"tag", "one", "other", ""},
    {"tags", "~1.27", "calver", ""},
    {"tmpfs", "[/a, /b]", "[/c]", ""},
    {"tz", "UTC", "Europe/Berlin", ""},
    {"ulimits", "{core: 1, nofile: 2}", "{nproc: 3}", ""},
    {"update", "{at: Sun 03:00}", "{at: Sun 03:00, wait: 1d}", ""},
    {"user", "1:1", "2:2", ""},
    {"userns", "auto", "nomap", ""},
    {"verify_key", "a.pub", "/b.pub", ""},
    {"vol_base", "/one", "/other", "mount_rw: [a:/a]"},
    {"vol_defaults", "{perm: '0700'}", "{perm: '0750'}", "vols: [a]"},
    {"vols", "[a, b]", "[c]", ""},
    {"waive", "{user: why, 'caps:KILL': 'it ends others'}", "{user: other}", ""},
};

/* The samples of a key, by their number; a key without is an error. */
static size_t
samples_of(const char *key)
{
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		if (strcmp(samples[i].key, key) == 0)
			return i;
	fail_msg("no samples for '%s'", key);
	return 0;
}

#endif
