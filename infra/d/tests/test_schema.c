/* settings.yaml to a description: a table of what comes out, one of what is refused. */
#include "container.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include <cmocka.h>

#include "cleanup.h"
#include "reader.h"
#include "settings.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The description of one settings file; NULL where it was refused. */
static json_t *
describe(const char *yaml, bool test, unsigned *errors)
{
	struct container c = {.key = "web",
	    .directory = "/c/web",
	    .test = test,
	    .repo1 = "localhost/whittle",
	    .vol_base = test ? "/tmp/t" : "/vol"};
	struct settings s = {0};
	struct layer layer = {&s, NULL};
	json_t *got = NULL;

	if (settings_parse(&s, "settings.yaml", yaml, strlen(yaml)) == 0) {
		layer.map = s.root;
		if (container_apply(&c, &layer, 1, 1) == 0)
			got = json_loads(container_json(&c), 0, NULL);
	}
	*errors = s.errors;
	settings_free(&s);
	return got;
}

static const struct {
	const char *yaml;
	bool test;
	const char *key, *json;
} right[] = {
    /* what a container gets that says nothing */
    {"", false, "name", "\"web\""},
    {"", false, "hostname", "\"web\""},
    {"", false, "image", "\"localhost/whittle/web:live\""},
    {"", false, "network", "\"own\""},
    {"", false, "memory", "268435456"},
    {"", false, "cpus_milli", "1000"},
    {"", false, "pids", "128"},
    {"", false, "read_only", "true"},
    {"", false, "no_new_privileges", "true"},
    {"", false, "caps", "[]"},
    {"", false, "seccomp", "null"},
    {"", false, "user", "null"},
    {"", false, "restart", "\"on-failure:5\""},
    {"", false, "ports", "[]"},
    {"", false, "autostart", "-1"},
    {"", false, "log", "\"json\""},
    /* a test instance */
    {"", true, "name", "\"web-test\""},
    {"", true, "image", "\"localhost/whittle/web:latest\""},
    {"", true, "restart", "\"no\""},
    {"name: www", true, "name", "\"www-test\""},
    {"name: www", true, "hostname", "\"www-test\""},
    {"autostart: 3", true, "autostart", "-1"},
    {"ip: 10.9.9.9\nnetwork: lan", true, "ip", "null"},
    {"network: lan", true, "network", "\"own\""},
    {"network: none", true, "network", "\"none\""},
    {"ports: ['80:8080']", true, "ports",
	"[{\"address\":\"127.0.0.1\",\"host\":10080,\"inside\":8080,\"protocol\":\"tcp\"}]"},
    {"ports: ['60000:8080']", true, "ports",
	"[{\"address\":\"127.0.0.1\",\"host\":0,\"inside\":8080,\"protocol\":\"tcp\"}]"},
    {"ports: ['80:8080']\ntest_port_offset: free", true, "ports",
	"[{\"address\":\"127.0.0.1\",\"host\":0,\"inside\":8080,\"protocol\":\"tcp\"}]"},
    {"ports: ['80:8080']\ntest_port_offset:", true, "ports",
	"[{\"address\":\"127.0.0.1\",\"host\":80,\"inside\":8080,\"protocol\":\"tcp\"}]"},
    {"mount_rw: [data:/data]", true, "mounts",
	"[{\"read_only\":false,\"source\":\"/tmp/t/web/data\",\"target\":\"/data\"}]"},
    /* an empty value counts */
    {"cmd: [a, b]\ntest_cmd:", true, "cmd", "[]"},
    {"cmd: [a, b]\ntest_cmd:", false, "cmd", "[\"a\",\"b\"]"},
    {"cmd: [a, b]\ntest_cmd: ''", true, "cmd", "[]"},
    {"memory: 1g\ntest_memory:", true, "memory", "0"},
    {"ports: ['80']\ntest_ports: []", true, "ports", "[]"},
    {"image:\ntag: ''\nrepo2:", false, "image", "\"localhost/whittle/web:live\""},
    {"tag: v1\ntest_tag:", true, "image", "\"localhost/whittle/web:latest\""},
    /* words */
    {"cmd: run --name 'a b' \"c\\\"d\" e\\ f", false, "cmd",
	"[\"run\",\"--name\",\"a b\",\"c\\\"d\",\"e f\"]"},
    {"cmd: [run, '']", false, "cmd", "[\"run\",\"\"]"},
    {"extra_init: -v", false, "extra_init", "[\"-v\"]"},
    {"rollout: {replicas: 3, order: start-first, lossy: [ports]}", false, "rollout",
	"{\"delay\":0,\"failure\":\"rollback\",\"lossy\":[\"ports\"],\"monitor\":-1,"
	"\"order\":\"start-first\",\"parallelism\":1,\"placement\":[],\"publish\":"
	"\"ingress\",\"replicas\":3,\"within\":600000}"},
    /* environment */
    {"env: {A: 1, B: 'x y'}", false, "env", "{\"A\":\"1\",\"B\":\"x y\"}"},
    {"env: [A=1, B=]", false, "env", "{\"A\":\"1\",\"B\":\"\"}"},
    {"env: {A: null, B: ~, C: '~', D: ''}", false, "env",
	"{\"A\":null,\"B\":null,\"C\":\"~\",\"D\":\"\"}"},
    {"env: [A=1, {A: 2}]", false, "env", "{\"A\":\"2\"}"},
    {"mount_rw: ['/a/:/data//x/']", false, "mounts",
	"[{\"read_only\":false,\"source\":\"/a/\",\"target\":\"/data/x\"}]"},
    {"labels: {team: dns}", false, "labels", "{\"team\":\"dns\"}"},
    {"tz: Europe/Berlin", false, "tz", "\"Europe/Berlin\""},
    /* ports */
    {"ports: 53:53/udp", false, "ports",
	"[{\"address\":\"127.0.0.1\",\"host\":53,\"inside\":53,\"protocol\":\"udp\"}]"},
    {"ports: [8080]", false, "ports",
	"[{\"address\":\"127.0.0.1\",\"host\":0,\"inside\":8080,\"protocol\":\"tcp\"}]"},
    {"ports: ['0.0.0.0:80:8080', '[::1]:81:81', '10.0.0.1::82']", false, "ports",
	"[{\"address\":\"0.0.0.0\",\"host\":80,\"inside\":8080,\"protocol\":\"tcp\"},"
	"{\"address\":\"::1\",\"host\":81,\"inside\":81,\"protocol\":\"tcp\"},"
	"{\"address\":\"10.0.0.1\",\"host\":0,\"inside\":82,\"protocol\":\"tcp\"}]"},
    {"ports: ['7000-7001:8000-8001']", false, "ports",
	"[{\"address\":\"127.0.0.1\",\"host\":7000,\"inside\":8000,\"protocol\":\"tcp\"},"
	"{\"address\":\"127.0.0.1\",\"host\":7001,\"inside\":8001,\"protocol\":\"tcp\"}]"},
    {"ports: ['80:80']\nipv6_ports: yes", false, "ports",
	"[{\"address\":\"127.0.0.1\",\"host\":80,\"inside\":80,\"protocol\":\"tcp\"},"
	"{\"address\":\"::1\",\"host\":80,\"inside\":80,\"protocol\":\"tcp\"}]"},
    /* mounts */
    {"mount_ro: [conf:/etc/x, /var/backups:/b]", false, "mounts",
	"[{\"read_only\":true,\"source\":\"/vol/web/conf\",\"target\":\"/etc/x\"},"
	"{\"read_only\":true,\"source\":\"/var/backups\",\"target\":\"/b\"}]"},
    {"mount_rw: {log: /var/log}\nvol_base: /rw/dv", false, "mounts",
	"[{\"read_only\":false,\"source\":\"/rw/dv/web/log\",\"target\":\"/var/log\"}]"},
    {"mount_rw: [{log: /var/log}]", false, "mounts",
	"[{\"read_only\":false,\"source\":\"/vol/web/log\",\"target\":\"/var/log\"}]"},
    {"tmpfs: [/tmp, '/run:1m', {path: /x, size: 8k, mode: '0700'}]", false, "tmpfs",
	"[{\"mode\":1023,\"path\":\"/tmp\",\"size\":67108864},"
	"{\"mode\":1023,\"path\":\"/run\",\"size\":1048576},"
	"{\"mode\":448,\"path\":\"/x\",\"size\":8192}]"},
    {"tmpfs: [{path: /x, size: 8k, exec: yes}]", false, "tmpfs",
	"[{\"exec\":true,\"mode\":1023,\"path\":\"/x\",\"size\":8192}]"},
    {"devices: [nvidia.com/gpu=all]", false, "devices",
	"[{\"rights\":\"\",\"source\":\"nvidia.com/gpu=all\",\"target\":null}]"},
    {"vols: [a, {path: b, contents: hi}]\nvol_defaults: {owner: user/x, perm: '0750'}", false,
	"vols",
	"[{\"contents\":null,\"group\":null,\"owner\":\"user/"
	"x\",\"path\":\"a\",\"perm\":\"0750\","
	"\"type\":\"dir\"},{\"contents\":\"hi\",\"group\":null,\"owner\":\"user/"
	"x\",\"path\":\"b\","
	"\"perm\":\"0750\",\"type\":\"file\"}]"},
    /* limits, privileges */
    {"cpus: 0.5", false, "cpus_milli", "500"},
    {"cpus: 0", false, "cpus_milli", "0"},
    {"memory: 1.5g", false, "memory", "1610612736"},
    {"caps: [net_admin, CAP_CHOWN, CHOWN]", false, "caps", "[\"CHOWN\",\"NET_ADMIN\"]"},
    {"seccomp: unconfined", false, "seccomp", "\"unconfined\""},
    {"seccomp: profile.json", false, "seccomp", "\"/c/web/profile.json\""},
    {"verify_key: maker.pub", false, "verify_key", "\"/c/web/maker.pub\""},
    {"verify_key: /etc/maker.pub", false, "verify_key", "\"/etc/maker.pub\""},
    {"ulimits: {nofile: 1024:2048, core: 0}", false, "ulimits",
	"{\"core\":[0,0],\"nofile\":[1024,2048]}"},
    {"ulimits: [nproc=unlimited]", false, "ulimits", "{\"nproc\":[-1,-1]}"},
    {"userns: b:0:100000:65536", false, "userns", "\"b:0:100000:65536\""},
    {"user: 0", false, "user", "\"0\""},
    {"devices: ['/dev/ttyUSB0', '/dev/a:/dev/b:r']", false, "devices",
	"[{\"rights\":\"rw\",\"source\":\"/dev/ttyUSB0\",\"target\":\"/dev/ttyUSB0\"},"
	"{\"rights\":\"r\",\"source\":\"/dev/a\",\"target\":\"/dev/b\"}]"},
    /* life */
    {"restart: no", false, "restart", "\"no\""},
    {"restart: on-failure:3", false, "restart", "\"on-failure:3\""},
    {"stop_timeout: 1m", false, "stop_timeout", "60000"},
    {"ports: [80]\nswap: beside", false, "swap",
	"{\"drain\":10000,\"how\":\"beside\",\"shared\":false}"},
    {"ports: [80]\nmount_rw: [a:/a]\nswap: {how: beside, drain: 1m, volumes: shared}", false,
	"swap", "{\"drain\":60000,\"how\":\"beside\",\"shared\":true}"},
    {"ports: [80]\nswap: beside", true, "swap", "null"},
    {"swap: {how: plain}", false, "swap", "null"},
    {"mount_rw: [a:/a]\nsnapshot: {vols: a, restore: on-failure}", false, "snapshot",
	"{\"command\":[],\"restore\":\"on-failure\",\"vols\":[\"/vol/web/a\"]}"},
    {"mount_rw: [a:/a, /b:/b]\nsnapshot: yes", false, "snapshot",
	"{\"command\":[],\"restore\":\"never\",\"vols\":[\"/vol/web/a\",\"/b\"]}"},
    {"hooks: {before_stop: {inside: /bin/flush, within: 5s}, after_ready: [a, b c]}", false,
	"hooks",
	"{\"after_ready\":{\"command\":[\"a\",\"b c\"],\"inside\":false,\"within\":60000},"
	"\"before_stop\":{\"command\":[\"/bin/flush\"],\"inside\":true,\"within\":5000}}"},
    {"secrets: {pw: pw.txt, k: 'age:/k.age', t: {command: 'pass t', mode: '0440', owner: 5:6}}",
	false, "secrets",
	"[{\"gid\":-1,\"kind\":\"file\",\"mode\":256,\"name\":\"pw\",\"source\":[\"/c/web/"
	"pw.txt\"],\"uid\":-1},"
	"{\"gid\":-1,\"kind\":\"age\",\"mode\":256,\"name\":\"k\",\"source\":[\"/"
	"k.age\"],\"uid\":-1},"
	"{\"gid\":6,\"kind\":\"command\",\"mode\":288,\"name\":\"t\",\"source\":[\"pass\","
	"\"t\"],\"uid\":5}]"},
    {"stop_signal: SIGINT", false, "stop_signal", "\"INT\""},
    {"log: syslog:udp://10.0.0.1:514", false, "log_address", "\"udp://10.0.0.1:514\""},
    {"autostart: '2;host=attic'", false, "autostart_host", "\"attic\""},
    {"needs: [db, {name: app, shares: [pid, network]}]", false, "needs",
	"[{\"name\":\"db\",\"network\":false,\"pid\":false},"
	"{\"name\":\"app\",\"network\":true,\"pid\":true}]"},
    {"health: none", false, "health", "\"none\""},
    {"health: {command: /bin/x -q, interval: 5s}", false, "health",
	"{\"command\":[\"/bin/x\",\"-q\"],\"interval\":5000,\"retries\":3,\"start_period\":0,"
	"\"timeout\":10000}"},
    {"ready: {http: 'http://:8080/h?a=b', expect: ok, within: 1m, stable: 0}", false, "ready",
	"{\"command\":[],\"expect\":\"ok\",\"host\":null,\"kind\":\"http\",\"path\":"
	"\"/h?a=b\","
	"\"pattern\":null,\"port\":8080,\"stable\":0,\"status\":0,\"within\":60000}"},
    {"ready: {http: 'http://localhost/'}", false, "ready",
	"{\"command\":[],\"expect\":null,\"host\":null,\"kind\":\"http\",\"path\":\"/"
	"\","
	"\"pattern\":null,\"port\":80,\"stable\":5000,\"status\":0,\"within\":30000}"},
    {"ready: {http: 'https://[::1]:8443/h', host: a.lan, pin: 'sha256//eA==', ca: ca.pem}",
	false, "ready",
	"{\"ca\":\"/c/web/ca.pem\",\"command\":[],\"expect\":null,\"host\":\"::1\","
	"\"kind\":\"http\",\"name\":\"a.lan\",\"path\":\"/h\",\"pattern\":null,"
	"\"pin\":\"sha256//eA==\",\"port\":8443,\"stable\":5000,\"status\":0,\"tls\":true,"
	"\"within\":30000}"},
    {"ready: {tcp: 53}", false, "ready",
	"{\"command\":[],\"expect\":null,\"host\":null,\"kind\":\"tcp\",\"path\":\"/"
	"\","
	"\"pattern\":null,\"port\":53,\"stable\":5000,\"status\":0,\"within\":30000}"},
    {"image: registry.example/library/redis:7", false, "image",
	"\"registry.example/library/redis:7\""},
    {"image: redis\nrepo1: registry.example/me\ntag: v1", false, "image",
	"\"registry.example/me/redis:v1\""},
    {"scan: {allow: [/var/log/**]}", false, "scan_allow", "[\"/var/log/**\"]"},
};

