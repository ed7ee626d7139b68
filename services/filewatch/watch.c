#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "board.h"
#include "cleanup.h"
#include "config.h"
#include "events.h"
#include "files.h"
#include "integrity.h"
#include "mailbox.h"
#include "mounts.h"
#include "notify.h"
#include "path.h"
#include "protect.h"
#include "report.h"
#include "sidecar.h"
#include "status.h"
#include "strbuf.h"
#include "times.h"
#include "who.h"

#define MS NS_PER_MS

enum {
	/* While events pour in, they are taken in batches with a pause in between: the same
	 * file is looked at 50 times a second at the most. */
	PAUSE_MS = 20,
	MOUNTS_PAUSE_MS = 500,
	SEARCH_SLICE = 4 * 1024 * 1024,
	/* A rule that costs much to scan is not scanned more than a fifth of the time. */
	SCAN_REST = 4,
};

struct watched {
	struct rule_state state;
	enum how how;
	bool scan_due;
	int64_t rest_until;          /* monotonic ns */
	uint64_t mounts;             /* mounts_around() its directory */
	struct integrity *integrity; /* NULL: none */
	struct sidecar_watch *sidecar;
	struct mailbox *mailbox; /* of one of these, NULL */
};

struct touched {
	size_t rule;
	char *path;
};

struct watcher {
	struct config *config;
	struct board *board;
	struct watched *rule;
	size_t rules;
	int rootfd, signals, deadline, mounts, told, notifier;
	struct events *events; /* NULL: none */
	struct touched *touched;
	size_t touched_count, touched_room;
	/* monotonic ns */
	int64_t next_full, next_poll, events_from, mounts_from;
	int64_t full_began; /* 0: no full scan is under way */
	uint64_t generation;
	bool changed, stop, quiet;
};

void
watch_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

/* ---- what is to be done ---- */

static void
touch(struct watcher *w, size_t rule, const char *path)
{
	struct touched *last = w->touched_count ? &w->touched[w->touched_count - 1] : NULL;

	if (last && last->rule == rule && strcmp(last->path, path) == 0)
		return;
	if (w->touched_count == w->touched_room) {
		w->touched_room = w->touched_room ? 2 * w->touched_room : 16;
		w->touched = xreallocarray(w->touched, w->touched_room, sizeof(*w->touched));
	}
	w->touched[w->touched_count++] = (struct touched){rule, xstrdup(path)};
}

static void
on_entry(void *arg, size_t rule, const char *path, bool is_directory)
{
	struct watcher *w = arg;
	struct watched *r = &w->rule[rule];
	const struct pattern *p = &r->state.rule->pattern;

	if (r->scan_due)
		return;
	if (is_directory ? pattern_may_be_above(p, path) : p->newest)
		r->scan_due = true;
	else if (pattern_matches(p, path) && !config_is_exception(w->config, path))
		touch(w, rule, path);
}

static void
on_direct(void *arg, const char *path)
{
	struct watcher *w = arg;
	const struct rule *r = config_direct(w->config, path);

	if (r)
		touch(w, (size_t)(r - w->config->rule), path);
}

static void
on_below(void *arg, const char *path)
{
	struct watcher *w = arg;
	size_t i;

	for (i = 0; i < w->rules; i++) {
		const struct rule *r = w->rule[i].state.rule;

		if (path_below(path, r->pattern.direct ? r->path : r->pattern.base) ||
		    (!r->pattern.direct && path_below(r->pattern.base, path)))
			w->rule[i].scan_due = true;
	}
}

static void
scan_all(struct watcher *w)
{
	size_t i;

	for (i = 0; i < w->rules; i++)
		w->rule[i].scan_due = true;
}

/* Where something was mounted or unmounted, other files may stand under the same names. */
static void
scan_mounted(struct watcher *w)
{
	struct mounts m;
	size_t i;

	mounts_read(&m, w->mounts);
	for (i = 0; i < w->rules; i++) {
		uint64_t now = mounts_around(&m, w->rule[i].state.rule->pattern.base);

		if (now == w->rule[i].mounts)
			continue;
		w->rule[i].mounts = now;
		w->rule[i].scan_due = true;
	}
	mounts_free(&m);
}

