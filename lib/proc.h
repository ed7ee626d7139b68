/* What the kernel says of processes, proc(5). */
#ifndef WHITTLE_PROC_H
#define WHITTLE_PROC_H

#include <sys/types.h>

/* Fields of /proc/PID/stat, by their number in proc_pid_stat(5). */
enum { PROC_PARENT = 4, PROC_START = 22 };

/* A field from the 4th on, a number. Returns 0, or -1 with errno: ENOENT or ESRCH where there
 * is no such process. */
int proc_stat(pid_t pid, int field, unsigned long long *value);

#endif
