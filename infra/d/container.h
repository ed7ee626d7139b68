/*
 * A container as settings.yaml describes it, in neither engine's terms: the one description
 * that engine arguments, exports and checks are derived from.
 */
#ifndef WHITTLE_CONTAINER_H
#define WHITTLE_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "digest.h"
#include "pool.h"

struct node;
struct settings;
struct strbuf;

struct pair {
	const char *key, *value; /* value NULL: the name is taken away */
};

struct pairs {
	struct pair *v;
	size_t n;
};

struct port {
	const char *address; /* on the host; IPv6 without brackets */
	uint16_t host;       /* 0: the engine chooses */
	uint16_t inside;
	const char *protocol; /* "tcp", "udp", "sctp" */
};

struct mount {
	const char *source; /* on the host, absolute */
	const char *target; /* inside, absolute */
	bool read_only;
};

struct tmpfs {
	const char *path;
	int64_t size; /* bytes */
	mode_t mode;
	bool exec; /* programs there may be run */
};

/* A device file, or with a target of NULL what the Container Device Interface calls so:
 * "VENDOR/CLASS=NAME". */
struct device {
	const char *source, *target;
	const char *rights; /* of "rwm" */
};

struct limit {
	const char *name;   /* as ulimit(1) calls it in setrlimit's words: nofile, nproc … */
	int64_t soft, hard; /* -1: none */
};

struct need {
	const char *name;   /* the directory's */
	const char *target; /* the container's own name, once it is known; else NULL */
	bool pid, network;  /* namespaces that are shared with it */
};

/* A network beside the first one. */
struct joined_network {
	const char *name, *ip; /* ip NULL: the engine's choice */
	struct words aliases;
};

/* A mount point of the host, and how long to wait for it. */
struct mount_need {
	const char *path;
	int64_t wait; /* ms */
};

enum relabel { RELABEL_NO, RELABEL_SHARED, RELABEL_PRIVATE };

struct volume {
	const char *path; /* as written; relative: below vol_base/NAME */
	const char *type; /* "dir" or "file" */
	const char *owner, *group;
	const char *perm;
	const char *contents;
};

struct health {
	bool given, off;
	struct words command;
	int64_t interval, timeout, start_period; /* ms */
	int64_t retries;
};

enum ready_kind { READY_NONE, READY_HTTP, READY_TCP, READY_UNIX, READY_LOG, READY_COMMAND };

struct ready {
	enum ready_kind kind;
	const char *host; /* http, tcp: an address inside the container's network; NULL: either
			   * loopback address */
	uint16_t port;
	bool tls;
	const char *name;   /* http: of the Host field and the certificate; NULL: the address */
	const char *ca;     /* https: a file of certificates to trust; NULL: the host's */
	const char *pin;    /* https: the key to trust, "sha256//BASE64"; NULL: any certified */
	const char *path;   /* http: what is asked for; unix: the socket */
	int64_t status;     /* http: the answer's; 0: any of 200 to 399 */
	const char *expect; /* text in the answer, or in what the command prints */
	const char *pattern;  /* log: an extended regular expression */
	struct words command; /* run inside */
	int64_t within;       /* ms: no later than that after the start */
	int64_t stable;       /* ms: and stays so that long */
};

/* Copies of a container's data, taken before an upgrade. */
struct data {
	bool snapshot;        /* they are taken */
	bool restore;         /* and put back where the upgrade fails */
	struct words paths;   /* which sources; none: all of mount_rw */
	struct words command; /* takes, restores and removes them; none: d does */
};

/* How one container takes another's place. */
struct swap {
	bool beside;   /* the new one starts while the old one serves */
	bool shared;   /* both may write to the volumes meanwhile */
	int64_t drain; /* ms: so long the old one finishes what it has */
};

