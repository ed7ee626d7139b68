#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "host.h"
#include "notifiers.h"
#include "notify_send.h"
#include "report.h"
#include "strbuf.h"

enum {
	WAITING_MAX = 200,     /* messages in the queue; then the oldest goes */
	TELL_MAX = 20,         /* events that one message tells of */
	GIVE_UP_S = 24 * 3600, /* after which a notifier that fails isn't tried for one */
	PAUSE_S = 60,          /* before the second try, doubled for each further one */
	PAUSE_MAX_S = 3600,
	LINE_MAX_BYTES = 700,
	ROUNDS = 100, /* of sending what others queue meanwhile */
};

static bool has_queued;

/* ---- the queue ---- */

static const char *
file_in_queue(const struct host *h, const char *name)
{
	return pool_printf(
	    "%.*s/notify/%s", (int)(strrchr(h->state, '/') - h->state), h->state, name);
}

/* Held until the descriptor is closed. -1 after a message, or where it isn't waited for and
 * another has it. */
static int
take_lock(const struct host *h, const char *name, bool wait)
{
	const char *path = file_in_queue(h, name);
	cleanup_fd int fd = -1;

	if (make_directories(pool_dupn(path, (size_t)(strrchr(path, '/') - path)), 0700) == 0)
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) == 0)
		return steal_fd(&fd);
	if (wait || errno != EWOULDBLOCK)
		report("lock '%s':", path);
	return -1;
}

/* {"messages": [...], "tries": {NOTIFIER: {"n", "after"}}}; what is damaged begins anew. */
static json_t *
queue_read(const struct host *h)
{
	const char *path = file_in_queue(h, "queue.json");
	json_error_t why;
	json_t *got = NULL;

	if (access(path, F_OK) == 0) {
		got = json_load_file(path, 0, &why);
		if (!got)
			report("'%s' is damaged: %s", path, why.text);
	}
	if (!json_is_array(json_object_get(got, "messages")) ||
	    !json_is_object(json_object_get(got, "tries"))) {
		json_decref(got);
		got = json_pack("{s:[], s:{}}", "messages", "tries");
	}
	return got;
}

static int
queue_write(const struct host *h, const json_t *queue)
{
	const char *path = file_in_queue(h, "queue.json");
	cleanup_free char *text = json_dumps(queue, JSON_INDENT(1) | JSON_SORT_KEYS);
	const struct new_file f = {.bytes = text, .n = text ? strlen(text) : 0, .mode = 0600};

	if (text && file_replace(AT_FDCWD, path, &f, pool_printf("%s.new", path)) == 0)
		return 0;
	report("write '%s':", path);
	return -1;
}

static const char *
text_of(const json_t *message, const char *key)
{
	const char *got = json_string_value(json_object_get(message, key));

	return got ? got : "";
}

/* Bytes that no header and no terminal is to see become visible ones. */
static char *
clean(const char *text)
{
	struct strbuf b = STRBUF_INIT;
	size_t len = strnlen(text, LINE_MAX_BYTES);
	char *got;

	strbuf_put_visible(&b, text, len);
	got = pool_dup(b.s ? b.s : "");
	strbuf_free(&b);
	return got;
}

void
notify_queue(const struct host *h, const char *name, const char *what, const char *image,
    const char *text)
{
	static unsigned count;
	cleanup_fd int lock = -1;
	json_t *queue, *messages;

	for (size_t i = 0; i < h->notifiers.n; i++) {
		if (!notifier_hears(&h->notifiers.v[i], what))
			continue;
		if (lock < 0) {
			lock = take_lock(h, "lock", true);
			if (lock < 0)
				return;
			queue = queue_read(h);
			messages = json_object_get(queue, "messages");
		}
		json_array_append_new(messages,
		    json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s}", "id",
			pool_printf(
			    "%lld-%d-%u", (long long)time(NULL), (int)getpid(), count++),
			"to", h->notifiers.v[i].name, "time", (json_int_t)time(NULL), "event",
			what, "name", name ? clean(name) : "", "image", image ? image : "",
			"text", clean(text)));
		while (json_array_size(messages) > WAITING_MAX)
			json_array_remove(messages, 0);
	}
	if (lock < 0)
		return;
	has_queued = true;
	queue_write(h, queue);
	json_decref(queue);
}

bool
notify_has_queued(void)
{
	return has_queued;
}

size_t
notify_waiting(const struct host *h, const struct notifier *n)
{
	json_t *queue = queue_read(h), *one;
	size_t i, count = 0;

	json_array_foreach (json_object_get(queue, "messages"), i, one)
		count += strcmp(text_of(one, "to"), n->name) == 0;
	json_decref(queue);
	return count;
}

/* ---- one message of several events ---- */

