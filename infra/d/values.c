#include "values.h"

#include <arpa/inet.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "container.h"
#include "idmap.h"
#include "settings.h"
#include "strbuf.h"

enum { PORT_RANGE_MAX = 256 };

static const int64_t MS_MAX = INT64_C(366) * 24 * 3600 * 1000;

/* ---- what all of them use ---- */

bool
is_empty(const struct node *n)
{
	if (n->kind != NODE_SCALAR)
		return n->count == 0;
	return !*n->text ||
	       (!n->quoted && (strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0));
}

bool
is_name(const char *s)
{
	static const char first[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t len = strlen(s);

	return len > 0 && len <= 128 && strchr(first, *s) &&
	       s[strspn(
		   s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] ==
		   '\0';
}

/* Both engines read mounts as fields between commas. */
static bool
is_path(const char *s)
{
	for (const char *p = s; *p; p++)
		if (*p == ',' || *p == '"' || (unsigned char)*p < ' ')
			return false;
	return true;
}

static bool
climbs(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (p[2] == '/' || !p[2]))
			return true;
	return false;
}

/* A path inside the container. */
static int
check_target(struct reader *r, const struct node *n, const char *path)
{
	if (*path != '/' || climbs(path) || !is_path(path)) {
		settings_error(r->s, n,
		    "'%s' is no path inside a container: want an absolute one without '..', "
		    "commas or quotes",
		    path);
		return -1;
	}
	return 0;
}

/* Makes room for one more; the list's type is its pointer's. */
#define GROW(list)                                                                             \
	((list).v = grow((list).v, (list).n, sizeof(*(list).v)), &(list).v[(list).n++])

static void *
grow(void *old, size_t n, size_t size)
{
	void *got;

	if (n & (n - 1)) /* room for the next power of two */
		return old;
	got = pool_zero(n ? n * 2 : 1, size);
	if (n)
		memcpy(got, old, n * size);
	return got;
}

/* Calls one for the node, or for each of the list that it is; for none if it is empty. */
static int
each(struct reader *r, const struct node *n, take *one)
{
	int bad = 0;

	if (n->kind == NODE_LIST) {
		for (size_t i = 0; i < n->count; i++)
			bad |= one(r, n->item[i]);
		return bad;
	}
	return is_empty(n) ? 0 : one(r, n);
}

/* The scalar's text, in the pool. */
static int
text_of(struct reader *r, const struct node *n, const char **out)
{
	const char *text;

	if (settings_string(r->s, n, &text))
		return -1;
	*out = pool_dup(text);
	return 0;
}

static int
wrong(struct reader *r, const struct node *n, const char *want)
{
	settings_error(r->s, n, "'%s': want %s", n->kind == NODE_SCALAR ? n->text : "", want);
	return -1;
}

/* The keys of a map against a list of known ones. */
static int
check_map(struct reader *r, const struct node *n, const char *const *known, const char *want)
{
	unsigned before = r->s->errors;

	if (n->kind != NODE_MAP) {
		settings_error(r->s, n, "want a map: %s", want);
		return -1;
	}
	settings_known(r->s, n, known, NULL);
	return r->s->errors == before ? 0 : -1;
}

/* A key of a map as text, left alone where it isn't there. */
static int
map_text(struct reader *r, const struct node *map, const char *key, const char **out)
{
	const struct node *n = settings_get(map, key);

	return n ? text_of(r, n, out) : 0;
}

static int
map_duration(struct reader *r, const struct node *map, const char *key, int64_t *ms)
{
	const struct node *n = settings_get(map, key);

	if (!n)
		return 0;
	if (settings_duration(r->s, n, ms))
		return -1;
	if (*ms > MS_MAX)
		return wrong(r, n, "at most a year");
	return 0;
}

static int
map_integer(struct reader *r, const struct node *map, const char *key, int64_t min, int64_t max,
    int64_t *out)
{
	const struct node *n = settings_get(map, key);

	return n ? settings_integer(r->s, n, min, max, out) : 0;
}

int
take_words(struct reader *r, const struct node *n, struct words *out)
{
	const char *text;

	if (n->kind == NODE_LIST) {
		for (size_t i = 0; i < n->count; i++) {
			if (settings_string(r->s, n->item[i], &text))
				return -1;
			words_add(out, text);
		}
		return 0;
	}
	if (settings_string(r->s, n, &text))
		return -1;
	if (words_split(out, text)) {
		settings_error(r->s, n, "a quote isn't closed");
		return -1;
	}
	return 0;
}

/* ---- names ---- */

int
take_name(struct reader *r, const struct node *n)
{
	if (text_of(r, n, &r->c->name))
		return -1;
	if (!is_name(r->c->name))
		return wrong(r, n, "a name of letters, digits, '_', '.' and '-'");
	return 0;
}

int
take_hostname(struct reader *r, const struct node *n)
{
	if (text_of(r, n, &r->c->hostname))
		return -1;
	if (*r->c->hostname && (!is_name(r->c->hostname) || strlen(r->c->hostname) > 64 ||
				   strchr(r->c->hostname, '_')))
		return wrong(r, n, "a host name: letters, digits, '.' and '-'");
	return 0;
}

static bool
is_reference(const char *s)
{
	return s[strspn(s,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/:@")] ==
		   '\0' &&
	       *s != '-' && *s != '/';
}

/* NULL where nothing is written. */
static int
reference(struct reader *r, const struct node *n, const char **out)
{
	*out = NULL;
	if (is_empty(n))
		return 0;
	if (text_of(r, n, out))
		return -1;
	if (!is_reference(*out))
		return wrong(r, n, "a part of an image's name: letters, digits, and _.-/:@");
	return 0;
}

int
take_image(struct reader *r, const struct node *n)
{
	int bad = reference(r, n, &r->c->image);

	if (!r->c->image)
		r->c->image = r->c->key;
	return bad;
}

int
take_tag(struct reader *r, const struct node *n)
{
	int bad = reference(r, n, &r->c->tag);

	if (!r->c->tag)
		r->c->tag = r->c->test ? "latest" : "live";
	return bad;
}

int
take_repo1(struct reader *r, const struct node *n)
{
	if (is_empty(n))
		return wrong(r, n, "a repository");
	return reference(r, n, &r->c->repo1);
}

int
take_repo2(struct reader *r, const struct node *n)
{
	return reference(r, n, &r->c->repo2);
}

int
take_user(struct reader *r, const struct node *n)
{
	const char *user;

	r->c->user = NULL;
	if (is_empty(n))
		return 0;
	if (text_of(r, n, &user))
		return -1;
	if (user[strspn(user, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "0123456789_.-:")] ||
	    *user == ':' || *user == '-')
		return wrong(r, n, "USER or USER:GROUP, by name or number");
	r->c->user = user;
	return 0;
}

/* ---- environment, labels ---- */

static int
pair_of(struct reader *r, const struct node *n, struct pair *p)
{
	const char *text, *sign;

	if (settings_string(r->s, n, &text))
		return -1;
	sign = strchr(text, '=');
	if (!sign || sign == text)
		return wrong(r, n, "NAME=VALUE");
	p->key = pool_dupn(text, (size_t)(sign - text));
	p->value = pool_dup(sign + 1);
	return 0;
}

/* One element: NAME=VALUE, or a map of them. */
#define TAKE_PAIRS(field)                                                                      \
	static int one_of_##field(struct reader *r, const struct node *n)                      \
	{                                                                                      \
		struct pair *p;                                                                \
                                                                                               \
		if (n->kind != NODE_MAP)                                                       \
			return pair_of(r, n, GROW(r->c->field));                               \
		for (size_t i = 0; i < n->count; i++) {                                        \
			p = GROW(r->c->field);                                                 \
			p->key = pool_dup(n->key[i]->text);                                    \
			if (strchr(p->key, '='))                                               \
				return wrong(r, n->key[i], "a name without '='");              \
			if (text_of(r, n->item[i], &p->value))                                 \
				return -1;                                                     \
		}                                                                              \
		return 0;                                                                      \
	}                                                                                      \
	int take_##field(struct reader *r, const struct node *n)                               \
	{                                                                                      \
		r->c->field.n = 0;                                                             \
		return each(r, n, one_of_##field);                                             \
	}

TAKE_PAIRS(env)
TAKE_PAIRS(labels)

/* ---- network ---- */

int
take_network(struct reader *r, const struct node *n)
{
	if (is_empty(n)) {
		r->c->network = "own";
		return 0;
	}
	if (text_of(r, n, &r->c->network))
		return -1;
	if (!is_name(r->c->network))
		return wrong(r, n, "own, none, host, or the name of a network");
	return 0;
}

static bool
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
	if (text_of(r, n, &text))
		return -1;
	slash = strchr(text, '/');
	if (slash) {
		address = xstrndup(text, (size_t)(slash - text));
		bits = strtol(slash + 1, &end, 10);
	}
	if (!slash || !is_address(address) || end == slash + 1 || *end || bits < 1 ||
	    bits > (strchr(address, ':') ? 128 : 30))
		return wrong(r, n, "ADDRESS/BITS, such as 10.99.7.0/28");
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
	if (text_of(r, n, &text))
		return -1;
	if (strcmp(text, "0") == 0)
		return 0;
	if (strcmp(text, "-") != 0 && !is_address(text))
		return wrong(
		    r, n, "an address, 0 (the engine's choice) or - (look the host name up)");
	r->c->ip = text;
	return 0;
}

static int
one_dns(struct reader *r, const struct node *n)
{
	const char *text;

	if (settings_string(r->s, n, &text))
		return -1;
	if (!is_address(text))
		return wrong(r, n, "the address of a name server");
	words_add(&r->c->dns, text);
	return 0;
}

int
take_dns(struct reader *r, const struct node *n)
{
	r->c->dns.n = 0;
	return each(r, n, one_dns);
}

static bool
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

/* What stands before the ports, and where they begin: "ADDR:" or "[ADDR]:" or nothing. */
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

static int
one_port(struct reader *r, const struct node *n)
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
			return wrong(r, n, want);
		text = pool_dupn(text, (size_t)(slash - text));
	}
	address = port_address(text, &rest);
	if (!address || (*address && !is_address(address)))
		return wrong(r, n, want);
	colon = strchr(rest, ':');
	len = colon ? (size_t)(colon - rest) : 0;
	if (colon && len && !port_range(rest, len, &host, &host_last))
		return wrong(r, n, want);
	if (colon)
		rest = colon + 1;
	if (!port_range(rest, strlen(rest), &inside, &inside_last))
		return wrong(r, n, want);
	if (host && host_last - host != inside_last - inside)
		return wrong(r, n, "as many ports on the host as inside");
	if (inside_last - inside >= PORT_RANGE_MAX)
		return wrong(r, n, "at most 256 ports in a range");
	for (long i = 0; i <= inside_last - inside; i++) {
		*GROW(r->c->ports) = (struct port){.address = *address ? address : "127.0.0.1",
		    .host = (uint16_t)(host ? host + i : 0),
		    .inside = (uint16_t)(inside + i),
		    .protocol = protocol};
	}
	return 0;
}

int
take_ports(struct reader *r, const struct node *n)
{
	r->c->ports.n = 0;
	return each(r, n, one_port);
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

/* ---- mounts, devices, volumes ---- */

static int
add_mount(
    struct reader *r, const struct node *n, const char *source, const char *target, bool ro)
{
	struct mount m = {source, target, ro};

	if (!*source || climbs(source) || !is_path(source)) {
		settings_error(r->s, n,
		    "'%s' is no source of a mount: want a path without '..', commas or quotes",
		    source);
		return -1;
	}
	if (check_target(r, n, target))
		return -1;
	if (ro)
		*GROW(r->c->mount_ro) = m;
	else
		*GROW(r->c->mount_rw) = m;
	return 0;
}

/* SOURCE:TARGET, or a map of them. */
static int
some_mounts(struct reader *r, const struct node *n, bool ro)
{
	const char *text, *colon;

	if (n->kind == NODE_MAP) {
		for (size_t i = 0; i < n->count; i++)
			if (text_of(r, n->item[i], &text) ||
			    add_mount(r, n->item[i], pool_dup(n->key[i]->text), text, ro))
				return -1;
		return 0;
	}
	if (settings_string(r->s, n, &text))
		return -1;
	colon = strchr(text, ':');
	if (!colon || strchr(colon + 1, ':'))
		return wrong(r, n, "SOURCE:TARGET");
	return add_mount(
	    r, n, pool_dupn(text, (size_t)(colon - text)), pool_dup(colon + 1), ro);
}

static int
one_mount_ro(struct reader *r, const struct node *n)
{
	return some_mounts(r, n, true);
}

static int
one_mount_rw(struct reader *r, const struct node *n)
{
	return some_mounts(r, n, false);
}

int
take_mount_ro(struct reader *r, const struct node *n)
{
	r->c->mount_ro.n = 0;
	return each(r, n, one_mount_ro);
}

int
take_mount_rw(struct reader *r, const struct node *n)
{
	r->c->mount_rw.n = 0;
	return each(r, n, one_mount_rw);
}

static int
one_mount_device(struct reader *r, const struct node *n)
{
	const char *text;

	if (settings_string(r->s, n, &text))
		return -1;
	if (strncmp(text, "/dev/", 5) != 0 || climbs(text) || strchr(text, ':'))
		return wrong(r, n, "a pattern of device files below /dev");
	words_add(&r->c->mount_devices, text);
	return 0;
}

int
take_mount_devices(struct reader *r, const struct node *n)
{
	r->c->mount_devices.n = 0;
	return each(r, n, one_mount_device);
}

static int
one_device(struct reader *r, const struct node *n)
{
	static const char want[] = "/dev/SOURCE[:/dev/TARGET][:RIGHTS], RIGHTS of r, w, m";
	struct device d = {NULL, NULL, "rw"};
	struct words part = {0};
	const char *text;
	char *copy, *save = NULL;

	if (settings_string(r->s, n, &text))
		return -1;
	copy = pool_dup(text);
	for (char *p = strtok_r(copy, ":", &save); p; p = strtok_r(NULL, ":", &save))
		words_add(&part, p);
	if (part.n > 1 && part.w[part.n - 1][0] != '/') {
		d.rights = part.w[--part.n];
		if (!*d.rights || d.rights[strspn(d.rights, "rwm")])
			return wrong(r, n, want);
	}
	if (part.n < 1 || part.n > 2 || strncmp(part.w[0], "/dev/", 5) != 0 || climbs(text))
		return wrong(r, n, want);
	d.source = part.w[0];
	d.target = part.w[part.n - 1];
	if (check_target(r, n, d.target))
		return -1;
	*GROW(r->c->devices) = d;
	return 0;
}

int
take_devices(struct reader *r, const struct node *n)
{
	r->c->devices.n = 0;
	return each(r, n, one_device);
}

static int
one_tmpfs(struct reader *r, const struct node *n)
{
	static const char *const known[] = {"path", "size", "mode", NULL};
	struct tmpfs t = {NULL, INT64_C(64) << 20, 01777};
	const struct node *at;
	const char *text, *mode = NULL, *colon;
	char *end;

	if (n->kind == NODE_MAP) {
		if (check_map(r, n, known, "path, size, mode") ||
		    map_text(r, n, "path", &t.path) || map_text(r, n, "mode", &mode))
			return -1;
		at = settings_get(n, "size");
		if (at && settings_size(r->s, at, &t.size))
			return -1;
	} else {
		if (settings_string(r->s, n, &text))
			return -1;
		colon = strchr(text, ':');
		t.path = pool_dupn(text, colon ? (size_t)(colon - text) : strlen(text));
		if (colon && parse_size(colon + 1, &t.size))
			return wrong(r, n, "PATH or PATH:SIZE, such as /tmp:16m");
	}
	if (mode) {
		unsigned long bits = strtoul(mode, &end, 8);

		if (!*mode || *end || bits > 01777)
			return wrong(
			    r, settings_get(n, "mode"), "a mode in octal digits, such as 1777");
		t.mode = (mode_t)bits;
	}
	if (!t.path)
		return wrong(r, n, "a path");
	if (t.size < 4096)
		return wrong(r, n, "a size of at least 4k");
	if (check_target(r, n, t.path))
		return -1;
	*GROW(r->c->tmpfs) = t;
	return 0;
}

int
take_tmpfs(struct reader *r, const struct node *n)
{
	r->c->tmpfs.n = 0;
	return each(r, n, one_tmpfs);
}

int
take_vol_base(struct reader *r, const struct node *n)
{
	const char *text;

	r->c->vol_base = NULL;
	if (is_empty(n))
		return 0;
	if (text_of(r, n, &text))
		return -1;
	if (*text != '/' || climbs(text) || !is_path(text))
		return wrong(r, n, "an absolute path without '..'");
	r->c->vol_base = text;
	return 0;
}

static int
volume_of(struct reader *r, const struct node *n, struct volume *v, bool defaults)
{
	static const char *const known[] = {
	    "type", "owner", "group", "perm", "contents", "path", NULL};
	const struct node *at;
	char *end;

	if (check_map(r, n,
		defaults ? (const char *const[]){"type", "owner", "group", "perm", NULL}
			 : known,
		"path, type, owner, group, perm, contents"))
		return -1;
	if (map_text(r, n, "path", &v->path) || map_text(r, n, "type", &v->type) ||
	    map_text(r, n, "owner", &v->owner) || map_text(r, n, "group", &v->group) ||
	    map_text(r, n, "perm", &v->perm) || map_text(r, n, "contents", &v->contents))
		return -1;
	at = settings_get(n, "type");
	if (at && strcmp(v->type, "dir") != 0 && strcmp(v->type, "file") != 0)
		return wrong(r, at, "dir or file");
	at = settings_get(n, "perm");
	if (at && (!*v->perm || strtoul(v->perm, &end, 8) > 07777 || *end || *v->perm == '-'))
		return wrong(r, at, "a mode in octal digits, such as 0750");
	at = settings_get(n, "path");
	if (at && (!*v->path || climbs(v->path) || !is_path(v->path)))
		return wrong(r, at, "a path without '..'");
	return 0;
}

static int
one_vol(struct reader *r, const struct node *n)
{
	struct volume v = {0};

	if (n->kind == NODE_SCALAR) {
		if (text_of(r, n, &v.path))
			return -1;
		if (!*v.path || climbs(v.path) || !is_path(v.path))
			return wrong(r, n, "a path without '..'");
	} else if (volume_of(r, n, &v, false)) {
		return -1;
	}
	if (!v.path) {
		settings_error(r->s, n, "a volume without a path");
		return -1;
	}
	if (v.contents && v.type && strcmp(v.type, "dir") == 0) {
		settings_error(r->s, n, "a folder has no contents: say type: file");
		return -1;
	}
	*GROW(r->c->vols) = v;
	return 0;
}

int
take_vols(struct reader *r, const struct node *n)
{
	r->c->vols.n = 0;
	return each(r, n, one_vol);
}

int
take_vol_defaults(struct reader *r, const struct node *n)
{
	r->c->vol_defaults = (struct volume){0};
	return is_empty(n) ? 0 : volume_of(r, n, &r->c->vol_defaults, true);
}

/* ---- limits and privileges ---- */

int
take_cpus(struct reader *r, const struct node *n)
{
	const char *text;
	char *end;
	double cpus;

	r->c->cpus = 0;
	if (is_empty(n))
		return 0;
	if (settings_string(r->s, n, &text))
		return -1;
	cpus = strtod(text, &end);
	if (text[strspn(text, "0123456789.")] || end == text || *end || cpus > 4096 ||
	    (cpus > 0 && cpus < 0.01))
		return wrong(r, n, "a number of CPUs, such as 0.5; 0 for no limit");
	r->c->cpus = (int64_t)(cpus * 1000 + 0.5);
	return 0;
}

static const char *const capability_names[] = {"AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE",
    "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH",
    "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE",
    "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST",
    "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN",
    "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM", NULL};

static bool
among(const char *word, const char *const *known)
{
	for (; *known; known++)
		if (strcmp(word, *known) == 0)
			return true;
	return false;
}

/* A word that must be one of some, with the nearest in the message. */
static int
known_word(struct reader *r, const struct node *n, const char *what, const char *word,
    const char *const *known)
{
	const char *near;

	if (among(word, known))
		return 0;
	near = nearest_word(word, known);
	settings_error(r->s, n, "unknown %s '%s'%s%s%s", what, word, near ? "; '" : "",
	    near ? near : "", near ? "' is meant?" : "");
	return -1;
}

static int
one_cap(struct reader *r, const struct node *n)
{
	const char *text;
	char *cap;

	if (settings_string(r->s, n, &text))
		return -1;
	cap = pool_dup(text);
	for (char *p = cap; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	if (strncmp(cap, "CAP_", 4) == 0)
		cap += 4;
	if (known_word(r, n, "capability", cap, capability_names))
		return -1;
	if (!words_have(&r->c->caps, cap))
		words_add(&r->c->caps, cap);
	return 0;
}

int
take_caps(struct reader *r, const struct node *n)
{
	int bad;

	r->c->caps.n = 0;
	bad = each(r, n, one_cap);
	words_sort(&r->c->caps);
	return bad;
}

int
take_seccomp(struct reader *r, const struct node *n)
{
	const char *text;

	r->c->seccomp = NULL;
	if (is_empty(n))
		return 0;
	if (text_of(r, n, &text))
		return -1;
	if (strcmp(text, "default") == 0)
		return 0;
	if (strcmp(text, "unconfined") == 0 || *text == '/') {
		r->c->seccomp = text;
		return 0;
	}
	if (strchr(text, '/') || strstr(text, ".json")) {
		r->c->seccomp = r->c->folder ? pool_printf("%s/%s", r->c->folder, text) : text;
		return 0;
	}
	return wrong(r, n, "default, unconfined, or a profile's file (a name with .json)");
}

int
take_userns(struct reader *r, const struct node *n)
{
	static const char *const modes[] = {"host", "auto", "keep-id", "nomap", NULL};
	struct idmap map = IDMAP_INIT;
	struct strbuf why = STRBUF_INIT;
	const char *text;
	int bad = 0;

	r->c->userns = NULL;
	if (is_empty(n))
		return 0;
	if (text_of(r, n, &text))
		return -1;
	if (!among(text, modes)) {
		bad = idmap_parse(&map, text, &why);
		if (bad)
			settings_error(r->s, n,
			    "'%s': want host, auto, keep-id, nomap, or a map "
			    "INSIDE:OUTSIDE:COUNT: %s",
			    text, why.s ? why.s : "");
	}
	idmap_free(&map);
	strbuf_free(&why);
	r->c->userns = text;
	return bad;
}

static int
limit_value(const char *s, size_t len, int64_t *out)
{
	cleanup_free char *text = xstrndup(s, len);
	char *end;

	if (strcmp(text, "unlimited") == 0 || strcmp(text, "-1") == 0) {
		*out = -1;
		return 0;
	}
	errno = 0;
	*out = strtoll(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno ? 0 : -1;
}

static int
add_limit(struct reader *r, const struct node *n, const char *name, const char *value)
{
	static const char *const names[] = {"core", "cpu", "data", "fsize", "locks", "memlock",
	    "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending",
	    "stack", NULL};
	const char *colon = strchr(value, ':');
	struct limit l = {.name = pool_dup(name)};
	size_t len = colon ? (size_t)(colon - value) : strlen(value);

	if (known_word(r, n, "limit", name, names))
		return -1;
	if (limit_value(value, len, &l.soft) ||
	    limit_value(colon ? colon + 1 : value, colon ? strlen(colon + 1) : len, &l.hard) ||
	    (l.hard >= 0 && (l.soft > l.hard || l.soft < 0)))
		return wrong(r, n, "SOFT[:HARD], numbers or unlimited, SOFT not above HARD");
	*GROW(r->c->ulimits) = l;
	return 0;
}

static int
one_ulimit(struct reader *r, const struct node *n)
{
	const char *text, *sign;

	if (n->kind == NODE_MAP) {
		for (size_t i = 0; i < n->count; i++)
			if (settings_string(r->s, n->item[i], &text) ||
			    add_limit(r, n->item[i], n->key[i]->text, text))
				return -1;
		return 0;
	}
	if (settings_string(r->s, n, &text))
		return -1;
	sign = strchr(text, '=');
	if (!sign)
		return wrong(r, n, "NAME=SOFT[:HARD]");
	return add_limit(r, n, pool_dupn(text, (size_t)(sign - text)), sign + 1);
}

int
take_ulimits(struct reader *r, const struct node *n)
{
	r->c->ulimits.n = 0;
	return each(r, n, one_ulimit);
}

/* ---- how it lives ---- */

int
take_log(struct reader *r, const struct node *n)
{
	const char *text;

	r->c->log = LOG_JSON;
	r->c->log_address = NULL;
	if (is_empty(n))
		return 0;
	if (text_of(r, n, &text))
		return -1;
	if (strcmp(text, "json") == 0)
		return 0;
	if (strcmp(text, "none") == 0)
		r->c->log = LOG_NONE;
	else if (strcmp(text, "journald") == 0)
		r->c->log = LOG_JOURNALD;
	else if (strcmp(text, "passthrough") == 0)
		r->c->log = LOG_PASSTHROUGH;
	else if (strcmp(text, "syslog") == 0 || strncmp(text, "syslog:", 7) == 0)
		r->c->log = LOG_SYSLOG;
	else
		return wrong(
		    r, n, "none, syslog, syslog:ADDRESS, journald, json or passthrough");
	if (text[0] == 's' && text[6] == ':')
		r->c->log_address = text + 7;
	return 0;
}

int
take_restart(struct reader *r, const struct node *n)
{
	const char *text;
	int64_t times;

	r->c->restart = "no";
	if (is_empty(n))
		return 0;
	if (text_of(r, n, &text))
		return -1;
	if (strncmp(text, "on-failure:", 11) == 0) {
		char *end;

		times = strtol(text + 11, &end, 10);
		if (end == text + 11 || *end || times < 1 || times > 1000)
			return wrong(r, n, "on-failure:N, N from 1 to 1000");
	} else if (strcmp(text, "no") != 0 && strcmp(text, "on-failure") != 0 &&
		   strcmp(text, "always") != 0 && strcmp(text, "unless-stopped") != 0) {
		return wrong(r, n, "no, on-failure[:N], always or unless-stopped");
	}
	r->c->restart = text;
	return 0;
}

int
take_stop_signal(struct reader *r, const struct node *n)
{
	static const char *const names[] = {"HUP", "INT", "QUIT", "TERM", "KILL", "USR1",
	    "USR2", "WINCH", "PWR", "RTMIN+3", NULL};
	const char *text;

	r->c->stop_signal = NULL;
	if (is_empty(n))
		return 0;
	if (text_of(r, n, &text))
		return -1;
	if (strncmp(text, "SIG", 3) == 0)
		text += 3;
	if (known_word(r, n, "signal", text, names))
		return -1;
	r->c->stop_signal = text;
	return 0;
}

int
take_autostart(struct reader *r, const struct node *n)
{
	static const char want[] = "a wave from 0 to 99, such as 2 or \"2;host=attic\"";
	const char *text, *rest;
	char *end;

	r->c->wave = -1;
	r->c->wave_host = NULL;
	if (is_empty(n))
		return 0;
	if (text_of(r, n, &text))
		return -1;
	if (*text < '0' || *text > '9')
		return wrong(r, n, want);
	r->c->wave = strtol(text, &end, 10);
	if (r->c->wave > 99)
		return wrong(r, n, want);
	rest = end;
	if (strncmp(rest, ";host=", 6) == 0 && is_name(rest + 6))
		r->c->wave_host = rest + 6;
	else if (*rest)
		return wrong(r, n, want);
	return 0;
}

static int
add_share(struct reader *r, const struct node *n, struct need *need)
{
	const char *text;

	if (settings_string(r->s, n, &text))
		return -1;
	if (strcmp(text, "pid") == 0)
		need->pid = true;
	else if (strcmp(text, "network") == 0)
		need->network = true;
	else
		return wrong(r, n, "pid or network");
	return 0;
}

static int
one_need(struct reader *r, const struct node *n)
{
	static const char *const known[] = {"name", "shares", NULL};
	struct need need = {0};
	const struct node *shares;

	if (n->kind == NODE_MAP) {
		if (check_map(r, n, known, "name, shares") ||
		    map_text(r, n, "name", &need.name))
			return -1;
		shares = settings_get(n, "shares");
		if (shares && shares->kind == NODE_LIST) {
			for (size_t i = 0; i < shares->count; i++)
				if (add_share(r, shares->item[i], &need))
					return -1;
		} else if (shares && add_share(r, shares, &need)) {
			return -1;
		}
	} else if (text_of(r, n, &need.name)) {
		return -1;
	}
	if (!need.name || !is_name(need.name))
		return wrong(r, n, "the name of a container's folder");
	if (r->c->key && strcmp(need.name, r->c->key) == 0)
		return wrong(r, n, "another container than itself");
	*GROW(r->c->needs) = need;
	return 0;
}

int
take_needs(struct reader *r, const struct node *n)
{
	r->c->needs.n = 0;
	return each(r, n, one_need);
}

int
take_health(struct reader *r, const struct node *n)
{
	static const char *const known[] = {
	    "command", "interval", "timeout", "retries", "start_period", NULL};
	struct health h = {.given = true, .interval = 30000, .timeout = 10000, .retries = 3};
	const struct node *command;

	r->c->health = (struct health){0};
	if (is_empty(n))
		return 0;
	if (n->kind == NODE_SCALAR) {
		if (strcmp(n->text, "none") != 0)
			return wrong(
			    r, n, "none, or a map: command, interval, timeout, retries");
		r->c->health.off = true;
		return 0;
	}
	if (check_map(r, n, known, "command, interval, timeout, retries, start_period"))
		return -1;
	command = settings_get(n, "command");
	if (!command || is_empty(command)) {
		settings_error(r->s, n, "a health check without a command");
		return -1;
	}
	if (take_words(r, command, &h.command) || map_duration(r, n, "interval", &h.interval) ||
	    map_duration(r, n, "timeout", &h.timeout) ||
	    map_duration(r, n, "start_period", &h.start_period) ||
	    map_integer(r, n, "retries", 1, 100, &h.retries))
		return -1;
	r->c->health = h;
	return 0;
}

/* "[http://][HOST]:PORT[/PATH]" or "PORT[/PATH]"; for tcp without a path. */
static int
endpoint(struct reader *r, const struct node *n, struct ready *out, bool http)
{
	const char *want = http ? "a URL such as http://:8080/healthz" : "PORT or HOST:PORT";
	const char *text, *host, *port, *slash;
	size_t len;
	long number;

	if (text_of(r, n, &text))
		return -1;
	if (http && strncmp(text, "http://", 7) == 0)
		text += 7;
	slash = http ? strchr(text, '/') : NULL;
	out->path = slash ? slash : "/";
	len = slash ? (size_t)(slash - text) : strlen(text);
	host = pool_dupn(text, len);
	port = strrchr(host, ':');
	out->host = "127.0.0.1";
	if (port) {
		if (port != host)
			out->host = pool_dupn(host, (size_t)(port - host));
		port++;
	} else {
		port = host;
	}
	if (http && !strchr(host, ':') && strncmp(n->text, "http://", 7) == 0) {
		out->host = host; /* http://HOST/ */
		port = "80";
	}
	if (strcmp(out->host, "localhost") == 0)
		out->host = "127.0.0.1";
	if (*out->host == '[')
		out->host = pool_dupn(out->host + 1, strlen(out->host) - 2);
	if (!port_number(port, strlen(port), &number) || !is_address(out->host))
		return wrong(r, n, want);
	for (const char *p = out->path; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return wrong(r, n, want);
	out->port = (uint16_t)number;
	return 0;
}

static int
ready_pattern(struct reader *r, const struct node *n, struct ready *out)
{
	char reason[128];
	regex_t re;
	int code;

	if (text_of(r, n, &out->pattern))
		return -1;
	code = regcomp(&re, out->pattern, REG_EXTENDED | REG_NOSUB);
	if (code) {
		regerror(code, &re, reason, sizeof(reason));
		settings_error(r->s, n, "'%s' is no extended regular expression: %s",
		    out->pattern, reason);
		return -1;
	}
	regfree(&re);
	return 0;
}

static int
ready_of_kind(struct reader *r, const struct node *n, struct ready *out)
{
	switch (out->kind) {
	case READY_HTTP:
	case READY_TCP:
		return endpoint(r, n, out, out->kind == READY_HTTP);
	case READY_UNIX:
		return text_of(r, n, &out->path) || check_target(r, n, out->path);
	case READY_LOG:
		return ready_pattern(r, n, out);
	case READY_COMMAND:
		return take_words(r, n, &out->command) ||
		       (out->command.n == 0 && wrong(r, n, "a command"));
	case READY_NONE:
		break;
	}
	return 0;
}

int
take_ready(struct reader *r, const struct node *n)
{
	static const struct {
		const char *key;
		enum ready_kind kind;
	} kinds[] = {{"http", READY_HTTP}, {"tcp", READY_TCP}, {"unix", READY_UNIX},
	    {"log", READY_LOG}, {"command", READY_COMMAND}};
	static const char *const known[] = {"http", "tcp", "unix", "log", "command", "expect",
	    "status", "within", "stable", NULL};
	struct ready out = {.within = 30000, .stable = 5000};

	r->c->ready = out;
	if (is_empty(n))
		return 0;
	if (check_map(r, n, known,
		"one of http, tcp, unix, log, command; expect, status, "
		"within, stable"))
		return -1;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct node *at = settings_get(n, kinds[i].key);

		if (!at)
			continue;
		if (out.kind != READY_NONE) {
			settings_error(
			    r->s, at, "only one of http, tcp, unix, log and command");
			return -1;
		}
		out.kind = kinds[i].kind;
		if (ready_of_kind(r, at, &out))
			return -1;
	}
	if (map_text(r, n, "expect", &out.expect) ||
	    map_integer(r, n, "status", 100, 599, &out.status) ||
	    map_duration(r, n, "within", &out.within) ||
	    map_duration(r, n, "stable", &out.stable))
		return -1;
	if ((out.expect && out.kind != READY_HTTP && out.kind != READY_COMMAND) ||
	    (out.status && out.kind != READY_HTTP)) {
		settings_error(r->s, n, "expect goes with http or command, status with http");
		return -1;
	}
	r->c->ready = out;
	return 0;
}

static int
one_allow(struct reader *r, const struct node *n)
{
	const char *text;

	if (settings_string(r->s, n, &text))
		return -1;
	if (*text != '/')
		return wrong(r, n, "a pattern of absolute paths, such as /var/log/**");
	words_add(&r->c->scan_allow, text);
	return 0;
}

int
take_scan(struct reader *r, const struct node *n)
{
	static const char *const known[] = {"allow", NULL};
	const struct node *allow;

	r->c->scan_allow.n = 0;
	if (is_empty(n))
		return 0;
	if (check_map(r, n, known, "allow"))
		return -1;
	allow = settings_get(n, "allow");
	return allow ? each(r, allow, one_allow) : 0;
}
