/* Verbs that run something inside a container, or beside it in its namespaces. */
#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "engine_args.h"
#include "instance.h"
#include "life.h"
#include "netns.h"
#include "replace.h"
#include "report.h"
#include "state.h"
#include "strbuf.h"
#include "verbs.h"
#include "volumes.h"

int
running(struct app *a, const struct place *p, struct container *c, struct seen *now)
{
	struct container own;
	int got;

	if (!c)
		c = &own;
	if (describe(a, p, false, c))
		return EXIT_TROUBLE;
	got = engine_see(&a->engine, c->name, now);
	if (got < 0)
		return EXIT_TROUBLE;
	if (got == 1 && now->running)
		return EXIT_YES;
	report("%s doesn't run", p->name);
	return EXIT_NO;
}

bool
again_unshared(struct app *a, int argc, char **argv, int *status)
{
	struct words args = {0};

	if (geteuid() == 0 || a->engine.kind != PODMAN)
		return false;
	setenv("WHITTLE_OUTER_UID", pool_printf("%d", (int)geteuid()), 1);
	words_add(&args, "unshare");
	words_add(&args, program_path());
	words_add(&args, a->called_as);
	for (int i = 1; i < argc; i++)
		words_add(&args, argv[i]);
	*status = engine_attached(&a->engine, &args);
	return true;
}

/* ---- exec ---- */

static void
add_terminal(struct words *args)
{
	words_add(args, isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? "-it" : "-i");
}

static int
exec_in(struct app *a, const struct place *p, const char *user, int argc, char **argv)
{
	struct words args = {0};
	struct seen now;
	int status = running(a, p, NULL, &now);

	if (status)
		return status;
	words_add(&args, "exec");
	add_terminal(&args);
	if (user) {
		words_add(&args, "-u");
		words_add(&args, user);
	}
	words_add(&args, now.id);
	if (argc == 0)
		words_add(&args, "/bin/sh");
	for (int i = 0; i < argc; i++)
		words_add(&args, argv[i]);
	status = engine_attached(&a->engine, &args);
	if (argc == 0 && (status == 126 || status == 127))
		report("%s has no shell inside: d debug %s looks at it from beside", p->name,
		    p->name);
	return status;
}