static void
comes_out_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(right); i++) {
		json_t *got, *want = json_loads(right[i].json, JSON_DECODE_ANY, NULL), *is;
		unsigned errors;

		print_message("%s%s -> %s\n", right[i].yaml, right[i].test ? " (test)" : "",
		    right[i].key);
		assert_non_null(want);
		got = describe(right[i].yaml, right[i].test, &errors);
		assert_non_null(got);
		is = json_object_get(got, right[i].key);
		/* Some keys are there only where they say something. */
		if (!is && json_is_null(want))
			is = want;
		if (!json_equal(is, want)) {
			char *text = json_dumps(is, JSON_ENCODE_ANY | JSON_COMPACT);

			print_error("%s\n", text);
			free(text);
		}
		assert_true(json_equal(is, want));
		json_decref(want);
		json_decref(got);
	}
}

static const struct {
	const char *yaml;
	const char *says; /* in the message, place included */
} wrong[] = {
    {"memmory: 1g", "settings.yaml:1:1: "},
    {"rollout: {order: both}", "settings.yaml:1:18: "},
    {"rollout: {replicas: 0}", "settings.yaml:1:21: "},
    {"rollout: {placement: [ssd]}", "a constraint such as"},
    {"rollout: {lossy: [port]}", "unknown key 'port'"},
    {"rollout: {nodes: 3}", "settings.yaml:1:11: "},
    {"on: [swarm, attic]", "on no host beside it"},
    {"tags: '1.27'", "settings.yaml:1:7: '1.27': want ~1.27"},
    {"tags: {nginx: '/(/'}", "not a valid extended regular"},
    {"update: {at: Sonntag}", "settings.yaml:1:14: 'Sonntag': want a time such as"},
    {"update: {at: daily, hold: patch}", "want none, major or minor"},
    {"update: {if: ready}", "want at as well"},
    {"update: {every: day}", "settings.yaml:1:10: "},
    {"jobs: {a: {at: daily}}", "want cmd, a command"},
    {"jobs: {a: {cmd: b, in: host}}", "want beside or fresh"},
    {"jobs: {a/b: {cmd: b}}", "settings.yaml:1:8: "},
    {"jobs: {a: {cmd: b, at: 7}}", "settings.yaml:1:24: "},
    {"memmory: 1g", "memory"},
    {"test_memmory: 1g", "settings.yaml:1:1: "},
    {"test_test_memory: 1g", "settings.yaml:1:1: "},
    {"a: 1\nmemory: lots", "settings.yaml:2:9: "},
    {"memory: [1]", "settings.yaml:1:"},
    {"cpus: -1", "number of CPUs"},
    {"cpus: 1e3", "number of CPUs"},
    {"cpus: 0.001", "number of CPUs"},
    {"pids: -1", "settings.yaml:1:7: "},
    {"pids: many", "settings.yaml:1:7: "},
    {"ports: ['99999']", "settings.yaml:1:9: "},
    {"ports: ['0:80']", "ports 1 to 65535"},
    {"ports: ['80:']", "ports 1 to 65535"},
    {"ports: ['1-3:1-2']", "as many"},
    {"ports: ['1-300:1-300']", "256"},
    {"ports: ['80/icmp']", "tcp|udp|sctp"},
    {"ports: ['host:80:80']", "ADDRESS"},
    {"ports: ['[::1:80:80']", "ADDRESS"},
    {"test_ports: ['x']", "ADDRESS"},
    {"port_offset: 70000", "settings.yaml:1:14: "},
    {"name: 'a b'", "letters"},
    {"name: -x", "letters"},
    {"hostname: a_b", "host name"},
    {"image: 'x;y'", "image's name"},
    {"tag: --x", "image's name"},
    {"repo1:", "a repository"},
    {"user: 'a b'", "USER:GROUP"},
    {"env: [A]", "NAME=VALUE"},
    {"env: [=x]", "NAME=VALUE"},
    {"env: {A: [1]}", "settings.yaml:1:"},
    {"network: 'a/b'", "network"},
    {"subnet: 10.0.0.0", "BITS"},
    {"subnet: 10.0.0.0/99", "BITS"},
    {"ip: nowhere", "address"},
    {"ip: 10.0.0.1", "subnet"},
    {"ip: 10.0.0.1\nnetwork: none", "network"},
    {"dns: nowhere", "name server"},
    {"networks: [host]", "name of a network"},
    {"networks: [{ip: 10.0.0.1}]", "name of a network"},
    {"networks: [{name: a, ip: x}]", "an address"},
    {"network: a\nnetworks: [a]", "joined twice"},
    {"networks: [a, a]", "joined twice"},
    {"network: none\nnetworks: [a]", "networks needs"},
    {"aliases: ['a b']", "host name"},
    {"network: host\naliases: [a]", "aliases needs"},
    {"mount_rw: [data]", "SOURCE:TARGET"},
    {"mount_rw: [data:data]", "inside a container"},
    {"mount_rw: ['data:/x/../y']", "inside a container"},
    {"mount_rw: ['../x:/x']", "source of a mount"},
    {"mount_rw: ['a,b:/x']", "source of a mount"},
    {"mount_rw: [a:/x]\nmount_ro: [b:/x]", "mounted twice"},
    {"mount_rw: [a:/x]\ntmpfs: [/x]", "mounted twice"},
    {"mount_rw: [a:/x, b:/x/]", "mounted twice"},
    {"env: {'': x}", "settings.yaml:1:7: "},
    {"env: ['=x']", "settings.yaml:1:7: "},
    {"log: none\nready: {log: up}", "without a log"},
    {"mount_devices: [/etc/passwd]", "/dev"},
    {"devices: [/dev/../etc/passwd]", "SOURCE"},
    {"devices: [gpu=all]", "SOURCE"},
    {"devices: ['nvidia.com/gpu=']", "SOURCE"},
    {"devices: ['nvidia.com/gpu=a/../b']", "SOURCE"},
    {"gpus: many", "settings.yaml:1:"},
    {"groups: ['a b']", "host/GROUP"},
    {"env_files: [../x]", "without '..'"},
    {"env_files: [/nosuch/file]", "open '/nosuch/file'"},
    {"extra_hosts: [a]", "NAME:ADDRESS"},
    {"extra_hosts: {a: b}", "NAME:ADDRESS"},
    {"waive: user", "a map of what d audit finds"},
    {"waive: {user: }", "a reason"},
    {"waive: {user: [a]}", "settings.yaml:1:"},
    {"sysctls: {vm.swappiness: 1}", "namespaces have"},
    {"sysctls: [net.core.somaxconn]", "namespaces have"},
    {"sysctls: {net.core.somaxconn: 1}\nnetwork: host", "network of its own"},
    {"tmpfs: [{path: /x, exec: maybe}]", "settings.yaml:1:"},
    {"devices: ['/dev/a:/dev/b:z']", "SOURCE"},
    {"tmpfs: [tmp]", "inside a container"},
    {"tmpfs: [{size: 1m}]", "a path"},
    {"tmpfs: ['/x:1']", "4k"},
    {"tmpfs: [{path: /x, mode: '9'}]", "octal"},
    {"vol_base: rel", "absolute"},
    {"vols: [{type: dir}]", "without a path"},
    {"vols: [{path: a, type: socket}]", "dir or file"},
    {"vols: [{path: a, perm: 'rwx'}]", "octal"},
    {"vols: [{path: a, type: dir, contents: x}]", "no contents"},
    {"vols: [{path: ../a}]", "'..'"},
    {"vols: [{path: a, ownr: x}]", "owner"},
    {"vol_defaults: {path: a}", "settings.yaml:1:"},
    {"caps: [NET_ADMN]", "NET_ADMIN"},
    {"caps: [ALL]", "unknown capability"},
    {"seccomp: strict", "default, unconfined"},
    {"userns: sometimes", "keep-id"},
    {"userns: 0:1", "keep-id"},
    {"ulimits: [nofiles=1]", "nofile"},
    {"ulimits: {nofile: 20:10}", "SOFT"},
    {"log: file", "journald"},
    {"restart: sometimes", "always"},
    {"restart: on-failure:0", "on-failure:N"},
    {"hooks: {before_start: x}", "unknown key 'before_start'"},
    {"hooks: {after_ready: {within: 3s}}", "either command"},
    {"hooks: {after_ready: {inside: x, command: y}}", "either command"},
    {"secrets: [pw]", "a map of names"},
    {"secrets: {a/b: x}", "the name of a file"},
    {"secrets: {a: {file: x, age: y}}", "one of file"},
    {"secrets: {a: {file: x, mode: rw}}", "a mode such as"},
    {"secrets: {a: {file: x, owner: root}}", "UID or UID:GID"},
    {"secrets: {a: x}\nuserns: auto", "exclude each other"},
    {"swap: [beside]", "how, drain, volumes"},
    {"swap: besides", "beside"},
    {"swap: {how: beside, volumes: ours}", "shared or exclusive"},
    {"swap: beside", "swap: beside needs ports"},
    {"ports: ['53/udp']\nswap: beside", "settings.yaml:2:7: swap: beside moves tcp, not udp"},
    {"ports: [80]\nnetwork: lan\nswap: beside", "needs a network of its own"},
    {"ports: [80]\nmount_rw: [a:/a]\nswap: beside",
	"settings.yaml:3:7: swap: beside would have two containers write to '/a'"},
    {"ports: [80]\nmount_rw: [a:/a]\nsnapshot: yes\nswap: {how: beside, volumes: shared}",
	"exclude each other"},
    {"ports: [80]\nrm: yes\nswap: beside", "swap: beside and rm"},
    {"snapshot: [a]", "no source of mount_rw"},
    {"snapshot: {restore: always}", "on-failure or never"},
    {"snapshot: {path: a}", "unknown key 'path'"},
    {"snapshot: [../a]", "a source of mount_rw"},
    {"stop_signal: SIGFOO", "unknown signal"},
    {"stop_timeout: 2h", "too much"},
    {"autostart: soon", "wave"},
    {"autostart: 100", "wave"},
    {"autostart: 1;user=x", "wave"},
    {"autostart: 1\nfg: yes", "exclude"},
    {"needs: [web]", "than itself"},
    {"needs: [{name: db, shares: ipc}]", "pid or network"},
    {"needs: [{shares: pid}]", "name"},
    {"ports: ['80']\nneeds: [{name: db, shares: network}]", "another container's"},
    {"ports: ['80']\nnetwork: none", "without a network"},
    {"health: sometimes", "none, or a map"},
    {"health: {interval: 5s}", "without a command"},
    {"health: {command: x, retries: 0}", "settings.yaml:1:"},
    {"ready: now", "want a map"},
    {"ready: {http: 8080, tcp: 8080}", "only one"},
    {"ready: {http: 'ftp://x/'}", "URL"},
    {"ready: {http: 'http://example.org/'}", "URL"},
    {"ready: {http: '8080/a b'}", "URL"},
    {"ready: {http: 'https://x:1/'}", "URL"},
    {"ready: {http: 'http://[::1:80/'}", "URL"},
    {"ready: {http: ':80', ca: x}", "https"},
    {"ready: {http: 'https://:1/', pin: x}", "sha256//"},
    {"ready: {http: ':80', host: 'a b'}", "name of a host"},
    {"ready: {tcp: 80, host: a}", "with http"},
    {"ready: {tcp: x}", "PORT"},
    {"ready: {log: '('}", "regular expression"},
    {"ready: {tcp: 1, expect: x}", "expect goes with"},
    {"ready: {command: ''}", "a command"},
    {"ready: {tcp: 1, within: forever}", "settings.yaml:1:"},
    {"ready: {htp: 1}", "http"},
    {"scan: {allow: [var]}", "absolute"},
    {"cmd: \"a 'b\"", "isn't closed"},
    {"read_only: maybe", "settings.yaml:1:12: "},
    {"keep: 0", "settings.yaml:1:7: "},
    {"[a, b]", "map"},
};

