/* Whether the settings are right, alone and together; and what they come to. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "cleanup.h"
#include "engine_args.h"
#include "engine_call.h"
#include "file_caps.h"
#include "generations.h"
#include "identity.h"
#include "image_volumes.h"
#include "imageid.h"
#include "networks.h"
#include "options.h"
#include "relay.h"
#include "report.h"
#include "secrets.h"
#include "select.h"
#include "service.h"
#include "start.h"
#include "strbuf.h"
#include "subnet.h"
#include "verbs.h"

/* ---- cmd ---- */

static void
print_words(const struct app *a, const struct words *args)
{
	struct words line = {0};
	struct strbuf b = STRBUF_INIT;

	words_add(&line, a->engine.command);
	words_add_all(&line, args);
	words_quote(&line, &b);
	printf("%s\n", b.s);
	strbuf_free(&b);
}

int
print_command(struct app *a, const struct place *p, bool test, const struct words *flags,
    const struct words *cmd)
{
	struct container c, service;
	struct start s = {.verb = "run", .cmd = cmd, .settings_of = &c};
	struct words args = {0}, network = {0};
	cleanup_free char *own = NULL;
	struct image image;
	const char *name, *why, *reference;
	int got;

	if (host_container(&a->host, p, test, flags,
		test ? NULL : settings_gone_back_to(&a->host, p->name), &c) ||
	    resolve_needs(a, &c))
		return EXIT_TROUBLE;
	why = engine_refusal(&a->engine, &c);
	if (why) {
		report("%s: %s", p->name, why);
		return EXIT_TROUBLE;
	}
	got = image_of(a, &c, &reference, &image);
	if (got < 0)
		return EXIT_TROUBLE;
	own = imageid_own(&a->engine, got ? image.id : reference);
	s.image = own;
	s.facts = got ? &image : NULL;
	s.detach = !c.fg;
	secrets_show(&c, &s);
	if (start_complete(a, &c, NULL, &s))
		return EXIT_TROUBLE;
	name = network_name(&c);
	if (name && engine_try(&a->engine, NULL, "network", "inspect", name, NULL) != 0) {
		network_args(&network, &c, c.subnet);
		print_words(a, &network);
	}
	/* The relay before it isn't shown: it is the ports alone. */
	relay_service(&c, NULL, &service);
	engine_args(&args, &a->engine, &service, &s);
	print_words(a, &args);
	for (size_t i = 0; i < c.networks.n && a->engine.kind == DOCKER; i++) {
		struct words join = {0};

		network_join_args(&join, &service.networks.v[i], c.name);
		print_words(a, &join);
	}
	return EXIT_YES;
}

int
do_cmd(struct app *a, int argc, char **argv)
{
	bool test = false;
	const struct option_of options[] = {SWITCH('T', "test-mode", test), NO_MORE};
	const struct place *p;

	argc = take_options(a, argc, &argv, options, false);
	if (argc != 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	p = pick(a, argv[0]);
	return p ? print_command(a, p, test, NULL, NULL) : EXIT_TROUBLE;
}

/* ---- check ---- */

struct checked {
	const struct place *p;
	struct container c;
	bool chosen, fine;
};

static int
clash(
    const struct checked *one, const struct checked *other, const char *what, const char *value)
{
	report("%s and %s have the same %s: %s", one->p->name, other->p->name, what, value);
	return 1;
}

static bool
same_port(const struct port *a, const struct port *b)
{
	bool anywhere = strcmp(a->address, "0.0.0.0") == 0 ||
			strcmp(b->address, "0.0.0.0") == 0 || strcmp(a->address, "::") == 0 ||
			strcmp(b->address, "::") == 0;

	return a->host && a->host == b->host && strcmp(a->protocol, b->protocol) == 0 &&
	       (anywhere || strcmp(a->address, b->address) == 0);
}

/* Two that can't both run. */
static int
compare(const struct checked *one, const struct checked *other)
{
	int found = 0;

	if (strcmp(one->c.name, other->c.name) == 0)
		found += clash(one, other, "name", one->c.name);
	if (one->c.ip && other->c.ip && strcmp(one->c.ip, "-") != 0 &&
	    strcmp(one->c.ip, other->c.ip) == 0)
		found += clash(one, other, "ip", one->c.ip);
	for (size_t i = 0; i < one->c.ports.n; i++)
		for (size_t k = 0; k < other->c.ports.n; k++)
			if (same_port(&one->c.ports.v[i], &other->c.ports.v[k]))
				found += clash(one, other, "port on the host",
				    pool_printf("%d", one->c.ports.v[i].host));
	return found;
}

static const struct checked *
checked_named(const struct checked *all, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].p->name, name) == 0)
			return &all[i];
	return NULL;
}

