/* filewatch: watches files for age, emptiness, text, integrity, and says so over HTTP. */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board.h"
#include "commands.h"
#include "config.h"
#include "healthz.h"
#include "http.h"
#include "notify.h"
#include "protect.h"
#include "render.h"
#include "report.h"
#include "sidecar.h"
#include "status.h"
#include "strbuf.h"
#include "streams.h"
#include "times.h"
#include "watch.h"

static const char usage_text[] =
    "usage: filewatch [-c FILE] [--once | --check-config]\n"
    "       filewatch nagios [-c FILE]\n"
    "       filewatch baseline | verify | accept | healthz --help\n"
    "\n"
    "Watches files as the settings say, and serves what it finds over HTTP.\n"
    "\n"
    "  -c, --config FILE  the settings (default: /etc/filewatch.yaml)\n"
    "  -o, --once         look once, print a table, serve nothing\n"
    "  -t, --check-config check the settings, do nothing else\n"
    "  -h, --help         this text\n"
    "\n"
    "Exit status: 0 all ok, 1 something isn't (--once), 2 trouble.\n";

enum { OPT_ONCE = 'o', OPT_CHECK = 't' };

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"once", no_argument, NULL, OPT_ONCE},
    {"check-config", no_argument, NULL, OPT_CHECK},
    {"help", no_argument, NULL, 'h'},
    {0},
};

struct options {
	const char *config;
	bool once, check, help;
};

static bool
parse_options(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options){.config = "/etc/filewatch.yaml"};
	while ((c = getopt_long(argc, argv, "+c:oth", long_options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case OPT_ONCE:
			o->once = true;
			break;
		case OPT_CHECK:
			o->check = true;
			break;
		case 'h':
			o->help = true;
			break;
		default:
			return false;
		}
	}
	return true;
}

/* Prints all of it; what can't be printed wasn't done. */
static int
print(const struct strbuf *b, int status)
{
	fwrite(b->s, 1, b->len, stdout);
	return streams_end(status);
}

static struct status *
look_once(struct config *c, struct view *v)
{
	struct status *s = watch_once(c);

	*v = (struct view){.status = s, .now = now_ns()};
	return s;
}

static int
once(struct config *c)
{
	struct strbuf b = STRBUF_INIT;
	struct view v;
	struct status *s = look_once(c, &v);
	int status = status_is_ok(s) ? EXIT_YES : EXIT_NO;

	render_table(&b, &v);
	status = print(&b, status);
	strbuf_free(&b);
	status_drop(s);
	return status;
}

static int
nagios(int argc, char **argv)
{
	enum { NAGIOS_UNKNOWN = 3 };
	struct options o;
	struct config *c;
	struct strbuf b = STRBUF_INIT;
	struct view v;
	struct status *s;
	int status;

	if (!parse_options(argc, argv, &o) || optind != argc || o.once || o.check || o.help) {
		fputs(usage_text, o.help ? stdout : stderr);
		return NAGIOS_UNKNOWN;
	}
	c = config_read(o.config);
	if (!c) {
		puts("FILEWATCH UNKNOWN - bad settings");
		return NAGIOS_UNKNOWN;
	}
	s = look_once(c, &v);
	status = render_nagios(&b, &v);
	status = print(&b, status) == status ? status : NAGIOS_UNKNOWN;
	strbuf_free(&b);
	status_drop(s);
	return status;
}

/* From here on nothing is opened but files that are watched. */
static int
serve_protected(struct config *c, struct watcher *w, int fd, struct board *b)
{
	struct http *h;

	if (c->sidecar.baseline && sidecar_check(c))
		return EXIT_TROUBLE;
	h = protect(c) ? NULL : http_start(fd, c, b);
	if (!h)
		return EXIT_TROUBLE;
	report("serving %zu rules at http://%s:%s/", c->rules, c->host, c->port);
	watch_run(w);
	http_stop(h);
	return EXIT_YES;
}

static int
serve(struct config *c)
{
	struct board board;
	struct watcher *w = NULL;
	sigset_t set;
	int fd, notifier, status = EXIT_TROUBLE;

	/* Children that end are of no interest; as process 1 there may be many. */
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	notifier = notify_start(c);
	/* Before threads start, so that all leave signals to the watcher. */
	watch_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	board_init(&board);
	fd = http_listen(c);
	if (fd >= 0)
		w = watch_open(config_hold(c), &board, notifier);
	if (w) {
		status = serve_protected(c, w, fd, &board);
		watch_close(w);
	}
	board_clear(&board);
	config_drop(c);
	return status;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} verbs[] = {{"nagios", nagios}, {"baseline", command_baseline},
	    {"verify", command_verify}, {"accept", command_accept},
	    {"healthz", command_healthz}};
	struct options o;
	struct config *c;
	size_t i;

	streams_begin();
	report_prog = "filewatch";
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (argc > 1 && strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	if (!parse_options(argc, argv, &o) || optind != argc || (o.once && o.check)) {
		fputs(usage_text, stderr);
		return EXIT_TROUBLE;
	}
	if (o.help) {
		fputs(usage_text, stdout);
		return streams_end(EXIT_YES);
	}
	c = config_read(o.config);
	if (!c)
		return EXIT_TROUBLE;
	if (o.once)
		return once(c);
	if (!o.check)
		return serve(c);
	config_drop(c);
	return EXIT_YES;
}
