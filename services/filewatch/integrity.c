#include "integrity.h"

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
#include "report.h"
#include "status.h"
#include "strbuf.h"
#include "times.h"
#include "verify.h"
#include "who.h"

enum { PAUSE_MS = 20, REST = 4, NAMED_MAX = 3 };

struct integrity {
	const struct rule *rule;
	const struct config *config;
	struct counters *counters;
	pthread_t thread;
	int stop;
	struct throttle throttle;
	/* the thread's own */
	struct baseline baseline;
	struct memory *memory;
	struct stat baseline_stat;
	struct events *events;
	enum how how;
	bool changed;
	uint64_t counted;
	/* for both */
	_Atomic bool busy;
	struct mailbox mailbox;
	/* the watcher's own */
	uint64_t progress;
	int64_t progress_at; /* monotonic ns, 0: wasn't busy */
};

static const char *
root_of(const struct rule *r)
{
	return r->integrity_root ? r->integrity_root : "/";
}

static void
say(struct integrity *i, uint32_t findings, char *message)
{
	mailbox_put(&i->mailbox, findings, message);
}

struct mailbox *
integrity_mailbox(struct integrity *i)
{
	return &i->mailbox;
}

bool
integrity_is_stuck(struct integrity *i, int64_t patience)
{
	uint64_t progress = i->throttle.progress;
	int64_t now = monotonic_ns();

	if (!i->busy || progress != i->progress || i->progress_at == 0) {
		i->progress = progress;
		i->progress_at = i->busy ? now : 0;
	}
	return i->progress_at && now - i->progress_at > patience;
}

bool
integrity_is_busy(const struct integrity *i)
{
	return i->busy;
}

/* ---- the baseline ---- */

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       ns_of(&a->st_mtim) == ns_of(&b->st_mtim) &&
	       ns_of(&a->st_ctim) == ns_of(&b->st_ctim);
}

static char *
in_root(const struct integrity *i, const char *path)
{
	const char *root = root_of(i->rule);

	return xasprintf("%s%s", strcmp(root, "/") == 0 ? "" : root, path);
}

/* Events are wanted of the baseline's directories, and of the directories of single files. What
 * comes in new directories is a mismatch as long as these are there. */
static void
watch_directories(struct integrity *i)
{
	const struct baseline *b = &i->baseline;
	size_t k;

	events_close(i->events);
	i->events = events_open();
	i->how = i->events ? HOW_EVENTS : HOW_POLL;
	if (i->events) /* of the baseline's own: accept replaces it */
		i->how |= events_watch_file(i->events, 0, i->rule->integrity, false, false);
	for (k = 0; k < b->count && i->events; k++) {
		cleanup_free char *path = in_root(i, b->entry[k].path);

		if (S_ISDIR(b->entry[k].mode))
			i->how |= events_watch_directory(i->events, 0, path);
		else if (k == 0 || !S_ISDIR(b->entry[0].mode))
			i->how |= events_watch_file(i->events, 0, path, false, false);
	}
}

/* Read again when it was replaced, as accept does. */
static int
load_baseline(struct integrity *i)
{
	struct stat st;

	if (stat(i->rule->integrity, &st)) {
		say(i, RULE_INTEGRITY,
		    xasprintf(
			"can't read baseline %s: %s", i->rule->integrity, strerror(errno)));
		return -1;
	}
	if (i->baseline.count && same_file(&st, &i->baseline_stat))
		return 0;
	baseline_free(&i->baseline);
	free(i->memory);
	i->memory = NULL;
	if (baseline_read(&i->baseline, i->rule->integrity)) {
		baseline_free(&i->baseline);
		say(i, RULE_INTEGRITY, xasprintf("bad baseline %s", i->rule->integrity));
		return -1;
	}
	if (i->baseline.count == 0) {
		say(i, RULE_INTEGRITY, xasprintf("empty baseline %s", i->rule->integrity));
		return -1;
	}
	i->memory = xcalloc(i->baseline.count, sizeof(*i->memory));
	i->baseline_stat = st;
	watch_directories(i);
	return 0;
}

/* ---- comparing ---- */

static void
put_writer(struct strbuf *b, const struct comparison *c, const struct difference *d)
{
	cleanup_fd int fd = open_no_links(c->rootfd, d->now.path, O_PATH | O_NOFOLLOW, 0);
	struct writer writer;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return;
	who_read();
	writer = who_wrote(st.st_dev, st.st_ino, ns_of(&st.st_mtim));
	writer_describe(b, &writer);
}

