/* Doing something inside a running container's namespaces, without a program of its own. */
#ifndef WHITTLE_NETNS_H
#define WHITTLE_NETNS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Runs job(arg) in a child that joined the network namespace of pid (its user namespace
 * first, where that is another), with what it writes to `say` (a descriptor) added to the
 * pool's string *said. Ended after timeout_ms. Returns job's result, 0 to 99; 100 where the
 * namespace can't be joined; 101 where the time was up.
 */
enum { NETNS_DENIED = 100, NETNS_TIMEOUT = 101 };
int in_network_of(pid_t pid, unsigned timeout_ms, int (*job)(void *arg, int say), void *arg,
    const char **said);

/* The same as root of its user namespace, or of the host. */
int as_root_of(pid_t pid, unsigned timeout_ms, int (*job)(void *arg, int say), void *arg,
    const char **said);

/* The path of a descriptor on a container's root directory, /proc/PID/root. -1 with errno. */
int root_of(pid_t pid);

#endif
