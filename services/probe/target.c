#include "target.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "strbuf.h"

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static int
is_port(const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n > 5 || strspn(text, DIGITS) != n)
		return 0;
	return atoi(text) >= 1 && atoi(text) <= 65535;
}

static int
is_host_name(const char *host)
{
	size_t n = strlen(host);

	return n > 0 && n <= 253 && strspn(host, LETTERS DIGITS "-._") == n && host[0] != '-';
}

static int
is_ipv6(const char *host)
{
	struct in6_addr a;

	return inet_pton(AF_INET6, host, &a) == 1;
}

/* HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT, n bytes. default_port NULL: must be given. */
static int
parse_authority(
    struct target *t, const char *text, size_t n, const char *default_port, const char **why)
{
	const char *end, *port;

	t->authority = xstrndup(text, n);
	text = t->authority;
	if (strchr(text, '@')) {
		*why = "a user name is not understood here";
		return -1;
	}
	if (text[0] == '[') {
		end = strchr(text, ']');
		t->host = xstrndup(text + 1, end ? (size_t)(end - text - 1) : strlen(text + 1));
		if (!end || !is_ipv6(t->host)) {
			*why = "not an IPv6 address in brackets";
			return -1;
		}
		port = end + 1;
	} else {
		t->host = xstrndup(text, strcspn(text, ":"));
		if (!is_host_name(t->host)) {
			*why = "not a host name or address";
			return -1;
		}
		port = text + strlen(t->host);
	}
	if (port[0] == '\0' && default_port) {
		t->port = xstrdup(default_port);
		return 0;
	}
	if (port[0] != ':' || !is_port(port + 1)) {
		*why = strchr(port, ':') && strchr(port + 1, ':')
			   ? "want a port from 1 to 65535 (an IPv6 address goes in brackets)"
			   : "want a port from 1 to 65535";
		return -1;
	}
	t->port = xstrdup(port + 1);
	return 0;
}

/* What goes into the request line: visible ASCII alone, so that nothing can end it early. */
static int
parse_path(struct target *t, const char *text, const char **why)
{
	size_t n = strcspn(text, "#"), i;

	for (i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f) {
			*why = "a blank, control byte or letter beyond ASCII (write it as %XX)";
			return -1;
		}
	t->path = xasprintf("%s%.*s", text[0] == '/' ? "" : "/", (int)n, text);
	return 0;
}

static int
parse_http(struct target *t, const char *text, const char **why)
{
	size_t n = strcspn(text, "/?#");

	t->kind = TARGET_HTTP;
	if (strlen(text) > 8192) {
		*why = "longer than 8192 bytes";
		return -1;
	}
	if (parse_authority(t, text, n, "80", why) < 0)
		return -1;
	return parse_path(t, text + n, why);
}

static int
parse_unix(struct target *t, const char *path, const char **why)
{
	t->kind = TARGET_UNIX;
	if (path[0] == '\0') {
		*why = "no path";
		return -1;
	}
	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		*why = "a socket's path has no more than 107 bytes";
		return -1;
	}
	t->path = xstrdup(path);
	return 0;
}

int
target_parse(struct target *t, const char *text, const char **why)
{
	memset(t, 0, sizeof(*t));
	if (strncasecmp(text, "http://", 7) == 0)
		return parse_http(t, text + 7, why);
	if (strncmp(text, "tcp:", 4) == 0) {
		t->kind = TARGET_TCP;
		return parse_authority(t, text + 4, strlen(text + 4), NULL, why);
	}
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(t, text + 5, why);
	*why = strncasecmp(text, "https://", 8) == 0
		   ? "no TLS in here, probe the plain port behind it, or tcp:HOST:PORT"
		   : "want http://HOST[:PORT]/PATH, tcp:HOST:PORT or unix:PATH";
	return -1;
}

void
target_free(struct target *t)
{
	free(t->host);
	free(t->port);
	free(t->authority);
	free(t->path);
}
