/* hello: says one sentence over HTTP. All that an image needs to hold.
 *
 *   hello     serves port 8000 until a signal ends it
 *   hello -c  asks the one that runs beside it: exit status 0 if it answers
 *
 * No stdio, no allocation: what isn't called isn't in the program. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PORT = 8000 };

static const char answer[] = "HTTP/1.0 200 OK\r\n"
			     "Content-Type: text/plain\r\n"
			     "\r\n"
			     "hello from an empty image\n";

/* Nobody, client or server, may hold up the other side for longer than this. */
static void
limit(int fd)
{
	static const struct timeval seconds = {2, 0};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &seconds, sizeof(seconds));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &seconds, sizeof(seconds));
}

static int
talk_to(int client)
{
	char request[1024];

	limit(client);
	return read(client, request, sizeof(request)) > 0 &&
	       write(client, answer, sizeof(answer) - 1) > 0;
}

/* The kernel gives PID 1 no default handling of signals: without this, stopping the
 * container would wait for SIGKILL. */
static void
on_end(int sig)
{
	(void)sig;
	_exit(0);
}

static int
serve(int fd, const struct sockaddr *address, socklen_t len)
{
	const int on = 1;
	int client;

	signal(SIGTERM, on_end);
	signal(SIGINT, on_end);
	signal(SIGPIPE, SIG_IGN);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, address, len) < 0 || listen(fd, 16) < 0)
		return 2;
	for (;;) {
		client = accept(fd, NULL, NULL);
		if (client < 0)
			continue;
		talk_to(client);
		close(client);
	}
}

static int
check(int fd, const struct sockaddr *address, socklen_t len)
{
	char got[sizeof(answer)];
	size_t n = 0;
	ssize_t more;

	limit(fd);
	if (connect(fd, address, len) < 0 || send(fd, "GET / HTTP/1.0\r\n\r\n", 18, 0) != 18)
		return 1;
	while (n < sizeof(got) && (more = read(fd, got + n, sizeof(got) - n)) > 0)
		n += (size_t)more;
	return n == sizeof(answer) - 1 && memcmp(got, answer, n) == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 2;
	if (argc == 2 && strcmp(argv[1], "-c") == 0) {
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return check(fd, (struct sockaddr *)&address, sizeof(address));
	}
	return argc == 1 ? serve(fd, (struct sockaddr *)&address, sizeof(address)) : 2;
}