/* Whether needs lead from one container to another; path gets the names on the way, the other
 * one last. seen: containers that were searched already. */
static bool
leads_to(const struct checked *all, size_t n, const struct checked *from, const char *to,
    struct words *path, struct words *seen)
{
	for (size_t i = 0; i < from->c.needs.n; i++) {
		const char *name = from->c.needs.v[i].name;
		const struct checked *next = checked_named(all, n, name);

		words_add(path, name);
		if (strcmp(name, to) == 0)
			return true;
		if (next && next->fine && !words_have(seen, name)) {
			words_add(seen, name);
			if (leads_to(all, n, next, to, path, seen))
				return true;
		}
		path->n--;
	}
	return false;
}

static void
report_cycle(const char *name, const struct words *path)
{
	struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < path->n; i++)
		strbuf_printf(&b, " -> %s", path->w[i]);
	report("dependency cycle: %s%s", name, b.s);
	strbuf_free(&b);
}

static int
check_needs(const struct checked *all, size_t n, const struct checked *one)
{
	struct words path = {0}, seen = {0};
	int found = 0;

	for (size_t i = 0; i < one->c.needs.n; i++)
		if (!checked_named(all, n, one->c.needs.v[i].name)) {
			report("%s needs '%s': no such container", one->p->name,
			    one->c.needs.v[i].name);
			found++;
		}
	if (leads_to(all, n, one, one->p->name, &path, &seen)) {
		report_cycle(one->p->name, &path);
		found++;
	}
	return found;
}

static int
check_engine(struct app *a, const struct checked *one)
{
	const char *why = engine_refusal(&a->engine, &one->c);

	if (why)
		report("%s: %s", one->p->name, why);
	return why ? 1 : 0;
}

/* Names under which people keep what nobody else should read, and URLs with a password. */
static bool
looks_secret(const struct pair *p)
{
	static const char *const words[] = {"PASSWORD", "PASSWD", "PASSPHRASE", "SECRET",
	    "TOKEN", "API_KEY", "APIKEY", "PRIVATE_KEY", "CREDENTIAL", NULL};
	const char *scheme, *at;

	if (!p->value || !*p->value)
		return false;
	scheme = strstr(p->value, "://");
	at = scheme ? strpbrk(scheme + 3, "@/") : NULL;
	if (at && *at == '@' && memchr(scheme + 3, ':', (size_t)(at - scheme) - 3))
		return true;
	for (size_t i = 0; words[i] && *p->value != '/'; i++)
		if (strcasestr(p->key, words[i]))
			return true;
	return false;
}

static int
check_env(const struct container *c)
{
	int found = 0;

	for (size_t i = 0; i < c->env.n; i++) {
		if (!looks_secret(&c->env.v[i]))
			continue;
		report("%s: env: '%s' looks like a secret, and whoever may ask the engine "
		       "reads it; 'secrets' keeps it in a file",
		    c->key, c->env.v[i].key);
		found++;
	}
	return found;
}