/* What is run at a point of a replacement, and may refuse. */
enum hook_point { BEFORE_STOP, BEFORE_SNAPSHOT, AFTER_READY, BEFORE_PROMOTE, HOOK_POINTS };
extern const char *const hook_names[HOOK_POINTS + 1]; /* as settings.yaml has them */

struct hook {
	struct words command; /* none: nothing is run */
	bool inside;          /* the container, else on the host */
	int64_t within;       /* ms */
};

/* A file below /run/secrets that is on no disk. */
enum secret_kind { SECRET_FILE, SECRET_AGE, SECRET_COMMAND };

struct secret {
	const char *name;
	enum secret_kind kind;
	struct words source; /* the file's path, or a command */
	mode_t mode;
	int64_t uid, gid; /* inside; -1: who runs */
};

/* When it is brought up to date by itself, and how far. */
enum hold { HOLD_NONE, HOLD_MAJOR, HOLD_MINOR };

struct update {
	const char *at; /* calendar.h; NULL: never by itself */
	int64_t wait;   /* ms: for how long something has to be known before it is taken */
	int64_t spread; /* ms: it begins up to that much later, always by the same time */
	enum hold hold; /* a newer tag that differs by that much is left alone */
	bool if_ready;  /* only while it is ready */
};

/* How another engine runs and updates it: Docker Swarm or Kubernetes. */
struct rollout {
	bool given;
	int64_t replicas, parallelism; /* how many run, and are replaced at a time */
	bool start_first;              /* a new one is there before an old one goes */
	int64_t delay;                 /* ms between them */
	int64_t monitor;        /* ms that each is watched; -1: ready's within and stable */
	int64_t within;         /* ms: how long all of it may take */
	const char *failure;    /* "rollback", "pause" or "continue" */
	bool host_ports;        /* published on the node where it runs, on no other */
	struct words placement; /* Swarm's constraints on nodes */
	struct words lossy;     /* keys that secure, and may be lost there */
};

/* A command that is run now and then. */
struct job_spec {
	const char *name;
	struct words cmd;
	const char *at; /* calendar.h; NULL: only by hand */
	bool fresh;     /* in a container of its own, else in the service's */
	bool ignore;    /* nobody is told where it fails */
	int64_t within; /* ms */
};

enum log_kind { LOG_JSON, LOG_NONE, LOG_SYSLOG, LOG_JOURNALD, LOG_PASSTHROUGH };

/* A list of some struct: its elements and how many. */
#define LIST_OF(type)                                                                          \
	struct {                                                                               \
		struct type *v;                                                                \
		size_t n;                                                                      \
	}

struct container {
	const char *key;       /* the directory's name: what d is given */
	const char *directory; /* NULL where there is none */
	bool test;             /* a test instance beside production */
	const char *settings; /* the text of the directory's settings that this was read from */

	const char *name, *hostname;
	const char *image, *tag, *repo1, *repo2;
	struct words entrypoint, cmd, extra_init, extra_docker;
	struct pairs env, labels;
	struct words env_files; /* read into env, where env doesn't say otherwise */
	const char *tz;
	const char *user;    /* NULL: the image's, and nobody where that is root */
	struct words groups; /* further ones: of the image, numbers, "host/NAME" */

	const char *network; /* "own", "none", "host", or a network's name */
	const char *subnet;
	const char *ip;            /* NULL: the engine's choice; "-": look the host name up */
	const char *mac;           /* NULL: the engine's choice; no key */
	struct words dns, aliases; /* aliases: further names in the first network */
	LIST_OF(joined_network) networks;
	LIST_OF(port) ports;
	int64_t port_offset; /* -1: the engine chooses every port */
	bool ipv6_ports;

