/* Looking at a container from beside, with tools that it lacks. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "engine_call.h"
#include "engine_end.h"
#include "engine_inspect.h"
#include "history.h"
#include "netns.h"
#include "options.h"
#include "report.h"
#include "say.h"
#include "select.h"
#include "service.h"
#include "state.h"
#include "strbuf.h"
#include "verbs.h"

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
	status = p ? see_running(a, p, &c, &now) : EXIT_TROUBLE;
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
	words_add(&args, isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? "-it" : "-i");
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
	struct strbuf out = STRBUF_INIT;
	const char *id = NULL;
	int bad = engine_call(
	    &a->engine, &out, "create", "--pull", "never", a->host.toolkit, "/none", NULL);

	if (!bad)
		id = engine_created(&a->engine, &out);
	strbuf_free(&out);
	if (!id)
		return -1;
	bad = engine_call(&a->engine, NULL, "cp", pool_printf("%s:/bin/busybox", id), to, NULL);
	engine_remove(&a->engine, id, true);
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
	/* The root directory's owner is root inside, whatever that is out here. */
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
	status = p ? see_running(a, p, &c, &now) : EXIT_TROUBLE;
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
	if (!state_directory(&a->host, p->name))
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
