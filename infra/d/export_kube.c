#include "export_kube.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "export_set.h"
#include "export_table.h"
#include "strbuf.h"

/* One container's objects as they grow. */
struct pod {
	struct export *x;
	const struct export_item *i;
	const struct container *c;
	const char *name;
	json_t *volumes, *mounts; /* of the pod, and where they are in the container */
	json_t *claims;           /* PersistentVolumeClaims, whole objects */
	json_t *files;            /* a ConfigMap's data */
};

static json_t *
text(const char *s)
{
	json_t *got = json_string(s);

	return got ? got : json_string("?");
}

/* As Kubernetes names things, RFC 1123's labels: small letters, digits and "-". */
static const char *
object_name(const char *s)
{
	char *name = pool_dup(*s ? s : "x");
	size_t n = strlen(name);

	for (char *p = name; *p; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
		if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')))
			*p = '-';
	}
	if (n > 63)
		name[n = 63] = '\0';
	while (n > 1 && name[n - 1] == '-')
		name[--n] = '\0';
	return *name == '-' ? pool_printf("x%s", name) : name;
}

json_t *
export_kube_meta(const char *name, const char *app)
{
	return json_pack("{s:s, s:{s:s, s:s}}", "name", name, "labels",
	    "app.kubernetes.io/name", app, "app.kubernetes.io/managed-by", "whittle");
}

static json_t *
selector(const char *app)
{
	return json_pack("{s:s}", "app.kubernetes.io/name", app);
}

static json_t *
object(const char *version, const char *kind, const char *name, const char *app)
{
	return json_pack("{s:s, s:s, s:o}", "apiVersion", version, "kind", kind, "metadata",
	    export_kube_meta(name, app));
}

static const char *
bytes(int64_t n)
{
	return pool_printf("%" PRId64, n);
}

/* "$(NAME)" stands for a variable in commands and values. */
static json_t *
literal(const char *s)
{
	struct strbuf b = STRBUF_INIT;
	json_t *got;

	for (; *s; s++) {
		if (s[0] == '$' && s[1] == '(')
			strbuf_putc(&b, '$');
		strbuf_putc(&b, *s);
	}
	got = text(b.s ? b.s : "");
	strbuf_free(&b);
	return got;
}

static json_t *
literals(const struct words *words)
{
	json_t *list = json_array();

	for (size_t i = 0; i < words->n; i++)
		json_array_append_new(list, literal(words->w[i]));
	return list;
}

/* The ConfigMap "files" and the Secret "secrets". */
static const char *
read_name(const struct pod *p, const char *what)
{
	return p->i->version ? pool_printf("%s-%s-%s", p->name, what, p->i->version)
			     : pool_printf("%s-%s", p->name, what);
}

/* ---- storage ---- */

static void
add_mount(struct pod *p, const char *volume, const char *path, const char *sub, bool read_only)
{
	json_t *o = json_pack("{s:s, s:s}", "name", volume, "mountPath", path);

	if (sub)
		json_object_set_new(o, "subPath", text(sub));
	if (read_only)
		json_object_set_new(o, "readOnly", json_true());
	json_array_append_new(p->mounts, o);
}

static const char *
claim(struct pod *p, const char *path)
{
	const char *name = object_name(pool_printf("%s%s", p->name, path));
	json_t *o = object("v1", "PersistentVolumeClaim", name, p->name);

	json_object_set_new(o, "spec",
	    json_pack("{s:[s], s:{s:{s:s}}}", "accessModes", "ReadWriteOnce", "resources",
		"requests", "storage", "1Gi"));
	json_array_append_new(p->claims, o);
	json_array_append_new(p->volumes, json_pack("{s:s, s:{s:s}}", "name", name,
					      "persistentVolumeClaim", "claimName", name));
	return name;
}

/* What stands in settings.yaml below a source of a mount, or is one. A ConfigMap's keys have no
 * slashes. */
static size_t
files_below(struct pod *p, const struct mount *m, json_t *items)
{
	size_t len = strlen(m->source), found = 0;

	for (size_t i = 0; i < p->c->vols.n; i++) {
		const struct volume *v = &p->c->vols.v[i];
		const char *at = export_vol_source(p->c, v), *key;

		if (!v->contents || strncmp(at, m->source, len) != 0 ||
		    (at[len] != '/' && at[len] != '\0'))
			continue;
		key = object_name(v->path);
		json_object_set_new(p->files, key, text(v->contents));
		json_array_append_new(items, json_pack("{s:s, s:s}", "key", key, "path",
						 at[len] ? at + len + 1 : "file"));
		found++;
	}
	return found;
}

