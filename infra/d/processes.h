/* Processes that outlive who started them: whose something is, and what belongs to a mark. */
#ifndef WHITTLE_PROCESSES_H
#define WHITTLE_PROCESSES_H

#include <stdbool.h>
#include <sys/types.h>

/* A process, told apart from a later one with its number: "PID:STARTTIME"; NULL: it is gone. */
const char *process_name(pid_t pid);

/* Whether the process of that name is gone. */
bool process_is_gone(const char *name);

/* Ends every process that has "NAME=VALUE" in the environment that it was started with: by
 * SIGTERM, and what is still there after two seconds by SIGKILL. */
void processes_end(const char *variable);

#endif