static char *
summarize(const struct comparison *c)
{
	struct strbuf b = STRBUF_INIT;
	size_t k, mismatches, unknown;

	comparison_count(c, &mismatches, &unknown);
	if (mismatches)
		strbuf_printf(
		    &b, "%zu %s", mismatches, mismatches == 1 ? "mismatch" : "mismatches");
	if (unknown)
		strbuf_printf(&b, "%s%zu not readable", mismatches ? ", " : "", unknown);
	for (k = 0; k < c->count && k < NAMED_MAX; k++) {
		strbuf_puts(&b, k ? "; " : ": ");
		difference_describe(&b, &c->difference[k]);
		put_writer(&b, c, &c->difference[k]);
	}
	if (c->count > NAMED_MAX)
		strbuf_puts(&b, "; …");
	return strbuf_steal(&b);
}

/* Returns how long it took in ns. */
static int64_t
compare_now(struct integrity *i)
{
	int64_t begun = monotonic_ns();
	cleanup_fd int root = open(root_of(i->rule), O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct comparison c = {.baseline = &i->baseline,
	    .rootfd = root,
	    .throttle = &i->throttle,
	    .memory = i->memory};

	i->changed = false;
	if (root < 0 || compare(&c))
		say(i, RULE_INTEGRITY, xasprintf("can't compare: %s", strerror(errno)));
	else if (c.count)
		say(i, RULE_INTEGRITY, summarize(&c));
	else
		say(i, 0, NULL);
	comparison_free(&c);
	i->counters->bytes_hashed += i->throttle.bytes - i->counted;
	i->counted = i->throttle.bytes;
	return monotonic_ns() - begun;
}

/* ---- waiting ---- */

static void
on_entry(void *arg, size_t rule, const char *path, bool is_directory)
{
	(void)rule;
	(void)path;
	(void)is_directory;
	((struct integrity *)arg)->changed = true;
}

static void
on_path(void *arg, const char *path)
{
	(void)path;
	((struct integrity *)arg)->changed = true;
}

static void
on_overflow(void *arg)
{
	((struct integrity *)arg)->changed = true;
}

/* Until there is something to do at the instant `due` or because of a change. Returns false
 * where the end has come. */
static bool
wait_until(struct integrity *i, int64_t due, int64_t rest_until)
{
	static const struct event_sink sink = {on_entry, on_path, on_path, on_overflow};

	while (!i->throttle.stop) {
		int64_t now = monotonic_ns(),
			end = i->changed && rest_until < due ? rest_until : due;
		struct pollfd f[] = {{i->stop, POLLIN, 0},
		    {i->events && rest_until <= now ? events_fd(i->events) : -1, POLLIN, 0}};

		if (now >= end)
			return true;
		if (rest_until > now && rest_until < end)
			end = rest_until;
		if (poll(f, 2, (int)((end - now + NS_PER_MS - 1) / NS_PER_MS % 86400000)) > 0 &&
		    f[1].revents)
			events_read(i->events, &sink, i);
	}
	return false;
}

static void *
run(void *arg)
{
	struct integrity *i = arg;
	int64_t full_due = 0;

	do {
		int64_t now = monotonic_ns(), took = 0, period;

		i->busy = true;
		if (load_baseline(i) == 0) {
			if (now >= full_due) {
				memset(i->memory, 0, i->baseline.count * sizeof(*i->memory));
				full_due = now + i->rule->integrity_every * NS_PER_MS;
			}
			took = compare_now(i);
		}
		i->busy = false;
		now = monotonic_ns();
		period =
		    (i->how & HOW_POLL ? i->config->poll : i->config->interval) * NS_PER_MS;
		if (!wait_until(i, now + period, now + PAUSE_MS * NS_PER_MS + REST * took))
			break;
	} while (!i->throttle.stop);
	return NULL;
}

struct integrity *
integrity_start(
    const struct rule *r, const struct config *c, int told, struct counters *counters)
{
	struct integrity *i = xcalloc(1, sizeof(*i));
	int error;

	*i = (struct integrity){.rule = r,
	    .config = c,
	    .counters = counters,
	    .stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	throttle_init(&i->throttle, r->integrity_rate);
	mailbox_init(&i->mailbox, told);
	error = pthread_create(&i->thread, NULL, run, i);
	if (error == 0)
		return i;
	errno = error;
	report("start to verify '%s':", r->path);
	close(i->stop);
	free(i);
	return NULL;
}

void
integrity_stop(struct integrity *i)
{
	const uint64_t one = 1;

	if (!i)
		return;
	i->throttle.stop = true;
	if (write(i->stop, &one, sizeof(one)) < 0) {
		/* it is readable already */
	}
	pthread_join(i->thread, NULL);
	events_close(i->events);
	baseline_free(&i->baseline);
	free(i->memory);
	mailbox_clear(&i->mailbox);
	close(i->stop);
	free(i);
}
