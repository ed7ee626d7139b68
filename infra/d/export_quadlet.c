#include "export_quadlet.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export_set.h"
#include "export_table.h"
#include "idmap.h"
#include "podman_health.h"
#include "strbuf.h"

/* ---- lines of a unit, systemd.syntax(7) ---- */

/* Nearly all of it comes to an ExecStart, where systemd would put variables in. */
static void
add_text(struct strbuf *b, const char *s)
{
	for (; *s; s++) {
		if (*s == '%' || *s == '$')
			strbuf_putc(b, *s);
		strbuf_putc(b, *s);
	}
}

static void __attribute__((format(printf, 3, 4)))
line(struct strbuf *b, const char *key, const char *fmt, ...)
{
	struct strbuf value = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&value, fmt, ap);
	va_end(ap);
	strbuf_printf(b, "%s=", key);
	add_text(b, value.s ? value.s : "");
	strbuf_putc(b, '\n');
	strbuf_free(&value);
}

/* A word as systemd cuts lines into words. Quadlet takes the quotes off and writes the word
 * into an ExecStart, where systemd would put variables in. */
static void
add_word(struct strbuf *b, const char *s)
{
	strbuf_putc(b, '"');
	for (; *s; s++)
		if (*s == '\n')
			strbuf_puts(b, "\\n");
		else if (*s == '"' || *s == '\\')
			strbuf_printf(b, "\\%c", *s);
		else if (*s == '%' || *s == '$')
			strbuf_printf(b, "%c%c", *s, *s);
		else
			strbuf_putc(b, *s);
	strbuf_putc(b, '"');
}

static void
line_words(struct strbuf *b, const char *key, const struct words *words)
{
	if (!words->n)
		return;
	strbuf_printf(b, "%s=", key);
	for (size_t i = 0; i < words->n; i++) {
		if (i)
			strbuf_putc(b, ' ');
		add_word(b, words->w[i]);
	}
	strbuf_putc(b, '\n');
}

static void
line_word(struct strbuf *b, const char *key, const char *word)
{
	strbuf_printf(b, "%s=", key);
	add_word(b, word);
	strbuf_putc(b, '\n');
}

