#include "relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "engine_args.h"
#include "engine_call.h"
#include "engine_end.h"
#include "engine_inspect.h"
#include "file.h"
#include "networks.h"
#include "rename.h"
#include "report.h"
#include "service.h"
#include "signals.h"
#include "state.h"
#include "strbuf.h"

static const char relay_role[] = "relay", file_name[] = "address";

enum { SETTLE_MS = 150, LOOK_MS = 50, MEMORY = 128 << 20 };

const char *
relay_name(const char *container)
{
	return pool_printf("%s-relay", container);
}

void
relay_service(const struct container *c, const char *address, struct container *out)
{
	*out = *c;
	if (!c->swap.beside)
		return;
	out->ip = address;
	out->ports.n = 0;
	out->aliases.n = 0;
	out->networks.v = pool_zero(c->networks.n + 1, sizeof(*c->networks.v));
	for (size_t i = 0; i < c->networks.n; i++)
		out->networks.v[i].name = c->networks.v[i].name;
}

/* ---- the file ---- */

static bool
has_file(const struct host *h, const char *key)
{
	return access(state_path(h, key, relay_role), F_OK) == 0;
}

static const char *
address_now(const struct host *h, const char *key)
{
	cleanup_fd int fd =
	    open(pool_printf("%s/%s", state_path(h, key, relay_role), file_name),
		O_RDONLY | O_CLOEXEC);
	char text[64];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return NULL;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return pool_dup(text);
}

/* Readable to whoever the relay's user is to the host. */
static int
point_to(struct journal *j, const char *address)
{
	const char *directory = state_path(&j->a->host, j->place->name, relay_role);
	const char *line = pool_printf("%s\n", address);
	cleanup_fd int dir = -1;

	if (!make_directories(directory, 0755))
		dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fchmod(dir, 0755) ||
	    file_replace(dir, file_name,
		&(struct new_file){.bytes = line, .n = strlen(line), .mode = 0644},
		"address.new")) {
		report("write '%s/%s':", directory, file_name);
		return -1;
	}
	return 0;
}

/* ---- what there is ---- */

/* 1, 0 or -1. The engine isn't asked where there never was one. */
static int
see(struct app *a, const char *key, const char *name, struct seen *out)
{
	int got = has_file(&a->host, key) ? engine_see(&a->engine, relay_name(name), out) : 0;

	if (got == 1 && (!out->key || strcmp(out->key, key) != 0 || !out->role ||
			    strcmp(out->role, relay_role) != 0)) {
		report("a container named '%s' is in the way, and it isn't the relay of '%s'",
		    relay_name(name), key);
		return -1;
	}
	return got;
}

/* The image's own, where the project is: elsewhere the engine's is wide enough. */
static const char *
relay_profile(const struct host *h)
{
	const char *file =
	    h->project ? pool_printf("%s/containers/relay/seccomp.json", h->project) : NULL;

	return file && access(file, R_OK) == 0 ? file : NULL;
}

static void
describe_relay(const struct app *a, const struct container *c, struct container *r)
{
	bool lasts =
	    strcmp(c->restart, "always") == 0 || strcmp(c->restart, "unless-stopped") == 0;

	*r = (struct container){.key = c->key,
	    .name = relay_name(c->name),
	    .hostname = c->hostname,
	    .image = relay_role,
	    .tag = "live",
	    .repo1 = a->host.repo1,
	    .user = "65534:65534",
	    .network = network_name(c),
	    .ip = c->ip,
	    .aliases = c->aliases,
	    .port_offset = c->port_offset,
	    .memory = MEMORY,
	    .pids = 8,
	    .read_only = true,
	    .no_new_privileges = true,
	    .seccomp = relay_profile(&a->host),
	    .restart = lasts ? c->restart : "on-failure",
	    .stop_timeout = 1000,
	    .relabel = c->relabel,
	    .wave = -1,
	    .keep = -1,
	    .health.off = true};
	r->networks.v = c->networks.v;
	r->networks.n = c->networks.n;
	r->ports.v = c->ports.v;
	r->ports.n = c->ports.n;
	*GROW(r->sysctls) = (struct pair){"net.ipv4.ip_unprivileged_port_start", "0"};
	*GROW(r->mount_ro) = (struct mount){
	    state_path(&a->host, c->key, relay_role), pool_printf("/%s", relay_role), true};
	words_addf(&r->cmd, "/%s/%s", relay_role, file_name);
	for (size_t i = 0; i < c->ports.n; i++) {
		const char *port = pool_printf("%d", c->ports.v[i].inside);

		if (!words_have(&r->cmd, port))
			words_add(&r->cmd, port);
	}
}

