/*
 * How long a service wasn't there: asks http://127.0.0.1:PORT/ over and over until its
 * standard input ends, then prints the longest time in ms between two answers.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
ask(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_port = htons((unsigned short)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_usec = 200000};
	int fd = socket(AF_INET, SOCK_STREAM, 0), fine;
	char text[64] = "";

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	fine = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
	       write(fd, "GET /version HTTP/1.0\r\n\r\n", 25) == 25 &&
	       read(fd, text, sizeof(text) - 1) > 12 && strncmp(text + 9, "200", 3) == 0;
	close(fd);
	return fine;
}

int
main(int argc, char **argv)
{
	double last = now_ms(), longest = 0;
	int port = argc > 1 ? atoi(argv[1]) : 0;

	for (;;) {
		struct pollfd in = {0, POLLIN, 0};

		if (ask(port)) {
			double now = now_ms();

			longest = now - last > longest ? now - last : longest;
			last = now;
		}
		if (poll(&in, 1, 1) > 0)
			break;
	}
	printf("%.0f\n", longest);
	return 0;
}
