/* d: run, upgrade and go back, with one letter. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "history.h"
#include "life.h"
#include "recover.h"
#include "report.h"
#include "run.h"
#include "self.h"
#include "signals.h"
#include "streams.h"
#include "there.h"
#include "verbs.h"
#include "waves.h"

static const char one[] = "One container", inside[] = "Inside one", all[] = "All of them",
		  ask[] = "Questions", list[] = "Lists", settings[] = "Settings",
		  hosts[] = "Other hosts", meta[] = "Other";

static const struct verb verbs[] = {
    {"up", "start 1", one, "[-T] NAME...",
	"start it, what it needs first (-T: a test instance)", do_up, CHANGES | THERE},
    {"down", "stop 0", one, "[-T] NAME...", "stop it (-T: remove its test instance)", do_down,
	CHANGES | THERE},
    {"restart", "01 R", one, "NAME...", "replace it, from its settings and :live", do_restart,
	CHANGES | THERE},
    {"build", "b", one, "[-ast] [NAME...]", "build :latest (-t test, -s promote, -a upgrade)",
	do_build, CHANGES},
    {"test", "t", one, "NAME... [-- CMD...]", "test :latest beside production", do_test,
	CHANGES},
    {"learn", "", one, "[-n TIMES] [--forget] [--write] [--doubt] NAME...",
	"find out by its tests what it needs, of image and rights", do_learn, CHANGES},
    {"upgrade", "u", one, "[-f] NAME...", "build, test, replace, promote; or go back",
	do_upgrade, CHANGES},
    {"bump", "", one, "[-n] [--major] NAME...",
	"write newer tags, digests and packages into its files (-n: only show)", do_bump,
	EXACT | DRY},
    {"back", "", one, "[-l] [--data] NAME [N]", "go back to an earlier generation", do_back,
	CHANGES | THERE | LISTS},
    {"snapshot", "", one, "NAME...", "copy its data, to go back to", do_snapshot,
	CHANGES | THERE},
    {"rotate", "", one, "[-n] [NAME...]", "restart what has an old secret (-n: only list)",
	do_rotate, CHANGES | THERE | DRY},
    {"backup", "", one, "NAME [TO]", "copy its data elsewhere", do_backup,
	CHANGES | THERE | FROM_HERE},
    {"restore", "", one, "[-n | --verify] NAME FROM [-- CMD...]",
	"put such a copy back (-n: only check it, --verify: test it beside production)",
	do_restore, CHANGES | THERE | DRY | FROM_HERE},
    {"job", "", one, "NAME [JOB]", "run one of its jobs now; alone: when they run", do_job,
	EXACT | THERE | NAMED},
    {"prep", "", one, "[-nrT] [NAME...]",
	"create its volumes (-n: only report, -r: repair owner and mode)", do_prep,
	CHANGES | THERE | DRY},
    {"hup", "H HUP reload r", one, "NAME...", "send SIGHUP to its first process", do_hup,
	EXACT | THERE},
    {"add-su", "addsu", one, "NAME", "add /bin/su to it, until it is replaced", do_add_su,
	CHANGES | THERE},
    {"add-debug", "debug", one, "NAME [CMD...]", "run the toolkit image in its namespaces",
	do_debug, EXACT | THERE},
    {"new", "", one, "[OPTION...] NAME",
	"make a container's directory (packages, image, compose)", do_new, WRITES | FROM_HERE},
    {"fix", "", one, "[--yes] NAME", "mend what keeps it from starting", do_fix, WRITES},
    {"adopt-name", "", one, "NAME", "take over a container that d didn't make", do_adopt_name,
	CHANGES},
    {"recover", "", one, "", "finish or undo what an earlier run left", do_recover, CHANGES},
    {"clean", "", one, "[-n]", "remove what is left over and no rollback needs", do_clean,
	CHANGES | DRY},

    {"console", "C", inside, "NAME [CMD...]", "a shell, or CMD, as root", do_console,
	EXACT | THERE},
    {"enter", "exec-cmd exec e0 e", inside, "NAME [CMD...]",
	"a shell, or CMD, as its user (e0: as root)", do_enter, EXACT | THERE},
    {"run", "", inside, "[--KEY VALUE...] NAME [CMD...]",
	"start it with other settings, or run a command beside it", do_run, CHANGES | THERE},
    {"shell", "", inside, "NAME [ARG...]", "its image, with a shell instead of the service",
	do_shell, EXACT | THERE},

    {"up-all", "start-all 1a 11", all, "", "start all with autostart, wave by wave", do_up_all,
	CHANGES},
    {"down-all", "stop-all 0a 00", all, "", "down, dependents first", do_down_all, CHANGES},
    {"enable", "", all, "[-n] [--root DIR] [--by systemd|openrc|cron]",
	"start them at boot, by up-all (-n: only look)", do_enable, CHANGES | DRY},
    {"disable", "", all, "[--root DIR] [--by systemd|openrc|cron]",
	"no longer start them at boot", do_disable, CHANGES},
    {"auto", "", all, "[-n]", "update what is due (-n: say what and when)", do_auto,
	CHANGES | DRY},
    {"jobs", "", all, "[-n]", "start the jobs that are due (-n: say when they are)", do_jobs,
	CHANGES | DRY},
    {"restart-all", "01a ra RA Ra", all, "", "restart what runs", do_restart_all, CHANGES},
    {"build-all", "ba", all, "", "build, the base first", do_build_all, CHANGES},
    {"test-all", "ta", all, "", "test, the base first", do_test_all, CHANGES},
    {"upgrade-all", "ua", all, "", "upgrade, the base first", do_upgrade_all, CHANGES},
    {"sync", "", all, "[-n] [REPOSITORY]",
	"take a newer signed tag of the directories, plan, apply (-n: verify, list what is "
	"new)",
	do_sync, EXACT | DRY | FROM_HERE},
    {"run-in-all", "ria", all, "CMD...", "CMD inside each that runs", do_run_in_all, EXACT},

    {"status", "", ask, "[--json]", "the table that d alone shows", do_status, READS},
    {"plan", "", ask, "[--json] [NAME...]", "what differs from what is wanted", do_plan, READS},
    {"outdated", "", ask, "[--json] [--notify] [NAME...]",
	"what there is newer, without pulling it", do_outdated, READS},
    {"why", "", ask, "[--json] NAME", "what happened to it, and its generations", do_why,
	READS | THERE},
    {"scan", "cowscan", ask, "[--json] [NAME...]", "what changed in it since it started",
	do_scan, READS | THERE},
    {"audit", "", ask, "[--json] [--min low|medium|high] [NAME...]",
	"what it is allowed beyond what it needs, as a score", do_audit, READS},
    {"page", "", ask, "-o DIR | --json [--all] [--from FILE]...",
	"all of that as pages of HTML, or as JSON", do_page, READS | FROM_HERE},
    {"serve", "", ask, "[--port N] [--host NAME]... [--from FILE]...",
	"the same pages at http://127.0.0.1:8300/", do_serve, READS | FROM_HERE},
    {"log", "logs L", ask, "[-f] [-n N] NAME", "its log", do_log, READS | THERE},
    {"is-up", "iu", ask, "NAME", "up or down", do_is_up, READS | THERE},
    {"get-ip", "getip get_ip ip", ask, "NAME", "its addresses", do_get_ip, READS | THERE},
    {"pid", "", ask, "NAME", "its first process", do_pid, READS | THERE},
    {"veth", "", ask, "NAME", "the host's interface of its network", do_veth, READS | THERE},
    {"cow-dir", "cow", ask, "NAME", "the directory of what it wrote", do_cow_dir,
	READS | THERE},
    {"autostart-wave", "aw al ai", ask, "NAME", "when it is started at boot", do_autostart_wave,
	READS},
    {"spec", "s", ask, "NAME", "its full name", do_spec, READS},
    {"images", "i", ask, "[NAME]", "images and their tags", do_images, READS},
    {"get-all-ips", "ips", ask, "", "the addresses of all that run", do_get_all_ips, READS},
    {"check-all-up", "cau ca qa", ask, "", "whether all that should run do", do_check_all_up,
	READS},
    {"map", "", ask, "[ID...]", "container IDs as names, in arguments or standard input",
	do_map, READS},

    {"list-up", "lu ls l ps p", list, "[--json]", "the table of what runs", do_list_up, READS},
    {"list-up-names", "lun", list, "", "the names of what runs", do_list_up_names, READS},
    {"list-all", "lA", list, "", "every name", do_list_all, READS},
    {"list-autostart", "la", list, "", "those with autostart on this host", do_list_autostart,
	READS},
    {"list-autostart-waves", "law", list, "", "the same, by wave", do_list_autostart_waves,
	READS},
    {"list-buildable", "lb", list, "", "what can be built", do_list_buildable, READS},
    {"list-testable", "lt", list, "", "what can be tested", do_list_testable, READS},
    {"list-all-settings", "las", list, "[-T] [NAME...]",
	"the settings with their defaults, as JSON", do_list_all_settings, READS},

    {"dup-check", "check chk", settings, "[-v] [NAME...]",
	"check every settings file, alone and together", do_check, READS},
    {"cmd", "", settings, "[-T] NAME", "print the engine's command that starts it", do_cmd,
	READS},
    {"export", "", settings, "--to TARGET [-o DIR] [NAME...]",
	"files for quadlet, compose, kube or swarm to run it by", do_export, READS | FROM_HERE},
    {"import", "", settings, "[-n] [-o DIR] FILE[:SERVICE]... | -- podman run ...",
	"directories from compose files, Quadlet's units or a command", do_import,
	WRITES | DRY | FROM_HERE},
    {"image-export", "", settings, "[--dir D] [NAME...]", "save images as archives",
	do_image_export, WRITES | DRY | FROM_HERE},

    {"notify", "", settings, "[--test] [NOTIFIER...]",
	"where events are sent (--test: send a test message)", do_notify, READS},

    {"@HOST", "-A", hosts, "[VERB...]",
	"a verb on another host, or all of a label (-A: on all)", do_far, ELSEWHERE},
    {"hosts", "", hosts, "[add|check|retry|forget [HOST...]]",
	"the other hosts; bring d to them, check it, do what they missed or not", do_hosts,
	ELSEWHERE | CHECKS},

    {"help", "h", meta, "[REGEX]", "this page, or the verbs that match", do_help,
	ALONE | READS},
    {"completion", "", meta, "bash|zsh|fish", "completion for a shell", do_completion,
	ALONE | READS},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0},
};

/* Old names of helpers that are links to d. */
static const struct {
	const char *program, *verb;
} links[] = {{"d-build", "build"}, {"d-run", "run"}, {"d-cowscan", "scan"},
    {"d-image-export", "image-export"}, {"d-map", "map"}};

