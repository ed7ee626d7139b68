/* A service that wants one thing and ends where it doesn't get that: for the causes that
 * infra/explain knows. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

/* On port 2121, whoever connects, for ever. */
static noreturn void
greet(const char *format, const char *value)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(2121)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), error = errno;

	signal(SIGTERM, _exit);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 8))
		_exit(1);
	for (;;) {
		int client = accept(fd, NULL, NULL);

		dprintf(client, format, value, strerror(error));
		close(client);
	}
}

static int
wants(const char *what, const char *value)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	gid_t group = 7;

	if (strcmp(what, "write") == 0)
		return open(value, O_WRONLY | O_CREAT, 0600) < 0;
	if (strstr(what, "-to-syslog")) {
		close(STDERR_FILENO);
		return open(value, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0;
	}
	if (strstr(what, "-to-stdin")) {
		dup2(STDIN_FILENO, STDERR_FILENO);
		return open(value, O_WRONLY | O_CREAT, 0600) < 0;
	}
	if (strcmp(what, "update") == 0)
		return open(value, O_RDWR) < 0;
	if (strcmp(what, "late") == 0) {
		sleep(3);
		return open(value, O_WRONLY | O_CREAT, 0600) < 0;
	}
	if (strcmp(what, "mkdir") == 0)
		return mkdir(value, 0700) && errno != EEXIST;
	if (strcmp(what, "chown") == 0)
		return open(value, O_WRONLY | O_CREAT, 0600) < 0 || chown(value, 7, 7);
	if (strcmp(what, "setuid") == 0)
		return setgroups(1, &group) || setgid(7) || setuid(7);
	if (strcmp(what, "cap_set_proc") == 0) {
		/* capset(2): version 3; effective, permitted, inheritable, twice. */
		static const char *volatile wanted = "cap_sys_nice=p";
		uint32_t header[2] = {0x20080522, 0}, sets[6] = {0, wanted ? 1U << 23 : 0};

		return syscall(SYS_capset, header, sets) != 0;
	}
	if (strcmp(what, "be-root") == 0) {
		if (geteuid()) {
			fprintf(stderr, "fail: %s\n", value);
			exit(1);
		}
		return 0;
	}
	if (strcmp(what, "end-silently") == 0)
		return close(STDERR_FILENO) + 1;
	if (strcmp(what, "bind") == 0 || strcmp(what, "bind-silently") == 0 ||
	    strcmp(what, "bind-besides") == 0) {
		if (strcmp(what, "bind-silently") == 0)
			close(STDERR_FILENO);
		if (strcmp(what, "bind-besides") == 0)
			fputs("fail: can't change group ID: Operation not permitted\n", stderr);
		at.sin_port = htons((unsigned short)atoi(value));
		return bind(
		    socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&at, sizeof(at));
	}
	if (strcmp(what, "greet") == 0)
		greet(open(value, O_WRONLY | O_CREAT, 0600) < 0 ? "500 OOPS: open '%s': %s\r\n"
								: "220 ready\r\n",
		    value);
	if (strcmp(what, "listen") == 0) {
		at.sin_port = htons((unsigned short)atoi(value));
		for (int i = 0; i < 2; i++) {
			int fd = socket(AF_INET, SOCK_STREAM, 0);

			if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 1))
				return 1;
		}
		return 0;
	}
	if (strstr(what, "getpwnam")) {
		if (!getpwnam(value)) {
			const char *format = "fail: getpwnam(\"%s\") failed\n";

			if (strcmp(what, "getpwnam-value") == 0)
				format = "fail: parameter user: unknown user name value: %s\n";
			if (strcmp(what, "getpwnam-first") == 0)
				format = "fail: jail: %s user not found.\n";
			fprintf(stderr, format, value);
			exit(1);
		}
		return 0;
	}
	if (strcmp(what, "memory") == 0) {
		size_t n = strtoul(value, NULL, 10) << 20;
		char *p = malloc(n);

		return !p || !memset(p, 1, n);
	}
	if (strcmp(what, "fork") == 0) {
		for (int i = atoi(value); i > 0; i--)
			switch (fork()) {
			case -1:
				return 1;
			case 0:
				pause();
				_exit(0);
			default:;
			}
		return 0;
	}
	errno = EINVAL;
	return 1;
}

int
main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	if (wants(argv[1], argv[2])) {
		if (strstr(argv[1], "-to-syslog")) {
			openlog("fail", 0, LOG_DAEMON);
			if (strncmp(argv[1], "warn-", 5) == 0)
				syslog(LOG_WARNING, "initgroups: Operation not permitted");
			syslog(LOG_ERR, "open '%s': %m", argv[2]);
		}
		/* In pieces, as shells write: the engine's log has them as parts of a line. */
		fprintf(stderr, "fail: %s '%s': %s", argv[1], argv[2], strerror(errno));
		usleep(100000);
		fputs("\n", stderr);
		return 1;
	}
	if (argc > 3) /* --once */
		return 0;
	signal(SIGTERM, _exit); /* a container's first process dies of no signal by default */
	puts("serving");
	fflush(stdout);
	for (;;)
		pause();
}
