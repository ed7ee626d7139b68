/* Giving up what isn't needed any more. */
#ifndef FILEWATCH_PROTECT_H
#define FILEWATCH_PROTECT_H

#include <stdbool.h>

struct config;

/*
 * Drops capabilities, all but those to read everything where we have them (CAP_DAC_READ_SEARCH;
 * for a sidecar also CAP_SYS_PTRACE and CAP_KILL), sets no-new-privileges, allows no more
 * than reading below the first directories of what the settings name (Landlock; not for a
 * sidecar, which could not look into its neighbour then), and the system calls that are
 * needed (seccomp). What the kernel doesn't have is left out. Before any thread is started.
 * Says what was done; returns -1 after a message where something that should work failed.
 */
int protect(const struct config *c);

/* Whether all that these settings name can be read under the protection that was set;
 * after a message, if not. */
bool protect_allows(const struct config *c);

#endif
