#include "engine_json.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "engine.h"
#include "engine_call.h"
#include "imageid.h"
#include "proc.h"
#include "report.h"
#include "strbuf.h"

enum { START_LATE_S = 60 };

json_t *
engine_json(const struct engine *e, const struct strbuf *out)
{
	json_error_t why;
	json_t *got = json_loadb(out->s ? out->s : "", out->len, 0, &why);

	if (!got)
		report("%s inspect: no JSON: %s", engine_name(e), why.text);
	return got;
}

/* A member by its way down, "/" between names; NULL where one isn't there or is null. */
static json_t *
at(const json_t *o, const char *way)
{
	char part[64];
	size_t len;

	for (; o && *way; way += len + (way[len] == '/')) {
		len = strcspn(way, "/");
		memcpy(part, way, len < sizeof(part) ? len : sizeof(part) - 1);
		part[len < sizeof(part) ? len : sizeof(part) - 1] = '\0';
		o = json_object_get(o, part);
	}
	return json_is_null(o) ? NULL : (json_t *)o;
}

/* A string in the pool, NULL where there is none or it is empty. */
static const char *
text_at(const json_t *o, const char *way)
{
	const char *text = json_string_value(at(o, way));

	return text && *text ? pool_dup(text) : NULL;
}

static json_int_t
number_at(const json_t *o, const char *way)
{
	return json_integer_value(at(o, way));
}

static const char *
label(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(at(o, "Config/Labels"), name));

	return text && *text ? pool_dup(text) : NULL;
}

/* Who made a container that isn't d's, as far as its labels tell. */
static const char *
maker_in(const json_t *labels)
{
	static const char *const compose[] = {
	    "com.docker.compose.project", "io.podman.compose.project"};
	const char *text;

	for (size_t i = 0; i < sizeof(compose) / sizeof(compose[0]); i++)
		if ((text = json_string_value(json_object_get(labels, compose[i]))))
			return pool_printf("compose, project '%s'", text);
	text = json_string_value(json_object_get(labels, "PODMAN_SYSTEMD_UNIT"));
	return text ? pool_printf("systemd, unit '%s'", text) : NULL;
}

const char *
image_id(const struct engine *e, const char *own)
{
	cleanup_free char *id = own ? imageid_of(e, own) : NULL;

	return id ? pool_dup(id) : "";
}

const char *
short_id(const char *id)
{
	if (strncmp(id, "sha256:", 7) == 0)
		id += 7;
	return pool_dupn(id, 12);
}

time_t
engine_time(const char *text)
{
	struct tm tm = {0};
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	long offset = 0;

	if (!rest || tm.tm_year < 70)
		return 0;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if ((*rest == '+' || *rest == '-') && strlen(rest) == 6)
		offset = (strtol(rest + 1, NULL, 10) * 60 + strtol(rest + 4, NULL, 10)) * 60 *
			 (*rest == '-' ? -1 : 1);
	return timegm(&tm) - offset;
}

/* ---- container inspect ---- */

static void
see_addresses(const json_t *o, struct seen *out)
{
	json_t *networks = at(o, "NetworkSettings/Networks"), *network;
	const char *name, *ip;

	json_object_foreach (networks, name, network) {
		words_add(&out->networks, name);
		if ((ip = text_at(network, "IPAddress")) && !words_have(&out->ips, ip))
			words_add(&out->ips, ip);
		if ((ip = text_at(network, "GlobalIPv6Address")) && !words_have(&out->ips, ip))
			words_add(&out->ips, ip);
	}
	if ((ip = text_at(o, "NetworkSettings/IPAddress")) && !words_have(&out->ips, ip))
		words_add(&out->ips, ip);
}

static void
see_ports(const json_t *o, struct seen *out)
{
	json_t *ports = at(o, "NetworkSettings/Ports"), *bound, *one;
	const char *inside;
	size_t i;

	json_object_foreach (ports, inside, bound) {
		json_array_foreach (bound, i, one) {
			const char *address = text_at(one, "HostIp"),
				   *port = text_at(one, "HostPort");

			if (!port)
				continue;
			address = address ? address : "0.0.0.0";
			words_addf(&out->ports,
			    strchr(address, ':') ? "[%s]:%s->%s" : "%s:%s->%s", address, port,
			    inside);
		}
	}
	words_sort(&out->ports);
}