/* What describe() says on standard error. */
static void
said_by(const char *yaml, char *text, size_t size)
{
	char name[] = "/tmp/whittle-schema.XXXXXX";
	int fd = mkstemp(name), before = dup(STDERR_FILENO);
	unsigned errors;
	json_t *got;
	ssize_t n;

	dup2(fd, STDERR_FILENO);
	got = describe(yaml, false, &errors);
	dup2(before, STDERR_FILENO);
	close(before);
	n = pread(fd, text, size - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	unlink(name);
	assert_null(got);
	assert_true(errors > 0);
}

static void
is_refused(void **state)
{
	char text[4096];

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		said_by(wrong[i].yaml, text, sizeof(text));
		if (!strstr(text, wrong[i].says))
			print_error(
			    "%s\nsays: %s\nwant: %s\n", wrong[i].yaml, text, wrong[i].says);
		assert_non_null(strstr(text, wrong[i].says));
	}
}

/* ---- every key of the schema ---- */

#define ENV_FILE "/tmp/whittle-test-schema.env"
#include "samples.h"

/* The description as text; it must be right. */
static char *
text_of(const char *yaml, bool test)
{
	unsigned errors;
	json_t *got = describe(yaml, test, &errors);
	char *text;

	if (!got)
		print_error("%s\n", yaml);
	assert_non_null(got);
	text = json_dumps(got, JSON_SORT_KEYS);
	json_decref(got);
	return text;
}

