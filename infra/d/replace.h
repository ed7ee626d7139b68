/*
 * Putting a new container in an old one's place, as a transaction: whatever fails, or
 * whoever kills it, in the end there is the new one or the old one, never neither. Those
 * that share its namespaces are stopped with it; their names are added to
 * app->restart_after, for whoever called to start them once the lock is gone.
 */
#ifndef WHITTLE_REPLACE_H
#define WHITTLE_REPLACE_H

#include "journal.h"

struct replacement {
	const char *verb; /* for journal and history: "upgrade", "restart", "up", "back" */
	const struct place *place;
	struct container *want;
	struct image image; /* what is started, by its id */
	const struct seen
	    *old;             /* what has its name, looked at under this lock; NULL: not yet */
	const char *settings; /* the text that want came from */
	int generation;       /* that it goes back to; 0: a new one */
	const char *data;     /* the snapshot that is put back; NULL: the data stays */
	bool snapshot;        /* one is taken, though the image is the old one's */
	bool due;             /* at its time: a job that has its data puts it off */
	bool keep_failed;     /* what isn't ready stays, where nothing ran before */
	/* Moves the tags; NULL: they stay. 0, or -1 after a message. */
	int (*promote)(struct journal *j, const struct replacement *r);

	/* What comes out of it. */
	const char *why;   /* the reason of a failure, in words */
	bool image_failed; /* the image ran, and ended or never became ready: no trouble of
			    * the host's, such as a port that is taken or a full disk */
	bool put_off;      /* nothing was wrong, and nothing has changed */
};

/* Does it all, from create to finish. The journal is over afterwards unless the old state
 * couldn't be restored. Returns EXIT_YES, EXIT_NO (failed, all is as it was), or
 * EXIT_TROUBLE. */
int replace(struct journal *j, struct replacement *r);

/* The same for what an earlier run brought to a swarm or a cluster. */
int replace_look_in_cluster(struct journal *j, struct replacement *r);

/* Ends a journal where nothing was put in place yet: a tag that a pull moved is moved
 * back. 0, or -1 after a message. */
int replace_drop(struct journal *j);

/* Back to the old container. 0, or -1 after a message. */
int replace_undo(struct journal *j, const char *why);

/* The last steps, all of which can be done again. 0, or -1 after a message. */
int replace_finish(struct journal *j);

#endif
