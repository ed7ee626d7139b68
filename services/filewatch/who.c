#include "who.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "strbuf.h"
#include "times.h"

enum {
	WRITES = FAN_MODIFY | FAN_CLOSE_WRITE,
	REMEMBERED = 256,
	READS_MAX = 16, /* at a time, however much there is */
};

/* A write's own time and that of the event may be a tick apart. */
#define CLOSE_BY NS_PER_S

struct remembered {
	uint64_t dev, ino;
	int64_t at;
	struct writer writer;
};

static int group = -1;
static struct remembered memory[REMEMBERED];
static size_t next_place;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char events[16 * 1024] __attribute__((aligned(8)));

void
who_open(void)
{
	group = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK,
	    O_RDONLY | O_CLOEXEC | O_LARGEFILE | O_NONBLOCK);
}

int
who_fd(void)
{
	return group;
}

void
who_watch(const char *path)
{
	if (group >= 0)
		fanotify_mark(group, FAN_MARK_ADD, WRITES | FAN_EVENT_ON_CHILD, AT_FDCWD, path);
}

void
who_watch_nothing(void)
{
	if (group >= 0)
		fanotify_mark(group, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL);
}

/* ---- what has come ---- */

static struct writer
writer_of(int pid)
{
	struct writer w = {.pid = pid, .uid = -1};
	char path[40], text[1024];
	cleanup_fd int fd = -1;
	const char *uid;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return w;
	text[n] = '\0';
	uid = strstr(text, "\nUid:\t");
	if (uid && strncmp(text, "Name:\t", 6) == 0) {
		w.uid = strtoll(uid + 6, NULL, 10);
		snprintf(
		    w.name, sizeof(w.name), "%.*s", (int)strcspn(text + 6, "\n"), text + 6);
	}
	return w;
}

static void
remember(const struct stat *st, int pid)
{
	struct remembered *r = NULL;
	struct writer now;

	for (size_t i = 0; i < REMEMBERED && !r; i++)
		if (memory[i].ino == st->st_ino && memory[i].dev == st->st_dev)
			r = &memory[i];
	now = writer_of(pid);
	/* It may have ended since its first write, when it could be asked. */
	if (r && r->writer.pid == pid && now.uid < 0)
		now = r->writer;
	if (!r) {
		r = &memory[next_place];
		next_place = (next_place + 1) % REMEMBERED;
	}
	*r = (struct remembered){st->st_dev, st->st_ino, now_ns(), now};
}

void
who_read(void)
{
	struct stat st;

	if (group < 0)
		return;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n = read(group, events, sizeof(events));
		const struct fanotify_event_metadata *e = (const void *)events;

		if (n <= 0)
			break;
		for (; FAN_EVENT_OK(e, n); e = FAN_EVENT_NEXT(e, n)) {
			if (e->fd < 0)
				continue;
			if (e->pid > 0 && fstat(e->fd, &st) == 0)
				remember(&st, e->pid);
			close(e->fd);
		}
	}
	pthread_mutex_unlock(&lock);
}

struct writer
who_wrote(uint64_t dev, uint64_t ino, int64_t mtime)
{
	struct writer found = {0};

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < REMEMBERED && group >= 0; i++)
		if (memory[i].ino == ino && memory[i].dev == dev &&
		    mtime < memory[i].at + CLOSE_BY)
			found = memory[i].writer;
	pthread_mutex_unlock(&lock);
	return found;
}

void
writer_describe(struct strbuf *b, const struct writer *w)
{
	if (!w->pid)
		return;
	strbuf_puts(b, "; written by ");
	if (w->uid >= 0)
		strbuf_printf(b, "%s (process %d, user %" PRId64 ")", w->name, w->pid, w->uid);
	else
		strbuf_printf(b, "process %d, which has ended", w->pid);
}