/* What the settings of a container loosen, on one line. */
static void
print_loose(const struct container *c, const struct identity *who)
{
	struct strbuf b = STRBUF_INIT;

	if (c->caps.n) {
		strbuf_puts(&b, " caps:");
		for (size_t i = 0; i < c->caps.n; i++)
			strbuf_printf(&b, "%s%s", i ? "," : "", c->caps.w[i]);
	}
	if (!c->read_only)
		strbuf_puts(&b, " read_only:false");
	if (!c->no_new_privileges)
		strbuf_puts(&b, " no_new_privileges:false");
	if (c->seccomp)
		strbuf_printf(&b, " seccomp:%s", c->seccomp);
	if (identity_is_root(c, who))
		strbuf_puts(&b, " user:root");
	if (strcmp(c->network, "host") == 0)
		strbuf_puts(&b, " network:host");
	if (!c->memory || !c->cpus || !c->pids)
		strbuf_puts(&b, " no limit of memory, cpus or pids");
	for (size_t i = 0; i < c->ports.n; i++)
		if (strcmp(c->ports.v[i].address, "127.0.0.1") != 0 &&
		    strcmp(c->ports.v[i].address, "::1") != 0)
			strbuf_printf(&b, " %s:%d", c->ports.v[i].address, c->ports.v[i].host);
	if (c->devices.n || c->mount_devices.n)
		strbuf_puts(&b, " devices");
	if (c->extra_docker.n)
		strbuf_puts(&b, " extra_docker");
	printf("%-16s%s\n", c->key, b.len ? b.s : " locked down");
	strbuf_free(&b);
}

static bool
has_upper(const char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			return true;
	return false;
}

/* The registry that a name says, as engines read it: "host.name/", "host:port/", "localhost/".
 */
static bool
names_registry(const char *image)
{
	size_t len = strcspn(image, "/");

	return !image[len] || memchr(image, '.', len) || memchr(image, ':', len) ||
	       (len == 9 && strncmp(image, "localhost", 9) == 0);
}

static bool
is_repo(const struct container *c, const char *repo)
{
	return strcmp(c->repo1, repo) == 0 || (c->repo2 && strcmp(c->repo2, repo) == 0);
}

/* Names that only fail later, and with an engine's words. */
static int
check_names(const struct app *a, const struct checked *one)
{
	static const char built_in[] = "localhost/whittle";
	const struct container *c = &one->c;
	const char *name = one->p->name;
	int found = 0;

	if (has_upper(pool_dupn(c->image, strcspn(c->image, ":@")))) {
		report("%s: the image's name '%s' has upper-case letters, which engines refuse",
		    name, c->image);
		found++;
	}
	if (!names_registry(c->image)) {
		report("%s: the image's name '%s' names no registry: docker asks "
		       "its own, podman what registries.conf says; write it in full",
		    name, c->image);
		found++;
	}
	/* Promoted to these two; a container's own settings may look elsewhere. */
	if (one->p->dockerfile && one->p->makefile && !strchr(c->image, '/') &&
	    !is_repo(c, built_in) && !is_repo(c, a->host.repo1)) {
		report("%s: images that are built here are promoted as '%s/%s', where neither "
		       "repo1 nor repo2 looks",
		    name, a->host.repo1, name);
		found++;
	}
	return found;
}

/* Networks that are there with another subnet. */
static int
check_subnet(struct app *a, const struct checked *one)
{
	return one->c.subnet && network_name(&one->c) && network_check(a, &one->c) < 0;
}

/* What is left of the host's range, for infra/doctor. */
static void
print_subnets(const struct app *a)
{
	const struct subnet_range *r = &a->host.subnets;

	if (r->each)
		printf("networks: %u of the %u subnets of /%u in %s are clear of this host's "
		       "routes\n",
		    subnet_free(r, subnet_routes()), subnet_all(r), r->each,
		    a->host.subnets_text);
}

/* A program with file capabilities isn't run at all where they are dropped. */
static int
check_file_caps(struct app *a, const struct container *c, const struct image *image)
{
	const char *missing = file_caps_missing(a, c, image);

	if (!missing)
		return 1;
	if (*missing)
		report("%s: the image's program has file capabilities, and isn't run without "
		       "them: "
		       "add caps: [%s]",
		    c->key, missing);
	return *missing != '\0';
}

