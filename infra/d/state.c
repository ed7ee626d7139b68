#include "state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "file.h"
#include "host.h"
#include "report.h"
#include "signals.h"
#include "strbuf.h"

enum { LOGS_KEPT = 20 };

/* ---- directories and files ---- */

int
make_open_directories(const char *path, mode_t mode)
{
	mode_t mask = umask(022);
	int bad = make_directories(path, mode);

	umask(mask); /* which leaves errno as it is */
	return bad;
}

const char *
state_directory(const struct host *h, const char *name)
{
	const char *path = pool_printf("%s/%s", h->state, name);

	/* A container's root, mapped to nobody in particular, has to get through to its
	 * volumes. */
	if (make_open_directories(path, 0711)) {
		report("make the directory '%s':", path);
		return NULL;
	}
	return path;
}

void
state_names(const struct host *h, struct words *out)
{
	cleanup_dir DIR *d = opendir(h->state);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			words_add(out, e->d_name);
	words_sort(out);
}

const char *
state_path(const struct host *h, const char *name, const char *file)
{
	return pool_printf("%s/%s/%s", h->state, name, file);
}

bool
state_has(const struct host *h, const char *name, const char *file)
{
	return access(state_path(h, name, file), F_OK) == 0;
}

/* ---- the lock ---- */

/* Who holds it, as they wrote it. */
static const char *
holder(int fd)
{
	char text[200];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return "another d";
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return pool_dup(text);
}

/* Locks of the open file description, fcntl(2): unlike flock(2)'s they can be asked for. */
static bool
take(int fd, bool shared)
{
	struct flock l = {.l_type = shared ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &l) == 0;
}

static bool
lock_within(int fd, const char *name, unsigned wait_ms, bool shared)
{
	long long end = monotonic_ms() + wait_ms;

	if (take(fd, shared))
		return true;
	if (wait_ms)
		report("%s: waiting for %s", name, holder(fd));
	while (monotonic_ms() < end && !interrupted) {
		usleep(100000);
		if (take(fd, shared))
			return true;
	}
	return false;
}

int
state_lock(
    const struct host *h, const char *name, const char *what, unsigned wait_ms, bool shared)
{
	cleanup_fd int fd = -1;

	if (!state_directory(h, name))
		return -1;
	fd = open(state_path(h, name, "lock"), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		report("open '%s':", state_path(h, name, "lock"));
		return -1;
	}
	if (!lock_within(fd, name, wait_ms, shared)) {
		if (interrupted)
			report("%s: interrupted while %s changes it: nothing done", name,
			    holder(fd));
		else
			report("%s is being changed by %s: nothing done", name, holder(fd));
		return -1;
	}
	if (!shared &&
	    (ftruncate(fd, 0) || dprintf(fd, "%s (process %d)\n", what, (int)getpid()) < 0))
		report("write '%s':", state_path(h, name, "lock"));
	return steal_fd(&fd);
}

unsigned
state_patience(void)
{
	const char *text = getenv("WHITTLE_WAIT");

	return text ? (unsigned)atoi(text) * 1000 : 0;
}

bool
state_is_locked(const struct host *h, const char *name)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	cleanup_fd int fd = open(state_path(h, name, "lock"), O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

/* ---- JSON files ---- */

json_t *
state_read(const struct host *h, const char *name, const char *file)
{
	const char *path = state_path(h, name, file);
	cleanup_file FILE *f = fopen(path, "re");
	json_error_t why;
	json_t *got = NULL;

	if (!f && errno == ENOENT)
		return NULL;
	if (!f)
		report("read '%s':", path);
	else if (!(got = json_loadf(f, 0, &why)))
		report("'%s' is damaged: %s; move it away to go on without it", path, why.text);
	if (!got)
		errno = EBADMSG;
	return got;
}

int
state_write(const struct host *h, const char *name, const char *file, const json_t *o)
{
	const char *path = state_path(h, name, file), *draft = pool_printf("%s.new", path);
	cleanup_free char *json = json_dumps(o, JSON_INDENT(1) | JSON_SORT_KEYS);
	cleanup_free char *text = json ? xasprintf("%s\n", json) : NULL;
	struct new_file f = {.bytes = text, .n = text ? strlen(text) : 0, .mode = 0600};

	if (!text || !state_directory(h, name))
		return -1;
	if (file_replace(AT_FDCWD, path, &f, draft)) {
		report("write '%s':", path);
		return -1;
	}
	return 0;
}

int
state_remove(const struct host *h, const char *name, const char *file)
{
	if (unlink(state_path(h, name, file)) && errno != ENOENT) {
		report("remove '%s':", state_path(h, name, file));
		return -1;
	}
	return file_sync_directory(AT_FDCWD, state_path(h, name, file));
}

/* ---- logs ---- */

static void
forget_old_logs(const char *directory)
{
	struct words names = {0};
	DIR *d = opendir(directory);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			words_add(&names, e->d_name);
	if (d)
		closedir(d);
	words_sort(&names); /* they begin with the time */
	for (size_t i = 0; i + LOGS_KEPT < names.n; i++)
		unlink(pool_printf("%s/%s", directory, names.w[i]));
}

const char *
state_log(const struct host *h, const char *name, const char *kind, int *fd)
{
	const char *directory = state_directory(h, pool_printf("%s/log", name)), *path;
	struct timespec now;

	if (!directory)
		return NULL;
	forget_old_logs(directory);
	clock_gettime(CLOCK_REALTIME, &now);
	path =
	    pool_printf("%s/%s.%03ld-%s", directory, state_now(), now.tv_nsec / 1000000, kind);
	*fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0) {
		report("open '%s':", path);
		return NULL;
	}
	return path;
}

const char *
state_now(void)
{
	char text[32];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return pool_dup(text);
}
