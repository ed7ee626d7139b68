#include "sidecar.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "board.h"
#include "cleanup.h"
#include "config.h"
#include "events.h"
#include "hash.h"
#include "mailbox.h"
#include "neighbour.h"
#include "report.h"
#include "status.h"
#include "strbuf.h"
#include "times.h"
#include "verify.h"

enum {
	CONFIRM_MS = 100, /* between the two looks that a mismatch takes */
	SETTLE_MS = 20,   /* after an event: more of them are likely */
	SEARCH_MS = 100,  /* between looks for a neighbour that isn't there */
	REST = 4,         /* a comparison takes no more than a fifth of the time */
	BUDGET_MAX = 1000,
	NAMED_MAX = 3,
};

/* What engines put into a container's file system beside the image; the rest of their doing
 * are mounts, which aren't compared. */
static const char *const engines_own[] = {
    "/.dockerenv", "/run/.containerenv", "/etc/mtab", "/run/secrets", NULL};

struct sidecar_watch {
	const struct config *config;
	struct counters *counters;
	pthread_t thread;
	int stop;
	struct mailbox mailbox;
	struct throttle throttle;
	struct baseline baseline;
	struct memory *memory;
	uint64_t counted;
	/* of the neighbour at hand */
	struct neighbour neighbour;
	struct events *events;
	bool changed;
	/* monotonic ns of the last ends */
	int64_t ended[BUDGET_MAX];
	size_t ends;
};

static void
say(struct sidecar_watch *s, uint32_t findings, char *message)
{
	mailbox_put(&s->mailbox, findings, message);
}

/* Until something happens: returns false where the end has come. */
static bool
pause_for(struct sidecar_watch *s, int64_t ms)
{
	struct pollfd f = {s->stop, POLLIN, 0};

	return poll(&f, 1, (int)ms) == 0 && !s->throttle.stop;
}

/* ---- the neighbour ---- */

static void
on_entry(void *arg, size_t rule, const char *path, bool is_directory)
{
	(void)rule;
	(void)path;
	(void)is_directory;
	((struct sidecar_watch *)arg)->changed = true;
}

static void
on_path(void *arg, const char *path)
{
	(void)path;
	((struct sidecar_watch *)arg)->changed = true;
}

static void
on_overflow(void *arg)
{
	((struct sidecar_watch *)arg)->changed = true;
}

static void
watch_directories(struct sidecar_watch *s, const char *root)
{
	const struct baseline *b = &s->baseline;
	size_t k;

	s->events = events_open();
	for (k = 0; k < b->count && s->events; k++) {
		cleanup_free char *path = xasprintf("%s%s", root, b->entry[k].path);

		if (S_ISDIR(b->entry[k].mode))
			events_watch_directory(s->events, 0, path);
	}
}

static void
forget_neighbour(struct sidecar_watch *s)
{
	events_close(s->events);
	s->events = NULL;
	neighbour_clear(&s->neighbour);
	/* Another container, other inodes. */
	memset(s->memory, 0, s->baseline.count * sizeof(*s->memory));
}

/* One of its programs is one that the baseline knows. Before that, the container is still
 * being made, and its root directory may be the host's. */
static bool
is_known(const struct sidecar_watch *s, int root)
{
	size_t i;

	for (i = 0; i < s->neighbour.count; i++) {
		cleanup_free char *program = neighbour_program(&s->neighbour, i, root);
		const struct entry *e = program ? baseline_find(&s->baseline, program) : NULL;

		if (e && S_ISREG(e->mode))
			return true;
	}
	return false;
}

/* Returns what to say as long as there is nobody to look at, NULL when there is. */
static const char *
look_for_neighbour(struct sidecar_watch *s)
{
	enum neighbour_answer answer =
	    neighbour_find(&s->neighbour, s->config->sidecar.neighbour);
	char path[32];
	cleanup_fd int root = -1;

	/* Process 1 was looked at before the start: now it is a pod's. */
	if (answer == NEIGHBOUR_UNTOUCHABLE)
		answer = NEIGHBOUR_NONE;
	if (answer != NEIGHBOUR_FOUND)
		return neighbour_advice(answer);
	root = neighbour_root(&s->neighbour, path);
	if (root < 0 || neighbour_is_starting(&s->neighbour))
		return "the neighbour is being started";
	if (!is_known(s, root))
		return "the neighbour runs no program that its baseline knows";
	watch_directories(s, path);
	return NULL;
}