static void
see_volumes(const json_t *o, struct seen *out)
{
	json_t *mounts = at(o, "Mounts"), *one;
	size_t i;

	out->volumes.v = pool_zero(json_array_size(mounts) + 1, sizeof(*out->volumes.v));
	json_array_foreach (mounts, i, one) {
		const char *type = text_at(one, "Type"), *name = text_at(one, "Name");

		if (type && strcmp(type, "volume") == 0 && name)
			out->volumes.v[out->volumes.n++] =
			    (struct pair){text_at(one, "Destination"), name};
	}
}

static void
add_words(const json_t *list, size_t from, struct words *out)
{
	for (size_t i = from; i < json_array_size(list); i++)
		if (json_string_value(json_array_get(list, i)))
			words_add(out, json_string_value(json_array_get(list, i)));
}

/* "CMD" and words, or "CMD-SHELL" and a line for the image's shell. */
static void
see_check(const json_t *o, struct seen *out)
{
	json_t *test = at(o, "Config/Healthcheck/Test"), *shell = at(o, "Config/Shell");
	const char *kind = json_string_value(json_array_get(test, 0));

	if (!kind)
		return;
	if (strcmp(kind, "CMD-SHELL") == 0) {
		add_words(shell, 0, &out->check);
		if (!out->check.n) {
			words_add(&out->check, "/bin/sh");
			words_add(&out->check, "-c");
		}
	}
	add_words(test, 1, &out->check);
}

void
seen_from_inspect(const struct engine *e, const json_t *o, struct seen *out)
{
	const char *name = text_at(o, "Name");

	*out = (struct seen){0};
	out->id = text_at(o, "Id");
	out->name = !name ? "" : *name == '/' ? name + 1 : name;
	out->image = image_id(e, text_at(o, "Image"));
	out->state = text_at(o, "State/Status");
	if (!out->state)
		out->state = "unknown";
	out->running = json_is_true(at(o, "State/Running"));
	out->pid = (pid_t)number_at(o, "State/Pid");
	out->exit_code = (int)number_at(o, "State/ExitCode");
	out->restarts = (int)number_at(o, "RestartCount");
	out->started = engine_time(text_at(o, "State/StartedAt"));
	out->created = engine_time(text_at(o, "Created"));
	out->health = text_at(o, "State/Health/Status");
	if (!out->health)
		out->health = text_at(o, "State/Healthcheck/Status");
	out->upper = text_at(o, "GraphDriver/Data/UpperDir");
	see_check(o, out);
	see_addresses(o, out);
	see_ports(o, out);
	see_volumes(o, out);
	out->key = label(o, "whittle.name");
	out->role = label(o, "whittle.role");
	out->digest = label(o, "whittle.settings");
	out->transaction = label(o, "whittle.transaction");
	out->owner = label(o, "whittle.owner");
	out->maker = maker_in(at(o, "Config/Labels"));
}

/* ---- podman ps, which is quicker than inspecting all ---- */

static void
listed_ports(const json_t *list, struct seen *out)
{
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *address = text_at(one, "host_ip"),
			   *protocol = text_at(one, "protocol");
		json_int_t host = number_at(one, "host_port"),
			   inside = number_at(one, "container_port");

		address = address ? address : "0.0.0.0";
		for (json_int_t k = 0; k < number_at(one, "range"); k++)
			words_addf(&out->ports,
			    strchr(address, ':') ? "[%s]:%d->%d/%s" : "%s:%d->%d/%s", address,
			    (int)(host + k), (int)(inside + k), protocol ? protocol : "tcp");
	}
	words_sort(&out->ports);
}

static const char *
listed_label(const json_t *o, const char *name)
{
	const char *text =
	    json_string_value(json_object_get(json_object_get(o, "Labels"), name));

	return text && *text ? pool_dup(text) : NULL;
}