static void
config_volume(struct pod *p, const char *name, json_t *items)
{
	json_array_append_new(
	    p->volumes, json_pack("{s:s, s:{s:s, s:O}}", "name", name, "configMap", "name",
			    read_name(p, "files"), "items", items));
}

/* A directory that is only read and has files of settings.yaml is a ConfigMap; what is written
 * to is a claim, and such files are mounted over it one by one. */
static void
bind_mount(struct pod *p, const struct mount *m)
{
	const char *name = object_name(pool_printf("files%s", m->target));
	json_t *items = json_array();
	size_t found = files_below(p, m, items);
	bool single =
	    found == 1 &&
	    strcmp(json_string_value(json_object_get(json_array_get(items, 0), "path")),
		"file") == 0;

	if (found)
		config_volume(p, name, items);
	if (single) {
		add_mount(p, name, m->target, "file", true);
	} else if (found && m->read_only) {
		add_mount(p, name, m->target, NULL, true);
	} else {
		add_mount(p, claim(p, m->target), m->target, NULL, m->read_only);
		for (size_t i = 0; i < json_array_size(items); i++) {
			const char *path = json_string_value(
			    json_object_get(json_array_get(items, i), "path"));

			add_mount(p, name, pool_printf("%s/%s", m->target, path), path, true);
		}
	}
	json_decref(items);
}

static void
memory_volume(struct pod *p, const char *path, int64_t size)
{
	const char *name = object_name(pool_printf("tmpfs%s", path));

	json_array_append_new(
	    p->volumes, json_pack("{s:s, s:{s:s, s:s}}", "name", name, "emptyDir", "medium",
			    "Memory", "sizeLimit", bytes(size)));
	add_mount(p, name, path, NULL, false);
}

/* They are root's and the pod's group's, which is what the service reads them by. */
static void
secret_volume(struct pod *p)
{
	json_t *items = json_array();

	for (size_t i = 0; i < p->c->secrets.n; i++) {
		const struct secret *s = &p->c->secrets.v[i];

		json_array_append_new(
		    items, json_pack("{s:s, s:s, s:i}", "key", s->name, "path", s->name, "mode",
			       (int)(s->mode | ((s->mode & 0400) >> 3))));
	}
	if (json_array_size(items)) {
		json_array_append_new(
		    p->volumes, json_pack("{s:s, s:{s:s, s:O}}", "name", "secrets", "secret",
				    "secretName", read_name(p, "secrets"), "items", items));
		add_mount(p, "secrets", "/run/secrets", NULL, true);
	}
	json_decref(items);
}

static void
add_storage(struct pod *p)
{
	for (size_t i = 0; i < p->c->mount_ro.n; i++)
		bind_mount(p, &p->c->mount_ro.v[i]);
	for (size_t i = 0; i < p->c->mount_rw.n; i++)
		bind_mount(p, &p->c->mount_rw.v[i]);
	for (size_t i = 0; i < p->i->volumes.n; i++)
		add_mount(
		    p, claim(p, p->i->volumes.v[i].key), p->i->volumes.v[i].key, NULL, false);
	for (size_t i = 0; i < p->c->tmpfs.n; i++)
		memory_volume(p, p->c->tmpfs.v[i].path, p->c->tmpfs.v[i].size);
	if (p->c->shm_size)
		memory_volume(p, "/dev/shm", p->c->shm_size);
	secret_volume(p);
}

/* ---- the container ---- */

static json_t *
environment(const struct container *c)
{
	json_t *list = json_array();

	if (c->tz)
		json_array_append_new(
		    list, json_pack("{s:s, s:o}", "name", "TZ", "value", literal(c->tz)));
	for (size_t i = 0; i < c->env.n; i++)
		if (c->env.v[i].value)
			json_array_append_new(
			    list, json_pack("{s:s, s:o}", "name", c->env.v[i].key, "value",
				      literal(c->env.v[i].value)));
	return list;
}