static void
differ(const char *a_yaml, const char *b_yaml, bool test, bool wanted)
{
	char *a = text_of(a_yaml, test), *b = text_of(b_yaml, test);

	if ((strcmp(a, b) != 0) != wanted)
		print_error("%s\n%s\n%s\n%s\n", a_yaml, a, b_yaml, b);
	assert_int_equal(strcmp(a, b) != 0, wanted);
	free(a);
	free(b);
}

static void
digest_of(const char *yaml, char hex[SHA256_HEX])
{
	struct container c = {.key = "web",
	    .directory = "/c/web",
	    .repo1 = "localhost/whittle",
	    .vol_base = "/vol"};
	struct settings s = {0};
	struct layer layer = {&s, NULL};

	assert_int_equal(settings_parse(&s, "s", yaml, strlen(yaml)), 0);
	layer.map = s.root;
	assert_int_equal(container_apply(&c, &layer, 1, 1), 0);
	container_digest(&c, hex);
	settings_free(&s);
}

/* Keys that a running container isn't made anew for. */
static bool
is_about_d(const char *key)
{
	static const char *const keys[] = {"autostart", "env_files", "hooks", "image", "jobs",
	    "keep", "needs_mount", "on", "ready", "repo1", "repo2", "require_signature",
	    "rollout", "scan", "shift_gids", "shift_uids", "snapshot", "tag", "tags", "update",
	    "verify_key", "vol_defaults", "vols", "waive", NULL};

	return among(key, keys);
}

