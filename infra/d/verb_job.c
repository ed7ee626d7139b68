/* Jobs: one by hand, and all that are due. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calendar.h"
#include "jobs.h"
#include "options.h"
#include "processes.h"
#include "report.h"
#include "say.h"
#include "secrets.h"
#include "select.h"
#include "self.h"
#include "service.h"
#include "signals.h"
#include "verbs.h"

static void
print_job(struct app *a, const struct container *c, const struct job_spec *job, time_t now)
{
	time_t last = job_last(a, c, job), next = now;

	if (job->at)
		next = calendar_due(job->at, last ? last : now);
	printf("%-16s %-12s %-22s %s\n", c->key, job->name,
	    last ? calendar_text(last) : "never",
	    !job->at     ? "by hand"
	    : next > now ? calendar_text(next)
			 : "due");
}

int
do_job(struct app *a, int argc, char **argv)
{
	bool due = false;
	const char *end = NULL;
	const struct option_of options[] = {
	    SWITCH(0, "due", due), VALUED(0, "end", end), NO_MORE};
	const struct place *p;
	const struct job_spec *job;
	struct container c;

	argc = take_options(a, argc, &argv, options, false);
	if (end && argc == 0)
		return processes_end(end), EXIT_YES;
	if (argc < 1 || argc > 2)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	p = pick(a, argv[0]);
	if (!p || describe(a, p, false, &c) || resolve_needs(a, &c))
		return EXIT_TROUBLE;
	jobs_sweep(a);
	if (argc == 2) {
		job = job_find(&c, argv[1]);
		return job ? job_run(a, p, &c, job, due) : EXIT_TROUBLE;
	}
	for (size_t i = 0; i < c.jobs.n; i++)
		print_job(a, &c, &c.jobs.v[i], time(NULL));
	return EXIT_YES;
}

/* In a process and session of its own: however long it takes, others are started in time. */
static int
start_job(const struct container *c, const struct job_spec *job)
{
	pid_t pid = fork();
	int null;

	if (pid == 0) {
		setsid();
		signal(SIGPIPE, SIG_DFL);
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execl(program_path(), "d", "job", "--due", c->key, job->name, NULL);
		_exit(127);
	}
	if (pid < 0) {
		report("start the job '%s' of %s:", job->name, c->key);
		return -1;
	}
	say("JOB", "%s %s", c->key, job->name);
	return 0;
}

static int
start_due(struct app *a, const struct container *c, time_t now)
{
	int bad = 0;

	for (size_t i = 0; i < c->jobs.n; i++) {
		const struct job_spec *job = &c->jobs.v[i];
		time_t last = job_last(a, c, job);

		if (!job->at)
			continue;
		if (!last)
			job_note_new(a, c, job);
		else if (calendar_due(job->at, last) <= now)
			bad |= start_job(c, job);
	}
	return bad;
}

int
do_jobs(struct app *a, int argc, char **argv)
{
	bool dry = false;
	const struct option_of options[] = {SWITCH('n', "dry-run", dry), NO_MORE};
	time_t now = time(NULL);
	struct container c;
	int bad = 0;

	argc = take_options(a, argc, &argv, options, false);
	if (argc)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	if (!clock_is_set(now)) {
		report("the clock isn't set: no job is due");
		return EXIT_YES;
	}
	if (!dry) {
		jobs_sweep(a);
		bad = secrets_sweep(a, false) < 0;
	}
	for (size_t i = 0; i < a->places.n && !interrupted; i++) {
		if (describe(a, &a->places.v[i], false, &c)) {
			bad = -1;
			continue;
		}
		for (size_t k = 0; dry && k < c.jobs.n; k++)
			print_job(a, &c, &c.jobs.v[k], now);
		bad |= dry ? 0 : start_due(a, &c, now);
	}
	return bad ? EXIT_TROUBLE : EXIT_YES;
}