static bool
says_port(const struct container *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c->ports.v[i].inside == c->ports.v[n].inside &&
		    strcmp(c->ports.v[i].protocol, c->ports.v[n].protocol) == 0)
			return true;
	return false;
}

static const char *
protocol_of(const struct port *p)
{
	return strcmp(p->protocol, "udp") == 0    ? "UDP"
	       : strcmp(p->protocol, "sctp") == 0 ? "SCTP"
						  : "TCP";
}

static json_t *
container_ports(const struct container *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->ports.n; i++)
		if (!says_port(c, i))
			json_array_append_new(list,
			    json_pack("{s:i, s:s}", "containerPort", (int)c->ports.v[i].inside,
				"protocol", protocol_of(&c->ports.v[i])));
	return list;
}

static json_t *
resources(const struct container *c)
{
	json_t *limits = json_object(), *o = json_object();

	if (c->cpus)
		json_object_set_new(limits, "cpu", text(pool_printf("%" PRId64 "m", c->cpus)));
	if (c->memory)
		json_object_set_new(limits, "memory", text(bytes(c->memory)));
	if (c->gpus > 0)
		json_object_set_new(limits, "nvidia.com/gpu", json_integer(c->gpus));
	export_put(o, "limits", limits);
	return o;
}

static json_t *
seccomp(const struct pod *p)
{
	const char *s = p->c->seccomp;

	if (!s)
		return json_pack("{s:s}", "type", "RuntimeDefault");
	if (*s != '/')
		return json_pack("{s:s}", "type", "Unconfined");
	return json_pack("{s:s, s:s}", "type", "Localhost", "localhostProfile",
	    pool_printf("whittle/%s.json", p->c->key));
}

static void
set_ids(json_t *o, const struct export_item *i)
{
	const char *user = export_user(i), *group;
	long uid;

	if (!user || strspn(user, "0123456789:") != strlen(user))
		return;
	uid = strtol(user, NULL, 10);
	group = strchr(user, ':');
	json_object_set_new(o, "runAsUser", json_integer(uid));
	if (group)
		json_object_set_new(o, "runAsGroup", json_integer(strtol(group + 1, NULL, 10)));
	json_object_set_new(o, "runAsNonRoot", json_boolean(uid != 0));
}

static json_t *
container_security(const struct pod *p)
{
	json_t *o = json_object(), *caps = json_pack("{s:[s]}", "drop", "ALL"),
	       *add = json_array();

	for (size_t i = 0; i < p->c->caps.n; i++)
		json_array_append_new(add, json_string(p->c->caps.w[i]));
	export_put(caps, "add", add);
	json_object_set_new(
	    o, "allowPrivilegeEscalation", json_boolean(!p->c->no_new_privileges));
	json_object_set_new(o, "readOnlyRootFilesystem", json_boolean(p->c->read_only));
	json_object_set_new(o, "capabilities", caps);
	json_object_set_new(o, "seccompProfile", seccomp(p));
	set_ids(o, p->i);
	return o;
}

static json_t *
exec_probe(const struct words *command)
{
	return json_pack("{s:{s:o}}", "exec", "command", literals(command));
}

/* Asked by the node at the pod's own address, so an address of ready's doesn't count. */
static json_t *
readiness(const struct ready *r)
{
	json_t *o = NULL;

	if (r->kind == READY_HTTP) {
		o = json_pack("{s:{s:s, s:i, s:s}}", "httpGet", "path", r->path, "port",
		    (int)r->port, "scheme", r->tls ? "HTTPS" : "HTTP");
		if (r->name)
			json_object_set_new(json_object_get(o, "httpGet"), "httpHeaders",
			    json_pack("[{s:s, s:s}]", "name", "Host", "value", r->name));
	} else if (r->kind == READY_TCP) {
		o = json_pack("{s:{s:i}}", "tcpSocket", "port", (int)r->port);
	} else if (r->kind == READY_COMMAND) {
		o = exec_probe(&r->command);
	}
	if (o)
		json_object_set_new(o, "periodSeconds", json_integer(5));
	return o;
}

static int64_t
seconds(int64_t ms)
{
	return ms < 1000 ? 1 : (ms + 999) / 1000;
}

