#include "waves.h"

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
#include "file.h"
#include "report.h"
#include "strbuf.h"

/* ---- who missed what ---- */

const char missed_here[] = "here";

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

/* NULL after a message where what is there is no such map: then it isn't known what they
 * missed. */
static json_t *
missed_read(struct app *a)
{
	json_error_t why = {.text = "not a map of hosts"};
	json_t *map = json_load_file(missed_path(a), 0, &why);

	if (json_is_object(map))
		return map;
	if (!map && access(missed_path(a), F_OK))
		return json_object();
	json_decref(map);
	report("'%s' is damaged, and what hosts missed isn't known: %s; d hosts forget puts it "
	       "aside",
	    missed_path(a), why.text);
	return NULL;
}

/* Whoever has something to write down needs a file that is none of the damaged. */
static json_t *
missed_aside(struct app *a)
{
	const char *kept = pool_printf("%s.damaged", missed_path(a));

	if (rename(missed_path(a), kept)) {
		report("rename '%s' to '%s':", missed_path(a), kept);
		return NULL;
	}
	report("'%s' has what was there", kept);
	return json_object();
}

static int
missed_write(struct app *a, const json_t *map)
{
	char *text = json_dumps(map, JSON_INDENT(1) | JSON_SORT_KEYS);
	int bad = file_replace(AT_FDCWD, missed_path(a),
	    &(struct new_file){.bytes = text, .n = strlen(text), .mode = 0600}, NULL);

	if (bad)
		report("write '%s':", missed_path(a));
	free(text);
	return bad;
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

/* What a missed line is about, without the word that says where it is run. */
static struct words
told(const struct words *line)
{
	bool here = line->n && strcmp(line->w[0], missed_here) == 0;

	return (struct words){line->w + here, line->n - here, 0};
}

/* What a verb leaves a container as. */
enum leaves { AS_IT_IS, UP, DOWN, UPGRADED };

static enum leaves
leaves(const struct app *a, const char *word)
{
	static const struct {
		const char *name;
		enum leaves as;
	} all[] = {{"up", UP}, {"restart", UP}, {"down", DOWN}, {"upgrade", UPGRADED},
	    {"up-all", UP}, {"restart-all", UP}, {"down-all", DOWN}, {"upgrade-all", UPGRADED}};
	const struct verb *v = verb_named(a, word);

	for (size_t i = 0; v && i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(v->name, all[i].name) == 0)
			return all[i].as;
	return AS_IT_IS;
}

/* Whether both are about the same containers, and neither says more than that. */
static bool
about_the_same(const struct words *one, const struct words *other)
{
	if (one->n != other->n)
		return false;
	for (size_t i = 1; i < one->n; i++)
		if (*one->w[i] == '-' || strcmp(one->w[i], other->w[i]) != 0)
			return false;
	return true;
}

/* What is to be done of an earlier line now that a later one was done, or is to be: a stop that
 * came later isn't undone by what was missed before. NULL: nothing. */
static json_t *
overtaken(const struct app *a, const struct words *line, const struct words *later)
{
	struct words was = told(line), is = told(later), rest = {0};
	enum leaves had, has;

	if (!was.n || !about_the_same(&was, &is))
		return as_json(line);
	had = leaves(a, was.w[0]);
	has = leaves(a, is.w[0]);
	if ((had == UP || had == DOWN) && has != AS_IT_IS && has != UPGRADED)
		return NULL;
	if (had != UPGRADED || has != DOWN || was.n == 1)
		return as_json(line);
	for (size_t i = 0; i < line->n; i++) {
		words_add(&rest, line->w[i]);
		if (line->w[i] == was.w[0])
			words_add(&rest, "--keep-down");
	}
	return as_json(&rest);
}

void
missed_note(
    struct app *a, const struct fleet_host *h, const struct words *words, enum missed_what what)
{
	cleanup_fd int lock = missed_lock(a);
	json_t *map = missed_read(a), *list, *left = json_array(), *line = as_json(words), *one;
	size_t i;

	if (!map && what == MISSED && lock >= 0)
		map = missed_aside(a);
	list = json_object_get(map, h->name);
	json_array_foreach (list, i, one) {
		struct words before = from_json(one);
		json_t *now = json_equal(one, line) ? NULL : overtaken(a, &before, words);

		if (now)
			json_array_append_new(left, now);
	}
	if (what == MISSED)
		json_array_append(left, line);
	if (map && lock >= 0 && !json_equal(list ? list : json_null(), left) &&
	    (list || json_array_size(left))) {
		if (json_array_size(left))
			json_object_set(map, h->name, left);
		else
			json_object_del(map, h->name);
		missed_write(a, map);
	}
	json_decref(line);
	json_decref(left);
	json_decref(map);
}

int
missed_forget(struct app *a, const struct fleet_host *h)
{
	cleanup_fd int lock = missed_lock(a);
	json_t *map = lock < 0 ? NULL : missed_read(a);
	int bad;

	if (!map && lock >= 0)
		map = missed_aside(a);
	bad = !map;
	if (map && json_object_del(map, h->name) == 0)
		bad = missed_write(a, map);
	json_decref(map);
	return bad ? -1 : 0;
}

bool
missed_tell(struct app *a, const struct fleet *some)
{
	json_t *map = missed_read(a), *list;
	bool any = !map;

	for (size_t i = 0; i < some->n; i++) {
		list = json_object_get(map, some->v[i].name);
		for (size_t k = 0; k < json_array_size(list); k++) {
			struct words line = from_json(json_array_get(list, k)),
				     words = told(&line);

			printf("%-12s missed: d %s\n", some->v[i].name, words_line(&words));
			any = true;
		}
	}
	json_decref(map);
	return any;
}

int
missed_by(struct app *a, const struct fleet_host *h, struct words_list *all)
{
	json_t *map = missed_read(a), *list = json_object_get(map, h->name);

	*all = (struct words_list){0};
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct words words = from_json(json_array_get(list, i));

		if (words.n)
			*GROW(*all) = words;
	}
	if (!map)
		return -1;
	json_decref(map);
	return 0;
}