/* Returns false where the end has come before there was one. */
static bool
find_neighbour(struct sidecar_watch *s)
{
	const char *said = NULL, *say_now;

	while ((say_now = look_for_neighbour(s))) {
		neighbour_clear(&s->neighbour);
		if (say_now != said)
			say(s, RULE_INTEGRITY, xstrdup(say_now));
		said = say_now;
		if (!pause_for(s, SEARCH_MS))
			return false;
	}
	return true;
}

/* ---- comparing ---- */

static int
compare_now(struct sidecar_watch *s, struct comparison *c)
{
	char path[32];
	cleanup_fd int root = neighbour_root(&s->neighbour, path);
	int status;

	*c = (struct comparison){.baseline = &s->baseline,
	    .rootfd = root,
	    .throttle = &s->throttle,
	    .memory = s->memory};
	if (root < 0)
		return -1;
	status = compare(c);
	s->counters->bytes_hashed += s->throttle.bytes - s->counted;
	s->counted = s->throttle.bytes;
	/* Of a container that ends meanwhile, files vanish: that says nothing. */
	return neighbour_lives(&s->neighbour) ? status : -1;
}

static bool
is_same_mismatch(const struct difference *a, const struct difference *b)
{
	return a->kind == b->kind && a->kind <= DIFFERENCE_CHANGED &&
	       strcmp(a->now.path, b->now.path) == 0 && a->what == b->what;
}

static bool
confirms(const struct comparison *first, const struct comparison *second)
{
	size_t i, k;

	for (i = 0; i < first->count; i++)
		for (k = 0; k < second->count; k++)
			if (is_same_mismatch(&first->difference[i], &second->difference[k]))
				return true;
	return false;
}

static char *
describe(const struct comparison *c)
{
	struct strbuf b = STRBUF_INIT;
	size_t i;

	for (i = 0; i < c->count && i < NAMED_MAX; i++) {
		if (i)
			strbuf_puts(&b, "; ");
		difference_describe(&b, &c->difference[i]);
	}
	if (c->count > NAMED_MAX)
		strbuf_printf(&b, "; and %zu more", c->count - NAMED_MAX);
	return strbuf_steal(&b);
}

/* ---- ending ---- */

/* A baseline that is wrong would end the neighbour again and again. */
static bool
is_within_budget(struct sidecar_watch *s)
{
	int64_t since = monotonic_ns() - s->config->sidecar.restart_window * NS_PER_MS;
	size_t i, kept = 0;

	for (i = 0; i < s->ends; i++)
		if (s->ended[i] > since)
			s->ended[kept++] = s->ended[i];
	s->ends = kept;
	return kept < (size_t)s->config->sidecar.restarts && kept < BUDGET_MAX;
}

static void
end_neighbour(struct sidecar_watch *s, const struct comparison *c)
{
	cleanup_free char *why = describe(c);
	bool left;
	size_t ended;

	if (!is_within_budget(s)) {
		say(s, RULE_INTEGRITY,
		    xasprintf(
			"tampered, but ended too often already (%zu times): %s", s->ends, why));
		return;
	}
	s->ended[s->ends++] = monotonic_ns();
	s->counters->neighbour_ended++;
	say(s, RULE_INTEGRITY, xasprintf("tampered, and being ended: %s", why));
	report("the neighbour is tampered with, ending it: %s", why);
	ended = neighbour_end(&s->neighbour, s->config->sidecar.term_wait, &left);
	report("ended %zu %s of the neighbour%s", ended, ended == 1 ? "process" : "processes",
	    left ? ", but not all" : "");
}

/* Only what two looks see is a mismatch, and only mismatches count: a read error says nothing
 * about what a file holds. */
static void
check_neighbour(struct sidecar_watch *s)
{
	struct comparison first, second;
	size_t mismatches, unknown;

	s->changed = false;
	if (compare_now(s, &first)) {
		comparison_free(&first);
		return;
	}
	comparison_count(&first, &mismatches, &unknown);
	if (mismatches == 0) {
		say(s, unknown ? RULE_INTEGRITY : 0, unknown ? describe(&first) : NULL);
	} else if (pause_for(s, CONFIRM_MS)) {
		if (compare_now(s, &second) == 0 && confirms(&first, &second))
			end_neighbour(s, &second);
		else
			s->changed = true;
		comparison_free(&second);
	}
	comparison_free(&first);
}

/* ---- the thread ---- */

/* Until something changes, or it is time to look anyway. Returns false where the process is
 * gone that the neighbour was known by. */