static json_t *
liveness(const struct health *h)
{
	json_t *o;

	if (!h->given || h->off)
		return NULL;
	o = exec_probe(&h->command);
	json_object_set_new(o, "periodSeconds", json_integer(seconds(h->interval)));
	json_object_set_new(o, "timeoutSeconds", json_integer(seconds(h->timeout)));
	json_object_set_new(o, "failureThreshold", json_integer(h->retries));
	if (h->start_period)
		json_object_set_new(
		    o, "initialDelaySeconds", json_integer(seconds(h->start_period)));
	return o;
}

static json_t *
container_of(const struct pod *p)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "name", p->name, "image", p->i->image,
		   "imagePullPolicy", strchr(p->i->image, '@') ? "IfNotPresent" : "Never"),
	       *probe;
	struct words command = {0};

	export_put(o, "command", literals(&p->c->entrypoint));
	export_command(p->c, &command);
	export_put(o, "args", literals(&command));
	export_put(o, "env", environment(p->c));
	export_put(o, "ports", container_ports(p->c));
	export_put(o, "resources", resources(p->c));
	json_object_set_new(o, "securityContext", container_security(p));
	if ((probe = readiness(&p->c->ready)))
		json_object_set_new(o, "readinessProbe", probe);
	if ((probe = liveness(&p->c->health)))
		json_object_set_new(o, "livenessProbe", probe);
	if (json_array_size(p->mounts))
		json_object_set(o, "volumeMounts", p->mounts);
	return o;
}

/* ---- the pod ---- */

static json_t *
pod_security(const struct pod *p)
{
	const struct words *groups = export_groups(p->i);
	json_t *o = json_object(), *list = json_array(), *sysctls = json_array();

	if (p->i->who && (json_array_size(p->claims) || p->c->secrets.n))
		json_object_set_new(o, "fsGroup", json_integer(p->i->who->gid));
	for (size_t i = 0; i < groups->n; i++)
		if (!groups->w[i][strspn(groups->w[i], "0123456789")])
			json_array_append_new(
			    list, json_integer(strtol(groups->w[i], NULL, 10)));
	export_put(o, "supplementalGroups", list);
	for (size_t i = 0; i < p->c->sysctls.n; i++)
		json_array_append_new(
		    sysctls, json_pack("{s:s, s:s}", "name", p->c->sysctls.v[i].key, "value",
				 p->c->sysctls.v[i].value));
	export_put(o, "sysctls", sysctls);
	return o;
}

static json_t *
host_aliases(const struct container *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->extra_hosts.n; i++)
		if (strcmp(c->extra_hosts.v[i].value, "host-gateway") != 0)
			json_array_append_new(
			    list, json_pack("{s:s, s:[s]}", "ip", c->extra_hosts.v[i].value,
				      "hostnames", c->extra_hosts.v[i].key));
	return list;
}

static json_t *
pod_spec(const struct pod *p)
{
	const struct container *c = p->c;
	json_t *o = json_object(), *dns;

	json_object_set_new(o, "automountServiceAccountToken", json_false());
	json_object_set_new(o, "enableServiceLinks", json_false());
	if (strcmp(c->network, "host") == 0)
		json_object_set_new(o, "hostNetwork", json_true());
	else if (c->hostname && !strchr(c->hostname, '.'))
		json_object_set_new(o, "hostname", text(object_name(c->hostname)));
	if (c->userns && strcmp(c->userns, "auto") == 0)
		json_object_set_new(o, "hostUsers", json_false());
	json_object_set_new(
	    o, "terminationGracePeriodSeconds", json_integer(seconds(c->stop_timeout)));
	if (c->dns.n) {
		dns = json_array();
		for (size_t i = 0; i < c->dns.n; i++)
			json_array_append_new(dns, json_string(c->dns.w[i]));
		json_object_set_new(o, "dnsPolicy", json_string("None"));
		json_object_set_new(o, "dnsConfig", json_pack("{s:o}", "nameservers", dns));
	}
	export_put(o, "hostAliases", host_aliases(c));
	export_put(o, "securityContext", pod_security(p));
	json_object_set_new(o, "containers", json_pack("[o]", container_of(p)));
	if (json_array_size(p->volumes))
		json_object_set(o, "volumes", p->volumes);
	return o;
}

/* ---- networks as labels: who shares one may reach the other ---- */

