/*
 * A stand-in for podman that is quick and can be made to fail, lie, hang or die at any
 * call: containers, images and networks in a file, $STAND_IN/state.json, a process that
 * waits for each container that runs. $STAND_IN/fault says what happens at which call:
 *
 *	N KIND WHEN	at the Nth call, before or after it takes effect:
 *	fail		exit status 125 and a message
 *	lie		exit status 0, and nothing said; before: nothing done
 *	hang		no end
 *	die		ended by SIGKILL
 *	kill, int	d itself gets SIGKILL, SIGINT
 *
 * Calls are counted in $STAND_IN/calls, a line each.
 */
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static json_t *state, *containers, *images, *networks;
static char path[4096];

static const char *
below(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", getenv("STAND_IN"), name);
	return path;
}

static json_t *
part(const char *name)
{
	if (!json_object_get(state, name))
		json_object_set_new(state, name, json_object());
	return json_object_get(state, name);
}

static void
load(void)
{
	int lock = open(below("lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	flock(lock, LOCK_EX); /* until the end */
	state = json_load_file(below("state.json"), 0, NULL);
	if (!state)
		state = json_object();
	containers = part("containers");
	images = part("images");
	networks = part("networks");
}

static void
store(void)
{
	char draft[4096];

	strcpy(draft, below("state.json.new"));
	if (json_dump_file(state, draft, 0) || rename(draft, below("state.json")))
		abort();
}

static int
says(const char *message, const char *name)
{
	fprintf(stderr, "Error: %s \"%s\"\n", message, name);
	return 125;
}

/* ---- containers ---- */

static const char *
text(const json_t *o, const char *key)
{
	const char *got = json_string_value(json_object_get(o, key));

	return got ? got : "";
}

/* By ID or name. */
static json_t *
container(const char *name)
{
	json_t *c = json_object_get(containers, name);
	const char *id;

	if (c)
		return c;
	json_object_foreach (containers, id, c)
		if (strcmp(text(c, "name"), name) == 0)
			return c;
	return NULL;
}

static pid_t
pid_of(const json_t *c)
{
	pid_t pid = (pid_t)json_integer_value(json_object_get(c, "pid"));

	return pid && kill(pid, 0) == 0 ? pid : 0;
}

static const char *
image_named(const char *name)
{
	const char *tag;
	json_t *id;

	json_object_foreach (images, tag, id)
		if (strcmp(tag, name) == 0 || strcmp(json_string_value(id), name) == 0)
			return json_string_value(id);
	return NULL;
}

static int
create(char **arg)
{
	json_t *c = json_object(), *labels = json_object();
	const char *image = NULL;
	char id[65];

	for (; *arg && !image; arg++) {
		if (strcmp(*arg, "--name") == 0)
			json_object_set_new(c, "name", json_string(arg[1]));
		if (strcmp(*arg, "--ip") == 0)
			json_object_set_new(c, "ip", json_string(arg[1]));
		if (strcmp(*arg, "--label") == 0 && strchr(arg[1], '=')) {
			char *sign = strchr(arg[1], '=');

			*sign = '\0';
			json_object_set_new(labels, arg[1], json_string(sign + 1));
		}
		image = image_named(*arg);
	}
	if (!image || container(text(c, "name")))
		return says("cannot create", text(c, "name"));
	snprintf(id, sizeof(id), "%032llx%032llx", (unsigned long long)getpid(),
	    (unsigned long long)time(NULL));
	json_object_set_new(c, "id", json_string(id));
	json_object_set_new(c, "image", json_string(image));
	json_object_set_new(c, "labels", labels);
	json_object_set_new(containers, id, c);
	printf("%s\n", id);
	return 0;
}

static int
start(json_t *c)
{
	int fd[2];
	pid_t pid = 0;

	if (pid_of(c))
		return 0;
	if (pipe(fd))
		abort();
	if (fork() == 0) {
		pid = fork();
		if (pid) {
			if (write(fd[1], &pid, sizeof(pid)) < 0)
				abort();
			_exit(0);
		}
		setsid();
		unsetenv("WHITTLE_TRANSACTION");
		for (int i = 0; i < 256; i++)
			close(i);
		execl("/bin/sleep", "stand-in", "600", (char *)NULL);
		_exit(127);
	}
	wait(NULL);
	if (read(fd[0], &pid, sizeof(pid)) < 0)
		abort();
	json_object_set_new(c, "pid", json_integer(pid));
	json_object_set_new(c, "started", json_integer(time(NULL)));
	return 0;
}

static void
stop(json_t *c)
{
	pid_t pid = pid_of(c);
	struct pollfd end = {
	    .fd = pid ? (int)syscall(SYS_pidfd_open, pid, 0) : -1, .events = POLLIN};

	/* Until it has ended, not until a process 1 that takes its time has heard of it. */
	if (end.fd >= 0) {
		kill(pid, SIGKILL);
		poll(&end, 1, 10000);
		close(end.fd);
	}
	json_object_set_new(c, "pid", json_integer(0));
}

static json_t *
inspected(const json_t *c)
{
	pid_t pid = pid_of(c);
	time_t started = (time_t)json_integer_value(json_object_get(c, "started"));
	char since[32];

	strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", gmtime(&started));
	return json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:b, s:i, s:i, s:s}, s:{s:O}, s:{s:s}}",
	    "Id", text(c, "id"), "Name", text(c, "name"), "Image", text(c, "image"), "Created",
	    "2026-01-01T00:00:00Z", "State", "Status",
	    pid       ? "running"
	    : started ? "exited"
		      : "created",
	    "Running", pid != 0, "Pid", (int)pid, "ExitCode", 0, "StartedAt",
	    started ? since : "0001-01-01T00:00:00Z", "Config", "Labels",
	    json_object_get(c, "labels"), "NetworkSettings", "IPAddress", text(c, "ip"));
}

