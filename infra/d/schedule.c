#include "schedule.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bases.h"
#include "cleanup.h"
#include "engine_list.h"
#include "file.h"
#include "history.h"
#include "log.h"
#include "needs.h"
#include "report.h"
#include "say.h"
#include "self.h"
#include "service.h"
#include "signals.h"
#include "state.h"
#include "strbuf.h"

enum { NO_WAVE = 100, TICK_MS = 200 };

enum stage { WAITING, RUNNING, DONE, FAILED, LEFT_OUT };

struct job {
	const char *name;
	struct words argv, after; /* names of jobs that must have gone well before */
	int wave;
	enum stage stage;
	pid_t pid;
	int status;
	const char *log;
	time_t started;
};

struct jobs {
	struct app *a;
	struct job *v;
	size_t n;
	size_t running;
};

/* ---- which, and in what order ---- */

static struct job *
job_named(const struct jobs *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i].name, name) == 0)
			return &all->v[i];
	return NULL;
}

static bool
wanted(const struct place *p, const struct container *c, enum pick_which which,
    const struct seen_list *seen)
{
	const struct seen *now = seen_named(seen, c->name);

	switch (which) {
	case PICK_AUTOSTART:
		return wave_is_here(c);
	case PICK_RUNNING:
		return now && now->running;
	case PICK_BUILDABLE:
		return p->makefile && p->dockerfile;
	case PICK_TESTABLE:
		return p->tests;
	case PICK_ALL:
		break;
	}
	return true;
}

static bool
is_about_images(const char *verb)
{
	return strcmp(verb, "build") == 0 || strcmp(verb, "test") == 0 ||
	       strcmp(verb, "upgrade") == 0;
}

static void
add_job(struct jobs *all, const struct place *p, const struct container *c, const char *verb)
{
	struct job *job = &all->v[all->n++];

	*job = (struct job){.name = p->name, .wave = c->wave < 0 ? NO_WAVE : (int)c->wave};
	words_add(&job->argv, program_path());
	words_add(&job->argv, verb);
	if (strcmp(verb, "upgrade") == 0)
		words_add(&job->argv, "--keep-down");
	words_add(&job->argv, p->name);
	for (size_t i = 0; i < c->needs.n; i++)
		words_add(&job->after, c->needs.v[i].name);
	if (is_about_images(verb))
		base_names(all->a, p, &job->after);
}

/* The base image, which everything else is built from. */
static void
add_base(struct jobs *all)
{
	const char *directory = all->a->host.base, *slash;
	struct job *job = &all->v[all->n];

	if (!directory || access(pool_printf("%s/Makefile", directory), F_OK))
		return;
	slash = strrchr(directory, '/');
	*job = (struct job){.name = slash ? slash + 1 : directory, .wave = -1};
	words_add(&job->argv, "make");
	words_add(&job->argv, "-C");
	words_add(&job->argv, directory);
	words_add(&job->argv, "all");
	all->n++;
}

/* What is needed comes with whoever needs it at the latest, whatever its own wave is. */
static void
lower_waves(struct jobs *all)
{
	bool changed;

	do {
		changed = false;
		for (size_t i = 0; i < all->n; i++)
			for (size_t k = 0; k < all->v[i].after.n; k++) {
				struct job *other = job_named(all, all->v[i].after.w[k]);

				if (!other || other->wave <= all->v[i].wave)
					continue;
				other->wave = all->v[i].wave;
				changed = true;
			}
	} while (changed);
}

/* Those that need others go down before them. */
static void
turn_round(struct jobs *all)
{
	struct words *after = pool_zero(all->n, sizeof(*after));

	for (size_t i = 0; i < all->n; i++) {
		for (size_t k = 0; k < all->n; k++)
			if (words_have(&all->v[k].after, all->v[i].name))
				words_add(&after[i], all->v[k].name);
		all->v[i].wave = -all->v[i].wave;
	}
	for (size_t i = 0; i < all->n; i++)
		all->v[i].after = after[i];
}

static int
collect(struct app *a, const char *verb, enum pick_which which, struct jobs *all)
{
	struct seen_list seen = {0};
	struct container c;

	*all = (struct jobs){.a = a, .v = pool_zero(a->places.n + 1, sizeof(*all->v))};
	if (which == PICK_RUNNING && engine_list(&a->engine, &seen))
		return -1;
	if (is_about_images(verb))
		add_base(all);
	for (size_t i = 0; i < a->places.n; i++) {
		const struct place *p = &a->places.v[i];

		/* What it needs and when isn't known: only those that need it can't go on. */
		if (is_about_images(verb) ? host_container(&a->host, p, false, NULL, NULL, &c)
					  : settings_in_force(a, p, &c)) {
			all->v[all->n++] = (struct job){.name = p->name, .stage = FAILED};
			if (strcmp(verb, "up") == 0)
				event_repeated(&a->host, p->name, "failed", NULL,
				    "up: its settings are wrong, as d check says");
		} else if (wanted(p, &c, which, &seen))
			add_job(all, p, &c, verb);
	}
	lower_waves(all);
	if (strcmp(verb, "down") == 0)
		turn_round(all);
	return 0;
}

/* ---- running them ---- */

static void
start_job(struct jobs *all, struct job *job)
{
	int fd = -1;

	job->log = state_log(&all->a->host, job->name, "all", &fd);
	job->started = time(NULL);
	job->pid = job->log ? fork() : -1;
	if (job->pid == 0) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		setenv("WHITTLE_WAIT", "600", 1);
		setenv("WHITTLE_NOTIFY_LATER", "1", 1);
		signal(SIGPIPE, SIG_DFL); /* which only d itself passes over */
		execvp(job->argv.w[0], job->argv.w);
		_exit(127);
	}
	if (fd >= 0)
		close(fd);
	job->stage = job->pid > 0 ? RUNNING : FAILED;
	all->running += job->pid > 0;
}