/* What can only be said of an image that is here. */
static int
check_image(struct app *a, const struct checked *one, bool verbose)
{
	struct words paths = {0};
	struct identity who;
	struct image image;
	const char *reference;
	int got = image_of(a, &one->c, &reference, &image), known;

	if (got < 0)
		return 1;
	known = identity_of(a, &one->c, got ? &image : NULL, &who);
	if (verbose)
		print_loose(&one->c, known == 1 ? &who : NULL);
	if (got)
		image_volumes_open(&one->c, &image, &paths);
	for (size_t i = 0; i < paths.n; i++)
		printf("%s: '%s' is a volume of the image: what is written there is in the "
		       "engine's volume '%s'\n",
		    one->p->name, paths.w[i], image_volume_name(a, &one->c, paths.w[i]));
	return (known < 0) + (got && check_file_caps(a, &one->c, &image));
}

static bool
is_asked(const struct places *asked, const char *name)
{
	for (size_t i = 0; i < asked->n; i++)
		if (strcmp(asked->v[i].name, name) == 0)
			return true;
	return false;
}

/* Everything of one, and what it has in common with any other. */
static int
check_one(struct app *a, const struct checked *all, size_t n, size_t i, bool verbose)
{
	struct container test;
	int found = host_container(&a->host, all[i].p, true, NULL, NULL, &test) != 0;

	found += check_needs(all, n, &all[i]) + check_engine(a, &all[i]) + check_env(&all[i].c);
	found += check_names(a, &all[i]) + check_subnet(a, &all[i]);
	/* What two have in common is told once, with the second of them. */
	for (size_t k = 0; k < i; k++)
		found += all[k].fine ? compare(&all[k], &all[i]) : 0;
	for (size_t k = i + 1; k < n; k++)
		found += all[k].fine && !all[k].chosen ? compare(&all[i], &all[k]) : 0;
	return found + check_image(a, &all[i], verbose);
}

static void
print_gone_back(const struct app *a, const struct place *p)
{
	const struct generation *g = generation_gone_back_to(&a->host, p->name);

	if (g)
		printf("%s went back to generation %d, whose settings count until its next "
		       "upgrade\n",
		    p->name, g->n);
}

/* All are read, since any may be in another's way; what is wrong with others doesn't count. */
int
do_check(struct app *a, int argc, char **argv)
{
	bool verbose = false;
	const struct option_of options[] = {SWITCH('v', "verbose", verbose), NO_MORE};
	struct checked *all;
	struct places asked;
	size_t n = a->places.n;
	int found = a->unread;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 0 || pick_all(a, argc, argv, &asked))
		return EXIT_TROUBLE;
	all = pool_zero(n + 1, sizeof(*all));
	for (size_t i = 0; i < n; i++) {
		all[i].p = &a->places.v[i];
		all[i].chosen = is_asked(&asked, all[i].p->name);
		all[i].fine =
		    host_container(&a->host, all[i].p, false, NULL, NULL, &all[i].c) == 0;
		found += all[i].chosen && !all[i].fine;
	}
	for (size_t i = 0; i < n; i++)
		if (all[i].chosen && all[i].fine)
			found += check_one(a, all, n, i, verbose);
	for (size_t i = 0; i < asked.n; i++)
		print_gone_back(a, &asked.v[i]);
	for (size_t i = 0; i < a->duplicates.n; i++) {
		if (argc && !is_asked(&asked, strrchr(a->duplicates.w[i], '/') + 1))
			continue;
		report("ignoring '%s': %s", a->duplicates.w[i],
		    place_find(a, strrchr(a->duplicates.w[i], '/') + 1)
			? "another directory has that name"
			: "no engine takes that name");
		found++;
	}
	if (verbose)
		print_subnets(a);
	if (!found)
		printf("%zu settings checked, nothing wrong\n", asked.n);
	return found ? EXIT_NO : EXIT_YES;
}