static int
ps(char **arg)
{
	json_t *list = json_array(), *c;
	const char *id;
	int json = 0;

	json_object_foreach (containers, id, c) {
		int fits = 1;

		for (char **a = arg; *a; a++) {
			json |= strcmp(*a, "json") == 0;
			if (strncmp(*a, "label=", 6) == 0) {
				char key[256], *sign;

				snprintf(key, sizeof(key), "%s", *a + 6);
				sign = strchr(key, '=');
				if (sign)
					*sign = '\0';
				fits &= sign && strcmp(text(json_object_get(c, "labels"), key),
						    sign + 1) == 0;
			}
		}
		if (fits && !json)
			printf("%s\n", id);
		else if (fits)
			json_array_append_new(list,
			    json_pack("{s:s, s:[s], s:s, s:s, s:i, s:I, s:O}", "Id", id,
				"Names", text(c, "name"), "ImageID", text(c, "image"), "State",
				pid_of(c) ? "running" : "exited", "Pid", (int)pid_of(c),
				"StartedAt", json_integer_value(json_object_get(c, "started")),
				"Labels", json_object_get(c, "labels")));
	}
	if (json)
		json_dumpf(list, stdout, 0);
	return 0;
}

/* ---- calls ---- */

static int
inspect(int of_image, char **arg)
{
	json_t *list = json_array();
	int format = 0, bad = 0;

	for (; *arg; arg++) {
		const char *id = of_image ? image_named(*arg) : NULL;
		json_t *c = of_image ? NULL : container(*arg);

		if (strcmp(*arg, "-f") == 0) {
			format = 1;
			arg++;
		} else if (id && format) {
			printf("%s\n", id);
		} else if (id || c) {
			json_array_append_new(list,
			    id ? json_pack("{s:s, s:{}}", "Id", id, "Config") : inspected(c));
		} else {
			bad = says("no such object", *arg);
		}
	}
	if (!format)
		json_dumpf(list, stdout, 0);
	return bad;
}

static int
exists(int of_image, const char *name)
{
	return of_image ? !image_named(name) : !container(name);
}

static int
of_one(const char *verb, char **arg)
{
	char *last = NULL;
	json_t *c;

	for (char **a = arg; *a; a++)
		last = *a;
	if (strcmp(verb, "rename") == 0) {
		c = arg[0] ? container(arg[0]) : NULL;
		if (!c || container(last))
			return says("cannot rename", last);
		json_object_set_new(c, "name", json_string(last));
		return 0;
	}
	c = last ? container(last) : NULL;
	if (!c)
		return says("no such container", last);
	if (strcmp(verb, "start") == 0)
		return start(c);
	stop(c);
	if (strcmp(verb, "rm") == 0)
		json_object_del(containers, text(c, "id"));
	return 0;
}

static int
of_tags(const char *verb, char **arg)
{
	const char *id = image_named(arg[0]);

	if (!id)
		return says("no such image", arg[0]);
	if (strcmp(verb, "tag") == 0)
		json_object_set_new(images, arg[1], json_string(id));
	else
		json_object_del(images, arg[0]);
	return 0;
}

