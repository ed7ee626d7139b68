/*
 * gap PORT [COUNT]: how long a service wasn't there. Asks http://127.0.0.1:PORT/version over
 * and over until something comes on standard input, or its end; then prints the longest time in
 * ms between two answers, how often it asked and how many of that had no good answer. With
 * COUNT: by several clients, without a pause, each of which waits longer for an answer; and
 * COUNT times at least.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 4 };

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
ask(int port, int seconds)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_port = htons((unsigned short)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = seconds, .tv_usec = seconds ? 0 : 200000};
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

/* What one client met; all clients' are in memory that they share. */
struct client {
	double longest;
	long asked, failed;
};

static struct {
	volatile int stop;
	struct client client[CLIENTS];
} * all;

static void
go_on_asking(struct client *c, int port, long count)
{
	double last = now_ms();

	while (!all->stop || c->asked < count) {
		c->asked++;
		if (ask(port, count ? 20 : 0)) {
			double now = now_ms();

			c->longest = now - last > c->longest ? now - last : c->longest;
			last = now;
		} else {
			c->failed++;
		}
		if (!count)
			usleep(1000);
	}
}

int
main(int argc, char **argv)
{
	int port = argc > 1 ? atoi(argv[1]) : 0, clients = argc > 2 ? CLIENTS : 1;
	long count = argc > 2 ? atol(argv[2]) : 0;
	struct client sum = {0};
	char end;

	all =
	    mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		return 2;
	for (int i = 0; i < clients; i++)
		if (fork() == 0) {
			go_on_asking(&all->client[i], port, (count + clients - 1) / clients);
			_exit(0);
		}
	while (read(0, &end, 1) < 0)
		;
	all->stop = 1;
	while (wait(NULL) > 0)
		;
	for (int i = 0; i < clients; i++) {
		const struct client *c = &all->client[i];

		sum.longest = c->longest > sum.longest ? c->longest : sum.longest;
		sum.asked += c->asked;
		sum.failed += c->failed;
	}
	printf("%.0f %ld %ld\n", sum.longest, sum.asked, sum.failed);
	return 0;
}