static bool
wait_for_change(struct sidecar_watch *s, int64_t took)
{
	static const struct event_sink sink = {on_entry, on_path, on_path, on_overflow};
	struct pollfd f[] = {{s->stop, POLLIN, 0}, {s->neighbour.process[0].pidfd, POLLIN, 0},
	    {s->events ? events_fd(s->events) : -1, POLLIN, 0}};
	int64_t rest = REST * took / NS_PER_MS;

	if (rest > SETTLE_MS && !pause_for(s, rest))
		return false;
	if (poll(f, 3, s->changed ? SETTLE_MS : (int)s->config->sidecar.interval) <= 0)
		return true;
	if (f[2].revents && pause_for(s, SETTLE_MS))
		events_read(s->events, &sink, s);
	return !f[0].revents && !f[1].revents;
}

static void
watch_neighbour(struct sidecar_watch *s)
{
	int64_t begun;

	do {
		begun = monotonic_ns();
		check_neighbour(s);
	} while (neighbour_lives(&s->neighbour) && wait_for_change(s, monotonic_ns() - begun));
}

static void *
run(void *arg)
{
	struct sidecar_watch *s = arg;

	while (!s->throttle.stop && find_neighbour(s)) {
		watch_neighbour(s);
		forget_neighbour(s);
	}
	return NULL;
}

static int
load_baseline(struct sidecar_watch *s)
{
	const char *const *p;

	if (baseline_read(&s->baseline, s->config->sidecar.baseline))
		return -1;
	for (p = engines_own; *p; p++)
		if (!baseline_find(&s->baseline, *p))
			baseline_exclude(&s->baseline, *p);
	if (s->baseline.count) {
		/* The root directory itself is made by the engine, with a mode of its choice.
		 */
		if (strcmp(s->baseline.entry[0].path, "/") == 0)
			s->baseline.entry[0].known = WHAT_TYPE;
		return 0;
	}
	report("%s: no entries: there is nothing to compare", s->config->sidecar.baseline);
	return -1;
}

struct sidecar_watch *
sidecar_start(const struct config *c, int told, struct counters *counters)
{
	struct sidecar_watch *s = xcalloc(1, sizeof(*s));

	s->config = c;
	s->counters = counters;
	s->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	mailbox_init(&s->mailbox, told);
	throttle_init(&s->throttle, 0);
	if (load_baseline(s) == 0) {
		s->memory = xcalloc(s->baseline.count, sizeof(*s->memory));
		errno = pthread_create(&s->thread, NULL, run, s);
		if (errno == 0)
			return s;
		report("start the sidecar:");
	}
	s->throttle.stop = true;
	baseline_free(&s->baseline);
	free(s->memory);
	mailbox_clear(&s->mailbox);
	close(s->stop);
	free(s);
	return NULL;
}

void
sidecar_stop(struct sidecar_watch *s)
{
	const uint64_t one = 1;

	if (!s)
		return;
	s->throttle.stop = true;
	if (write(s->stop, &one, sizeof(one)) < 0) {
		/* it is readable already */
	}
	pthread_join(s->thread, NULL);
	forget_neighbour(s);
	baseline_free(&s->baseline);
	free(s->memory);
	mailbox_clear(&s->mailbox);
	close(s->stop);
	free(s);
}

struct mailbox *
sidecar_mailbox(struct sidecar_watch *s)
{
	return &s->mailbox;
}

/* ---- before the start ---- */

/* Whether PID 1 is the application itself, and not a pod's pause process: then the
 * baseline's files are there. */
static bool
is_application(const struct baseline *b, pid_t pid)
{
	cleanup_free char *path = xasprintf("/proc/%ld/root", (long)pid);
	cleanup_fd int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t i, files = 0, there = 0;

	for (i = 0; i < b->count && root >= 0; i++) {
		cleanup_fd int fd = -1;

		if (!S_ISREG(b->entry[i].mode))
			continue;
		fd = open_no_links(root, b->entry[i].path, O_PATH, 0);
		files++;
		there += fd >= 0;
	}
	return there > 0 && 2 * there >= files;
}

int
sidecar_check(const struct config *c)
{
	struct neighbour n;
	struct baseline b;
	enum neighbour_answer answer = neighbour_find(&n, c->sidecar.neighbour);
	int status = baseline_read(&b, c->sidecar.baseline);
	bool refuse = answer == NEIGHBOUR_HOST || answer == NEIGHBOUR_ERROR ||
		      (answer == NEIGHBOUR_UNTOUCHABLE && status == 0 && is_application(&b, 1));

	neighbour_clear(&n);
	baseline_free(&b);
	if (refuse)
		report("%s", neighbour_advice(answer));
	return status || refuse ? -1 : 0;
}
