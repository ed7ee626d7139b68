/* Containers' names while one takes another's place. */
#ifndef WHITTLE_RENAME_H
#define WHITTLE_RENAME_H

#include "journal.h"

/*
 * What stands in the way of a name and is d's own, left by a run whose journal is gone, is
 * removed; never what the journal knows as the old one. 0, or -1 after a message.
 */
int clear_name(struct journal *j, const char *name);

/* A container, by ID, gets the name, or has it. 0, or -1 after a message. */
int rename_to(struct journal *j, const char *id, const char *name);

/* It has the name, and where it shall, it runs. What fails is tried again for a moment. 0, or
 * -1 without a message. */
int put_back(struct journal *j, const char *id, const char *name, bool running);

#endif