/* Which rules missed something nobody knows: all that rely on events are scanned. */
static void
on_overflow(void *arg)
{
	struct watcher *w = arg;
	size_t i;

	for (i = 0; i < w->rules; i++)
		if (w->rule[i].how & HOW_EVENTS)
			w->rule[i].scan_due = true;
}

static void
take_times(struct watcher *w, int64_t now)
{
	size_t i;

	if (now >= w->next_full) {
		scan_all(w);
		w->full_began = now;
		w->next_full = now + w->config->interval * MS;
	}
	if (now < w->next_poll)
		return;
	w->next_poll = now + w->config->poll * MS;
	for (i = 0; i < w->rules; i++)
		if (w->rule[i].how & HOW_POLL)
			w->rule[i].scan_due = true;
}

/* ---- doing it ---- */

struct scanning {
	struct watcher *w;
	size_t rule;
};

static void
note_how(struct watched *r, enum how how)
{
	r->how |= how;
}

static void
on_scanned_directory(void *arg, const char *path, const struct stat *st)
{
	struct scanning *x = arg;

	(void)st;
	note_how(&x->w->rule[x->rule], events_watch_directory(x->w->events, x->rule, path));
}

static void
watch_file(struct watcher *w, size_t rule, const struct file *f)
{
	note_how(
	    &w->rule[rule], events_watch_file(w->events, rule, f->path,
				w->config->rule[rule].pattern.direct, S_ISDIR(f->facts.mode)));
}

/* What changes between the look and the watch is seen by the look that touch() asks for. */
static void
on_scanned_file(void *arg, const struct file *f)
{
	struct scanning *x = arg;

	if (!f->watch_itself)
		return;
	watch_file(x->w, x->rule, f);
	touch(x->w, x->rule, f->path);
}

static void
scan_watching(struct watcher *w, size_t i)
{
	struct scanning x = {w, i};
	struct rule_watcher also = {on_scanned_directory, on_scanned_file, &x};
	struct watched *r = &w->rule[i];

	if (!w->events) {
		r->how = HOW_POLL;
		rule_scan(&r->state, w->config, w->rootfd, NULL);
		return;
	}
	events_begin(w->events, i);
	r->how =
	    r->state.rule->is_sidecar ? HOW_EVENTS : events_watch_way(w->events, r->state.rule);
	rule_scan(&r->state, w->config, w->rootfd, &also);
	events_sweep(w->events, i);
}

static void
keep_promise(struct watcher *w)
{
	w->board->promise = monotonic_ns();
}

/* One rule, so that events and signals don't wait for all of them. Returns true where
 * there was one. */
static bool
scan_next(struct watcher *w)
{
	size_t i;

	for (i = 0; i < w->rules; i++) {
		struct watched *r = &w->rule[i];
		int64_t begun = monotonic_ns();

		if (!r->scan_due || r->rest_until > begun)
			continue;
		r->scan_due = false;
		scan_watching(w, i);
		r->rest_until = monotonic_ns();
		r->rest_until += SCAN_REST * (r->rest_until - begun);
		return true;
	}
	return false;
}

static bool
scan_is_due(const struct watcher *w)
{
	size_t i;

	for (i = 0; i < w->rules; i++)
		if (w->rule[i].scan_due)
			return true;
	return false;
}

static void
scan_due_rules(struct watcher *w)
{
	struct counters *c = &w->board->counters;

	if (w->events)
		events_forget_way(w->events);
	for (int64_t until = monotonic_ns() + PAUSE_MS * MS; scan_next(w);) {
		keep_promise(w);
		if (monotonic_ns() > until)
			break;
	}
	if (!w->full_began || scan_is_due(w))
		return;
	c->scans++;
	c->last_scan = now_ns();
	c->scan_duration = monotonic_ns() - w->full_began;
	w->full_began = 0;
}