	LIST_OF(mount) mount_ro, mount_rw;
	struct words mount_devices; /* patterns of device files */
	int64_t gpus;               /* how many; -1: all */
	LIST_OF(device) devices;
	LIST_OF(tmpfs) tmpfs;
	const char *vol_base;
	LIST_OF(volume) vols;
	struct data data;
	struct hook hooks[HOOK_POINTS];
	LIST_OF(secret) secrets;
	struct swap swap;
	struct volume vol_defaults;
	int64_t shift_uids, shift_gids;
	bool needs_mount_given; /* else: what was mounted the last time */
	LIST_OF(mount_need) needs_mount;
	enum relabel relabel; /* SELinux: of what is mounted */

	struct pairs extra_hosts; /* name and address */
	struct pairs sysctls;
	int64_t shm_size;           /* bytes; 0: the engine's default */
	int64_t memory, cpus, pids; /* bytes, thousandths of a CPU, processes; 0: no limit */
	LIST_OF(limit) ulimits;
	struct words caps;   /* what stays when all capabilities are dropped */
	const char *seccomp; /* NULL: the engine's; "unconfined"; or a file */
	bool read_only, no_new_privileges, init;
	const char *userns; /* NULL, "host", "auto", "keep-id", "nomap", or a map */

	enum log_kind log;
	const char *log_address;
	bool fg, rm, shell;
	const char *restart; /* "no", "on-failure[:N]", "always", "unless-stopped" */
	const char *stop_signal;
	int64_t stop_timeout; /* ms */
	struct health health;
	struct ready ready;
	LIST_OF(need) needs;

	struct pairs tags; /* image ("": all) and range, tag_range.h */
	struct update update;
	LIST_OF(job_spec) jobs;

	int64_t wave; /* -1: not started by itself */
	const char *wave_host;
	struct words on; /* hosts or labels of hosts that it runs on, "swarm"; none: here */
	struct rollout rollout;
	int64_t keep; /* generations; -1: the host's */
	struct words scan_allow;
	bool require_signature;
	struct pairs waive;     /* what d audit finds, and why that is meant */
	const char *verify_key; /* a file; NULL: the host's */
};

/* Everything in the words of settings.yaml, NULL-terminated. */
const char *const *container_keys(void);

/* A map of settings that adds to what came before. */
struct layer {
	struct settings *settings;
	const struct node *map; /* NULL: says nothing */
};

/*
 * Fills c with the defaults, then with each layer in turn; for a test instance with the
 * defaults of those and every layer's test_KEYs after that. The layers before `last` are
 * settings files; those from it on (a command line's) win over test_KEYs too. Wrong
 * values, in test_KEYs also where no test is meant, are counted in the layers' settings.
 * c->key, c->directory, c->test, c->vol_base and c->repo1 are set by the caller before.
 * Returns 0, or -1 where there was an error; c isn't to be used then.
 */
int container_apply(struct container *c, const struct layer *layer, size_t n, size_t last);

/* "repo/image:tag" of one of the two repos; NULL where there is no such repo. */
const char *container_reference(const struct container *c, const char *repo, const char *tag);

/* Whether it is a service of Docker Swarm's, a Deployment in a Kubernetes cluster, or either.
 */
bool container_in_swarm(const struct container *c);
bool container_in_kube(const struct container *c);
bool container_in_cluster(const struct container *c);

/* The container whose process or network namespace it shares; NULL: it has its own. */
const struct need *need_shared(const struct container *c, bool network);

/* The name of the network that the container joins first; NULL for none of the named kind. */
const char *network_name(const struct container *c);

/* Whether that, or one of the further networks, has this name. */
bool network_is_of(const struct container *c, const char *name);

/* The one of repo1: what it is looked for by first. */
const char *container_image(const struct container *c);

/* The whole description as JSON with sorted keys and no blanks: the same text, the same
 * container. */
char *container_json(const struct container *c);

/* SHA-256 of what a running container owes to its settings: another digest, and it has
 * to be made anew. Files count by what they hold: the seccomp profile, vols' contents. Image,
 * autostart, readiness and scan settings don't count. */
void container_digest(const struct container *c, char hex[SHA256_HEX]);

#endif
