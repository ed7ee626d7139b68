/* A command that is told of state changes. It is run by a process of its own, started
 * before the watcher gives up the right to start anything. */
#ifndef FILEWATCH_NOTIFY_H
#define FILEWATCH_NOTIFY_H

struct config;

/* Forks. Returns the watcher's end of the socket, or -1: no command is set, or, after a
 * message, it can't be done. */
int notify_start(const struct config *c);

/* One rule's change, in words of state_name(). Never waits; what a full socket doesn't take
 * is lost, and the next one says that something was. */
void notify_change(int fd, const char *path, const char *before, const char *now,
    const char *message, const char *overall);

/* The settings are to be read again. */
void notify_reload(int fd);

#endif
