/* What a service says to syslog, where nothing takes it: for infra/fix. */
#ifndef LEARN_HEARD_H
#define LEARN_HEARD_H

/*
 * Becomes command while a process beside it takes what is sent to the datagram socket at path,
 * as syslog(3) does to /dev/log, and adds it to file, a line each, without time and priority;
 * it ends with command. Returns only where that fails: 125, or 126 or 127 as command can't be
 * started.
 */
int heard(const char *path, const char *file, char **command);

#endif