static bool
is_bad(const char *event)
{
	static const char *const bad[] = {
	    "failed", "gone-back", "data-restored", "job-failed", "refused"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (strcmp(event, bad[i]) == 0)
			return true;
	return false;
}

static const char *
clock_text(const json_t *message)
{
	time_t at = (time_t)json_integer_value(json_object_get(message, "time"));
	char text[32];
	struct tm tm;

	localtime_r(&at, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
	return pool_dup(text);
}

static void
compose(json_t *due, struct message *m)
{
	struct strbuf text = STRBUF_INIT;
	size_t i, n = json_array_size(due);
	json_t *one, *first = json_array_get(due, 0);

	*m = (struct message){.event = n > 1 ? "several" : text_of(first, "event"),
	    .name = n > 1 ? "" : text_of(first, "name"),
	    .image = n > 1 ? "" : text_of(first, "image"),
	    .time = clock_text(first)};
	json_array_foreach (due, i, one) {
		const char *name = text_of(one, "name"), *event = text_of(one, "event");

		m->bad |= is_bad(event);
		if (i == TELL_MAX)
			strbuf_printf(&text, "and %zu more: d why NAME\n", n - i);
		if (i >= TELL_MAX)
			continue;
		if (n > 1)
			strbuf_printf(&text, "%s  ", clock_text(one));
		strbuf_printf(
		    &text, "%s%s%s: %s\n", name, *name ? " " : "", event, text_of(one, "text"));
	}
	m->text = pool_dupn(text.s, text.len - 1);
	m->title = n > 1      ? pool_printf("%zu events on %s", n, host_name())
		   : *m->name ? pool_printf("%s %s on %s", m->name, m->event, host_name())
			      : pool_printf("%s on %s", m->event, host_name());
	strbuf_free(&text);
}

/* ---- sending ---- */

/* What one notifier is to get now. */
static json_t *
due_for(const json_t *queue, const struct notifier *n)
{
	const json_t *tries = json_object_get(json_object_get(queue, "tries"), n->name);
	json_t *due = json_array(), *one;
	time_t now = time(NULL);
	struct tm tm;
	size_t i;

	localtime_r(&now, &tm);
	if (json_integer_value(json_object_get(tries, "after")) > now + PAUSE_MAX_S ||
	    json_integer_value(json_object_get(tries, "after")) <= now)
		json_array_foreach (json_object_get(queue, "messages"), i, one)
			if (strcmp(text_of(one, "to"), n->name) == 0 &&
			    !notifier_is_quiet(n, text_of(one, "event"), &tm))
				json_array_append(due, one);
	return due;
}

static bool
among_messages(const json_t *list, const json_t *message)
{
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one)
		if (strcmp(text_of(one, "id"), text_of(message, "id")) == 0)
			return true;
	return false;
}

/* Takes what was sent out of the queue, or notes that it couldn't be. *first: it is the first
 * failure in a row. -1 where that couldn't be written. */
static int
note_outcome(const struct host *h, const struct notifier *n, const json_t *sent, bool arrived,
    bool *first)
{
	cleanup_fd int lock = take_lock(h, "lock", true);
	json_t *queue = queue_read(h), *messages = json_object_get(queue, "messages");
	json_t *tries = json_object_get(queue, "tries");
	json_int_t count =
	    json_integer_value(json_object_get(json_object_get(tries, n->name), "n"));
	json_int_t pause = count < 6 ? (json_int_t)PAUSE_S << count : PAUSE_MAX_S;
	int bad;

	for (size_t i = json_array_size(messages); i-- > 0;) {
		const json_t *one = json_array_get(messages, i);
		json_int_t age = time(NULL) - json_integer_value(json_object_get(one, "time"));

		if (among_messages(sent, one) && (arrived || age > GIVE_UP_S))
			json_array_remove(messages, i);
	}
	if (arrived)
		json_object_del(tries, n->name);
	else
		json_object_set_new(tries, n->name,
		    json_pack(
			"{s:I, s:I}", "n", count + 1, "after", (json_int_t)time(NULL) + pause));
	*first = count == 0;
	bad = lock < 0 ? -1 : queue_write(h, queue);
	json_decref(queue);
	return bad;
}

/* -1 where it couldn't be written down what was sent. */
static int
flush_one(const struct host *h, const struct notifier *n, const json_t *queue,
    void (*undelivered)(const struct host *, const char *, const char *))
{
	json_t *due = due_for(queue, n), *one;
	struct message m;
	const char *why;
	bool first;
	int bad = 0;
	size_t i;

	if (json_array_size(due)) {
		compose(due, &m);
		why = notify_send(n, &m);
		bad = note_outcome(h, n, due, !why, &first);
		if (why)
			report("notifying '%s' failed: %s", n->name, why);
		json_array_foreach (due, i, one) {
			json_int_t age =
			    time(NULL) - json_integer_value(json_object_get(one, "time"));

			if (why && *text_of(one, "name") && (first || age > GIVE_UP_S))
				undelivered(h, text_of(one, "name"),
				    pool_printf(
					"%s: %s: %s", n->name, text_of(one, "event"), why));
		}
	}
	json_decref(due);
	return bad;
}

/* One at a time, so that nothing is sent twice. -1 where another is at it, who looks again once
 * it is through, or where the outcome couldn't be written down: what was sent would be once
 * more. */
static int
flush_all(
    const struct host *h, void (*undelivered)(const struct host *, const char *, const char *))
{
	cleanup_fd int sending = take_lock(h, "sending", false);
	json_t *queue;
	int bad = 0;

	if (sending < 0)
		return -1;
	queue = queue_read(h);
	for (size_t i = 0; i < h->notifiers.n; i++)
		bad |= flush_one(h, &h->notifiers.v[i], queue, undelivered);
	json_decref(queue);
	return bad;
}

static bool
anything_due(const struct host *h)
{
	json_t *queue = queue_read(h);
	size_t n = 0;

	for (size_t i = 0; i < h->notifiers.n; i++) {
		json_t *due = due_for(queue, &h->notifiers.v[i]);

		n += json_array_size(due);
		json_decref(due);
	}
	json_decref(queue);
	return n > 0;
}

void
notify_flush(
    const struct host *h, void (*undelivered)(const struct host *, const char *, const char *))
{
	if (!h->notifiers.n || access(file_in_queue(h, "queue.json"), F_OK))
		return;
	/* Looked at without the lock, so that nobody leaves something behind whom we kept out.
	 */
	for (int i = 0; i < ROUNDS && anything_due(h) && flush_all(h, undelivered) == 0; i++)
		;
}