static void
look_at_touched(struct watcher *w)
{
	size_t i, n = w->touched_count;

	for (i = 0; i < n; i++) {
		struct touched t = w->touched[i];
		struct file *f = rule_look(&w->rule[t.rule].state, w->rootfd, t.path);

		if (f && f->watch_itself && w->events)
			watch_file(w, t.rule, f);
		free(t.path);
	}
	w->touched_count = 0;
	keep_promise(w);
}

static void
search_on(struct watcher *w)
{
	int64_t budget = SEARCH_SLICE;
	size_t i;

	for (i = 0; i < w->rules && budget > 0; i++)
		if (w->rule[i].state.pending)
			budget = rule_search(&w->rule[i].state, w->rootfd, budget);
	w->board->counters.bytes_searched += (uint64_t)(SEARCH_SLICE - budget);
	keep_promise(w);
}

static const char *
overall(const struct watcher *w)
{
	size_t i;

	for (i = 0; i < w->rules; i++)
		if (w->rule[i].state.state < STATE_GRACE)
			return "ERROR";
	return "all ok";
}

/* The log and the notifier hear of what a person would call a change. */
static void
tell_of_change(struct watcher *w, const struct rule_state *s, enum state before)
{
	struct rule_status now;
	struct strbuf text = STRBUF_INIT;
	const char *path = s->rule->path, *message;

	if (s->state == before || s->state == STATE_PENDING ||
	    (s->state == STATE_OK && before == STATE_PENDING))
		return;
	rule_report(s, &now);
	status_describe(&text, &now, now_ns());
	if (now.shown_count)
		writer_describe(&text, &now.shown[0].facts.writer);
	message = text.len ? text.s : "";
	report("%s '%s'%s%s", state_name(s->state), path, *message ? ": " : "", message);
	notify_change(
	    w->notifier, path, state_name(before), state_name(s->state), message, overall(w));
	strbuf_free(&text);
	rule_status_clear(&now);
}

static void
judge_due_rules(struct watcher *w)
{
	int64_t now = now_ns();
	size_t i;

	for (i = 0; i < w->rules; i++) {
		struct rule_state *s = &w->rule[i].state;
		enum state before = s->state;

		if (!s->dirty && s->next > now)
			continue;
		if (rule_judge(s, now))
			w->changed = true;
		if (!w->quiet)
			tell_of_change(w, s, before);
	}
}

static struct status *
make_status(struct watcher *w)
{
	struct status *s = xcalloc(1, sizeof(*s));
	size_t i;

	*s = (struct status){.config = config_hold(w->config),
	    .generation = ++w->generation,
	    .rules = w->rules,
	    .rule = xcalloc(w->rules, sizeof(*s->rule)),
	    .references = 1};
	for (i = 0; i < w->rules; i++) {
		rule_report(&w->rule[i].state, &s->rule[i]);
		s->rule[i].how = w->rule[i].how;
	}
	status_finish(s);
	return s;
}

/* Until every rule was looked at once there is nothing to say. */
static bool
is_first_scan_over(const struct watcher *w)
{
	size_t i;

	for (i = 0; i < w->rules; i++)
		if (!w->rule[i].state.scanned)
			return false;
	return true;
}

static void
publish(struct watcher *w)
{
	struct counters *c = &w->board->counters;

	if (w->events) {
		c->events = events_count(w->events);
		c->overflows = events_overflows(w->events);
		c->watches = events_watches(w->events);
	}
	if (!w->changed || !is_first_scan_over(w))
		return;
	w->changed = false;
	board_publish(w->board, make_status(w));
}

static bool
any_search_is_pending(const struct watcher *w)
{
	size_t i;

	for (i = 0; i < w->rules; i++)
		if (w->rule[i].state.pending)
			return true;
	return false;
}

/* ---- waiting ---- */

static void
earlier(int64_t *when, int64_t other)
{
	if (other < *when)
		*when = other;
}