enum missed_what
missed_what(const struct far_answer *answer)
{
	return answer->kind == FAR_UNREACHABLE                              ? MISSED
	       : answer->kind == FAR_ANSWERED && answer->status == EXIT_YES ? DONE
									    : STILL;
}

/* ---- what came from there ---- */

const char *
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

/* ---- a verb on several ---- */

const struct verb *
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

/* getopt_long(3) takes the start of a name, and what follows behind '='. */
static bool
is_option(const char *word, const char *name)
{
	size_t len = strcspn(word, "=");

	return len > 2 && strncmp(word, name, len) == 0;
}

/* Of the options that make a question change something. */
static bool
writes(const char *word)
{
	return is_option(word, "--rm") || is_option(word, "--notify") ||
	       is_option(word, "--test") || is_option(word, "--output") ||
	       (word[0] == '-' && word[1] != '-' && strchr(word, 'o'));
}

/* -n, alone or among switches. */
static bool
is_dry(const char *word)
{
	return is_option(word, "--dry-run") || strcmp(word, "--dryrun") == 0 ||
	       (word[0] == '-' && strchr(word, 'n') && !word[1 + strspn(word + 1, "nrT")]);
}

static bool
is_list(const char *word)
{
	return is_option(word, "--list") || (word[0] == '-' && word[1] == 'l' && !word[2]);
}

/* Whether a verb that changes something only asks by its words. */
static bool
asks(const struct verb *v, const struct words *words)
{
	if (v->kind & NAMED)
		return words->n == 2 && words->w[1][0] != '-';
	if (v->kind & CHECKS)
		return words->n == 1 || strcmp(words->w[1], "check") == 0;
	for (size_t i = 1; i < words->n && strcmp(words->w[i], "--") != 0; i++)
		if (((v->kind & DRY) && is_dry(words->w[i])) ||
		    ((v->kind & LISTS) && is_list(words->w[i])))
			return true;
	return false;
}

