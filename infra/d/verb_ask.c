/* Questions about one container, and some about all. */
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "engine_call.h"
#include "engine_inspect.h"
#include "engine_list.h"
#include "file.h"
#include "layer.h"
#include "log.h"
#include "netns.h"
#include "options.h"
#include "report.h"
#include "select.h"
#include "service.h"
#include "strbuf.h"
#include "verbs.h"

int
do_spec(struct app *a, int argc, char **argv)
{
	int status;
	const struct place *p = pick_only(a, argc, argv, &status);

	if (p)
		printf("%s\n", p->name);
	return status;
}

int
do_autostart_wave(struct app *a, int argc, char **argv)
{
	struct container c;
	int status;
	const struct place *p = pick_only(a, argc, argv, &status);

	if (!p)
		return status;
	if (describe(a, p, false, &c))
		return EXIT_TROUBLE;
	if (c.wave < 0) {
		printf("none\n");
		return EXIT_NO;
	}
	printf("%d%s%s\n", (int)c.wave, c.wave_host ? ";host=" : "",
	    c.wave_host ? c.wave_host : "");
	return EXIT_YES;
}

int
do_is_up(struct app *a, int argc, char **argv)
{
	struct container c;
	struct seen now;
	int status, got;
	const struct place *p = pick_only(a, argc, argv, &status);

	if (!p)
		return status;
	if (describe(a, p, false, &c) || (got = engine_see(&a->engine, c.name, &now)) < 0)
		return EXIT_TROUBLE;
	printf("%s\n", got && now.running ? "up" : "down");
	return got && now.running ? EXIT_YES : EXIT_NO;
}

int
do_pid(struct app *a, int argc, char **argv)
{
	struct seen now;
	int status;
	const struct place *p = pick_only(a, argc, argv, &status);

	if (p && (status = see_running(a, p, NULL, &now)) == EXIT_YES)
		printf("%d\n", (int)now.pid);
	return status;
}

int
do_get_ip(struct app *a, int argc, char **argv)
{
	struct seen now;
	int status;
	const struct place *p = pick_only(a, argc, argv, &status);

	if (!p || (status = see_running(a, p, NULL, &now)) != EXIT_YES)
		return status;
	for (size_t i = 0; i < now.ips.n; i++)
		printf("%s\n", now.ips.w[i]);
	if (!now.ips.n)
		report("%s has no address of its own", p->name);
	return now.ips.n ? EXIT_YES : EXIT_NO;
}

int
do_cow_dir(struct app *a, int argc, char **argv)
{
	struct layers layers;
	struct seen now;
	int status;
	const struct place *p = pick_only(a, argc, argv, &status);

	if (!p || (status = see_running(a, p, NULL, &now)) != EXIT_YES)
		return status;
	if (layers_of(&now, &layers)) {
		report("%s: no overlay is mounted as its root", p->name);
		return EXIT_TROUBLE;
	}
	printf("%s\n", layers.upper);
	return EXIT_YES;
}

/* ---- veth ---- */

/* The number of an interface's other end, as the container's own /sys says. */
static int
peer_of(int net, const char *name)
{
	char text[32] = "";
	cleanup_fd int fd = open_in_root(net, pool_printf("%s/iflink", name), O_RDONLY, 0);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	return n > 0 ? atoi(text) : 0;
}

static int
print_veths(const struct place *p, int net)
{
	static const char *const names[] = {"eth0", "eth1", "eth2", "eth3"};
	char host[IF_NAMESIZE];
	int found = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int peer = peer_of(net, pool_printf("/sys/devices/virtual/net/%s", names[i]));

		if (peer > 0 && if_indextoname((unsigned)peer, host)) {
			printf("%s\n", host);
			found++;
		}
	}
	if (!found)
		report("%s: no interface of the host leads to it", p->name);
	return found ? EXIT_YES : EXIT_NO;
}

