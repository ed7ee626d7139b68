/* The other hosts: verbs there, what they missed, and what d needs there. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "far.h"
#include "file.h"
#include "options.h"
#include "report.h"
#include "strbuf.h"
#include "verbs.h"

/* ---- who missed what ---- */

/* {HOST: [[WORD...]...]}, by whoever holds the lock. */
static int
missed_lock(struct app *a)
{
	int fd = -1;

	if (make_directories(a->host.state, 0700) == 0)
		fd = open(pool_printf("%s/fleet.lock", a->host.state),
		    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX) == 0)
		return fd;
	report("lock '%s/fleet.lock':", a->host.state);
	if (fd >= 0)
		close(fd);
	return -1;
}

static const char *
missed_path(struct app *a)
{
	return pool_printf("%s/fleet-missed.json", a->host.state);
}

static json_t *
missed_read(struct app *a)
{
	json_error_t why;
	json_t *map = json_load_file(missed_path(a), 0, &why);

	if (!map && access(missed_path(a), F_OK) == 0)
		report("read '%s': %s", missed_path(a), why.text);
	if (json_is_object(map))
		return map;
	json_decref(map);
	return json_object();
}

static void
missed_write(struct app *a, const json_t *map)
{
	char *text = json_dumps(map, JSON_INDENT(1) | JSON_SORT_KEYS);

	if (file_replace(AT_FDCWD, missed_path(a),
		&(struct new_file){.bytes = text, .n = strlen(text), .mode = 0600}, NULL))
		report("write '%s':", missed_path(a));
	free(text);
}

static json_t *
as_json(const struct words *words)
{
	json_t *list = json_array();

	for (size_t i = 0; i < words->n; i++)
		json_array_append_new(list, json_string(words->w[i]));
	return list;
}

static struct words
from_json(const json_t *list)
{
	struct words words = {0};

	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_is_string(json_array_get(list, i)))
			words_add(&words, json_string_value(json_array_get(list, i)));
	return words;
}

/* A host that wasn't reached has it to be done; one that did it no longer. */
static void
missed_note(struct app *a, const struct fleet_host *h, const struct words *words, bool missed)
{
	cleanup_fd int lock = missed_lock(a);
	json_t *map = missed_read(a), *list = json_object_get(map, h->name);
	json_t *line = as_json(words);
	bool changed = missed;

	if (!json_is_array(list)) {
		list = json_array();
		json_object_set_new(map, h->name, list);
	}
	for (size_t i = json_array_size(list); i-- > 0;)
		if (json_equal(json_array_get(list, i), line)) {
			json_array_remove(list, i);
			changed = true;
		}
	if (missed)
		json_array_append(list, line);
	if (!json_array_size(list))
		json_object_del(map, h->name);
	if (changed && lock >= 0)
		missed_write(a, map);
	json_decref(line);
	json_decref(map);
}

static const char *
line_of(const struct words *words)
{
	struct strbuf b = STRBUF_INIT;
	const char *got;

	words_quote(words, &b);
	got = pool_dup(b.s ? b.s : "");
	strbuf_free(&b);
	return got;
}

/* Whether any of them missed anything. */
static bool
missed_tell(struct app *a, const struct fleet *some)
{
	json_t *map = missed_read(a), *list;
	bool any = false;

	for (size_t i = 0; i < some->n; i++) {
		list = json_object_get(map, some->v[i].name);
		for (size_t k = 0; k < json_array_size(list); k++) {
			struct words words = from_json(json_array_get(list, k));

			printf("%-12s missed: d %s\n", some->v[i].name, line_of(&words));
			any = true;
		}
	}
	json_decref(map);
	return any;
}

/* ---- what came from there ---- */

/* A host that somebody else rules must not drive this one's terminal. */
static const char *
visible(const char *s)
{
	struct strbuf b = STRBUF_INIT;
	const char *got;

	strbuf_put_visible(&b, s, strlen(s));
	got = pool_dup(b.s ? b.s : "");
	strbuf_free(&b);
	return got;
}

/* Lines stay lines. */
static void
put_visible(const char *s, size_t n, FILE *to)
{
	for (size_t len; n; s += len, n -= len) {
		const char *end = memchr(s, '\n', n);

		len = end ? (size_t)(end - s) : n;
		fputs(visible(pool_dupn(s, len)), to);
		if (end) {
			fputc('\n', to);
			len++;
		}
	}
	fflush(to);
}