static const char *
network_label(const char *name)
{
	return pool_printf("whittle.network/%s", object_name(name));
}

static bool
shared_network(const struct container *c)
{
	return strcmp(c->network, "own") != 0 && network_name(c);
}

static void
label_networks(const struct container *c, json_t *labels)
{
	if (shared_network(c))
		json_object_set_new(labels, network_label(c->network), json_string("joined"));
	for (size_t i = 0; i < c->networks.n; i++)
		json_object_set_new(
		    labels, network_label(c->networks.v[i].name), json_string("joined"));
}

static void
allow_network(json_t *ingress, const char *name)
{
	json_array_append_new(ingress, json_pack("{s:[{s:{s:{s:s}}}]}", "from", "podSelector",
					   "matchLabels", network_label(name), "joined"));
}

static json_t *
policy(const struct pod *p)
{
	json_t *o = object("networking.k8s.io/v1", "NetworkPolicy", p->name, p->name),
	       *ingress = json_array(), *egress = json_array(), *ports = json_array();

	for (size_t i = 0; i < p->c->ports.n; i++)
		if (!says_port(p->c, i))
			json_array_append_new(
			    ports, json_pack("{s:i, s:s}", "port", (int)p->c->ports.v[i].inside,
				       "protocol", protocol_of(&p->c->ports.v[i])));
	if (json_array_size(ports))
		json_array_append_new(ingress, json_pack("{s:O}", "ports", ports));
	json_decref(ports);
	if (shared_network(p->c))
		allow_network(ingress, p->c->network);
	for (size_t i = 0; i < p->c->networks.n; i++)
		allow_network(ingress, p->c->networks.v[i].name);
	if (strcmp(p->c->network, "none") != 0)
		json_array_append_new(egress, json_object());
	json_object_set_new(o, "spec",
	    json_pack("{s:{s:o}, s:[s,s], s:o, s:o}", "podSelector", "matchLabels",
		selector(p->name), "policyTypes", "Ingress", "Egress", "ingress", ingress,
		"egress", egress));
	return o;
}

/* ---- the objects ---- */

/* One that stops before its successor starts, as two would write to the same claim. */
static json_t *
deployment(const struct pod *p)
{
	json_t *o = object("apps/v1", "Deployment", p->name, p->name), *template = NULL,
	       *kept = export_kept(p->x, p->i), *notes = json_object();
	int64_t within = seconds(p->c->ready.within + p->c->ready.stable),
		stable = p->c->ready.stable / 1000;
	char *said;

	for (size_t i = 0; i < p->c->labels.n; i++)
		if (p->c->labels.v[i].value)
			json_object_set_new(notes,
			    strchr(p->c->labels.v[i].key, '/')
				? p->c->labels.v[i].key
				: pool_printf("whittle.label/%s", p->c->labels.v[i].key),
			    text(p->c->labels.v[i].value));
	if (json_object_size(kept)) {
		said = json_dumps(kept, JSON_COMPACT);
		json_object_set_new(notes, "whittle/settings", text(said));
		free(said);
	}
	json_decref(kept);
	export_put(json_object_get(o, "metadata"), "annotations", notes);
	template = json_pack(
	    "{s:{s:o}, s:o}", "metadata", "labels", selector(p->name), "spec", pod_spec(p));
	label_networks(p->c, json_object_get(json_object_get(template, "metadata"), "labels"));
	export_put(json_object_get(template, "metadata"), "annotations",
	    export_map(&p->i->labels, text));
	json_object_set_new(o, "spec",
	    json_pack("{s:i, s:{s:s}, s:I, s:I, s:i, s:{s:o}, s:o}", "replicas", 1, "strategy",
		"type", "Recreate", "minReadySeconds", (json_int_t)stable,
		"progressDeadlineSeconds", (json_int_t)(within > stable ? within : stable + 1),
		"revisionHistoryLimit", 3, "selector", "matchLabels", selector(p->name),
		"template", template));
	return o;
}

static bool
published_widely(const struct container *c)
{
	for (size_t i = 0; i < c->ports.n; i++)
		if (strcmp(c->ports.v[i].address, "127.0.0.1") != 0 &&
		    strcmp(c->ports.v[i].address, "::1") != 0)
			return true;
	return false;
}

