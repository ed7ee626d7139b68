#include "values_network.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "container.h"
#include "settings.h"
#include "strbuf.h"

enum { PORT_RANGE_MAX = 256 };

int
take_network(struct reader *r, const struct node *n)
{
	if (is_empty(n)) {
		r->c->network = "own";
		return 0;
	}
	if (text_value(r, n, &r->c->network))
		return -1;
	if (!is_name(r->c->network))
		return wrong_value(r, n, "own, none, host, or the name of a network");
	return 0;
}

bool
is_address(const char *s)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, s, bytes) == 1 || inet_pton(AF_INET6, s, bytes) == 1;
}

int
take_subnet(struct reader *r, const struct node *n)
{
	const char *text, *slash;
	cleanup_free char *address = NULL;
	char *end;
	long bits;

	r->c->subnet = NULL;
	if (is_empty(n))
		return 0;
	if (text_value(r, n, &text))
		return -1;
	slash = strchr(text, '/');
	if (slash) {
		address = xstrndup(text, (size_t)(slash - text));
		bits = strtol(slash + 1, &end, 10);
	}
	if (!slash || !is_address(address) || end == slash + 1 || *end || bits < 1 ||
	    bits > (strchr(address, ':') ? 128 : 30))
		return wrong_value(r, n, "ADDRESS/BITS, such as 10.99.7.0/28");
	r->c->subnet = text;
	return 0;
}

int
take_ip(struct reader *r, const struct node *n)
{
	const char *text;

	r->c->ip = NULL;
	if (is_empty(n))
		return 0;
	if (text_value(r, n, &text))
		return -1;
	if (strcmp(text, "0") == 0)
		return 0;
	if (strcmp(text, "-") != 0 && !is_address(text))
		return wrong_value(
		    r, n, "an address, 0 (the engine's choice) or - (look the host name up)");
	r->c->ip = text;
	return 0;
}

int
take_dns(struct reader *r, const struct node *n)
{
	const char *text;

	if (settings_string(r->s, n, &text))
		return -1;
	if (!is_address(text))
		return wrong_value(r, n, "the address of a name server");
	words_add(&r->c->dns, text);
	return 0;
}

bool
port_number(const char *s, size_t len, long *out)
{
	*out = 0;
	if (len == 0 || len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		*out = *out * 10 + (s[i] - '0');
	}
	return *out >= 1 && *out <= 65535;
}

/* "80" or "8000-8010". */
static bool
port_range(const char *s, size_t len, long *first, long *last)
{
	const char *dash = memchr(s, '-', len);
	size_t head = dash ? (size_t)(dash - s) : len;

	if (!port_number(s, head, first))
		return false;
	*last = *first;
	return !dash || (port_number(dash + 1, len - head - 1, last) && *last >= *first);
}

/* The address before the ports, and where those begin: "ADDR:" or "[ADDR]:" or nothing. */
static const char *
port_address(const char *text, const char **rest)
{
	const char *colon, *last = strrchr(text, ':');

	*rest = text;
	if (*text == '[') {
		const char *close = strchr(text, ']');

		if (!close || close[1] != ':')
			return NULL;
		*rest = close + 2;
		return pool_dupn(text + 1, (size_t)(close - text - 1));
	}
	colon = strchr(text, ':');
	if (!colon || colon == last)
		return "";
	*rest = colon + 1;
	return pool_dupn(text, (size_t)(colon - text));
}

