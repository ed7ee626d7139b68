/* What the kernel says of processes, proc(5). */
#ifndef WHITTLE_PROC_H
#define WHITTLE_PROC_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* Fields of /proc/PID/stat, by their number in proc_pid_stat(5). */
enum { PROC_PARENT = 4, PROC_THREADS = 20, PROC_START = 22 };

/* A field from the 4th on, a number. Returns 0, or -1 with errno: ENOENT or ESRCH where there
 * is no such process. */
int proc_stat(pid_t pid, int field, unsigned long long *value);

/* Whether it runs: one that has ended, and that its parent hasn't waited for (a zombie),
 * doesn't. Of what the kernel doesn't show it is supposed. */
bool proc_runs(pid_t pid);

/* When it started, by today's clock; -1 where that can't be told. */
time_t proc_started(pid_t pid);

/* Whether one of its control groups has that text in its name; 0 where that can't be told. */
bool proc_in_cgroup(pid_t pid, const char *text);

#endif