static int
image_for(struct app *a, const struct container *r, struct image *image)
{
	int got = engine_image(&a->engine, container_image(r), image);

	if (got == 0)
		report("%s: swap: beside needs the image '%s': make -C containers/relay all "
		       "test install",
		    r->key, container_image(r));
	return got == 1 ? 0 : -1;
}

/* Whether what runs is what would be made now. */
static bool
serves(struct app *a, const struct container *c, const struct seen *now)
{
	char digest[SHA256_HEX];
	struct container r;

	describe_relay(a, c, &r);
	container_digest(&r, digest);
	return now->running && now->digest && strcmp(now->digest, digest) == 0;
}

static void
note_text(struct journal *j, const char *key, const char *text)
{
	if (text)
		json_object_set_new(j->o, key, json_string(text));
}

int
relay_note(struct journal *j, const struct container *c, bool may)
{
	json_t *ports = json_array();
	struct container r;
	struct image image;
	struct seen now;
	int got = see(j->a, j->place->name, c->name, &now);
	bool kept = got == 1 && c->swap.beside && may && journal_true(j, "old_running") &&
		    serves(j->a, c, &now);

	for (size_t i = 0; i < c->ports.n; i++)
		json_array_append_new(ports, json_integer(c->ports.v[i].inside));
	json_object_set_new(j->o, "ports", ports);
	json_object_set_new(j->o, "drain", json_integer(c->swap.drain));
	json_object_set_new(j->o, "beside", json_boolean(kept));
	if (has_file(&j->a->host, j->place->name))
		note_text(j, "address_old", address_now(&j->a->host, j->place->name));
	if (got == 1 && !kept) {
		note_text(j, "relay_old", now.id);
		json_object_set_new(j->o, "relay_old_running", json_boolean(now.running));
	}
	if (got < 0 || !c->swap.beside || kept)
		return got < 0 ? -1 : 0;
	/* Better now than with the old one stopped. */
	describe_relay(j->a, c, &r);
	return image_for(j->a, &r, &image);
}

/* ---- addresses ---- */

/* The nth from the end of a subnet "ADDRESS/BITS", the last one left out. */
static const char *
from_the_end(const char *subnet, unsigned nth)
{
	const char *slash = strchr(subnet, '/');
	unsigned char address[16] = {0};
	char text[INET6_ADDRSTRLEN];
	bool six = strchr(subnet, ':') != NULL;
	unsigned bits = slash ? (unsigned)atoi(slash + 1) : 0, size = six ? 16 : 4;

	if (!slash || bits > 8 * size - 3 ||
	    inet_pton(six ? AF_INET6 : AF_INET, pool_dupn(subnet, (size_t)(slash - subnet)),
		address) != 1)
		return NULL;
	for (unsigned i = bits; i < 8 * size; i++)
		address[i / 8] |= (unsigned char)(0x80 >> i % 8);
	/* The host's part has three bits at least, and nth is below seven. */
	address[size - 1] = (unsigned char)(address[size - 1] - nth);
	return pool_dup(inet_ntop(six ? AF_INET6 : AF_INET, address, text, sizeof(text)));
}

/* docker before 25 makes it of the address by itself, and later clients won't tell it another.
 */
