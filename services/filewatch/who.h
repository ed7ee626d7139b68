/* fanotify(7): which process wrote to a file that is watched, where this process may know that
 * (CAP_SYS_ADMIN when it starts). One for the whole process, used by any of its threads; where
 * there is none, all of it does nothing. */
#ifndef FILEWATCH_WHO_H
#define FILEWATCH_WHO_H

#include <stdint.h>

struct strbuf;

struct writer {
	int pid;       /* 0: nobody is known */
	int64_t uid;   /* -1: it was gone before it could be asked */
	char name[16]; /* as proc_pid_status(5) has it; "" with that */
};

/* While it still may. */
void who_open(void);
/* For poll(2); -1 where there is none. */
int who_fd(void);

/* Whoever writes to that file, or to one in that directory, is remembered. */
void who_watch(const char *path);
void who_watch_nothing(void);

/* Takes what has come. */
void who_read(void);

/* Who wrote last to an inode, if that is when it was modified last. */
struct writer who_wrote(uint64_t dev, uint64_t ino, int64_t mtime);

/* "; written by sh (process 12, user 1000)", where somebody is known. */
void writer_describe(struct strbuf *b, const struct writer *w);

#endif
