#include "state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "host.h"
#include "report.h"
#include "run.h"
#include "strbuf.h"

enum { HOOK_MS = 30000, LOGS_KEPT = 20 };

/* ---- folders and files ---- */

static int
make_folders(const char *path)
{
	char *copy = pool_dup(path);

	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, 0755) && errno != EEXIST)
			return -1;
		*p = '/';
	}
	/* A container's root, mapped to nobody in particular, has to get through to its
	 * volumes. */
	return mkdir(copy, 0711) && errno != EEXIST ? -1 : 0;
}

const char *
state_folder(const struct host *h, const char *name)
{
	const char *path = pool_printf("%s/%s", h->state, name);

	if (make_folders(path)) {
		report("make the folder '%s':", path);
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

static const char *
path_of(const struct host *h, const char *name, const char *file)
{
	return pool_printf("%s/%s/%s", h->state, name, file);
}

bool
state_has(const struct host *h, const char *name, const char *file)
{
	return access(path_of(h, name, file), F_OK) == 0;
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

static bool
lock_within(int fd, const char *name, unsigned wait_ms)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (wait_ms)
		report("%s: waiting for %s", name, holder(fd));
	for (unsigned waited = 0; waited < wait_ms; waited += 100) {
		usleep(100000);
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
	}
	return false;
}

int
state_lock(const struct host *h, const char *name, const char *what, unsigned wait_ms)
{
	cleanup_fd int fd = -1;

	if (!state_folder(h, name))
		return -1;
	fd = open(path_of(h, name, "lock"), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		report("open '%s':", path_of(h, name, "lock"));
		return -1;
	}
	if (!lock_within(fd, name, wait_ms)) {
		report("%s is being changed by %s: nothing done", name, holder(fd));
		return -1;
	}
	if (ftruncate(fd, 0) || dprintf(fd, "%s (process %d)\n", what, (int)getpid()) < 0)
		report("write '%s':", path_of(h, name, "lock"));
	return steal_fd(&fd);
}

bool
state_is_locked(const struct host *h, const char *name)
{
	cleanup_fd int fd = open(path_of(h, name, "lock"), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
}

/* ---- JSON files ---- */

json_t *
state_read(const struct host *h, const char *name, const char *file)
{
	const char *path = path_of(h, name, file);
	json_error_t why;
	json_t *got;

	if (access(path, F_OK))
		return NULL;
	got = json_load_file(path, 0, &why);
	if (!got) {
		report("'%s' is damaged: %s", path, why.text);
		errno = EBADMSG;
	}
	return got;
}

static int
sync_folder(const char *path)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -1 : fsync(fd);
}

static int
write_whole(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -1;
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int
state_write(const struct host *h, const char *name, const char *file, const json_t *o)
{
	const char *folder = state_folder(h, name);
	const char *path = path_of(h, name, file), *draft = pool_printf("%s.new", path);
	cleanup_free char *text = json_dumps(o, JSON_INDENT(1) | JSON_SORT_KEYS);
	cleanup_fd int fd = -1;

	if (!folder || !text)
		return -1;
	fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || write_whole(fd, text, strlen(text)) || write_whole(fd, "\n", 1) ||
	    fsync(fd) || rename(draft, path) || sync_folder(folder)) {
		report("write '%s':", path);
		return -1;
	}
	return 0;
}

int
state_remove(const struct host *h, const char *name, const char *file)
{
	if (unlink(path_of(h, name, file)) && errno != ENOENT) {
		report("remove '%s':", path_of(h, name, file));
		return -1;
	}
	return sync_folder(pool_printf("%s/%s", h->state, name));
}

/* ---- logs ---- */

static void
forget_old_logs(const char *folder)
{
	struct words names = {0};
	DIR *d = opendir(folder);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			words_add(&names, e->d_name);
	if (d)
		closedir(d);
	words_sort(&names); /* they begin with the time */
	for (size_t i = 0; i + LOGS_KEPT < names.n; i++)
		unlink(pool_printf("%s/%s", folder, names.w[i]));
}

const char *
state_log(const struct host *h, const char *name, const char *kind, int *fd)
{
	const char *folder = state_folder(h, pool_printf("%s/log", name)), *path;
	struct timespec now;

	if (!folder)
		return NULL;
	forget_old_logs(folder);
	clock_gettime(CLOCK_REALTIME, &now);
	path = pool_printf("%s/%s.%03ld-%s", folder, state_now(), now.tv_nsec / 1000000, kind);
	*fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0) {
		report("open '%s':", path);
		return NULL;
	}
	return path;
}

/* ---- history ---- */

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

/* One write of one line under a lock, so that lines of two never mix. */
static void
append(const struct host *h, const char *name, const char *line, size_t len)
{
	const char *path = path_of(h, name, "history.jsonl");
	cleanup_fd int fd = -1;

	if (!state_folder(h, name))
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) || write_whole(fd, line, len))
		report("write '%s':", path);
}

