/* Cleanup attributes: what a variable holds is let go when it leaves its scope. */
#ifndef WHITTLE_CLEANUP_H
#define WHITTLE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define cleanup_free __attribute__((cleanup(cleanup_freep)))
#define cleanup_fd   __attribute__((cleanup(cleanup_closep)))
#define cleanup_file __attribute__((cleanup(cleanup_fclosep)))
#define cleanup_dir  __attribute__((cleanup(cleanup_closedirp)))

static inline void
cleanup_freep(void *p)
{
	free(*(void **)p);
}

static inline void
cleanup_closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void
cleanup_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void
cleanup_closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* Hands on what a cleanup variable holds. */
static inline void *
steal_pointer(void *pp)
{
	void *p = *(void **)pp;

	*(void **)pp = NULL;
	return p;
}

static inline int
steal_fd(int *fd)
{
	int got = *fd;

	*fd = -1;
	return got;
}

#endif
