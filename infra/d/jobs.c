#include "jobs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calendar.h"
#include "clock.h"
#include "engine_call.h"
#include "engine_inspect.h"
#include "history.h"
#include "journal.h"
#include "log.h"
#include "once.h"
#include "processes.h"
#include "report.h"
#include "run.h"
#include "say.h"
#include "select.h"
#include "self.h"
#include "service.h"
#include "signals.h"
#include "state.h"

enum { NO_TIME = 124 };

static const char file[] =
    "jobs.json"; /* {JOB: {"last", "running": {"owner", "mark", "name"}}} */

const struct job_spec *
job_find(const struct container *c, const char *name)
{
	for (size_t i = 0; i < c->jobs.n; i++)
		if (strcmp(c->jobs.v[i].name, name) == 0)
			return &c->jobs.v[i];
	report("%s has no job '%s'", c->key, name);
	return NULL;
}

/* ---- what is remembered ---- */

time_t
job_last(struct app *a, const struct container *c, const struct job_spec *job)
{
	json_t *all = state_read(&a->host, c->key, file);
	time_t last = (time_t)json_integer_value(
	    json_object_get(json_object_get(all, job->name), "last"));

	json_decref(all);
	return calendar_believed(last, time(NULL));
}

/* Jobs of one container end at the same time, too. */
static int
note(struct app *a, const char *key, const char *job, json_t *entry)
{
	int lock = state_lock(&a->host, pool_printf("%s/jobs", key), "'d job'", 10000, false),
	    bad;
	json_t *all;

	if (lock < 0) {
		json_decref(entry);
		return -1;
	}
	all = state_read(&a->host, key, file);
	if (!all)
		all = json_object();
	json_object_set_new(all, job, entry);
	bad = state_write(&a->host, key, file, all);
	json_decref(all);
	close(lock);
	return bad;
}

void
job_note_new(struct app *a, const struct container *c, const struct job_spec *job)
{
	note(a, c->key, job->name, json_pack("{s:I}", "last", (json_int_t)time(NULL)));
}

void
jobs_fresh(struct app *a, const struct container *c, struct words *names)
{
	json_t *all = state_read(&a->host, c->key, file), *entry;
	const char *job, *container;

	for (size_t i = 0; i < c->jobs.n; i++)
		if (c->jobs.v[i].fresh)
			words_add(names, c->jobs.v[i].name);
	json_object_foreach (all, job, entry) {
		container = json_string_value(
		    json_object_get(json_object_get(entry, "running"), "name"));
		if (container && *container && !words_have(names, job))
			words_add(names, job);
	}
	json_decref(all);
}

/* ---- one run ---- */

struct running {
	struct app *a;
	const struct place *p;
	struct container *c;
	const struct job_spec *job;
	const char *mark; /* "WHITTLE_JOB=…" */
	const char *name; /* of a fresh container; "" for none */
	const char *image, *log;
	time_t started;
	int fd;
};

static int
note_running(struct running *r)
{
	return note(r->a, r->c->key, r->job->name,
	    json_pack("{s:I, s:{s:s, s:s, s:s}}", "last", (json_int_t)r->started, "running",
		"owner", process_name(getpid()), "mark", r->mark, "name", r->name));
}

static int
run_engine(struct running *r, const struct words *args)
{
	char **argv = engine_argv(&r->a->engine, (const char *const *)args->w);
	int status = run(&(struct run){.argv = (const char *const *)argv,
	    .log = r->fd,
	    .timeout_ms = (unsigned)r->job->within,
	    .hurry = &interrupted,
	    .hurry_ms = 1});

	for (char **p = argv; *p; p++)
		free(*p);
	free(argv);
	return status;
}

/* Rootless podman's processes have ids that only its user namespace may look at. */
static void
end_marked(struct app *a, const char *mark)
{
	struct words args = {0};

	if (geteuid() == 0 || a->engine.kind != PODMAN) {
		processes_end(mark);
		return;
	}
	words_add(&args, "unshare");
	words_add(&args, program_path());
	words_add(&args, "job");
	words_addf(&args, "--end=%s", mark);
	engine_attached(&a->engine, &args);
}

/* What is run by "exec" lives on when that is ended: its mark finds it. */
static int
run_beside(struct running *r, const char *id)
{
	struct words args = {0};
	int status;

	words_add(&args, "exec");
	words_add(&args, "-e");
	words_add(&args, r->mark);
	words_add(&args, id);
	words_add_all(&args, &r->job->cmd);
	if (note_running(r))
		return -1;
	status = run_engine(r, &args);
	if (status == NO_TIME || interrupted)
		end_marked(r->a, r->mark);
	return status;
}

static int
run_fresh(struct running *r, const char *image)
{
	struct once once = {
	    .start = {.cmd = &r->job->cmd, .role = "job", .owner = process_name(getpid())}};
	const char *suffix = pool_printf("job-%s-%d", r->job->name, (int)getpid());
	int status = -1;

	r->name = pool_printf("%s-%s", r->c->name, suffix);
	if (note_running(r) == 0 && once_prepare(r->a, r->p, NULL, image, suffix, &once) == 0) {
		r->image = once.image.id;
		status = run_engine(r, &once.args);
	}
	once_end(r->a, r->name);
	return status;
}

