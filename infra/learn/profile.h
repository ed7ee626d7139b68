/* A seccomp profile of the system calls that recorded runs made. */
#ifndef LEARN_PROFILE_H
#define LEARN_PROFILE_H

/*
 * Writes to a file the profile, as podman and docker take it, that allows what the runs in the
 * directories called and what every program needs; everything else is refused with EPERM, as
 * by the engines' own profiles. An exit status.
 */
int profile(const char *file, char **runs);

/* Copies a profile to another file with what the recorder itself calls. Returns 0, or -1 after
 * a report(). */
int profile_widen(const char *from, const char *to);

#endif
