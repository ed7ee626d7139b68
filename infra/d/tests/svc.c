/*
 * The service in d's test images: HTTP on port 8080, or $PORT, and what tests want to do
 * inside a container that has nothing else. /mood, one line "VERSION SICK_AFTER CRASH RUIN",
 * makes two images of one program: after so many good answers it is sick (0: never); with RUIN
 * 1 it spoils what is in /data, as a migration that fails half way; with CRASH 1 it ends at
 * once.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { PORT = 8080 };

static volatile sig_atomic_t reloads, reload_seen;

static void
on_term(int sig)
{
	(void)sig;
	_exit(0);
}

static void
on_hup(int sig)
{
	(void)sig;
	reloads++;
}

static struct sockaddr_in
address(in_addr_t host)
{
	const char *port = getenv("PORT");

	return (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)(port ? atoi(port) : PORT)),
	    .sin_addr.s_addr = htonl(host)};
}

/* ---- the service ---- */

static void
answer(int fd, const char *version, int sick_after)
{
	static int asked;
	char request[1024], body[128];
	ssize_t n = read(fd, request, sizeof(request) - 1);
	int sick;

	request[n > 0 ? n : 0] = '\0';
	/* The health check asks for /alive: what it finds out doesn't count. */
	asked += strncmp(request, "GET /healthz", 12) == 0;
	sick = sick_after && asked > sick_after;
	/* Some answer only to their name. */
	if (getenv("WANT_HOST") && !strstr(request, getenv("WANT_HOST")))
		sick = 1;
	/* An answer without end. */
	if (strncmp(request, "GET /stream", 11) == 0) {
		dprintf(fd, "HTTP/1.1 200 OK\r\n\r\ndata: all ok\n\n");
		return;
	}
	if (strncmp(request, "GET /version", 12) == 0)
		snprintf(body, sizeof(body), "%s\n", version);
	else
		snprintf(body, sizeof(body), "%s\n", sick ? "ERROR" : "all ok");
	dprintf(fd, "HTTP/1.0 %s\r\nContent-Length: %zu\r\n\r\n%s",
	    sick ? "503 Sick" : "200 OK", strlen(body), body);
	close(fd);
}

static int
listen_unix(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/tmp/svc.sock"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink(a.sun_path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 8)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
ruin(void)
{
	DIR *d = opendir("/data");
	struct dirent *e;

	while (d && (e = readdir(d))) {
		int fd = e->d_name[0] == '.' ? -1 : openat(dirfd(d), e->d_name, O_RDWR);

		if (fd < 0 || pwrite(fd, "migrated", 8, 0) < 0 || ftruncate(fd, 5000))
			continue;
		close(fd);
	}
	close(open("/data/migrated", O_WRONLY | O_CREAT, 0644));
}

static int
serve(void)
{
	struct sigaction term = {.sa_handler = on_term}, hup = {.sa_handler = on_hup};
	struct sockaddr_in a = address(INADDR_ANY);
	struct sockaddr_in6 six = {.sin6_family = AF_INET6,
	    .sin6_port = a.sin_port,
	    .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	bool v6 = getenv("ONLY_V6") != NULL;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0), one = 1, sick_after = 0,
	    crash = 0, spoil = 0;
	char version[32] = "?";
	FILE *mood = fopen("/mood", "r");

	if (mood) {
		int got = fscanf(mood, "%31s %d %d %d", version, &sick_after, &crash, &spoil);

		fclose(mood);
		if (got < 1)
			return 4;
	}
	if (spoil)
		ruin();
	if (crash) {
		printf("crashing, version %s\n", version);
		return 3;
	}
	sigaction(SIGTERM, &term, NULL);
	sigaction(SIGINT, &term, NULL);
	sigaction(SIGHUP, &hup, NULL);
	listen_unix();
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, v6 ? (struct sockaddr *)&six : (struct sockaddr *)&a,
		v6 ? sizeof(six) : sizeof(a)) ||
	    listen(fd, 64))
		return 5;
	printf("serving, version %s\n", version);
	if (getenv("PIECES")) { /* a line without an end, written bit by bit */
		fflush(stdout);
		dprintf(STDOUT_FILENO, "in ");
		dprintf(STDOUT_FILENO, "pieces");
	}
	fflush(stdout);
	for (;;) {
		int client = accept(fd, NULL, NULL);

		while (reload_seen < reloads) {
			printf("reloaded %d\n", (int)++reload_seen);
			fflush(stdout);
		}
		if (client >= 0)
			answer(client, version, sick_after);
	}
}

/* ---- what else tests want ---- */

static int
check(void)
{
	struct sockaddr_in a = address(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char text[64] = "";

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return 1;
	dprintf(fd, "GET /alive HTTP/1.0\r\n\r\n");
	return read(fd, text, sizeof(text) - 1) > 12 && strncmp(text + 9, "200", 3) == 0 ? 0
											 : 1;
}

static int
print_file(const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0) {
		printf("%s\n", strerror(errno));
		return 1;
	}
	while ((n = read(fd, text, sizeof(text))) > 0)
		fwrite(text, 1, (size_t)n, stdout);
	return 0;
}

static int
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		printf("%s\n", strerror(errno));
		return 1;
	}
	return 0;
}

/* A shell that says what it was given. */
static int
shell(int argc, char **argv)
{
	char line[256];

	printf("a shell of uid %d\n", (int)getuid());
	for (int i = 1; i < argc; i++)
		printf("word %s\n", argv[i]);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		printf("line %s", line);
	return 0;
}

static int
tool(int argc, char **argv)
{
	const char *verb = argv[1];

	if (strcmp(verb, "check") == 0)
		return check();
	if (strcmp(verb, "uid") == 0)
		return printf("%d:%d\n", (int)getuid(), (int)getgid()) < 0;
	if (strcmp(verb, "env") == 0 && argc > 2)
		return printf("%s\n", getenv(argv[2]) ? getenv(argv[2]) : "unset") < 0;
	if (strcmp(verb, "cat") == 0 && argc > 2)
		return print_file(argv[2]);
	if (strcmp(verb, "write") == 0 && argc > 3)
		return write_file(argv[2], argv[3]);
	if (strcmp(verb, "mkdir") == 0 && argc > 2)
		return mkdir(argv[2], 0755) != 0;
	if (strcmp(verb, "rm") == 0 && argc > 2)
		return unlink(argv[2]) && rmdir(argv[2]);
	if (strcmp(verb, "chmod") == 0 && argc > 3)
		return chmod(argv[3], (mode_t)strtol(argv[2], NULL, 8)) != 0;
	if (strcmp(verb, "setxattr") == 0 && argc > 4)
		return setxattr(argv[2], argv[3], argv[4], strlen(argv[4]), 0) != 0;
	if (strcmp(verb, "exit") == 0 && argc > 2)
		return atoi(argv[2]);
	if (strcmp(verb, "fail") == 0 && argc > 2)
		return printf("%s\n", argv[2]) < 0 ? 1 : 3;
	if (strcmp(verb, "sleep") == 0)
		return (int)sleep(600);
	for (int i = 2; i < argc; i++) /* echo */
		printf("%s%s", i > 2 ? " " : "", argv[i]);
	return printf("\n") < 0;
}

int
main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');

	if (strcmp(slash ? slash + 1 : argv[0], "sh") == 0)
		return shell(argc, argv);
	return argc > 1 ? tool(argc, argv) : serve();
}