/* "Up 3 minutes ago (healthy)" */
static const char *
listed_health(const char *status)
{
	const char *open = status ? strrchr(status, '(') : NULL;

	return open ? pool_dupn(open + 1, strcspn(open + 1, ")")) : NULL;
}

/* Its process has ended, and the number may be another's by now: younger than the container,
 * and in no group of its. A clock that was set makes old ones look young, thus both. */
static bool
process_is_gone(const struct seen *s)
{
	time_t started;

	if (!proc_runs(s->pid))
		return true;
	started = s->started ? proc_started(s->pid) : -1;
	return started > s->started + START_LATE_S && !proc_in_cgroup(s->pid, s->id);
}

void
seen_doubt(const struct engine *e, struct seen *s)
{
	/* A daemon, here or elsewhere, counts processes that need not be this system's. */
	if (e->kind != PODMAN || getenv("CONTAINER_HOST") || !s->running || s->pid <= 0 ||
	    !process_is_gone(s))
		return;
	s->running = false;
	s->state = "stale";
	s->health = NULL;
	s->pid = 0;
}

void
seen_from_ps(const struct engine *e, const json_t *o, struct seen *out)
{
	const json_t *name;
	size_t i;

	*out = (struct seen){0};
	out->id = text_at(o, "Id");
	name = json_array_get(json_object_get(o, "Names"), 0);
	out->name = pool_dup(json_string_value(name) ? json_string_value(name) : "");
	out->image = image_id(e, text_at(o, "ImageID"));
	out->state = text_at(o, "State");
	if (!out->state)
		out->state = "unknown";
	out->running = strcmp(out->state, "running") == 0;
	out->pid = (pid_t)number_at(o, "Pid");
	out->exit_code = (int)number_at(o, "ExitCode");
	out->started = (time_t)number_at(o, "StartedAt");
	out->created = (time_t)number_at(o, "Created");
	out->health = out->running ? listed_health(text_at(o, "Status")) : NULL;
	json_array_foreach (json_object_get(o, "Networks"), i, name)
		if (json_string_value(name))
			words_add(&out->networks, json_string_value(name));
	listed_ports(json_object_get(o, "Ports"), out);
	out->key = listed_label(o, "whittle.name");
	out->role = listed_label(o, "whittle.role");
	out->digest = listed_label(o, "whittle.settings");
	out->transaction = listed_label(o, "whittle.transaction");
	out->owner = listed_label(o, "whittle.owner");
	out->maker = maker_in(json_object_get(o, "Labels"));
}

/* ---- image inspect ---- */

static bool
has_test(const json_t *check)
{
	const char *first =
	    json_string_value(json_array_get(json_object_get(check, "Test"), 0));

	return first && strcmp(first, "NONE") != 0;
}

void
image_from_inspect(const struct engine *e, const json_t *o, struct image *out)
{
	json_t *tag, *volume;
	const char *path;
	size_t i;

	*out = (struct image){0};
	out->id = image_id(e, text_at(o, "Id"));
	out->user = text_at(o, "Config/User");
	out->created = engine_time(text_at(o, "Created"));
	out->health = has_test(at(o, "Config/Healthcheck")) || has_test(at(o, "Healthcheck")) ||
		      has_test(at(o, "HealthCheck"));
	add_words(at(o, "Config/Entrypoint"), 0, &out->command);
	if (!out->command.n)
		add_words(at(o, "Config/Cmd"), 0, &out->command);
	json_array_foreach (at(o, "Config/Env"), i, tag)
		if (json_string_value(tag) && strncmp(json_string_value(tag), "PATH=", 5) == 0)
			out->path = pool_dup(json_string_value(tag) + 5);
	json_object_foreach (at(o, "Config/Volumes"), path, volume)
		words_add(&out->volumes, path);
	words_sort(&out->volumes);
	json_array_foreach (at(o, "RepoTags"), i, tag)
		if (json_string_value(tag))
			words_add(&out->tags, json_string_value(tag));
}