/* What podman run has and Quadlet has no key for. */
static void __attribute__((format(printf, 3, 4)))
podman_args(struct strbuf *b, const char *flag, const char *fmt, ...)
{
	char value[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	strbuf_printf(b, "PodmanArgs=%s=", flag);
	add_text(b, value);
	strbuf_putc(b, '\n');
}

static char *
words_as_json(const struct words *words)
{
	json_t *list = json_array();
	char *text, *kept;

	for (size_t i = 0; i < words->n; i++)
		json_array_append_new(list, json_string(words->w[i]));
	text = json_dumps(list, JSON_COMPACT);
	kept = pool_dup(text ? text : "[]");
	free(text);
	json_decref(list);
	return kept;
}

/* ---- [Unit] ---- */

static void
unit_section(struct strbuf *b, const struct export *x, const struct export_item *i)
{
	const struct container *c = i->c;
	int times = 0;

	strbuf_puts(b, "[Unit]\n");
	line(b, "Description", "%s", c->name);
	for (size_t k = 0; k < c->needs.n; k++)
		if (export_item(x, c->needs.v[k].name)) {
			line(b, "Requires", "%s.service", c->needs.v[k].name);
			line(b, "After", "%s.service", c->needs.v[k].name);
			if (c->needs.v[k].pid || c->needs.v[k].network)
				line(b, "BindsTo", "%s.service", c->needs.v[k].name);
		}
	for (size_t k = 0; k < c->needs_mount.n; k++)
		line_word(b, "RequiresMountsFor", c->needs_mount.v[k].path);
	if (sscanf(c->restart, "on-failure:%d", &times) == 1) {
		line(b, "StartLimitIntervalSec", "1h");
		line(b, "StartLimitBurst", "%d", times + 1);
	}
}

/* ---- [Container] ---- */

static void
network_lines(struct strbuf *b, const struct container *c)
{
	const struct need *with = need_shared(c, true);
	const char *name = network_name(c);
	struct strbuf options = STRBUF_INIT;

	if (with) {
		line(b, "Network", "container:%s", with->target ? with->target : with->name);
		return;
	}
	if (!name) {
		line(b, "Network", "%s", c->network);
	} else {
		if (c->ip && strcmp(c->ip, "-") != 0)
			strbuf_printf(
			    &options, ",%s=%s", strchr(c->ip, ':') ? "ip6" : "ip", c->ip);
		for (size_t i = 0; i < c->aliases.n; i++)
			strbuf_printf(&options, ",alias=%s", c->aliases.w[i]);
		line(b, "Network", "%s.network%s%s", name, options.len ? ":" : "",
		    options.len ? options.s + 1 : "");
	}
	for (size_t i = 0; i < c->networks.n; i++) {
		const struct joined_network *n = &c->networks.v[i];

		strbuf_cut(&options, 0);
		if (n->ip)
			strbuf_printf(
			    &options, ",%s=%s", strchr(n->ip, ':') ? "ip6" : "ip", n->ip);
		for (size_t k = 0; k < n->aliases.n; k++)
			strbuf_printf(&options, ",alias=%s", n->aliases.w[k]);
		line(b, "Network", "%s.network%s%s", n->name, options.len ? ":" : "",
		    options.len ? options.s + 1 : "");
	}
	strbuf_free(&options);
	if (strcmp(c->network, "host") != 0)
		line(b, "HostName", "%s", c->hostname);
	for (size_t i = 0; i < c->dns.n; i++)
		line(b, "DNS", "%s", c->dns.w[i]);
	for (size_t i = 0; i < c->extra_hosts.n; i++)
		line(b, "AddHost", "%s:%s", c->extra_hosts.v[i].key, c->extra_hosts.v[i].value);
	for (size_t i = 0; i < c->ports.n; i++) {
		const struct port *p = &c->ports.v[i];
		bool six = strchr(p->address, ':') != NULL;

		line(b, "PublishPort", "%s%s%s:%s:%d/%s", six ? "[" : "", p->address,
		    six ? "]" : "", p->host ? pool_printf("%d", p->host) : "", p->inside,
		    p->protocol);
	}
}

static void
limit_lines(struct strbuf *b, const struct container *c)
{
	if (c->memory)
		podman_args(b, "--memory", "%" PRId64, c->memory);
	if (c->cpus)
		podman_args(
		    b, "--cpus", "%" PRId64 ".%03d", c->cpus / 1000, (int)(c->cpus % 1000));
	line(b, "PidsLimit", "%" PRId64, c->pids ? c->pids : -1);
	if (c->shm_size)
		line(b, "ShmSize", "%" PRId64, c->shm_size);
	for (size_t i = 0; i < c->sysctls.n; i++)
		line(b, "Sysctl", "%s=%s", c->sysctls.v[i].key, c->sysctls.v[i].value);
	for (size_t i = 0; i < c->ulimits.n; i++)
		line(b, "Ulimit", "%s=%" PRId64 ":%" PRId64, c->ulimits.v[i].name,
		    c->ulimits.v[i].soft, c->ulimits.v[i].hard);
}

static void
user_lines(struct strbuf *b, const struct export_item *i)
{
	const struct container *c = i->c;
	const char *user = export_user(i);
	bool podmans_choice = !c->user && c->userns && strcmp(c->userns, "keep-id") == 0 &&
			      i->who && !i->who->was_root;

	for (size_t k = 0; k < export_groups(i)->n; k++)
		line(b, "GroupAdd", "%s", export_groups(i)->w[k]);
	if (!user || podmans_choice)
		return;
	line(b, "User", "%s", pool_dupn(user, strcspn(user, ":")));
	if (strchr(user, ':'))
		line(b, "Group", "%s", strchr(user, ':') + 1);
}

static void
map_lines(struct strbuf *b, const char *key, const struct id_map *m)
{
	for (size_t i = 0; i < m->count; i++)
		line(b, key, "%" PRIu32 ":%" PRIu32 ":%" PRIu32, m->range[i].inside,
		    m->range[i].outside, m->range[i].count);
}

static void
privilege_lines(struct strbuf *b, const struct export *x, const struct export_item *i)
{
	const struct container *c = i->c;
	struct idmap map = IDMAP_INIT;
	struct strbuf why = STRBUF_INIT;

	line(b, "DropCapability", "all");
	for (size_t k = 0; k < c->caps.n; k++)
		line(b, "AddCapability", "CAP_%s", c->caps.w[k]);
	line(b, "NoNewPrivileges", "%s", c->no_new_privileges ? "true" : "false");
	if (c->seccomp)
		line(b, "SeccompProfile", "%s", export_seccomp_path(x, i));
	user_lines(b, i);
	line(b, "ReadOnly", "%s", c->read_only ? "true" : "false");
	if (c->read_only)
		line(b, "ReadOnlyTmpfs", "false");
	if (c->userns && !strchr(c->userns, ':')) {
		line(b, "UserNS", "%s", c->userns);
	} else if (c->userns && idmap_parse(&map, c->userns, &why) == 0) {
		map_lines(b, "UIDMap", &map.uid);
		map_lines(b, "GIDMap", &map.gid);
	}
	idmap_free(&map);
	strbuf_free(&why);
}

static void
mount_line(struct strbuf *b, const struct container *c, const struct mount *m)
{
	static const char *const relabel[] = {"", ",relabel=shared", ",relabel=private"};

	line(b, "Mount", "type=bind,source=%s,destination=%s%s,bind-propagation=rprivate%s",
	    m->source, m->target, m->read_only ? ",readonly" : "", relabel[c->relabel]);
}

static void
storage_lines(struct strbuf *b, const struct export_item *i)
{
	const struct container *c = i->c;

	for (size_t k = 0; k < c->mount_ro.n; k++)
		mount_line(b, c, &c->mount_ro.v[k]);
	for (size_t k = 0; k < c->mount_rw.n; k++)
		mount_line(b, c, &c->mount_rw.v[k]);
	for (size_t k = 0; k < i->volumes.n; k++)
		line(b, "Mount", "type=volume,source=%s.volume,destination=%s",
		    i->volumes.v[k].value, i->volumes.v[k].key);
	for (size_t k = 0; k < c->tmpfs.n; k++)
		line(b, "Mount",
		    "type=tmpfs,destination=%s,tmpfs-size=%" PRId64
		    ",tmpfs-mode=%04o,%snosuid,nodev,U=true",
		    c->tmpfs.v[k].path, c->tmpfs.v[k].size, (unsigned)c->tmpfs.v[k].mode,
		    c->tmpfs.v[k].exec ? "" : "noexec,");
	for (size_t k = 0; k < c->secrets.n; k++) {
		const struct secret *s = &c->secrets.v[k];
		int64_t uid = s->uid >= 0 ? s->uid
			      : i->who    ? i->who->uid
					  : 0,
			gid = s->gid >= 0 ? s->gid
			      : i->who    ? i->who->gid
					  : 0;

		line(b, "Secret",
		    "%s-%s,type=mount,target=/run/secrets/%s,uid=%" PRId64 ",gid=%" PRId64
		    ",mode=%04o",
		    c->key, s->name, s->name, uid, gid, (unsigned)s->mode);
	}
	for (size_t k = 0; k < c->devices.n; k++)
		line(b, "AddDevice", "%s%s%s%s%s", c->devices.v[k].source,
		    c->devices.v[k].target ? ":" : "",
		    c->devices.v[k].target ? c->devices.v[k].target : "",
		    c->devices.v[k].target ? ":" : "",
		    c->devices.v[k].target ? c->devices.v[k].rights : "");
	for (size_t k = 0; k < i->devices.n; k++)
		line(b, "AddDevice", "%s", i->devices.w[k]);
	if (c->gpus < 0)
		line(b, "AddDevice", "nvidia.com/gpu=all");
	for (int64_t k = 0; k < c->gpus; k++)
		line(b, "AddDevice", "nvidia.com/gpu=%" PRId64, k);
}

static void
environment_lines(struct strbuf *b, const struct container *c)
{
	if (c->tz)
		line_word(b, "Environment", pool_printf("TZ=%s", c->tz));
	for (size_t i = 0; i < c->env.n; i++) {
		const struct pair *p = &c->env.v[i];

		if (p->value)
			line_word(b, "Environment", pool_printf("%s=%s", p->key, p->value));
		else
			podman_args(b, "--unsetenv", "%s", p->key);
	}
	for (size_t i = 0; i < c->labels.n; i++)
		if (c->labels.v[i].value)
			line_word(b, "Label",
			    pool_printf("%s=%s", c->labels.v[i].key, c->labels.v[i].value));
}

static void
health_lines(struct strbuf *b, const struct container *c)
{
	const struct health *h = &c->health;

	if (h->off) {
		line(b, "HealthCmd", "none");
	} else if (h->given) {
		line(b, "HealthCmd", "%s", podman_health(&h->command));
		line(b, "HealthInterval", "%" PRId64 "ms", h->interval);
		line(b, "HealthTimeout", "%" PRId64 "ms", h->timeout);
		line(b, "HealthRetries", "%" PRId64, h->retries);
		line(b, "HealthStartPeriod", "%" PRId64 "ms", h->start_period);
	} else if (c->ready.kind == READY_COMMAND && !c->ready.expect) {
		line(b, "HealthCmd", "%s", podman_health(&c->ready.command));
		line(b, "HealthStartPeriod", "%" PRId64 "ms", c->ready.within);
	} else {
		return;
	}
	/* systemd waits for what is said here to be healthy. */
	if (!h->off)
		line(b, "Notify", "healthy");
}

static void
life_lines(struct strbuf *b, const struct container *c)
{
	static const char *const drivers[] = {
	    "k8s-file", "none", "journald", "journald", "passthrough"};
	struct words command = {0};

	line(b, "LogDriver", "%s", drivers[c->log]);
	if (c->log == LOG_JSON)
		line(b, "LogOpt", "max-size=10mb");
	if (c->init)
		line(b, "RunInit", "true");
	if (c->stop_signal)
		podman_args(b, "--stop-signal", "SIG%s", c->stop_signal);
	line(b, "StopTimeout", "%" PRId64, (c->stop_timeout + 999) / 1000);
	health_lines(b, c);
	if (c->entrypoint.n)
		line(b, "Entrypoint", "%s", words_as_json(&c->entrypoint));
	export_command(c, &command);
	line_words(b, "Exec", &command);
	line_words(b, "PodmanArgs", &c->extra_docker);
}

static bool
in_registry(const struct export_item *i)
{
	return strchr(i->image, '@') && strncmp(i->image, "localhost/", 10) != 0;
}

static void
container_section(struct strbuf *b, const struct export *x, const struct export_item *i)
{
	const struct need *with = need_shared(i->c, false);

	strbuf_puts(b, "\n[Container]\n");
	strbuf_printf(b, "# %s\n", i->image_name);
	if (in_registry(i)) {
		line(b, "Image", "%s.image", i->c->key);
	} else {
		line(b, "Image", "%s", i->image);
		if (!i->auto_update)
			line(b, "Pull", "never");
	}
	if (i->auto_update)
		line(b, "AutoUpdate", "%s", i->auto_update);
	line(b, "ContainerName", "%s", i->c->name);
	network_lines(b, i->c);
	if (with)
		podman_args(
		    b, "--pid", "container:%s", with->target ? with->target : with->name);
	limit_lines(b, i->c);
	privilege_lines(b, x, i);
	storage_lines(b, i);
	environment_lines(b, i->c);
	life_lines(b, i->c);
}

/* ---- [Service], [Install], and what is d's ---- */

static void
service_section(struct strbuf *b, const struct container *c)
{
	const char *restart = strncmp(c->restart, "on-failure", 10) == 0 ? "on-failure"
			      : strcmp(c->restart, "no") == 0            ? "no"
									 : "always";

	strbuf_puts(b, "\n[Service]\n");
	line(b, "Restart", "%s", restart);
	line(b, "TimeoutStartSec", "%" PRId64 "ms", c->ready.within + c->ready.stable + 60000);
	line(b, "TimeoutStopSec", "%" PRId64 "ms", c->stop_timeout + 10000);
	if (c->wave >= 0)
		strbuf_puts(b, "\n[Install]\nWantedBy=default.target\n");
}

static void
whittle_section(struct strbuf *b, const struct export *x, const struct export_item *i)
{
	json_t *kept = export_kept(x, i);
	char *text;

	/* Also where nothing is kept: it says whose unit it is. */
	strbuf_puts(b, "\n# What d import reads beside the rest; systemd passes over it.\n"
		       "[X-Whittle]\n");
	text = json_dumps(kept, JSON_COMPACT);
	strbuf_printf(b, "Settings=%s\n", text);
	free(text);
	json_decref(kept);
}

/* ---- the other units ---- */

static void
add_unit(struct export *x, const char *path, struct strbuf *b)
{
	export_add(x, path, pool_dupn(b->s, b->len), b->len, 0644);
	strbuf_cut(b, 0);
}

static bool
have_file(const struct export *x, const char *path)
{
	for (size_t i = 0; i < x->files.n; i++)
		if (strcmp(x->files.v[i].path, path) == 0)
			return true;
	return false;
}

static void
network_unit(struct export *x, const char *name, const char *subnet)
{
	const char *path = pool_printf("%s.network", name);
	struct strbuf b = STRBUF_INIT;

	if (have_file(x, path))
		return;
	strbuf_puts(&b, "[Network]\n");
	line(&b, "NetworkName", "%s", name);
	if (subnet)
		line(&b, "Subnet", "%s", subnet);
	add_unit(x, path, &b);
	strbuf_free(&b);
}

static void
other_units(struct export *x, const struct export_item *i)
{
	struct strbuf b = STRBUF_INIT;

	if (network_name(i->c))
		network_unit(x, network_name(i->c), i->c->subnet);
	for (size_t k = 0; k < i->c->networks.n; k++)
		network_unit(x, i->c->networks.v[k].name, NULL);
	for (size_t k = 0; k < i->volumes.n; k++) {
		strbuf_puts(&b, "[Volume]\n");
		line(&b, "VolumeName", "%s", i->volumes.v[k].value);
		add_unit(x, pool_printf("%s.volume", i->volumes.v[k].value), &b);
	}
	if (in_registry(i)) {
		strbuf_puts(&b, "[Image]\n");
		line(&b, "Image", "%s", i->image);
		add_unit(x, pool_printf("%s.image", i->c->key), &b);
	}
	strbuf_free(&b);
}

void
export_quadlet(struct export *x)
{
	struct strbuf b = STRBUF_INIT;

	for (size_t k = 0; k < x->items.n; k++) {
		const struct export_item *i = &x->items.v[k];

		unit_section(&b, x, i);
		container_section(&b, x, i);
		service_section(&b, i->c);
		whittle_section(&b, x, i);
		add_unit(x, pool_printf("%s.container", i->c->key), &b);
		other_units(x, i);
	}
	strbuf_free(&b);
}
