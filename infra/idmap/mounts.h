/* Lines of mountinfo, proc_pid_mountinfo(5). */
#ifndef IDMAP_MOUNTS_H
#define IDMAP_MOUNTS_H

#include <stdbool.h>

/* Cut from the text it was read from, and alive as long as that. */
struct mount {
	unsigned long id;
	char *device;                 /* MAJOR:MINOR */
	char *root, *point;           /* what of the file system is mounted where */
	char *options, *type, *super; /* super may be NULL */
};

/* Cuts the line at *p and moves *p behind it. Returns false at the end. */
bool next_mount(char **p, struct mount *m);

/* The mount that the file fd stands on, in a text of this process's mountinfo, which is
 * cut up. Returns false where it isn't found. */
bool mount_of(int fd, char *mountinfo, struct mount *m);

/* Undoes the \ooo of mountinfo, in place; the fields of a struct mount had it undone, but
 * for super. */
void unescape_mount(char *s);

/* A whole file of /proc; NULL with errno. free(3) it. */
char *read_proc(const char *path);

#endif
