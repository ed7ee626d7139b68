#include "etcfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "proc.h"
#include "report.h"
#include "strbuf.h"

enum { TRIES = 30, PAUSE_MS = 100 };
static const char *const locked_files[] = {"subuid", "subgid"};
enum { LOCKED_FILES = 2, FILE_MAX = 64 << 20 };

static void
pause_a_little(void)
{
	nanosleep(&(struct timespec){0, PAUSE_MS * 1000000L}, NULL);
}

/* --- locks --- */

static int
lock_accounts(int etc)
{
	cleanup_fd int fd =
	    openat(etc, ".pwd.lock", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int i;

	for (i = 0; fd >= 0 && i < TRIES; i++) {
		if (fcntl(fd, F_SETLK, &whole) == 0)
			return steal_fd(&fd);
		if (errno != EAGAIN && errno != EACCES)
			break;
		pause_a_little();
	}
	report("lock '/etc/.pwd.lock':");
	return -1;
}

/* The process that a FILE.lock names, 0 where it names none. */
static pid_t
holder(int etc, const char *lock)
{
	cleanup_fd int fd = openat(etc, lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[16] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return 0;
	return (pid_t)atol(text);
}

/* A file with our process ID, linked to the lock's name: link(2) fails where that is. */
static int
lock_file(int etc, const char *name)
{
	cleanup_free char *lock = xasprintf("%s.lock", name);
	cleanup_free char *mine = xasprintf("%s.%ld", name, (long)getpid());
	cleanup_free char *pid = xasprintf("%ld", (long)getpid());
	cleanup_fd int fd =
	    openat(etc, mine, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int got = -1, i;

	if (fd < 0 || write(fd, pid, strlen(pid) + 1) < 0) {
		report("write '/etc/%s':", mine);
		unlinkat(etc, mine, 0);
		return -1;
	}
	for (i = 0; got && i < TRIES; i++) {
		pid_t other;

		got = linkat(etc, mine, etc, lock, 0);
		if (!got || errno != EEXIST)
			break;
		other = holder(etc, lock);
		if (other <= 0 || !proc_runs(other))
			unlinkat(etc, lock, 0); /* left by a process that has ended */
		else
			pause_a_little();
	}
	if (got)
		report("'/etc/%s' is locked by process %ld", name, (long)holder(etc, lock));
	unlinkat(etc, mine, 0);
	return got;
}

int
etc_lock(struct etc_lock *l, int etc)
{
	*l = (struct etc_lock){etc, lock_accounts(etc), 0};
	if (l->pwd < 0)
		return -1;
	for (; l->held < LOCKED_FILES; l->held++) {
		if (lock_file(etc, locked_files[l->held])) {
			etc_unlock(l);
			return -1;
		}
	}
	return 0;
}

void
etc_unlock(struct etc_lock *l)
{
	while (l->held) {
		cleanup_free char *lock = xasprintf("%s.lock", locked_files[--l->held]);

		unlinkat(l->etc, lock, 0);
	}
	if (l->pwd >= 0)
		close(l->pwd);
	l->pwd = -1;
}

/* --- contents --- */

int
etc_read(int dirfd, const char *name, struct strbuf *text)
{
	cleanup_fd int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	strbuf_puts(text, "");
	if ((fd < 0 && errno == ENOENT) || (fd >= 0 && file_read(fd, FILE_MAX, text) == 0))
		return 0;
	report("read '%s':", name);
	return -1;
}

int
etc_replace(int dirfd, const char *name, const struct strbuf *text, unsigned mode, int backup)
{
	cleanup_free char *fresh = xasprintf("%s+", name), *old = xasprintf("%s-", name);
	struct new_file f = {.bytes = text->s, .n = text->len, .mode = mode};
	struct strbuf before = STRBUF_INIT;
	struct stat like;
	int bad = 0;

	if (fstatat(dirfd, name, &like, AT_SYMLINK_NOFOLLOW) == 0)
		f.like = &like;
	if (f.like && backup) {
		struct new_file kept = {.like = &like};

		bad = etc_read(dirfd, name, &before);
		kept.bytes = before.s;
		kept.n = before.len;
		if (!bad && (bad = file_create(dirfd, old, &kept)))
			report("write '%s':", old);
		strbuf_free(&before);
	}
	if (bad)
		return -1;
	if (file_replace(dirfd, name, &f, fresh)) {
		report("replace '%s':", name);
		return -1;
	}
	return 0;
}
