/* The readers of settings.yaml's values that are more than a word or a number. Each takes
 * a node, checks it and sets its part of the container; 0, or -1 after settings_error().
 * An empty value empties that part. */
#ifndef WHITTLE_VALUES_H
#define WHITTLE_VALUES_H

#include <stdbool.h>

struct container;
struct node;
struct settings;
struct words;

struct reader {
	struct settings *s;
	struct container *c;
};

typedef int take(struct reader *r, const struct node *n);

take take_autostart, take_caps, take_cpus, take_devices, take_dns, take_env, take_health,
    take_hostname, take_image, take_ip, take_labels, take_log, take_mount_devices,
    take_mount_ro, take_mount_rw, take_name, take_needs, take_network, take_port_offset,
    take_ports, take_ready, take_repo1, take_repo2, take_restart, take_scan, take_seccomp,
    take_stop_signal, take_subnet, take_tag, take_tmpfs, take_ulimits, take_user, take_userns,
    take_vol_base, take_vol_defaults, take_vols;

/* Adds what a command is made of: a list as it is, a line cut as a shell would. */
int take_words(struct reader *r, const struct node *n, struct words *out);

/* Nothing written, or null. */
bool is_empty(const struct node *n);

/* A name that both engines take for a container, a network, a volume. */
bool is_name(const char *s);

#endif
