/* inotify(7): which directories matter to which rules, and what happened in them. Events are
 * hints: whoever gets one looks for himself. */
#ifndef FILEWATCH_EVENTS_H
#define FILEWATCH_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

struct events;
struct rule;
struct stat;

struct event_sink {
	/* Something happened to a path that a rule with wildcards may match. */
	void (*entry)(void *arg, size_t rule, const char *path, bool is_directory);
	/* The same for the rule whose direct path this is, if there is one. */
	void (*direct)(void *arg, const char *path);
	/* A directory on the way to rules' paths came, went or changed: all below is to be
	 * scanned. */
	void (*below)(void *arg, const char *path);
	/* Events were lost. */
	void (*overflow)(void *arg);
};

/* NULL where there is no inotify (a message said why): everything is polled then. */
struct events *events_open(void);
void events_close(struct events *e);
int events_fd(const struct events *e);
uint64_t events_count(const struct events *e);
uint64_t events_overflows(const struct events *e);
size_t events_watches(const struct events *e);

/* Watches the way to a rule: for a direct path its directory, for wildcards the directories
 * above the first. Returns how changes come to be known there. */
enum how events_watch_way(struct events *e, const struct rule *r);
/* A directory in which a rule's wildcards may match. */
enum how events_watch_directory(struct events *e, size_t rule, const char *path);
/* A file whose changes its directory doesn't tell (a link's target, a hard link), or a
 * directory whose entries matter. */
enum how events_watch_file(
    struct events *e, size_t rule, const char *path, bool is_direct, bool is_directory);
/* Around a rule's scan: what the one before watched and this one didn't is forgotten. */
void events_begin(struct events *e, size_t rule);
void events_sweep(struct events *e, size_t rule);
/* Ways of rules in one directory are walked once, until this is called. */
void events_forget_way(struct events *e);

/* Reads what has come. */
void events_read(struct events *e, const struct event_sink *sink, void *arg);

#endif