/* Each key has samples above, is in the description, and as a test_KEY is the test instance's
 * alone: nothing that is said of tests reaches production. */
static void
every_key(void **state)
{
	const char *const *keys = container_keys();
	char alone[512], changed[512], with_test[512], one[SHA256_HEX], other[SHA256_HEX];
	size_t k;

	(void)state;
	close(open(ENV_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	for (k = 0; keys[k]; k++) {
		size_t i = samples_of(keys[k]);

		snprintf(alone, sizeof(alone), "%s\n%s: %s\n", samples[i].also, keys[k],
		    samples[i].one);
		snprintf(changed, sizeof(changed), "%s\n%s: %s\n", samples[i].also, keys[k],
		    samples[i].other);
		snprintf(with_test, sizeof(with_test), "%s\n%s: %s\ntest_%s: %s\n",
		    samples[i].also, keys[k], samples[i].one, keys[k], samples[i].other);
		differ(alone, changed, false, true);
		digest_of(alone, one);
		digest_of(changed, other);
		if ((strcmp(one, other) == 0) != is_about_d(keys[k]))
			print_error("digest of '%s'\n", keys[k]);
		assert_int_equal(strcmp(one, other) == 0, is_about_d(keys[k]));
		differ(alone, with_test, false, false);
		differ(alone, with_test, true, true);
	}
	unlink(ENV_FILE);
	assert_int_equal(k, COUNT(samples));
}

/* What makes another container of it, and what doesn't. */
static void
digests(void **state)
{
	static const struct {
		const char *one, *other;
		bool same;
	} table[] = {
	    {"", "", true},
	    {"memory: 1g", "memory: 1024m", true},
	    {"ports: ['1:1']", "ports: ['127.0.0.1:1:1']", true},
	    {"vols: [{path: a, contents: one}]", "vols: [{path: a, contents: other}]", false},
	    {"vols: [{path: a, perm: '0700'}]", "vols: [{path: a}]", true},
	};
	char hex[2][SHA256_HEX];

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		digest_of(table[i].one, hex[0]);
		digest_of(table[i].other, hex[1]);
		assert_int_equal(strcmp(hex[0], hex[1]) == 0, table[i].same);
	}
}

/* A seccomp profile counts by what is in it. */
static void
profile_digest(void **state)
{
	char name[] = "/tmp/whittle-profile.XXXXXX", yaml[64], hex[3][SHA256_HEX];
	int fd = mkstemp(name);

	(void)state;
	snprintf(yaml, sizeof(yaml), "seccomp: %s", name);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pwrite(fd, i == 1 ? "[]" : "{}", 2, 0), 2);
		digest_of(yaml, hex[i]);
	}
	close(fd);
	unlink(name);
	assert_string_not_equal(hex[0], hex[1]);
	assert_string_equal(hex[0], hex[2]);
}