bool
verb_changes(const struct app *a, const struct words *words)
{
	const struct verb *v = words->n ? verb_named(a, words->w[0]) : NULL;

	if (!v || !(v->kind & READS))
		return v && !asks(v, words);
	for (size_t i = 1; i < words->n && strcmp(words->w[i], "--") != 0; i++)
		if (writes(words->w[i]))
			return true;
	return false;
}

/* Whether "no" is an answer of it, and not the failure of what it was to do. */
static bool
verb_finds(const struct app *a, const char *word)
{
	const struct verb *v = verb_named(a, word);

	return v && (v->kind & READS);
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
ask_group(const struct fleet *group, const struct words *words, bool question,
    struct far_answer *answer)
{
	struct far_text *text = pool_zero(group->n, sizeof(*text));

	if (group->n == 1) {
		printf("== %s\n", group->v[0].name);
		fflush(stdout);
		answer[0] = far_heard(&group->v[0], words);
		far_tell(&group->v[0], &answer[0]);
		return;
	}
	far_all(group, words, question ? FAR_QUESTION : FAR_WORK, text);
	for (size_t i = 0; i < group->n; i++) {
		printf("== %s\n", group->v[i].name);
		copy_visible(text[i].out, stdout);
		copy_visible(text[i].err, stderr);
		answer[i] = text[i].answer;
		far_close(&text[i]);
		far_tell(&group->v[i], &answer[i]);
	}
}

/* What has to be there before is brought to one after the other; the verb goes to those that
 * have it. */
static void
run_group(struct app *a, const struct fleet *group, const struct words *words,
    struct far_answer *answer, waves_before *before, const void *arg)
{
	struct fleet ready = {0};
	struct far_answer *got = pool_zero(group->n, sizeof(*got));
	size_t next = 0;

	for (size_t i = 0; i < group->n; i++) {
		answer[i] = before ? before(a, &group->v[i], arg) : (struct far_answer){0};
		if (answer[i].kind == FAR_ANSWERED && answer[i].status == EXIT_YES)
			*GROW(ready) = group->v[i];
	}
	if (ready.n)
		ask_group(&ready, words, !verb_changes(a, words), got);
	for (size_t i = 0; i < group->n; i++)
		if (answer[i].kind == FAR_ANSWERED && answer[i].status == EXIT_YES)
			answer[i] = got[next++];
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
		report("%s failed: left as they are: %s", failed, words_line(&names));
}

/* By waves; where one fails the waves behind it are left alone. Who can't be reached is passed
 * over, and has it to be done. */
int
waves_run(struct app *a, const struct fleet *some, const struct words *words,
    waves_before *before, const void *arg, const struct words *missed)
{
	bool work = verb_changes(a, words), canary = true;
	int fine = verb_finds(a, words->w[0]) ? EXIT_NO : EXIT_YES;
	struct far_answer *answer = pool_zero(some->n, sizeof(*answer));
	const char *failed = NULL;
	int status = EXIT_YES, got;

	for (size_t i = 0, end; i < some->n && !failed; i = end) {
		end = next_group(some, i, work, canary);
		run_group(
		    a, &(struct fleet){&some->v[i], end - i}, words, &answer[i], before, arg);
		for (size_t k = i; k < end; k++) {
			if (work && missed_what(&answer[k]) != STILL)
				missed_note(a, &some->v[k], missed ? missed : words,
				    missed_what(&answer[k]));
			if (answer[k].kind == FAR_ANSWERED)
				canary = false;
			got = status_of(&answer[k], work);
			status = got > status ? got : status;
			if (work && got > fine && answer[k].kind != FAR_UNREACHABLE)
				failed = some->v[k].name;
		}
		if (failed)
			tell_rest(some, end, failed);
	}
	return status;
}
