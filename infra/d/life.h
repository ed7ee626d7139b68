/* Starting and stopping one container, as other verbs do it too. */
#ifndef WHITTLE_LIFE_H
#define WHITTLE_LIFE_H

#include <stdint.h>

#include "app.h"

enum up_how {
	UP_PLAIN,
	UP_RESTART,   /* anew, though it runs */
	UP_DEPENDENT, /* for another's sake: its lock is waited for */
};

/* Takes its lock and mends what an earlier run left. The descriptor, or -1 after a message. */
int lock_container(struct app *a, const struct place *p, bool for_another);

/* Starts it, what it needs first. An exit status. */
int up_one(struct app *a, const struct place *p, enum up_how how);

/* The same under its lock, with a description that isn't just the settings'. */
int up_described(struct app *a, const struct place *p, struct container *c, enum up_how how);

/*
 * Builds, tests, puts in place, promotes. force: a quarantined image too, and though
 * nothing changed. keep_down: what doesn't run and isn't started by itself is promoted,
 * not started. An exit status.
 */
int upgrade_one(struct app *a, const struct place *p, bool force, bool keep_down);

/* The image that would be started, which is signed where the settings want that. 0, or -1
 * after a message. */
int wanted_image(struct app *a, const struct container *c, struct image *image);

/* Whether the image is signed as the settings want it; false after a message. */
bool signature_suffices(struct app *a, const struct container *c, const char *image);

/* Stops it, those that share its namespaces first. An exit status. */
int down_one(struct app *a, const struct place *p);

/* Stops and removes a container whose namespaces are about to go. */
void stop_for_another(struct app *a, const char *name);

/* The names of containers that live in this one's namespaces: those that run, and those
 * that only stand in the way of its removal. */
void sharing_with(
    struct app *a, const struct place *p, struct words *running, struct words *stopped);

int engine_stop(struct app *a, const char *id, int64_t timeout_ms);

/* "localhost/whittle/NAME:g7": what keeps a generation's image. */
const char *generation_tag(const struct app *a, const struct place *p, int n);

/* :live is that image, :prev what :live was. Where the folder has a pipeline it promotes,
 * unless by_hand; where it has none the image comes from elsewhere, and the name that the
 * settings give it is all that moves. 0, or -1 after a message. */
int move_tags(struct app *a, const struct place *p, const char *reference, const char *image,
    bool by_hand);

/* ip: "-" becomes the host name's address. 0, or -1 after a message. */
int resolve_address(struct container *c);

#endif