static int
run_job(struct running *r)
{
	struct seen now;
	int got = engine_see(&r->a->engine, r->c->name, &now);

	if (got < 0)
		return -1;
	if (got == 1)
		r->image = now.image;
	if (r->job->fresh)
		return run_fresh(r, r->image);
	if (got == 1 && now.running)
		return run_beside(r, now.id);
	report("%s doesn't run, and its job '%s' is beside it", r->p->name, r->job->name);
	return note_running(r) ? -1 : -2;
}

static const char *
what_happened(const struct running *r, int status)
{
	if (interrupted)
		return "interrupted";
	if (status == NO_TIME && time(NULL) - r->started >= r->job->within / 1000)
		return pool_printf("took longer than %lld s", (long long)r->job->within / 1000);
	return status == -1   ? "couldn't be started"
	       : status == -2 ? "the container doesn't run"
			      : pool_printf("ended with status %d", status);
}

static int
tell(const struct running *r, int status, long long ms)
{
	const struct host *h = &r->a->host;

	if (!status && !interrupted) {
		event(h, r->c->key, "job-done", r->image, "%s: %lld.%lld s", r->job->name,
		    ms / 1000, ms % 1000 / 100);
		return EXIT_YES;
	}
	show_log_end(r->log);
	report("%s: job '%s' %s; its output: %s", r->c->key, r->job->name,
	    what_happened(r, status), r->log);
	event(h, r->c->key, r->job->ignore ? "job-ended" : "job-failed", r->image, "%s %s; %s",
	    r->job->name, what_happened(r, status), r->log);
	return EXIT_NO;
}

static int
run_locked(struct running *r)
{
	long long began = monotonic_ms(), took;
	int status;

	r->log = state_log(&r->a->host, r->c->key, pool_printf("job-%s", r->job->name), &r->fd);
	if (!r->log)
		return EXIT_TROUBLE;
	say("JOB", "%s %s", r->c->key, r->job->name);
	status = run_job(r);
	close(r->fd);
	took = monotonic_ms() - began;
	note(r->a, r->c->key, r->job->name, json_pack("{s:I}", "last", (json_int_t)r->started));
	return tell(r, status, took);
}

/* What a job writes would be lost where the data goes back. A snapshot's data is at risk before
 * the jobs' locks are let go, so that one that got its lock sees it. */
static bool
data_stays(struct app *a, const struct container *c, const struct job_spec *job)
{
	long long end = monotonic_ms() + state_patience();
	bool told = false;

	while (journal_may_restore(&a->host, c->key)) {
		if (monotonic_ms() >= end || interrupted) {
			report("%s: job '%s' isn't started now: an update that may still put "
			       "the data back isn't over%s",
			    c->key, job->name,
			    state_patience() ? "" : "; WHITTLE_WAIT=SECONDS waits for it");
			return false;
		}
		if (!told)
			say("WAIT", "%s: for an update that may still put its data back",
			    c->key);
		told = true;
		usleep(100000);
	}
	return true;
}

int
job_run(struct app *a, const struct place *p, struct container *c, const struct job_spec *job,
    bool only_due)
{
	struct running r = {
	    .a = a, .p = p, .c = c, .job = job, .name = "", .started = time(NULL)};
	const char *place = pool_printf("%s/jobs/%s", c->key, job->name);
	time_t last;
	int lock, status;

	if (state_is_locked(&a->host, place)) {
		report("%s: job '%s' still runs, or has to while its data is copied: it isn't "
		       "started now",
		    c->key, job->name);
		return EXIT_NO;
	}
	lock = state_lock(&a->host, place, "'d job'", 0, false);
	if (lock < 0)
		return EXIT_NO;
	last = job_last(a, c, job);
	r.mark =
	    pool_printf("WHITTLE_JOB=%s.%s.%s", c->name, job->name, process_name(getpid()));
	if (only_due && job->at && calendar_due(job->at, last) > r.started)
		status = EXIT_YES;
	else
		status = data_stays(a, c, job) ? run_locked(&r) : EXIT_NO;
	close(lock);
	return status;
}

/* ---- what was left behind ---- */

static void
sweep_one(struct app *a, const char *key, const char *job, const json_t *entry)
{
	const json_t *running = json_object_get(entry, "running");
	const char *owner = json_string_value(json_object_get(running, "owner"));
	const char *mark = json_string_value(json_object_get(running, "mark"));
	const char *name = json_string_value(json_object_get(running, "name"));

	if (!owner || !mark || !name || !process_is_gone(owner))
		return;
	say("SWEEP", "%s: what its job '%s' left, whose d is gone", key, job);
	if (*name)
		once_end(a, name);
	else
		end_marked(a, mark);
	note(a, key, job, json_pack("{s:O}", "last", json_object_get(entry, "last")));
	event(&a->host, key, "job-failed", NULL, "%s was cut off", job);
}

void
jobs_sweep(struct app *a)
{
	struct words names = {0};
	const char *job;
	json_t *all, *entry;

	state_names(&a->host, &names);
	for (size_t i = 0; i < names.n; i++) {
		all = place_find(a, names.w[i]) ? state_read(&a->host, names.w[i], file) : NULL;
		json_object_foreach (all, job, entry)
			sweep_one(a, names.w[i], job, entry);
		json_decref(all);
	}
}
