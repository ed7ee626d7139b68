/* Any bytes as a request to the real server: an answer or none, but never a page from
 * something that isn't GET or HEAD, and it still answers afterwards. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "board.h"
#include "config.h"
#include "http.h"
#include "status.h"
#include "strbuf.h"
#include "times.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

static struct sockaddr_in address;

static struct status *
some_status(struct config *c)
{
	struct status *s = xcalloc(1, sizeof(*s));

	*s = (struct status){.config = config_hold(c),
	    .generation = 1,
	    .rule = xcalloc(1, sizeof(*s->rule)),
	    .rules = 1,
	    .references = 1};
	s->rule[0] = (struct rule_status){
	    .rule = &c->rule[0], .state = STATE_OK, .since = now_ns(), .how = HOW_EVENTS};
	status_finish(s);
	return s;
}

static void
start_server(void)
{
	static const char settings[] = "listen: 127.0.0.1:0\nrules: [{path: /a}]\n";
	static struct board board;
	struct config *c = config_parse("fuzz", settings, sizeof(settings) - 1);
	socklen_t n = sizeof(address);
	int fd = http_listen(c);

	if (fd < 0 || getsockname(fd, (struct sockaddr *)&address, &n))
		abort();
	board_init(&board);
	board.stale = INT64_MAX / 4;
	board_publish(&board, some_status(c));
	if (!http_start(fd, c, &board))
		abort();
}

/* The beginning of the answer. The server may as well wait for more: then there is none. */
static void
ask(const void *bytes, size_t n, int wait_ms, char *answer, size_t size)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct linger at_once = {1, 0}; /* no TIME_WAIT: ports would run out */
	ssize_t k = 0;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		abort();
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (n && send(fd, bytes, n, MSG_NOSIGNAL) < 0) {
		/* refused before it was read whole */
	}
	if (poll(&(struct pollfd){fd, POLLIN, 0}, 1, wait_ms) > 0)
		k = recv(fd, answer, size - 1, 0);
	answer[k > 0 ? k : 0] = '\0';
	close(fd);
}

int
LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	static const char good[] =
	    "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	static unsigned rounds;
	char answer[64 * 1024];

	if (rounds++ == 0)
		start_server();
	ask(bytes, n, 2, answer, sizeof(answer));
	if (strncmp(answer, "HTTP/1.1 200", 12) == 0 &&
	    (n < 4 || (memcmp(bytes, "GET ", 4) != 0 && memcmp(bytes, "HEAD", 4) != 0)) &&
	    !memchr(bytes, 'G', n) && !memchr(bytes, 'H', n))
		abort();
	if (rounds % 64 == 0) {
		ask(good, sizeof(good) - 1, 5000, answer, sizeof(answer));
		if (!strstr(answer, "all ok"))
			abort();
	}
	return 0;
}