static bool
engine_chooses_mac(struct app *a)
{
	struct strbuf out = STRBUF_INIT;
	int major = 0, minor = 0;

	if (a->engine.kind != DOCKER ||
	    engine_try(&a->engine, &out, "version", "-f", "{{.Server.APIVersion}}", NULL))
		return false;
	if (sscanf(out.s ? out.s : "", "%d.%d", &major, &minor) != 2)
		major = minor = 0;
	strbuf_free(&out);
	return major == 1 && minor < 44;
}

/* Always the same for an address: the relay goes on to send to whoever had the address before,
 * for seconds, where a new container has it with another one. NULL: the engine sees to that. */
static const char *
mac_for(struct app *a, const char *address)
{
	unsigned char bytes[16] = {0};
	const unsigned char *last = bytes;

	if (engine_chooses_mac(a))
		return NULL;
	if (inet_pton(AF_INET6, address, bytes) == 1)
		last = bytes + 12;
	else
		inet_pton(AF_INET, address, bytes);
	return pool_printf("02:57:%02x:%02x:%02x:%02x", last[0], last[1], last[2], last[3]);
}

int
relay_address(struct journal *j, const struct container *c, struct container *service)
{
	const char *old = journal_text(j, "old"), *chosen = NULL;
	struct words subnets = {0};
	struct seen now = {0};

	relay_service(c, NULL, service);
	if (!c->swap.beside)
		return 0;
	if ((old && engine_see(&j->a->engine, old, &now) < 0) ||
	    network_subnets(j->a, network_name(c), &subnets))
		return -1;
	for (unsigned nth = 1; nth <= 4 && subnets.n && !chosen; nth++) {
		chosen = from_the_end(subnets.w[0], nth);
		if (chosen &&
		    (words_have(&now.ips, chosen) || (c->ip && strcmp(c->ip, chosen) == 0)))
			chosen = NULL;
	}
	if (!chosen) {
		report("%s: the network '%s' has no address for a container beside another",
		    c->key, network_name(c));
		return -1;
	}
	json_object_set_new(j->o, "address", json_string(chosen));
	service->ip = chosen;
	service->mac = mac_for(j->a, chosen);
	return 0;
}

int
relay_shares(const struct container *c, const struct start *s)
{
	if (!c->swap.beside || c->swap.shared || !s->volumes.n)
		return 0;
	report("%s: swap: beside would have two containers write to the volume '%s', which its "
	       "image declares: where the program bears that, say {how: beside, volumes: "
	       "shared}",
	    c->key, s->volumes.v[0].key);
	return -1;
}

/* ---- another relay ---- */

int
relay_aside(struct journal *j)
{
	const char *old = journal_text(j, "relay_old");
	struct seen now;
	int got;

	if (!old)
		return 0;
	if (rename_to(j, old, pool_printf("%s.old", relay_name(journal_text(j, "name")))))
		return -1;
	got = engine_see(&j->a->engine, old, &now);
	return got == 1 && now.running ? engine_stop(&j->a->engine, &now, 1000)
	       : got < 0               ? -1
				       : 0;
}

int
relay_begin(struct journal *j, const struct container *c)
{
	struct start s = {.verb = "create", .role = relay_role, .transaction = j->id};
	struct strbuf out = STRBUF_INIT;
	struct words args = {0}, subnets = {0};
	struct container r, described;
	struct image image;
	struct seen now;
	int bad;

	if (!c->swap.beside)
		return 0;
	describe_relay(j->a, c, &r);
	described = r;
	s.settings_of = &described;
	if (relay_move(j) || image_for(j->a, &r, &image) ||
	    network_subnets(j->a, r.network, &subnets))
		return -1;
	/* The host, too, goes on to send to whoever had the address before. */
	if (!r.ip && subnets.n)
		r.ip = from_the_end(subnets.w[0], 5);
	if (r.ip)
		r.mac = mac_for(j->a, r.ip);
	s.image = image.id;
	s.facts = &image;
	engine_args(&args, &j->a->engine, &r, &s);
	bad = engine_words_try(&j->a->engine, &out, &args);
	if (bad) {
		strbuf_cut(&out, 0);
		bad = clear_name(j, r.name) || engine_words(&j->a->engine, &out, &args);
	}
	strbuf_free(&out);
	if (bad || network_join(j->a, &r, r.name) || engine_start(&j->a->engine, r.name))
		return -1;
	if (engine_see(&j->a->engine, r.name, &now) == 1 && now.running)
		return 0;
	report("%s: the relay doesn't run", c->key);
	return -1;
}

