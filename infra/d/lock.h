/*
 * The locks that a change of one container takes: its own, those of the containers that
 * live in its namespaces, which it stops, and, shared with others that do the same, those of
 * the containers whose namespaces it lives in. They are taken in one order over all
 * containers, what is needed first, so that no two runs ever wait for each other; nothing
 * that is needed is started while they are held.
 */
#ifndef WHITTLE_LOCK_H
#define WHITTLE_LOCK_H

#include "app.h"

struct locks {
	int *fd;
	size_t n;
};

/*
 * Takes them, and recovers what an earlier run left. for_another: another run is waited
 * for, ten minutes; else as long as WHITTLE_WAIT says, by default not at all. Every wait
 * ends at a signal. 0, or -1 after a message; then none is held.
 */
int lock_container(struct app *a, const struct place *p, bool for_another, struct locks *out);
void unlock_container(struct locks *l);

#endif