/* What stands before it: READY to go, not yet, or never. */
static enum stage
outlook(const struct jobs *all, const struct job *job)
{
	for (size_t i = 0; i < job->after.n; i++) {
		const struct job *other = job_named(all, job->after.w[i]);

		if (other && (other->stage == FAILED || other->stage == LEFT_OUT))
			return LEFT_OUT;
	}
	for (size_t i = 0; i < job->after.n; i++) {
		const struct job *other = job_named(all, job->after.w[i]);

		if (other && other->stage != DONE)
			return WAITING;
	}
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].wave < job->wave && all->v[i].stage <= RUNNING)
			return WAITING;
	return RUNNING;
}

static void
clear_line(void)
{
	if (isatty(STDOUT_FILENO))
		printf("\r\033[K");
}

static void
start_what_can(struct jobs *all)
{
	for (size_t i = 0; i < all->n; i++) {
		struct job *job = &all->v[i];
		enum stage next;

		if (job->stage != WAITING)
			continue;
		next = interrupted ? LEFT_OUT : outlook(all, job);
		if (next == LEFT_OUT) {
			job->stage = LEFT_OUT;
			clear_line();
			say("LEFT OUT", "%s", job->name);
		} else if (next == RUNNING && all->running < (size_t)all->a->host.parallel) {
			start_job(all, job);
		}
	}
}

/* The last line of its log, without the names that begin it. */
static const char *
last_words(const struct job *job)
{
	cleanup_fd int fd = open(job->log, O_RDONLY | O_CLOEXEC);
	struct strbuf b = STRBUF_INIT;
	const char *got = "", *begin = pool_printf("d: %s: ", job->name);

	if (fd >= 0 && file_read(fd, SIZE_MAX, &b) == 0 && b.len) {
		last_lines(&b, 1);
		got = pool_dupn(b.s, strcspn(b.s, "\n"));
	}
	strbuf_free(&b);
	if (strncmp(got, begin, strlen(begin)) == 0)
		got += strlen(begin);
	return *got ? got : "it wasn't started";
}

/* A start that failed before anything was put in place, such as for a disk that isn't mounted,
 * is in no history: at boot nobody else tells. */
static void
tell_trouble(const struct jobs *all, const struct job *job)
{
	if (job->status == EXIT_TROUBLE && !interrupted && strcmp(job->argv.w[1], "up") == 0)
		event_repeated(
		    &all->a->host, job->name, "failed", NULL, "up: %s", last_words(job));
}

static void
end_job(struct jobs *all, pid_t pid, int status)
{
	for (size_t i = 0; i < all->n; i++) {
		struct job *job = &all->v[i];

		if (job->stage != RUNNING || job->pid != pid)
			continue;
		job->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		job->stage = job->status == 0 ? DONE : FAILED;
		all->running--;
		clear_line();
		say(job->status == 0 ? "DONE" : "FAILED", "%s (%lld s)", job->name,
		    (long long)(time(NULL) - job->started));
		if (job->status) {
			show_log_end(job->log);
			report("%s failed with status %d; the whole log: %s", job->name,
			    job->status, job->log);
			tell_trouble(all, job);
		}
		return;
	}
}

/* What is under way, on a terminal: one line that is written over. */
static void
show_progress(const struct jobs *all)
{
	size_t ended = 0;

	if (!isatty(STDOUT_FILENO))
		return;
	for (size_t i = 0; i < all->n; i++)
		ended += all->v[i].stage > RUNNING;
	printf("\r\033[K  %zu/%zu ", ended, all->n);
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].stage == RUNNING)
			printf(" %s %llds", all->v[i].name,
			    (long long)(time(NULL) - all->v[i].started));
	fflush(stdout);
}

static int
summary(const struct jobs *all)
{
	size_t count[LEFT_OUT + 1] = {0};

	for (size_t i = 0; i < all->n; i++)
		count[all->v[i].stage]++;
	clear_line();
	printf("%zu done, %zu failed, %zu left out\n", count[DONE], count[FAILED],
	    count[LEFT_OUT]);
	return count[FAILED] || count[LEFT_OUT] ? EXIT_NO : EXIT_YES;
}

/* What is asked to end ends its jobs first; a terminal's Ctrl-C reaches them by itself. */
static void
pass_on_end(const struct jobs *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].stage == RUNNING)
			kill(all->v[i].pid, SIGTERM);
}

/* A job that waits for itself by way of others never starts. */
static void
break_cycle(struct jobs *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].stage == WAITING) {
			needs_check(all->a, all->v[i].name);
			all->v[i].stage = FAILED;
			return;
		}
}

static bool
any_waits(const struct jobs *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].stage == WAITING)
			return true;
	return false;
}

int
schedule_verb(struct app *a, const char *verb, enum pick_which which)
{
	struct jobs all;
	bool told = false;
	int status;
	pid_t pid;

	if (collect(a, verb, which, &all))
		return EXIT_TROUBLE;
	for (;;) {
		start_what_can(&all);
		if (!all.running) {
			if (!any_waits(&all))
				break;
			break_cycle(&all);
			continue;
		}
		if (interrupted && !told) {
			pass_on_end(&all);
			told = true;
		}
		show_progress(&all);
		pid = waitpid(-1, &status, isatty(STDOUT_FILENO) ? WNOHANG : 0);
		if (pid > 0)
			end_job(&all, pid, status);
		else
			usleep(TICK_MS * 1000);
	}
	return summary(&all);
}