int
do_veth(struct app *a, int argc, char **argv)
{
	struct seen now;
	int status;
	const struct place *p = pick_only(a, argc, argv, &status);
	cleanup_fd int root = -1;

	if (!p || (status = see_running(a, p, NULL, &now)) != EXIT_YES)
		return status;
	root = root_of(now.pid);
	if (root < 0) {
		report("%s: open its root:", p->name);
		return EXIT_TROUBLE;
	}
	return print_veths(p, root);
}

/* ---- log ---- */

/* 1 and more; 0 for "all", -1 after a message. */
static long
line_count(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (strcmp(text, "all") == 0)
		return 0;
	if (*text >= '0' && *text <= '9' && !*end && n > 0)
		return n;
	report("--lines '%s': not a number above 0, nor 'all'", text);
	return -1;
}

static int
print_log_end(struct app *a, const struct log_query *q, bool follow)
{
	struct strbuf out = STRBUF_INIT;
	long long seen = 0;
	int status = log_read(&a->engine, q, &out, &seen);

	/* Where it fails, it is the engine's message. */
	if (out.len && write_all(status ? STDERR_FILENO : STDOUT_FILENO, out.s, out.len))
		status = -1;
	strbuf_free(&out);
	return status == 0 && follow ? log_follow(&a->engine, q, seen) : status;
}

int
do_log(struct app *a, int argc, char **argv)
{
	bool follow = false;
	const char *lines = NULL, *since = NULL;
	const struct option_of options[] = {SWITCH('f', "follow", follow),
	    VALUED('n', "lines", lines), VALUED(0, "since", since), NO_MORE};
	struct words args = {0};
	const struct place *p;
	struct container c;
	long n = 0;

	argc = take_options(a, argc, &argv, options, false);
	if (argc != 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	n = lines ? line_count(lines) : 0;
	p = n < 0 ? NULL : pick(a, argv[0]);
	if (!p || describe(a, p, false, &c))
		return EXIT_TROUBLE;
	if (n) {
		const struct log_query q = {.id = c.name, .since = since, .lines = (size_t)n};

		return print_log_end(a, &q, follow) ? EXIT_TROUBLE : EXIT_YES;
	}
	words_add(&args, "logs");
	if (follow)
		words_add(&args, "-f");
	if (since) {
		words_add(&args, "--since");
		words_add(&args, since);
	}
	words_add(&args, c.name);
	return engine_attached(&a->engine, &args) ? EXIT_TROUBLE : EXIT_YES;
}

/* ---- of all ---- */

int
do_get_all_ips(struct app *a, int argc, char **argv)
{
	int status = EXIT_YES;
	struct container c;
	struct seen_list all;

	if (no_arguments(a, argc, argv) || engine_see_all(&a->engine, &all))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < a->places.n; i++) {
		const struct seen *now;

		if (describe(a, &a->places.v[i], false, &c)) {
			status = EXIT_TROUBLE;
			continue;
		}
		now = seen_named(&all, c.name);
		if (!now || !now->running)
			continue;
		printf("%-16s", a->places.v[i].name);
		for (size_t k = 0; k < now->ips.n; k++)
			printf(" %s", now->ips.w[k]);
		printf("%s\n", now->ips.n ? "" : " -");
	}
	return status;
}

int
do_check_all_up(struct app *a, int argc, char **argv)
{
	int down = 0, wrong = 0;
	struct container c;
	struct seen_list all;

	if (no_arguments(a, argc, argv) || engine_list(&a->engine, &all))
		return EXIT_TROUBLE;
	for (size_t i = 0; i < a->places.n; i++) {
		const struct seen *now;

		if (describe(a, &a->places.v[i], false, &c)) {
			wrong++;
			continue;
		}
		now = seen_named(&all, c.name);
		if (!wave_is_here(&c) || (now && now->running))
			continue;
		printf("%s is down\n", a->places.v[i].name);
		down++;
	}
	if (!down && !wrong)
		printf("all up\n");
	return wrong ? EXIT_TROUBLE : down ? EXIT_NO : EXIT_YES;
}
