#include "networks.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "cleanup.h"
#include "engine_call.h"
#include "fnv.h"
#include "report.h"
#include "say.h"
#include "strbuf.h"
#include "subnet.h"

enum { SUBNET_TRIES = 64 };

void
network_args(struct words *out, const struct container *c, const char *subnet)
{
	words_add(out, "network");
	words_add(out, "create");
	words_add(out, "--label");
	words_addf(out, "whittle.name=%s", c->key);
	if (subnet) {
		words_add(out, "--subnet");
		words_add(out, subnet);
	}
	if (subnet && strchr(subnet, ':'))
		words_add(out, "--ipv6");
	words_add(out, network_name(c));
}

/* ---- making them ---- */

/* docker's words, and podman's. */
static bool
is_another(const struct strbuf *err)
{
	return err->s && (strstr(err->s, "overlap") || strstr(err->s, "already used"));
}

/* 1 where the engine has another network with addresses of that subnet. */
static int
create_with(struct app *a, const struct container *c, const char *subnet)
{
	struct strbuf err = STRBUF_INIT;
	struct words args = {0};
	cleanup_free char *gist = NULL;
	int status, got;

	network_args(&args, c, subnet);
	status = engine_run(&a->engine, (const char *const *)args.w, NULL, &err);
	got = status == 0 ? 0 : status > 0 && is_another(&err) ? 1 : -1;
	/* Another d may have made it meanwhile. */
	if (got && engine_exists(&a->engine, "network", network_name(c)) == 1)
		got = 0;
	gist = engine_gist(&err);
	if (got < 0)
		report(
		    "%s network create %s: %s", engine_name(&a->engine), network_name(c), gist);
	strbuf_free(&err);
	return got;
}

/* Where it begins depends on the name, so that networks which come and go don't all begin
 * with the same, taken ones. */
static int
create_small(struct app *a, const struct container *c)
{
	const struct subnet_range *r = &a->host.subnets;
	unsigned count = subnet_all(r), tries = 0;
	unsigned from = (unsigned)fnv_add_string(FNV_START, network_name(c)) % count;
	const char *routes = subnet_routes();
	int got = 1;

	for (unsigned i = 0; i < count && tries < SUBNET_TRIES && got == 1; i++) {
		const char *subnet = subnet_text(r, (from + i) % count, routes);

		if (!subnet)
			continue;
		tries++;
		got = create_with(a, c, subnet);
	}
	if (got != 1)
		return got;
	say("NETWORK", "%s: no subnet of the host's range is free: the engine chooses one",
	    network_name(c));
	return create_with(a, c, NULL) ? -1 : 0;
}

/* ---- those that are there ---- */

/* The same subnet, whatever is written behind the prefix. */
static bool
same_subnet(const char *one, const char *other)
{
	int family = strchr(one, ':') ? AF_INET6 : AF_INET;
	size_t len = strcspn(one, "/"), other_len = strcspn(other, "/");
	long bits = atol(one + len + 1);
	unsigned char a[16], b[16];

	if (bits != atol(other + other_len + 1) ||
	    inet_pton(family, pool_dupn(one, len), a) != 1 ||
	    inet_pton(family, pool_dupn(other, other_len), b) != 1)
		return false;
	for (long i = 0; i < bits; i++)
		if ((a[i / 8] ^ b[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

int
network_subnets(struct app *a, const char *name, struct words *subnets)
{
	const char *format = a->engine.kind == DOCKER
				 ? "{{range .IPAM.Config}}{{.Subnet}} {{end}}"
				 : "{{range .Subnets}}{{.Subnet}} {{end}}";
	struct strbuf out = STRBUF_INIT;
	int bad =
	    engine_call(&a->engine, &out, "network", "inspect", "--format", format, name, NULL);

	words_split(subnets, !bad && out.s ? out.s : "");
	strbuf_free(&out);
	return bad ? -1 : 0;
}

/* Whether one of its subnets is the one that is wanted. had gets the first. -1 after a
 * message. */
static int
has_subnet(struct app *a, const char *name, const char *wanted, const char **had)
{
	struct words subnets = {0};
	bool same = false;

	if (network_subnets(a, name, &subnets))
		return -1;
	*had = subnets.n ? subnets.w[0] : "none";
	for (size_t i = 0; i < subnets.n; i++)
		same = same || (strchr(subnets.w[i], '/') && same_subnet(subnets.w[i], wanted));
	return same;
}

/* The first network is there: 1 where it may stay. */
static int
may_stay(struct app *a, const struct container *c)
{
	const char *name = network_name(c), *had = "";
	int got = c->subnet ? has_subnet(a, name, c->subnet, &had) : 1;

	if (got)
		return got;
	if (strcmp(c->network, "own") == 0 &&
	    engine_try(&a->engine, NULL, "network", "rm", name, NULL) == 0)
		return 0;
	report(
	    "%s: the network '%s' has the subnet %s, the settings say %s: to change it, remove "
	    "the containers that use it and then the network",
	    c->key, name, had, c->subnet);
	return -1;
}

int
network_check(struct app *a, const struct container *c)
{
	const char *name = network_name(c), *had;
	int got;

	got = engine_exists(&a->engine, "network", name);
	if (got < 1)
		return got;
	got = has_subnet(a, name, c->subnet, &had);
	if (got == 0)
		report("%s: the network '%s' has the subnet %s, the settings say %s", c->key,
		    name, had, c->subnet);
	return got == 1 ? 0 : -1;
}

static int
ensure_further(struct app *a, const struct container *c)
{
	const char *label = pool_printf("whittle.name=%s", c->key);

	for (size_t i = 0; i < c->networks.n; i++) {
		const char *name = c->networks.v[i].name;
		int got = engine_exists(&a->engine, "network", name);

		if (got < 0)
			return -1;
		if (got == 0 && engine_call(&a->engine, NULL, "network", "create", "--label",
				    label, name, NULL))
			return -1;
	}
	return 0;
}

int
network_ensure(struct app *a, const struct container *c)
{
	const char *name = network_name(c);
	int stays;

	if (!name)
		return 0;
	stays = engine_exists(&a->engine, "network", name);
	if (stays == 1)
		stays = may_stay(a, c);
	if (stays < 0)
		return -1;
	if (!stays && (strcmp(c->network, "own") == 0 && !c->subnet && a->host.subnets.each
			      ? create_small(a, c)
			      : create_with(a, c, c->subnet)))
		return -1;
	return ensure_further(a, c);
}

void
network_join_args(struct words *out, const struct joined_network *n, const char *container)
{
	words_add(out, "network");
	words_add(out, "connect");
	if (n->ip) {
		words_add(out, strchr(n->ip, ':') ? "--ip6" : "--ip");
		words_add(out, n->ip);
	}
	for (size_t i = 0; i < n->aliases.n; i++) {
		words_add(out, "--alias");
		words_add(out, n->aliases.w[i]);
	}
	words_add(out, n->name);
	words_add(out, container);
}

int
network_join(struct app *a, const struct container *c, const char *id)
{
	/* podman has made it in all of them; docker's command line does from version 25 on. */
	for (size_t i = 0; a->engine.kind == DOCKER && i < c->networks.n; i++) {
		struct words args = {0};

		network_join_args(&args, &c->networks.v[i], id);
		if (engine_words(&a->engine, NULL, &args))
			return -1;
	}
	return 0;
}