static void
run_hook(const struct host *h, const char *name, const char *what, const char *image,
    const char *text)
{
	int status;

	if (!h->hook.n)
		return;
	setenv("WHITTLE_EVENT", what, 1);
	setenv("WHITTLE_NAME", name, 1);
	setenv("WHITTLE_IMAGE", image ? image : "", 1);
	setenv("WHITTLE_TEXT", text, 1);
	status = run(&(struct run){
	    .argv = (const char *const *)h->hook.w, .discard_out = 1, .timeout_ms = HOOK_MS});
	if (status)
		report("the hook '%s' failed with status %d", h->hook.w[0], status);
}

void
event(const struct host *h, const char *name, const char *what, const char *image,
    const char *fmt, ...)
{
	struct strbuf text = STRBUF_INIT, line = STRBUF_INIT;
	const char *user = getenv("SUDO_USER") ? getenv("SUDO_USER") : getenv("USER");
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&text, fmt, ap);
	va_end(ap);
	strbuf_puts(&line, "{");
	strbuf_put_json_member(&line, "time", state_now());
	strbuf_puts(&line, ",");
	strbuf_put_json_member(&line, "event", what);
	if (image) {
		strbuf_puts(&line, ",");
		strbuf_put_json_member(&line, "image", image);
	}
	if (text.len) {
		strbuf_puts(&line, ",");
		strbuf_put_json_member(&line, "text", text.s);
	}
	if (user) {
		strbuf_puts(&line, ",");
		strbuf_put_json_member(&line, "user", user);
	}
	strbuf_puts(&line, "}\n");
	append(h, name, line.s, line.len);
	run_hook(h, name, what, image, text.s ? text.s : "");
	strbuf_free(&line);
	strbuf_free(&text);
}

int
history_each(
    const struct host *h, const char *name, void (*one)(const json_t *, void *), void *arg)
{
	const char *path = path_of(h, name, "history.jsonl");
	cleanup_file FILE *f = fopen(path, "re");
	cleanup_free char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (!f && errno == ENOENT)
		return 0;
	if (!f) {
		report("open '%s':", path);
		return -1;
	}
	while ((n = getline(&line, &cap, f)) > 0) {
		json_t *o = json_loadb(line, (size_t)n, 0, NULL);

		if (o) /* a line that a full disk cut short tells nothing */
			one(o, arg);
		json_decref(o);
	}
	return 0;
}

/* ---- quarantine ---- */

const char *
quarantined(const struct host *h, const char *name, const char *image)
{
	json_t *all = state_read(h, name, "quarantine.json");
	const char *why =
	    json_string_value(json_object_get(json_object_get(all, image), "why"));
	const char *got = pool_dup(why);

	json_decref(all);
	return got;
}

void
quarantine(const struct host *h, const char *name, const char *image, const char *why)
{
	json_t *all = state_read(h, name, "quarantine.json");

	if (!all)
		all = json_object();
	json_object_set_new(
	    all, image, json_pack("{s:s, s:s}", "time", state_now(), "why", why));
	state_write(h, name, "quarantine.json", all);
	json_decref(all);
	event(h, name, "quarantined", image, "%s", why);
}

void
quarantine_lift(const struct host *h, const char *name, const char *image)
{
	json_t *all = state_read(h, name, "quarantine.json");

	if (json_object_get(all, image)) {
		json_object_del(all, image);
		state_write(h, name, "quarantine.json", all);
	}
	json_decref(all);
}

/* ---- generations ---- */

static const char *
text_in(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return pool_dup(text ? text : "");
}

int
generations_read(const struct host *h, const char *name, struct generations *out)
{
	json_t *all, *list, *o;
	size_t i;

	*out = (struct generations){0};
	errno = 0;
	all = state_read(h, name, "generations.json");
	if (!all)
		return errno == EBADMSG ? -1 : 0;
	list = json_object_get(all, "list");
	out->current = (int)json_integer_value(json_object_get(all, "current"));
	out->v = pool_zero(json_array_size(list) + 2, sizeof(*out->v));
	json_array_foreach (list, i, o)
		out->v[out->n++] =
		    (struct generation){.n = (int)json_integer_value(json_object_get(o, "n")),
			.image = text_in(o, "image"),
			.settings = text_in(o, "settings"),
			.time = text_in(o, "time")};
	json_decref(all);
	return 0;
}

int
generations_write(const struct host *h, const char *name, const struct generations *g)
{
	json_t *list = json_array(), *all;
	int bad;

	for (size_t i = 0; i < g->n; i++)
		json_array_append_new(list,
		    json_pack("{s:i, s:s, s:s, s:s}", "n", g->v[i].n, "image", g->v[i].image,
			"settings", g->v[i].settings, "time", g->v[i].time));
	all = json_pack("{s:i, s:o}", "current", g->current, "list", list);
	bad = state_write(h, name, "generations.json", all);
	json_decref(all);
	return bad;
}

const struct generation *
generation_find(const struct generations *g, int n)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i].n == n)
			return &g->v[i];
	return NULL;
}