static int
enter(struct app *a, int argc, char **argv, const char *user)
{
	const struct place *p;

	argc = take_options(a, argc, &argv, NO_OPTIONS, true);
	if (argc < 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	p = pick(a, argv[0]);
	return p ? exec_in(a, p, user, argc - 1, argv + 1) : EXIT_TROUBLE;
}

int
do_enter(struct app *a, int argc, char **argv)
{
	return enter(a, argc, argv, strcmp(a->called_as, "e0") == 0 ? "0" : NULL);
}

int
do_console(struct app *a, int argc, char **argv)
{
	return enter(a, argc, argv, "0");
}

int
do_run_in_all(struct app *a, int argc, char **argv)
{
	int status = EXIT_YES, got;
	struct container c;
	struct seen now;

	argc = take_options(a, argc, &argv, NO_OPTIONS, true);
	if (argc < 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	for (size_t i = 0; i < a->places.n; i++) {
		const struct place *p = &a->places.v[i];

		if (describe(a, p, false, &c)) {
			status = EXIT_TROUBLE;
			continue;
		}
		if (engine_see(&a->engine, c.name, &now) != 1 || !now.running)
			continue;
		printf("== %s\n", p->name);
		fflush(stdout);
		got = exec_in(a, p, NULL, argc, argv);
		status = got > status ? got : status;
	}
	return status;
}

/* ---- run, shell ---- */

void
key_options(struct key_options *k, const struct option_of *own)
{
	const char *const *keys = container_keys();
	size_t n = 0;

	*k = (struct key_options){0};
	for (; own->name; own++)
		k->option[n++] = *own;
	for (size_t i = 0; keys[i]; i++)
		k->option[n++] = (struct option_of)VALUED(0, keys[i], k->value[i]);
}

void
keys_given(const struct key_options *k, struct words *flags)
{
	const char *const *keys = container_keys();

	for (size_t i = 0; keys[i]; i++)
		if (k->value[i]) {
			words_addf(flags, "--%s", keys[i]);
			words_add(flags, k->value[i]);
		}
}

struct run_options {
	bool print, dry, test, latest;
	const char *owner, *image;
};

static int
run_service(struct app *a, const struct place *p, const struct words *flags)
{
	struct container c;
	const char *why;
	int fd, status;

	if (host_container(&a->host, p, false, flags, NULL, &c))
		return EXIT_TROUBLE;
	why = engine_refusal(&a->engine, &c);
	if (why) {
		report("%s: %s", p->name, why);
		return EXIT_TROUBLE;
	}
	fd = lock_container(a, p, false);
	if (fd < 0)
		return EXIT_TROUBLE;
	status = up_described(a, p, &c, UP_PLAIN);
	close(fd);
	return status;
}

static int
run_test(struct app *a, const struct place *p, const struct run_options *o,
    const struct words *flags, const struct words *cmd)
{
	struct instance i;
	int status;

	say_on_stderr();
	status = instance_start(
	    a, p, flags, cmd, o->image, o->owner ? (pid_t)atoi(o->owner) : 0, true, &i);

	if (status == EXIT_YES)
		instance_print(&i);
	return status;
}

/* ---- beside the service, once ---- */

/* Beside what runs: a name of its own, ports that are free, no fixed address, gone
 * afterwards; with the service's volumes, and in its network. */
static int
describe_once(
    struct app *a, const struct place *p, const struct words *flags, struct container *c)
{
	const char *const own[] = {"--port_offset", "free", "--rm", "true", "--ip", "0"};
	struct words all = {0};
	struct container service;

	if (host_container(&a->host, p, false, flags, NULL, &service))
		return -1;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		words_add(&all, own[i]);
	words_add(&all, "--name");
	words_addf(&all, "%s-run-%d", service.name, (int)getpid());
	words_add(&all, "--network");
	words_add(&all, network_name(&service) ? network_name(&service) : service.network);
	for (size_t i = 0; flags && i + 1 < flags->n; i += 2)
		if (!words_have(&all, flags->w[i])) {
			words_add(&all, flags->w[i]);
			words_add(&all, flags->w[i + 1]);
		}
	return host_container(&a->host, p, false, &all, NULL, c) || resolve_needs(a, c) ? -1
											: 0;
}

static int
run_once(struct app *a, const struct place *p, const struct words *flags,
    const struct words *cmd, bool shell)
{
	struct start s = {.verb = "run", .shell = shell, .cmd = cmd};
	struct words args = {0};
	struct image image;
	struct container c;
	const char *why;
	int got;

	if (describe_once(a, p, flags, &c))
		return EXIT_TROUBLE;
	why = engine_refusal(&a->engine, &c);
	if (why)
		report("%s: %s", p->name, why);
	if (why || wanted_image(a, &c, &image) || network_ensure(a, &c) ||
	    volumes_before(a, &c, &image))
		return EXIT_TROUBLE;
	s.image = image.id;
	s.facts = &image;
	s.interactive = true;
	s.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	engine_args(&args, &a->engine, &c, &s);
	got = engine_attached(&a->engine, &args);
	if (shell && (got == 126 || got == 127))
		report("%s has no shell inside: d debug %s looks at it from beside", p->name,
		    p->name);
	return got;
}

int
do_run(struct app *a, int argc, char **argv)
{
	struct run_options o = {0};
	const struct option_of own[] = {SWITCH(0, "print-cmd", o.print),
	    SWITCH(0, "test", o.dry), SWITCH('T', "test-mode", o.test),
	    SWITCH('l', "latest", o.latest), VALUED(0, "owner", o.owner),
	    VALUED(0, "image-id", o.image), NO_MORE};
	struct words flags = {0}, cmd = {0};
	struct key_options keys;
	const struct place *p;

	key_options(&keys, own);
	argc = take_options(a, argc, &argv, keys.option, true);
	if (argc < 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	p = pick(a, argv[0]);
	if (!p)
		return EXIT_TROUBLE;
	for (int i = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1; i < argc; i++)
		words_add(&cmd, argv[i]);
	if (o.latest) {
		words_add(&flags, "--tag");
		words_add(&flags, "latest");
	}
	keys_given(&keys, &flags);
	if (o.print || o.dry)
		return print_command(a, p, o.test, &flags, cmd.n ? &cmd : NULL);
	if (o.test)
		return run_test(a, p, &o, &flags, cmd.n ? &cmd : NULL);
	return cmd.n ? run_once(a, p, &flags, &cmd, false) : run_service(a, p, &flags);
}

int
do_shell(struct app *a, int argc, char **argv)
{
	struct words cmd = {0};
	const struct place *p;

	argc = take_options(a, argc, &argv, NO_OPTIONS, true);
	if (argc < 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	p = pick(a, argv[0]);
	for (int i = 1; i < argc; i++)
		words_add(&cmd, argv[i]);
	return p ? run_once(a, p, NULL, &cmd, true) : EXIT_TROUBLE;
}

/* ---- debug ---- */

int
do_debug(struct app *a, int argc, char **argv)
{
	/* Its processes, its files, its packets; and a place for what strace writes. */
	static const char *const fixed[] = {"--cap-drop", "ALL", "--cap-add", "SYS_PTRACE",
	    "--cap-add", "DAC_READ_SEARCH", "--cap-add", "NET_RAW", "--security-opt",
	    "no-new-privileges", "--user", "0:0", "--read-only", "--tmpfs", "/tmp", "--memory",
	    "268435456", "--pids-limit", "128", "--pull", "never", "--rm", NULL};
	struct words args = {0};
	const struct place *p;
	struct container c;
	struct image image;
	struct seen now;
	int status;

	argc = take_options(a, argc, &argv, NO_OPTIONS, true);
	if (argc < 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	p = pick(a, argv[0]);
	status = p ? running(a, p, &c, &now) : EXIT_TROUBLE;
	if (status)
		return status;
	status = engine_image(&a->engine, a->host.toolkit, &image);
	if (status == 0)
		report("there is no toolkit image '%s': make -C containers/toolkit all test "
		       "install",
		    a->host.toolkit);
	if (status < 1)
		return EXIT_TROUBLE;
	words_add(&args, "run");
	add_terminal(&args);
	for (size_t i = 0; fixed[i]; i++)
		words_add(&args, fixed[i]);
	words_add(&args, "--name");
	words_addf(&args, "%s-debug-%d", c.name, (int)getpid());
	words_add(&args, "--pid");
	words_addf(&args, "container:%s", now.id);
	words_add(&args, "--network");
	words_addf(&args, "container:%s", now.id);
	if (c.userns && a->engine.kind == PODMAN) {
		words_add(&args, "--userns");
		words_addf(&args, "container:%s", now.id);
	}
	words_add(&args, image.id);
	for (int i = 1; i < argc; i++)
		words_add(&args, argv[i]);
	fprintf(stderr,
	    "%s: its files are below /proc/1/root, its processes and network are yours\n",
	    p->name);
	return engine_attached(&a->engine, &args);
}

/* ---- add-su ---- */

/* A su that needs nothing else: the toolkit's BusyBox under that name. */
static int
fetch_su(struct app *a, const char *to)
{
	struct strbuf id = STRBUF_INIT;
	int bad = engine_call(
	    &a->engine, &id, "create", "--pull", "never", a->host.toolkit, "/none", NULL);

	if (!bad) {
		id.s[strcspn(id.s, "\n")] = '\0';
		bad = engine_call(
		    &a->engine, NULL, "cp", pool_printf("%s:/bin/busybox", id.s), to, NULL);
		engine_remove(&a->engine, id.s, true);
	}
	strbuf_free(&id);
	return bad ? -1 : 0;
}

static int
copy_as_su(int from, pid_t pid)
{
	cleanup_fd int root = root_of(pid);
	cleanup_fd int bin =
	    root < 0 ? -1 : open_in_root(root, "/bin", O_PATH | O_DIRECTORY, 0);
	cleanup_fd int to = -1;
	struct stat owner;
	char chunk[65536];
	ssize_t n;

	if (bin < 0 || fstat(root, &owner))
		return -1;
	to = openat(bin, "su", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0700);
	if (to < 0)
		return -1;
	while ((n = read(from, chunk, sizeof(chunk))) > 0)
		if (write(to, chunk, (size_t)n) != n)
			return -1;
	/* The root folder's owner is root inside, whatever that is out here. */
	return n || fchown(to, owner.st_uid, owner.st_gid) || fchmod(to, 04755) ? -1 : 0;
}

int
do_add_su(struct app *a, int argc, char **argv)
{
	const char *file;
	const struct place *p;
	struct container c;
	struct seen now;
	cleanup_fd int from = -1;
	char **all = argv;
	int status, count = argc;

	argc = take_options(a, argc, &argv, NO_OPTIONS, false);
	if (argc != 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	if (again_unshared(a, count, all, &status))
		return status;
	p = pick(a, argv[0]);
	status = p ? running(a, p, &c, &now) : EXIT_TROUBLE;
	if (status)
		return status;
	if (c.no_new_privileges || c.read_only) {
		report("%s: su can't work there: settings.yaml has %s; d e0 %s runs something "
		       "as root",
		    p->name,
		    c.no_new_privileges ? "no_new_privileges: true" : "read_only: true",
		    p->name);
		return EXIT_NO;
	}
	if (!state_folder(&a->host, p->name))
		return EXIT_TROUBLE;
	file = pool_printf("%s/%s/su", a->host.state, p->name);
	if (fetch_su(a, file))
		return EXIT_TROUBLE;
	from = open(file, O_RDONLY | O_CLOEXEC);
	unlink(file);
	if (from < 0 || copy_as_su(from, now.pid)) {
		report("%s: put /bin/su into the container:", p->name);
		return EXIT_TROUBLE;
	}
	say("SU", "%s has /bin/su until it is made anew; d scan will say so", p->name);
	event(&a->host, p->name, "changed", now.image, "%s", "/bin/su added by d");
	return EXIT_YES;
}