static int
unknown_verb(const char *word)
{
	const char *names[sizeof(verbs) / sizeof(verbs[0])] = {NULL};
	const char *near;

	for (size_t i = 0; verbs[i].name; i++)
		names[i] = verbs[i].name;
	near = nearest_word(word, names);
	report("no verb '%s'%s%s%s", word, near ? "; is '" : " (d help lists them)",
	    near ? near : "", near ? "' meant?" : "");
	return EXIT_TROUBLE;
}

/* By its words: with -n some only ask. */
static bool
changes_something(const struct app *a, int argc, char **argv)
{
	struct words words = {0};

	words_add(&words, a->called_as);
	for (int i = 1; i < argc; i++)
		words_add(&words, argv[i]);
	return (a->verb->kind & CHANGES) == CHANGES && verb_changes(a, &words);
}

static int
run_verb(struct app *a, int argc, char **argv)
{
	int status;

	if (a->lost && (a->verb->kind & FROM_HERE)) {
		report(
		    "the directory in which 'd %s' was called is gone, or closed to this user: "
		    "change to another",
		    a->called_as);
		return EXIT_TROUBLE;
	}
	if (a->verb->kind & ALONE)
		return a->verb->run(a, argc, argv);
	run_ends_child();
	if (a->verb->kind & ELSEWHERE) {
		if (host_load(&a->host))
			return EXIT_TROUBLE;
		a->engine.pack = pack_program(a->host.project);
		return a->verb->run(a, argc, argv);
	}
	if (host_load(&a->host) || engine_open(&a->engine, a->host.engine))
		return EXIT_TROUBLE;
	a->engine.interrupted = &interrupted;
	a->engine.pack = pack_program(a->host.project);
	a->engine.store =
	    pool_dupn(a->host.state, (size_t)(strrchr(a->host.state, '/') - a->host.state));
	a->unread = host_places(&a->host, &a->places, &a->duplicates);
	if (a->verb->kind & EXACT)
		catch_signals();
	/* That nobody reads on, as head(1) does, is no reason to stop halfway. What has a dry
	 * run does something without it. */
	if ((a->verb->kind & CHANGES) == CHANGES || a->verb->kind & DRY)
		signal(SIGPIPE, SIG_IGN);
	if ((a->verb->kind & THERE) && there_run(a, argc, argv, &status))
		return status;
	if (!changes_something(a, argc, argv))
		recover_tell(a);
	else if (recover_all(a))
		report("recovery failed; continuing");
	start_pending(a, EXIT_YES);
	status = a->verb->run(a, argc, argv);
	/* All of them would be more. */
	if (a->unread && a->verb->group == all && status == EXIT_YES)
		status = EXIT_TROUBLE;
	events_send(&a->host, (a->verb->kind & CHANGES) == CHANGES);
	return status;
}