/* host's defaults < the directory's < test_KEYs < the command line's. */
static void
layers(void **state)
{
	static const char *const yaml[] = {"memory: 1m\npids: 1\ncpus: 1\ntest_tz: A",
	    "pids: 2\ncpus: 2\ntest_cpus: 3", "cpus: 4"};
	struct settings s[3] = {{0}};
	struct layer layer[3];
	struct container c = {.key = "web", .test = true, .repo1 = "r", .vol_base = "/v"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(settings_parse(&s[i], "s", yaml[i], strlen(yaml[i])), 0);
		layer[i] = (struct layer){&s[i], s[i].root};
	}
	assert_int_equal(container_apply(&c, layer, 2, 2), 0);
	assert_int_equal(c.memory, 1 << 20);
	assert_int_equal(c.pids, 2);
	assert_int_equal(c.cpus, 3000);
	assert_string_equal(c.tz, "A");
	c = (struct container){.key = "web", .test = true, .repo1 = "r", .vol_base = "/v"};
	assert_int_equal(container_apply(&c, layer, 3, 2), 0);
	assert_int_equal(c.cpus, 4000);
	for (size_t i = 0; i < 3; i++)
		settings_free(&s[i]);
}

/* Every key of the origin is known. */
static void
nothing_is_lost(void **state)
{
	static const char *const origin[] = {"name", "hostname", "image", "tag", "repo1",
	    "repo2", "cmd", "extra_init", "extra_docker", "env", "tz", "dns", "network", "ip",
	    "ports", "port_offset", "ipv6_ports", "log", "fg", "rm", "shell", "mount_ro",
	    "mount_rw", "mount_devices", "vol_base", "vols", "vol_defaults", "shift_uids",
	    "shift_gids", "autostart"};
	const char *const *keys = container_keys();

	(void)state;
	for (size_t i = 0; i < COUNT(origin); i++) {
		bool found = false;

		for (size_t k = 0; keys[k] && !found; k++)
			found = strcmp(keys[k], origin[i]) == 0;
		if (!found)
			print_error("%s\n", origin[i]);
		assert_true(found);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(comes_out_right),
	    cmocka_unit_test(is_refused),
	    cmocka_unit_test(digests),
	    cmocka_unit_test(profile_digest),
	    cmocka_unit_test(every_key),
	    cmocka_unit_test(layers),
	    cmocka_unit_test(nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