static json_t *
service(const struct pod *p, const char *name)
{
	json_t *o = object("v1", "Service", name, p->name), *ports = json_array();

	for (size_t i = 0; i < p->c->ports.n; i++) {
		const struct port *at = &p->c->ports.v[i];
		int outside = at->host ? at->host : at->inside;
		bool said = false;

		for (size_t k = 0; k < i; k++)
			said |= (p->c->ports.v[k].host ? p->c->ports.v[k].host
						       : p->c->ports.v[k].inside) == outside &&
				strcmp(p->c->ports.v[k].protocol, at->protocol) == 0;
		if (!said)
			json_array_append_new(ports,
			    json_pack("{s:s, s:i, s:i, s:s}", "name",
				pool_printf("%s-%d", at->protocol, outside), "port", outside,
				"targetPort", (int)at->inside, "protocol", protocol_of(at)));
	}
	json_object_set_new(o, "spec",
	    json_pack("{s:s, s:o, s:o}", "type",
		published_widely(p->c) ? "LoadBalancer" : "ClusterIP", "selector",
		selector(p->name), "ports", ports));
	return o;
}

void
export_kube_services(const struct container *c, struct words *names)
{
	struct words all = {0};

	if (c->ports.n)
		words_add(&all, object_name(c->key));
	for (size_t i = 0; i < c->aliases.n; i++)
		words_add(&all, object_name(c->aliases.w[i]));
	for (size_t i = 0; i < c->networks.n; i++)
		for (size_t k = 0; k < c->networks.v[i].aliases.n; k++)
			words_add(&all, object_name(c->networks.v[i].aliases.w[k]));
	for (size_t i = 0; i < all.n; i++)
		if (!words_have(names, all.w[i]))
			words_add(names, all.w[i]);
}

static void
add_services(const struct pod *p, json_t *docs)
{
	struct words names = {0};

	export_kube_services(p->c, &names);
	for (size_t i = 0; i < names.n; i++) {
		json_array_append_new(docs, service(p, names.w[i]));
		/* A name without a port is one that leads to the pod itself. */
		if (!p->c->ports.n) {
			json_t *spec = json_object_get(
			    json_array_get(docs, json_array_size(docs) - 1), "spec");

			json_object_del(spec, "ports");
			json_object_set_new(spec, "clusterIP", json_string("None"));
		}
	}
}

static void
export_one(struct export *x, const struct export_item *i)
{
	struct pod p = {.x = x, .i = i, .c = i->c, .name = object_name(i->c->key)};
	json_t *docs = json_array(), *o;
	const char *path = pool_printf("%s.yaml", p.name);
	json_t **all;
	size_t n;

	p.volumes = json_array();
	p.mounts = json_array();
	p.claims = json_array();
	p.files = json_object();
	add_storage(&p);
	json_array_extend(docs, p.claims);
	if (json_object_size(p.files)) {
		o = object("v1", "ConfigMap", read_name(&p, "files"), p.name);
		json_object_set(o, "data", p.files);
		json_array_append_new(docs, o);
	}
	json_array_append_new(docs, deployment(&p));
	add_services(&p, docs);
	json_array_append_new(docs, policy(&p));
	n = json_array_size(docs);
	all = pool_zero(n, sizeof(json_t *));
	for (size_t k = 0; k < n; k++)
		all[k] = json_array_get(docs, k);
	export_add_yaml(x, path, pool_printf("# %s\n", i->image_name), all, n);
	json_decref(docs);
	json_decref(p.volumes);
	json_decref(p.mounts);
	json_decref(p.claims);
	json_decref(p.files);
}

const char *
export_kube_name(const char *key)
{
	return object_name(key);
}

static void
kustomization(struct export *x)
{
	json_t *list = json_array(), *o;

	for (size_t i = 0; i < x->files.n; i++)
		json_array_append_new(list, text(x->files.v[i].path));
	o = json_pack("{s:s, s:s, s:o}", "apiVersion", "kustomize.config.k8s.io/v1beta1",
	    "kind", "Kustomization", "resources", list);
	export_add_yaml(x, "kustomization.yaml", "# kubectl apply -k .\n", &o, 1);
	json_decref(o);
}

void
export_kube(struct export *x)
{
	for (size_t i = 0; i < x->items.n; i++)
		export_one(x, &x->items.v[i]);
	kustomization(x);
}