/* By the monotonic clock. */
static int64_t
next_work(const struct watcher *w, int64_t now)
{
	int64_t when = w->next_full;
	bool polled = false;
	size_t i;

	if (w->touched_count || any_search_is_pending(w))
		return now;
	for (i = 0; i < w->rules; i++) {
		if (w->rule[i].scan_due)
			earlier(&when, w->rule[i].rest_until);
		polled |= w->rule[i].how & HOW_POLL;
		if (w->rule[i].integrity && integrity_is_busy(w->rule[i].integrity))
			earlier(&when, now + w->config->stale * MS);
	}
	if (polled)
		earlier(&when, w->next_poll);
	earlier(&when, w->events_from > now ? w->events_from : INT64_MAX);
	earlier(&when, w->mounts_from > now ? w->mounts_from : INT64_MAX);
	return when;
}

/* Deadlines are instants of the real-time clock, which may be set: then the timer ends
 * at once, and all is judged again. */
static void
arm_deadline(struct watcher *w)
{
	struct itimerspec t = {0};
	int64_t next = NEVER;
	size_t i;

	for (i = 0; i < w->rules; i++)
		earlier(&next, w->rule[i].state.next);
	if (next != NEVER) {
		if (next < 1)
			next = 1;
		t.it_value.tv_sec = next / 1000000000;
		t.it_value.tv_nsec = next % 1000000000;
	} else {
		t.it_value.tv_sec = INT32_MAX; /* armed all the same, to hear of a set clock */
	}
	timerfd_settime(w->deadline, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &t, NULL);
}

static void
take_deadline(struct watcher *w)
{
	uint64_t times;
	size_t i;

	if (read(w->deadline, &times, sizeof(times)) >= 0 || errno != ECANCELED)
		return;
	for (i = 0; i < w->rules; i++)
		w->rule[i].state.dirty = true;
}

/* A read that hangs must not leave an old result standing. */
static void
check_integrity(struct watcher *w)
{
	size_t i;

	for (i = 0; i < w->rules; i++) {
		struct rule_state *s = &w->rule[i].state;

		if (!w->rule[i].integrity || s->integrity & RULE_INTEGRITY ||
		    !integrity_is_stuck(w->rule[i].integrity, w->config->stale * MS))
			continue;
		free(s->integrity_message);
		s->integrity_message = xstrdup("comparing with the baseline hangs");
		s->integrity = RULE_INTEGRITY;
		s->dirty = true;
	}
}

static void
take_integrity(struct watcher *w)
{
	uint64_t times;
	size_t i;

	if (read(w->told, &times, sizeof(times)) < 0)
		return;
	for (i = 0; i < w->rules; i++) {
		struct rule_state *s = &w->rule[i].state;
		char *message;

		if (!w->rule[i].mailbox ||
		    !mailbox_take(w->rule[i].mailbox, &s->integrity, &message))
			continue;
		free(s->integrity_message);
		s->integrity_message = message;
		s->dirty = true;
		w->changed = true; /* other words for the same finding, perhaps */
	}
}

static void reload(struct watcher *w);

static void
take_signals(struct watcher *w)
{
	struct signalfd_siginfo got;

	while (read(w->signals, &got, sizeof(got)) == (ssize_t)sizeof(got)) {
		if (got.ssi_signo == SIGHUP)
			reload(w);
		else
			w->stop = true;
	}
}