static void
copy_visible(int fd, FILE *to)
{
	const char *text = far_text(fd);

	if (text)
		put_visible(text, strlen(text), to);
	else
		report("what a host said is too long, or can't be read");
}

/* From here on what is written to this descriptor goes through a process that makes it visible.
 * Returns the process, and the descriptor as it was in *was. */
static pid_t
filter_begin(int fd, FILE *to, int *was)
{
	int pipes[2];
	pid_t pid;

	fflush(to);
	*was = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (*was < 0 || pipe2(pipes, O_CLOEXEC) || (pid = fork()) < 0)
		die("start a filter:");
	if (pid == 0) {
		char chunk[16384];
		ssize_t n;

		close(pipes[1]);
		while ((n = read(pipes[0], chunk, sizeof(chunk))) > 0) {
			put_visible(chunk, (size_t)n, to);
			pool_drop();
		}
		_exit(0);
	}
	close(pipes[0]);
	dup2(pipes[1], fd);
	close(pipes[1]);
	return pid;
}

static void
filter_end(int fd, pid_t pid, int was)
{
	dup2(was, fd);
	close(was);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* As far_d(), and heard while it speaks. */
static struct far_answer
far_heard(const struct fleet_host *h, const struct words *words)
{
	struct far_answer answer;
	int out, err;
	pid_t first = filter_begin(STDOUT_FILENO, stdout, &out),
	      second = filter_begin(STDERR_FILENO, stderr, &err);

	answer = far_d(h, words, false);
	filter_end(STDERR_FILENO, second, err);
	filter_end(STDOUT_FILENO, first, out);
	return answer;
}

static void
text_close(struct far_text *t)
{
	if (t->out >= 0)
		close(t->out);
	if (t->err >= 0)
		close(t->err);
}

/* ---- the table of all ---- */

static const char *
cell(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text && *text ? visible(text) : "-";
}

static void
print_row(const char *host, const json_t *row)
{
	printf("%-12s %-16s %-9s %-9s %5s %-5s %7s %s\n", host, cell(row, "name"),
	    cell(row, "state"), cell(row, "health"), cell(row, "image_age"), cell(row, "live"),
	    cell(row, "memory"), cell(row, "ports"));
}

/* A host's rows; NULL after a message. */
static json_t *
rows_of(const struct fleet_host *h, const struct far_text *t)
{
	char *text;
	json_t *rows = NULL;

	if (far_tell(h, &t->answer))
		return NULL;
	text = far_text(t->out);
	if (text && (t->answer.status == EXIT_YES || t->answer.status == EXIT_NO))
		rows = json_loads(text, 0, NULL);
	if (!json_is_array(rows)) {
		json_decref(rows);
		rows = NULL;
		text = far_text(t->err);
		report("%s: d there: %s", h->name,
		    text && *text ? pool_dupn(text, strcspn(text, "\n")) : "no answer");
	}
	return rows;
}

static int
status_of_all(struct app *a, const struct fleet *some, bool json)
{
	struct far_text *text = pool_zero(some->n, sizeof(*text));
	struct words words = {0};
	json_t *all = json_object();
	int status = EXIT_YES;

	words_add(&words, "status");
	words_add(&words, "--json");
	far_all(some, &words, text);
	if (!json)
		printf("%-12s %-16s %-9s %-9s %5s %-5s %7s %s\n", "HOST", "NAME", "STATE",
		    "HEALTH", "IMAGE", "LIVE?", "MEMORY", "PORTS");
	for (size_t i = 0; i < some->n; i++) {
		json_t *rows = rows_of(&some->v[i], &text[i]);

		text_close(&text[i]);
		if (!rows)
			status = EXIT_TROUBLE;
		if (!rows && !json)
			printf("%-12s %s\n", some->v[i].name, "unknown");
		for (size_t k = 0; !json && k < json_array_size(rows); k++)
			print_row(some->v[i].name, json_array_get(rows, k));
		json_object_set_new(all, some->v[i].name, rows ? rows : json_null());
	}
	if (json) {
		json_dumpf(all, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
		printf("\n");
	} else {
		missed_tell(a, some);
	}
	json_decref(all);
	return status;
}

/* ---- a verb on several ---- */

static const struct verb *
verb_named(const struct app *a, const char *word)
{
	for (const struct verb *v = a->verbs; v->name; v++) {
		size_t len = strlen(word);

		if (strcmp(v->name, word) == 0)
			return v;
		for (const char *p = v->aliases; *p; p += strcspn(p, " "), p += strspn(p, " "))
			if (strcspn(p, " ") == len && strncmp(p, word, len) == 0)
				return v;
	}
	return NULL;
}

/* What a host that wasn't reached has to catch up with. */
static bool
changes(const struct app *a, const char *word)
{
	const struct verb *v = verb_named(a, word);

	return v && (v->kind & EXACT);
}

/* The hosts that a verb is run on at once: the first that is reached is alone, the canary; the
 * others of its wave are next. Where nothing changes, all. */
static size_t
next_group(const struct fleet *some, size_t from, bool work, bool canary)
{
	size_t to = from + 1;

	if (work && canary)
		return to;
	while (to < some->n && (!work || some->v[to].wave == some->v[from].wave))
		to++;
	return to;
}

/* One alone is heard while it speaks, several one after the other once all are done. */
static void
run_group(const struct fleet *group, const struct words *words, struct far_answer *answer)
{
	struct far_text *text = pool_zero(group->n, sizeof(*text));

	if (group->n == 1) {
		printf("== %s\n", group->v[0].name);
		fflush(stdout);
		answer[0] = far_heard(&group->v[0], words);
		far_tell(&group->v[0], &answer[0]);
		return;
	}
	far_all(group, words, text);
	for (size_t i = 0; i < group->n; i++) {
		printf("== %s\n", group->v[i].name);
		copy_visible(text[i].out, stdout);
		copy_visible(text[i].err, stderr);
		answer[i] = text[i].answer;
		text_close(&text[i]);
		far_tell(&group->v[i], &answer[i]);
	}
}

/* What a host's answer makes the exit status of all. */
static int
status_of(const struct far_answer *answer, bool work)
{
	return answer->kind == FAR_ANSWERED              ? answer->status
	       : answer->kind == FAR_UNREACHABLE && work ? EXIT_NO
							 : EXIT_TROUBLE;
}

static void
tell_rest(const struct fleet *some, size_t from, const char *failed)
{
	struct words names = {0};

	for (size_t i = from; i < some->n; i++)
		words_add(&names, some->v[i].name);
	if (names.n)
		report("%s failed: left as they are: %s", failed, line_of(&names));
}

/* By waves; where one fails the waves behind it are left alone. Who can't be reached is passed
 * over, and has it to be done. */
static int
on_each(struct app *a, const struct fleet *some, const struct words *words)
{
	bool work = changes(a, words->w[0]), canary = true;
	struct far_answer *answer = pool_zero(some->n, sizeof(*answer));
	const char *failed = NULL;
	int status = EXIT_YES, got;

	for (size_t i = 0, end; i < some->n && !failed; i = end) {
		end = next_group(some, i, work, canary);
		run_group(&(struct fleet){&some->v[i], end - i}, words, &answer[i]);
		for (size_t k = i; k < end; k++) {
			if (work)
				missed_note(
				    a, &some->v[k], words, answer[k].kind == FAR_UNREACHABLE);
			if (answer[k].kind == FAR_ANSWERED)
				canary = false;
			got = status_of(&answer[k], work);
			status = got > status ? got : status;
			if (work && got && answer[k].kind != FAR_UNREACHABLE)
				failed = some->v[k].name;
		}
		if (failed)
			tell_rest(some, end, failed);
	}
	if (strcmp(words->w[0], "plan") == 0 && missed_tell(a, some) && !status)
		status = EXIT_NO;
	return status;
}

static int
no_hosts(void)
{
	report("no hosts are named: see hosts in settings.yaml(5)");
	return EXIT_TROUBLE;
}

static int
on_one(struct app *a, const struct fleet_host *h, struct words *words)
{
	struct far_answer answer;

	if (!words->n)
		words_add(words, "status");
	answer = far_d(h, words, isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
	if (changes(a, words->w[0]))
		missed_note(a, h, words, answer.kind == FAR_UNREACHABLE);
	return far_tell(h, &answer) ? EXIT_TROUBLE : answer.status;
}

/* d @HOST VERB..., d -A VERB...: argv[0] is "@HOST" or "-A". */
int
do_far(struct app *a, int argc, char **argv)
{
	struct fleet some;
	struct words words = {0};
	bool json;

	if (!a->host.fleet.n)
		return no_hosts();
	if (!fleet_pick(&a->host.fleet, argv[0][0] == '@' ? argv[0] + 1 : NULL, &some)) {
		report("no host and no label is called '%s' (d hosts lists them)", argv[0] + 1);
		return EXIT_TROUBLE;
	}
	for (int i = 1; i < argc; i++)
		words_add(&words, argv[i]);
	if (argv[0][0] == '@' && fleet_host(&a->host.fleet, argv[0] + 1))
		return on_one(a, &some.v[0], &words);
	json = words.n && strcmp(words.w[words.n - 1], "--json") == 0;
	if (!words.n || strcmp(words.w[0], "status") == 0 || strcmp(words.w[0], "--json") == 0)
		return status_of_all(a, &some, json);
	return on_each(a, &some, &words);
}

/* ---- d hosts ---- */

static int
list_hosts(const struct fleet *all)
{
	for (size_t i = 0; i < all->n; i++)
		printf("%-12s %4d %-24s %s\n", all->v[i].name, (int)all->v[i].wave,
		    all->v[i].ssh, all->v[i].labels.n ? line_of(&all->v[i].labels) : "-");
	return all->n ? EXIT_YES : no_hosts();
}

/* What d there says of itself and its engine. */
static int
check_host(struct app *a, const struct fleet_host *h)
{
	struct fleet only = {(struct fleet_host *)h, 1};
	struct words words = {0};
	struct far_text t;
	const char *out, *err;
	size_t n = 0;
	int status;

	(void)a;
	words_add(&words, "list-all");
	far_all(&only, &words, &t);
	status = far_tell(h, &t.answer) ? EXIT_NO : t.answer.status;
	out = far_text(t.out);
	err = far_text(t.err);
	for (const char *p = out ? out : ""; *p; p++)
		n += *p == '\n';
	if (t.answer.kind == FAR_ANSWERED && status)
		report("%s: d there: %s", h->name,
		    err && *err ? pool_dupn(err, strcspn(err, "\n")) : "no reason given");
	else if (!status)
		printf("%-12s ok, %zu containers\n", h->name, n);
	text_close(&t);
	return status ? EXIT_NO : EXIT_YES;
}

static int
add_host(struct app *a, const struct fleet_host *h)
{
	return far_bring(h, a->engine.pack) ? EXIT_NO : check_host(a, h);
}

/* What it missed, in the order in which it did; the first that fails ends it. */
static int
retry_host(struct app *a, const struct fleet_host *h)
{
	json_t *map = missed_read(a), *list = json_object_get(map, h->name);
	int status = EXIT_YES;

	for (size_t i = 0; i < json_array_size(list) && !status; i++) {
		struct words words = from_json(json_array_get(list, i));

		if (!words.n)
			continue;
		printf("== %s: d %s\n", h->name, line_of(&words));
		fflush(stdout);
		status = on_one(a, h, &words);
	}
	json_decref(map);
	return status;
}

static const struct {
	const char *word;
	int (*run)(struct app *a, const struct fleet_host *h);
} actions[] = {{"add", add_host}, {"check", check_host}, {"retry", retry_host}};

int
do_hosts(struct app *a, int argc, char **argv)
{
	const struct fleet *all = &a->host.fleet;
	int (*run)(struct app * a, const struct fleet_host *h) = NULL;
	int status = EXIT_YES, got;

	argc = take_options(a, argc, &argv, NO_OPTIONS, false);
	if (argc < 0)
		return EXIT_TROUBLE;
	if (argc == 0)
		return list_hosts(all);
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(argv[0], actions[i].word) == 0)
			run = actions[i].run;
	if (!run)
		return usage(a);
	if (argc == 1 && !all->n)
		return no_hosts();
	for (int i = 1; i < argc; i++)
		if (!fleet_host(all, argv[i])) {
			report("no host is called '%s' (d hosts lists them)", argv[i]);
			return EXIT_TROUBLE;
		}
	for (size_t i = 0; i < all->n; i++) {
		bool named = argc == 1;

		for (int k = 1; k < argc; k++)
			named |= strcmp(argv[k], all->v[i].name) == 0;
		got = named ? run(a, &all->v[i]) : EXIT_YES;
		status = got > status ? got : status;
	}
	return status;
}