int
take_port(struct reader *r, const struct node *n)
{
	static const char want[] =
	    "[ADDRESS:][HOST:]PORT[-LAST][/tcp|udp|sctp], ports 1 to 65535";
	const char *text, *slash, *rest, *address, *colon, *protocol = "tcp";
	long inside, inside_last, host = 0, host_last = 0;
	size_t len;

	if (settings_string(r->s, n, &text))
		return -1;
	slash = strchr(text, '/');
	if (slash) {
		protocol = pool_dup(slash + 1);
		if (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0 &&
		    strcmp(protocol, "sctp") != 0)
			return wrong_value(r, n, want);
		text = pool_dupn(text, (size_t)(slash - text));
	}
	address = port_address(text, &rest);
	if (!address || (*address && !is_address(address)))
		return wrong_value(r, n, want);
	colon = strchr(rest, ':');
	len = colon ? (size_t)(colon - rest) : 0;
	if (colon && len && !port_range(rest, len, &host, &host_last))
		return wrong_value(r, n, want);
	if (colon)
		rest = colon + 1;
	if (!port_range(rest, strlen(rest), &inside, &inside_last))
		return wrong_value(r, n, want);
	if (host && host_last - host != inside_last - inside)
		return wrong_value(r, n, "as many ports on the host as inside");
	if (inside_last - inside >= PORT_RANGE_MAX)
		return wrong_value(r, n, "at most 256 ports in a range");
	for (long i = 0; i <= inside_last - inside; i++) {
		*GROW(r->c->ports) = (struct port){.address = *address ? address : "127.0.0.1",
		    .host = (uint16_t)(host ? host + i : 0),
		    .inside = (uint16_t)(inside + i),
		    .protocol = protocol};
	}
	return 0;
}

int
take_port_offset(struct reader *r, const struct node *n)
{
	r->c->port_offset = 0;
	if (is_empty(n))
		return 0;
	if (n->kind == NODE_SCALAR && strcmp(n->text, "free") == 0) {
		r->c->port_offset = -1;
		return 0;
	}
	return settings_integer(r->s, n, 0, 65534, &r->c->port_offset);
}

/* A name by which others in the network find it. */
static int
add_alias(struct reader *r, const struct node *n, struct words *out)
{
	const char *text;

	if (settings_string(r->s, n, &text))
		return -1;
	if (!is_name(text) || strlen(text) > 63)
		return wrong_value(
		    r, n, "a host name of up to 63 letters, digits, '-' and '.'");
	words_add(out, text);
	return 0;
}

int
take_alias(struct reader *r, const struct node *n)
{
	return add_alias(r, n, &r->c->aliases);
}

int
take_joined_network(struct reader *r, const struct node *n)
{
	static const char *const known[] = {"name", "ip", "aliases", NULL};
	struct joined_network got = {0};
	const struct node *aliases, *ip;

	if (n->kind == NODE_MAP) {
		if (known_map(r, n, known, "name, ip, aliases") ||
		    text_in(r, n, "name", &got.name) || text_in(r, n, "ip", &got.ip))
			return -1;
		ip = settings_get(n, "ip");
		if (ip && !is_address(got.ip))
			return wrong_value(r, ip, "an address");
		aliases = settings_get(n, "aliases");
		if (aliases && aliases->kind == NODE_LIST) {
			for (size_t i = 0; i < aliases->count; i++)
				if (add_alias(r, aliases->item[i], &got.aliases))
					return -1;
		} else if (aliases && add_alias(r, aliases, &got.aliases)) {
			return -1;
		}
	} else if (text_value(r, n, &got.name)) {
		return -1;
	}
	if (!got.name || !is_name(got.name) || strcmp(got.name, "none") == 0 ||
	    strcmp(got.name, "host") == 0 || strcmp(got.name, "own") == 0)
		return wrong_value(r, n, "the name of a network");
	*GROW(r->c->networks) = got;
	return 0;
}

/* NAME:ADDRESS, or a map of them. */
static int
add_host(struct reader *r, const struct node *n, const char *name, const char *address)
{
	if (!is_name(name) || (!is_address(address) && strcmp(address, "host-gateway") != 0))
		return wrong_value(r, n, "NAME:ADDRESS, an address or host-gateway");
	*GROW(r->c->extra_hosts) = (struct pair){name, pool_dup(address)};
	return 0;
}

int
take_extra_host(struct reader *r, const struct node *n)
{
	const char *text, *colon;

	if (n->kind == NODE_MAP) {
		for (size_t i = 0; i < n->count; i++)
			if (settings_string(r->s, n->item[i], &text) ||
			    add_host(r, n->item[i], pool_dup(n->key[i]->text), text))
				return -1;
		return 0;
	}
	if (settings_string(r->s, n, &text))
		return -1;
	colon = strchr(text, ':');
	return add_host(
	    r, n, colon ? pool_dupn(text, (size_t)(colon - text)) : "", colon ? colon + 1 : "");
}