static void
wait_for_work(struct watcher *w)
{
	static const struct event_sink sink = {on_entry, on_direct, on_below, on_overflow};
	int64_t now = monotonic_ns(), when = next_work(w, now);
	int timeout = when <= now ? 0
				  : (int)((when - now + MS - 1) / MS < 86400000
					      ? (when - now + MS - 1) / MS
					      : 86400000);
	struct pollfd f[] = {
	    {w->signals, POLLIN, 0},
	    {w->deadline, POLLIN, 0},
	    {w->events && w->events_from <= now ? events_fd(w->events) : -1, POLLIN, 0},
	    {w->mounts_from <= now ? w->mounts : -1, POLLPRI, 0},
	    {w->told, POLLIN, 0},
	    {who_fd(), POLLIN, 0},
	};

	arm_deadline(w);
	w->board->promise = when > now ? now + timeout * MS : now;
	if (poll(f, sizeof(f) / sizeof(f[0]), timeout) <= 0)
		return;
	keep_promise(w);
	/* First of all, while the one who wrote may still be asked for its name. */
	if (f[5].revents)
		who_read();
	if (f[0].revents)
		take_signals(w);
	if (f[1].revents)
		take_deadline(w);
	/* A reload may have left no events: a system has so many inotify instances. */
	if (f[2].revents && w->events) {
		events_read(w->events, &sink, w);
		w->events_from = monotonic_ns() + PAUSE_MS * MS;
	}
	if (f[3].revents) {
		scan_mounted(w);
		w->mounts_from = monotonic_ns() + MOUNTS_PAUSE_MS * MS;
	}
	if (f[4].revents)
		take_integrity(w);
}

/* ---- from beginning to end ---- */

static void
set_rules(struct watcher *w, struct config *c)
{
	size_t i;

	w->config = c;
	w->rules = c->rules;
	w->rule = xcalloc(c->rules, sizeof(*w->rule));
	for (i = 0; i < c->rules; i++)
		rule_state_init(&w->rule[i].state, &c->rule[i]);
	w->next_full = 0;
	w->next_poll = monotonic_ns() + c->poll * MS;
	w->board->stale = c->stale * MS;
	if (w->mounts >= 0)
		scan_mounted(w);
}

static void
start_background(struct watcher *w, size_t i)
{
	const struct rule *r = &w->config->rule[i];
	struct counters *counters = &w->board->counters;
	struct watched *at = &w->rule[i];

	if (r->is_sidecar) {
		at->sidecar = w->quiet ? NULL : sidecar_start(w->config, w->told, counters);
		at->mailbox = at->sidecar ? sidecar_mailbox(at->sidecar) : NULL;
	} else if (r->integrity) {
		at->integrity = integrity_start(r, w->config, w->told, counters);
		at->mailbox = at->integrity ? integrity_mailbox(at->integrity) : NULL;
	}
}

static void
start_integrity(struct watcher *w)
{
	size_t i;

	for (i = 0; i < w->rules; i++)
		start_background(w, i);
}

static void
stop_integrity(struct watcher *w)
{
	size_t i;

	for (i = 0; i < w->rules; i++) {
		integrity_stop(w->rule[i].integrity);
		sidecar_stop(w->rule[i].sidecar);
		w->rule[i].integrity = NULL;
		w->rule[i].sidecar = NULL;
		w->rule[i].mailbox = NULL;
	}
}

static void
forget_touched(struct watcher *w)
{
	size_t i;

	for (i = 0; i < w->touched_count; i++)
		free(w->touched[i].path);
	w->touched_count = 0;
}

static void
drop_rules(struct watcher *w)
{
	size_t i;

	stop_integrity(w);
	forget_touched(w);
	for (i = 0; i < w->rules; i++)
		rule_state_free(&w->rule[i].state);
	free(w->rule);
}

/* The old place of a rule that stands unchanged in the new settings. */
static struct watched *
same_rule(struct watched *old, const struct config *from, const struct rule *r)
{
	size_t i;

	if (r->pattern.direct) {
		const struct rule *d = config_direct(from, r->path);

		return d && strcmp(d->summary, r->summary) == 0 ? &old[d - from->rule] : NULL;
	}
	for (i = 0; i < from->rules; i++)
		if (old[i].state.rule && strcmp(from->rule[i].path, r->path) == 0 &&
		    strcmp(from->rule[i].summary, r->summary) == 0)
			return &old[i];
	return NULL;
}

/* What is known of a rule's files stays: since when they are wrong, and how far they were
 * searched. */
static void
carry_over(struct watcher *w, struct watched *old, const struct config *from)
{
	size_t i;

	for (i = 0; i < w->rules; i++) {
		const struct rule *r = &w->config->rule[i];
		struct watched *before = same_rule(old, from, r);

		if (!before || !before->state.rule)
			continue;
		w->rule[i].state = before->state;
		w->rule[i].state.rule = r;
		before->state = (struct rule_state){0};
	}
}

