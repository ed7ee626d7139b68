/* Where this program keeps what must outlive it. */
#ifndef IDMAP_STATE_H
#define IDMAP_STATE_H

/* Opens the directory $WHITTLE_STATE/idmap, making it where it isn't there. Returns a
 * descriptor, or -1 after a report(). */
int open_state_directory(void);

#endif
