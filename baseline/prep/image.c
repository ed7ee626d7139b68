#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "report.h"
#include "strbuf.h"

extern char **environ;

const char image_keep_path[] = "/prep-keep";
const char image_ledger_path[] = "/var/lib/whittle/ledger.jsonl";

/* In our environment once /prep-local was read. */
static const char read_local[] = "PREP_LOCAL_READ";

static int
exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static int
link_is(const char *path, const char *target)
{
	char got[PATH_MAX];
	ssize_t n = readlink(path, got, sizeof(got));

	return n == (ssize_t)strlen(target) && memcmp(got, target, (size_t)n) == 0;
}

static int
runs_as_prep(void)
{
	const char *path = (const char *)getauxval(AT_EXECFN);

	return link_is("/proc/self/exe", "/prep") || (path && strcmp(path, "/prep") == 0);
}

/* The machine's own init, as it names itself. */
static int
beside_an_init(void)
{
	cleanup_fd int fd = open("/proc/1/comm", O_RDONLY | O_CLOEXEC);
	char name[32] = "";

	if (getpid() == 1)
		return 0;
	if (fd >= 0 && read(fd, name, sizeof(name) - 1) < 0)
		return 0;
	name[strcspn(name, "\n")] = '\0';
	return strcmp(name, "systemd") == 0 || strcmp(name, "init") == 0;
}

/* Whether process 1 has another root than we have. */
static int
is_chroot(void)
{
	struct stat ours, its;

	return stat("/", &ours) == 0 && stat("/proc/1/root/", &its) == 0 &&
	       (ours.st_dev != its.st_dev || ours.st_ino != its.st_ino);
}

/*
 * There is no one sign of a container that every engine gives. A build step of docker
 * and podman is process 1 or has one of the files; under BuildKit a shell's child has but
 * the process namespace (the first one has this fixed number: Linux, proc_ns.h); podman's
 * chroot isolation stays in the host's namespace.
 */
static int
is_container(void)
{
	if (getpid() == 1 || is_chroot())
		return 1;
	if (beside_an_init())
		return 0;
	return exists("/.dockerenv") || exists("/run/.containerenv") || getenv("container") ||
	       (exists("/proc/self/ns/pid") &&
		   !link_is("/proc/self/ns/pid", "pid:[4026531836]"));
}

int
image_is_ours(void)
{
	return runs_as_prep() && is_container();
}

static int
read_conf(struct conf *c, const char *file, int must_exist)
{
	cleanup_fd int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0) {
		if (errno == ENOENT && !must_exist)
			return 0;
		report("open '%s':", file);
		return -1;
	}
	return conf_read(c, fd, file);
}

/* /prep-local is a shell script; what it assigns (-a) is then in our environment. */
static int
run_local(const struct conf *c, char *const *argv)
{
	const char **args;
	size_t n, i;

	for (n = 0; argv[n]; n++)
		;
	args = xcalloc(n + 4, sizeof(*args));
	args[0] = "sh";
	args[1] = "-ac";
	args[2] = ". /prep-local; exec /prep \"$@\"";
	for (i = 0; i < n; i++)
		args[3 + i] = argv[i];
	conf_export(c);
	if (setenv(read_local, "1", 1) == 0)
		execv("/bin/sh", (char *const *)args);
	report("run '/bin/sh' for '/prep-local' (an image without a shell has /prep.conf):");
	free(args);
	return -1;
}

int
image_settings(struct conf *c, const char *file, char *const *argv)
{
	if (getenv(read_local))
		return conf_environ(c, "/prep-local", environ);
	if (conf_environ(c, "environment", environ) ||
	    read_conf(c, file ? file : "/prep.conf", file != NULL))
		return -1;
	return exists("/prep-local") ? run_local(c, argv) : 0;
}

int
image_ledger(int rootfd)
{
	static const char *const directories[] = {"/var", "/var/lib", "/var/lib/whittle"};
	cleanup_fd int directory = -1;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		if (mkdirat(rootfd, directories[i] + 1, 0755) && errno != EEXIST)
			break;
	directory = open_no_links(rootfd, directories[2], O_PATH | O_DIRECTORY, 0);
	fd = directory < 0 ? -1
			   : openat(directory, "ledger.jsonl",
				 O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
	if (fd < 0)
		report("open '%s':", image_ledger_path);
	return fd;
}