/* ---- what comes ---- */

int
relay_move(struct journal *j)
{
	const char *address = journal_text(j, "address");

	return address ? point_to(j, address) : 0;
}

/* Connections to these ports, in a process's network; whatever hasn't come to its end. */
static unsigned
under_way(const json_t *ports, pid_t pid, const char *table)
{
	enum { TIME_WAIT = 6, CLOSED = 7, LISTEN = 10 };
	cleanup_file FILE *f = fopen(pool_printf("/proc/%d/net/%s", (int)pid, table), "re");
	cleanup_free char *line = NULL;
	unsigned found = 0, port, state;
	const json_t *one;
	size_t cap = 0, i;

	while (f && getline(&line, &cap, f) > 0) {
		if (sscanf(line, " %*[^:]: %*[^:]:%x %*[^:]:%*x %x", &port, &state) != 2 ||
		    state == TIME_WAIT || state == CLOSED || state == LISTEN)
			continue;
		json_array_foreach (ports, i, one)
			if (json_integer_value(one) == (json_int_t)port) {
				found++;
				break;
			}
	}
	return found;
}

void
relay_drain(struct journal *j, pid_t pid)
{
	const json_t *ports = json_object_get(j->o, "ports");
	long long limit = json_integer_value(json_object_get(j->o, "drain")),
		  start = monotonic_ms(), gone = 0;

	/* What was taken just before it was moved may not have arrived yet. */
	while (gone < SETTLE_MS ||
	       (gone < limit && !interrupted &&
		   under_way(ports, pid, "tcp") + under_way(ports, pid, "tcp6"))) {
		usleep(LOOK_MS * 1000);
		gone = monotonic_ms() - start;
	}
}

int
relay_leave(struct journal *j)
{
	const char *now = address_now(&j->a->host, j->place->name),
		   *address = journal_text(j, "address"), *old = journal_text(j, "address_old"),
		   *new = journal_text(j, "new");
	struct seen seen;

	if (!journal_true(j, "beside") || !now || !address || !old || strcmp(now, address) != 0)
		return 0;
	if (point_to(j, old))
		return -1;
	if (new &&engine_see(&j->a->engine, new, &seen) == 1 && seen.running)
		relay_drain(j, seen.pid);
	return 0;
}

int
relay_back(struct journal *j)
{
	const char *relay = journal_text(j, "relay_old"), *old = journal_text(j, "address_old");

	if (journal_true(j, "beside"))
		return 0;
	if (old && point_to(j, old))
		return -1;
	if (!relay || put_back(j, relay, relay_name(journal_text(j, "name")),
			  journal_true(j, "relay_old_running")) == 0)
		return 0;
	report("%s: its relay could not be restored; d recover tries again", j->place->name);
	return -1;
}

int
relay_finish(struct journal *j)
{
	const struct engine *e = &j->a->engine;
	const char *old = journal_text(j, "relay_old");
	struct seen now;
	int got = 1;

	for (int tries = 0; old && got == 1 && tries < 2; tries++) {
		engine_remove(e, old, false);
		got = engine_see(e, old, &now);
	}
	if (old && got) {
		report("%s: its old relay is still there", j->place->name);
		return -1;
	}
	return 0;
}

int
relay_remove(struct app *a, const struct place *p, const struct container *c)
{
	struct seen now;
	int got = see(a, p->name, c->name, &now);

	return got == 1 ? engine_remove(&a->engine, now.id, false) : got;
}