/* The verb: by the name that d is called by, or the first word. */
static int
choose_verb(struct app *a, int *argc, char ***argv)
{
	const char *slash = strrchr((*argv)[0], '/'), *program = slash ? slash + 1 : (*argv)[0];

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (strcmp(program, links[i].program) == 0) {
			a->called_as = links[i].verb;
			a->verb = verb_named(a, a->called_as);
			return 0;
		}
	if (*argc < 2 || strcmp((*argv)[1], "--json") == 0) {
		a->called_as = "status";
		a->verb = verb_named(a, "status");
		return 0;
	}
	a->called_as = (*argv)[1];
	if (strcmp(a->called_as, "--help") == 0 || strcmp(a->called_as, "-h") == 0)
		a->called_as = "help";
	if (*argc > 2 && strcmp((*argv)[2], "-A") == 0) {
		char *verb = (*argv)[1];

		(*argv)[1] = (*argv)[2];
		(*argv)[2] = verb;
		a->called_as = (*argv)[1];
	}
	a->verb = verb_named(a, *a->called_as == '@' ? "@HOST" : a->called_as);
	if (!a->verb)
		return unknown_verb(a->called_as);
	(*argc)--;
	(*argv)++;
	return 0;
}

/* One that was removed, or that another user started us in, is none that engines can start in,
 * and they don't say so. Whether it was left. */
static bool
leave_lost_directory(void)
{
	char path[PATH_MAX];

	if (getcwd(path, sizeof(path)) && access(".", X_OK) == 0)
		return false;
	if (chdir("/"))
		report("enter '/':");
	return true;
}

int
main(int argc, char **argv)
{
	static struct app a = {.verbs = verbs};

	streams_begin();
	report_prog = "d";
	a.lost = leave_lost_directory();
	/* Where it is ignored, as some supervisors hand it on, no exit status is kept. */
	signal(SIGCHLD, SIG_DFL);
	/* What a make above said is for its own children. */
	unsetenv("MAKEFLAGS");
	unsetenv("MFLAGS");
	unsetenv("MAKELEVEL");
	if (choose_verb(&a, &argc, &argv))
		return EXIT_TROUBLE;
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		printf("usage: d %s %s\n%s\n", a.verb->name, a.verb->args, a.verb->help);
		return streams_end(EXIT_YES);
	}
	return streams_end(run_verb(&a, argc, argv));
}