static void
take_over(struct watcher *w, struct config *c)
{
	struct config *from = w->config;
	struct watched *old = w->rule;
	size_t i, n = w->rules;

	stop_integrity(w);
	forget_touched(w);
	events_close(w->events);
	who_watch_nothing();
	w->events = events_open();
	set_rules(w, c);
	carry_over(w, old, from);
	for (i = 0; i < n; i++)
		rule_state_free(&old[i].state);
	free(old);
	start_integrity(w);
	w->changed = true;
	config_drop(from);
}

/* A bad file changes nothing: the old rules hold until there is a good one. */
static void
reload(struct watcher *w)
{
	struct config *c = config_read(w->config->file);

	if (c && !protect_allows(c)) {
		config_drop(c);
		c = NULL;
	}
	if (!c) {
		w->board->counters.reloads_failed++;
		report("settings not reloaded, the old rules stay in force: '%s'",
		    w->config->file);
		return;
	}
	w->board->counters.reloads++;
	take_over(w, c);
	notify_reload(w->notifier);
	if (w->notifier < 0 && c->notify.command)
		report("a changed notify command takes effect at the next start");
	report("settings reloaded: %zu rules from '%s'", c->rules, c->file);
}

static struct watcher *
watcher_new(struct config *c, struct board *b)
{
	struct watcher *w = xcalloc(1, sizeof(*w));

	*w = (struct watcher){.board = b,
	    .rootfd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC),
	    .signals = -1,
	    .deadline = -1,
	    .mounts = -1,
	    .told = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	    .notifier = -1,
	    .changed = true};
	set_rules(w, c);
	return w;
}

struct watcher *
watch_open(struct config *c, struct board *b, int notifier)
{
	struct watcher *w = watcher_new(c, b);
	sigset_t set;

	w->notifier = notifier;
	watch_signals(&set);
	w->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	w->deadline = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	w->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (w->rootfd >= 0 && w->signals >= 0 && w->deadline >= 0 && w->told >= 0) {
		who_open();
		w->events = events_open();
		scan_mounted(w);
		return w;
	}
	report("start the watcher:");
	watch_close(w);
	return NULL;
}

static void
close_if(int fd)
{
	if (fd >= 0)
		close(fd);
}

void
watch_close(struct watcher *w)
{
	drop_rules(w);
	events_close(w->events);
	close_if(w->rootfd);
	close_if(w->signals);
	close_if(w->deadline);
	close_if(w->mounts);
	close_if(w->told);
	close_if(w->notifier);
	config_drop(w->config);
	free(w->touched);
	free(w);
}

static bool
any_integrity_is_unknown(const struct watcher *w)
{
	size_t i;

	for (i = 0; i < w->rules; i++)
		if (w->rule[i].mailbox && w->rule[i].state.integrity & RULE_UNVERIFIED)
			return true;
	return false;
}

struct status *
watch_once(struct config *c)
{
	struct board board;
	struct watcher *w;
	struct status *s;

	board_init(&board);
	w = watcher_new(c, &board);
	w->quiet = true;
	scan_all(w);
	while (scan_next(w))
		;
	while (any_search_is_pending(w))
		search_on(w);
	start_integrity(w);
	while (any_integrity_is_unknown(w))
		if (poll(&(struct pollfd){w->told, POLLIN, 0}, 1, -1) > 0)
			take_integrity(w);
	judge_due_rules(w);
	s = make_status(w);
	watch_close(w);
	board_clear(&board);
	return s;
}

void
watch_run(struct watcher *w)
{
	start_integrity(w);
	while (!w->stop) {
		take_times(w, monotonic_ns());
		look_at_touched(w);
		scan_due_rules(w);
		search_on(w);
		check_integrity(w);
		judge_due_rules(w);
		publish(w);
		wait_for_work(w);
	}
}
