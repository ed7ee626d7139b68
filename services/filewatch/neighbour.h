/* The containers that share our pid namespace: which processes are whose, and ending them. */
#ifndef FILEWATCH_NEIGHBOUR_H
#define FILEWATCH_NEIGHBOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
	pid_t pid;
	int pidfd; /* so that the number can't come to mean another process */
};

struct neighbour {
	uint64_t mount_ns; /* the inode of its mount namespace: what makes it one container */
	struct process *process;
	size_t count; /* without PID 1, which nobody in its namespace can end */
};

enum neighbour_answer {
	NEIGHBOUR_FOUND,
	NEIGHBOUR_NONE,
	NEIGHBOUR_SEVERAL,
	/* Its only process is PID 1 of our pid namespace: the kernel ignores our signals to it.
	 */
	NEIGHBOUR_UNTOUCHABLE,
	/* The pid namespace is the host's: everything would be a neighbour. */
	NEIGHBOUR_HOST,
	NEIGHBOUR_ERROR, /* errno: EACCES where we lack CAP_SYS_PTRACE */
};

/*
 * Finds the container whose mount namespace isn't ours; name (may be NULL) is that of one of
 * its programs, where there are several. The caller clears in every case. For
 * NEIGHBOUR_UNTOUCHABLE, mount_ns is PID 1's.
 */
enum neighbour_answer neighbour_find(struct neighbour *n, const char *name);
void neighbour_clear(struct neighbour *n);

/* What to do about an answer that isn't NEIGHBOUR_FOUND, in words. */
const char *neighbour_advice(enum neighbour_answer a);

/* One of its processes lives. */
bool neighbour_lives(const struct neighbour *n);

/* Its root directory as an O_PATH descriptor, and the path that leads there; -1 with errno. */
int neighbour_root(const struct neighbour *n, char path[32]);

/*
 * The container is being made: one of its processes is still the engine's runtime, or all are
 * younger than half a second. Until then its root directory may be the host's.
 */
bool neighbour_is_starting(const struct neighbour *n);

/* The path that one of its processes was started from, as seen in its own root; NULL where it
 * can't be known or isn't below root (its root directory) any more. The caller frees. */
char *neighbour_program(const struct neighbour *n, size_t process, int root);

/* SIGTERM to all, SIGKILL to those that live after so many ms, also to those that started
 * meanwhile. Returns how many processes were ended; *left is set where some live on. */
size_t neighbour_end(const struct neighbour *n, int64_t term_wait_ms, bool *left);

#endif