/* They all have one subnet, for "inspect" with a format. */
static int
network(char **arg)
{
	const char *verb = arg[0], *name;
	json_t *one;
	int format;

	if (strcmp(verb, "ls") == 0)
		json_object_foreach (networks, name, one)
			printf("%s\n", name);
	format = arg[1] && strcmp(arg[1], "--format") == 0;
	while (arg[1])
		arg++;
	if (strcmp(verb, "inspect") == 0 && format && json_object_get(networks, *arg))
		printf("10.9.9.0/28 \n");
	if (strcmp(verb, "create") == 0)
		return json_object_set_new(networks, *arg, json_true());
	if (strcmp(verb, "ls") == 0 || json_object_get(networks, *arg))
		return 0;
	return strcmp(verb, "exists") == 0 ? 1 : says("no such network", *arg);
}

/* Everything as it was when a copy of the state was taken, and what ran runs again. */
static int
restore(const char *file)
{
	json_t *c;
	const char *id;

	json_object_foreach (containers, id, c)
		stop(c);
	state = json_load_file(file, 0, NULL);
	containers = part("containers");
	images = part("images");
	networks = part("networks");
	json_object_foreach (containers, id, c)
		if (json_integer_value(json_object_get(c, "pid"))) {
			json_object_set_new(c, "pid", json_integer(0));
			start(c);
		}
	return 0;
}

/* "image-is TAG ID" and "restore FILE" are for tests. */
static int
perform(char **arg)
{
	const char *verb = arg[0];
	int of_image = strcmp(verb, "image") == 0;

	if (of_image || strcmp(verb, "container") == 0)
		return strcmp(arg[1], "exists") == 0 ? exists(of_image, arg[2])
						     : inspect(of_image, arg + 2);
	if (strcmp(verb, "image-is") == 0)
		return json_object_set_new(images, arg[1], json_string(arg[2]));
	if (strcmp(verb, "restore") == 0)
		return restore(arg[1]);
	if (strcmp(verb, "create") == 0)
		return create(arg + 1);
	if (strcmp(verb, "ps") == 0)
		return ps(arg + 1);
	if (strcmp(verb, "tag") == 0 || strcmp(verb, "rmi") == 0 || strcmp(verb, "untag") == 0)
		return of_tags(verb, arg + 1);
	if (strcmp(verb, "network") == 0)
		return network(arg + 1);
	for (const char *const *v =
		 (const char *const[]){"rename", "start", "stop", "rm", NULL};
	     *v; v++)
		if (strcmp(verb, *v) == 0)
			return of_one(verb, arg + 1);
	return 0; /* exec, logs and the like */
}

/* ---- faults ---- */

static void
suffer(const char *kind)
{
	const char *transaction = getenv("WHITTLE_TRANSACTION");
	pid_t d = transaction ? atoi(strrchr(transaction, '.') + 1) : getppid();

	if (strcmp(kind, "fail") == 0) {
		fprintf(stderr, "Error: the stand-in was told to fail\n");
		_exit(125);
	}
	if (strcmp(kind, "lie") == 0)
		_exit(0);
	while (strcmp(kind, "hang") == 0)
		pause();
	if (strcmp(kind, "die") == 0)
		raise(SIGKILL);
	kill(d, strcmp(kind, "kill") == 0 ? SIGKILL : SIGINT);
	if (strcmp(kind, "kill") == 0) /* nobody hears it any more */
		_exit(1);
}

/* The number of this call. */
static int
count(char **arg)
{
	FILE *f = fopen(below("calls"), "a+");
	int n = 1, c;

	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fseek(f, 0, SEEK_END);
	for (char **a = arg; *a && a < arg + 3; a++)
		fprintf(f, "%s ", *a);
	fprintf(f, "\n");
	fclose(f);
	return n;
}

int
main(int argc, char **argv)
{
	char kind[8] = "", when[8] = "";
	int at = 0, n, status, quiet;
	FILE *f;

	if (argc < 2)
		return 125;
	load();
	n = count(argv + 1);
	f = fopen(below("fault"), "r");
	if (f && fscanf(f, "%d %7s %7s", &at, kind, when) < 3)
		at = 0;
	if (n == at)
		fclose(fopen(below("met"), "w"));
	if (n == at && strcmp(when, "before") == 0)
		suffer(kind);
	quiet = n == at && strcmp(when, "after") == 0 && strcmp(kind, "int") != 0;
	if (quiet && !freopen("/dev/null", "w", stdout))
		return 125;
	status = perform(argv + 1);
	store();
	fflush(stdout);
	if (n == at && strcmp(when, "after") == 0)
		suffer(kind);
	return status;
}
