#include "import_set.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "strbuf.h"

struct service {
	struct import *im;
	const char *name;
	const json_t *in, *all;
	const json_t *ours; /* what d export put beside the rest; NULL: another's */
	json_t *out;
	json_t *needs; /* name to a list of what is shared */
};

/* A copy for a terminal, and of one line, whatever the file has as a name. */
static const char *
plain(const char *s)
{
	char *copy = pool_dup(s);

	for (char *p = copy; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return copy;
}

void
import_note(struct import *im, const char *name, const char *key, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*GROW(im->notes) = (struct import_note){plain(name), plain(key), plain(text)};
}

/* ---- values ---- */

/* A scalar's text; NULL for null and for what is none. */
static const char *
scalar(const json_t *v)
{
	if (json_is_string(v))
		return json_string_value(v);
	if (json_is_integer(v))
		return pool_printf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
	return json_is_true(v) ? "true" : json_is_false(v) ? "false" : NULL;
}

static const char *
member(const json_t *o, const char *key)
{
	return scalar(json_object_get(o, key));
}

static json_t *
text(const char *s)
{
	return s ? json_string(s) : json_null();
}

static void
set_text(json_t *o, const char *key, const char *s)
{
	if (s)
		json_object_set_new(o, key, json_string(s));
}

static void
append(json_t *o, const char *key, json_t *value)
{
	json_t *list = json_object_get(o, key);

	if (!list) {
		list = json_array();
		json_object_set_new(o, key, list);
	}
	json_array_append_new(list, value);
}

/* One value, or each of a list. */
static size_t
count(const json_t *v)
{
	return json_is_array(v) ? json_array_size(v) : v && !json_is_null(v) ? 1 : 0;
}

static const json_t *
nth(const json_t *v, size_t i)
{
	return json_is_array(v) ? json_array_get(v, i) : v;
}

json_t *
import_map(const json_t *value)
{
	json_t *map = json_object();

	if (json_is_object(value)) {
		json_object_update(map, (json_t *)value);
		return map;
	}
	for (size_t i = 0; i < count(value); i++) {
		const char *word = scalar(nth(value, i)),
			   *sign = word ? strchr(word, '=') : NULL;

		if (!word)
			continue;
		json_object_set_new(map, sign ? pool_dupn(word, (size_t)(sign - word)) : word,
		    text(sign ? sign + 1 : NULL));
	}
	return map;
}

static void
note(struct service *s, const char *key, const char *why)
{
	import_note(s->im, s->name, key, "%s", why);
}

static const char *
absolute(const struct service *s, const char *path)
{
	const char *home = getenv("HOME"), *dir = s->im->dir[1] ? s->im->dir : "";

	if (*path == '/')
		return path;
	if (strncmp(path, "~/", 2) == 0 && home)
		return pool_printf("%s%s", home, path + 1);
	for (;; path += strspn(path, "/")) {
		size_t n = strcspn(path, "/"), len = strlen(dir);

		if (n == 2 && strncmp(path, "..", 2) == 0)
			while (len && dir[--len] != '/')
				;
		else if (n > 1 || (n == 1 && *path != '.') || !*path)
			break;
		dir = pool_dupn(dir, len);
		path += n;
	}
	return *path ? pool_printf("%s/%s", dir, path) : *dir ? dir : "/";
}

/* ---- what runs ---- */

static void
take_image(struct service *s, const json_t *v)
{
	const char *name = scalar(v), *slash = name ? strchr(name, '/') : NULL;
	size_t len = slash ? (size_t)(slash - name) : 0;
	bool registry = slash && (memchr(name, '.', len) || memchr(name, ':', len) ||
				     (len == 9 && strncmp(name, "localhost", 9) == 0));

	/* Our own is found by its name, where it was built; an ID leads nowhere else. */
	if (!name || (s->ours && !strchr(name, '@')))
		return;
	if (!registry && s->im->registry)
		name = pool_printf("%s/%s", s->im->registry, name);
	else if (!registry)
		import_note(s->im, s->name, "image",
		    "'%s' names no registry: --registry says which", name);
	if (!strchr(name, '/'))
		name = pool_printf("library/%s", name);
	/* What engines take where nothing is said; here it would be :live. */
	if (!strchr(strrchr(name, '/'), ':') && !strchr(name, '@'))
		name = pool_printf("%s:latest", name);
	s->im->items.v[s->im->items.n - 1].image = pool_dup(name);
	set_text(s->out, "image", name);
}

static void
take_build(struct service *s, const json_t *v)
{
	static const char *const known[] = {"context", "dockerfile", "args", NULL};
	const char *context = absolute(s, !json_is_object(v)     ? scalar(v)
					  : member(v, "context") ? member(v, "context")
								 : ".");
	const char *file = json_is_object(v) ? member(v, "dockerfile") : NULL, *key;
	json_t *args = import_map(json_object_get(v, "args")), *value;

	if (!file)
		file = "Dockerfile";
	s->im->items.v[s->im->items.n - 1].build =
	    json_pack("{s:s, s:o, s:o}", "context", context, "dockerfile",
		json_string(*file == '/' ? file : pool_printf("%s/%s", context, file)), "args",
		args);
	json_object_foreach ((json_t *)v, key, value) {
		bool fine = false;

		for (size_t i = 0; known[i]; i++)
			fine |= strcmp(known[i], key) == 0;
		if (!fine)
			import_note(s->im, s->name, "build", "'%s' isn't taken over", key);
	}
}

static void
take_name(struct service *s, const json_t *v)
{
	const char *name = scalar(v);

	if (name && strcmp(name, s->name) != 0)
		set_text(s->out, "name", name);
}

static void
take_hostname(struct service *s, const json_t *v)
{
	const char *name = member(s->in, "container_name"), *host = scalar(v);

	if (host && strcmp(host, name ? name : s->name) != 0)
		set_text(s->out, "hostname", host);
}

static void
take_words(struct service *s, const char *key, const json_t *v)
{
	json_t *list = json_array();

	if (json_is_array(v))
		for (size_t i = 0; i < json_array_size(v); i++)
			json_array_append_new(list, text(scalar(json_array_get(v, i))));
	if (json_array_size(list))
		json_object_set(s->out, key, list);
	else
		set_text(s->out, key, scalar(v));
	json_decref(list);
}

static void
take_command(struct service *s, const json_t *v)
{
	take_words(s, "cmd", v);
}

static void
take_entrypoint(struct service *s, const json_t *v)
{
	take_words(s, "entrypoint", v);
}

static void
take_environment(struct service *s, const json_t *v)
{
	json_t *map = import_map(v), *out = json_object();
	const char *key;
	json_t *value;

	json_object_foreach (map, key, value) {
		const char *said = scalar(value);

		if (strcmp(key, "TZ") == 0 && json_object_get(s->ours, "tz"))
			continue;
		if (!said && !(said = getenv(key))) {
			import_note(s->im, s->name, "environment",
			    "'%s' is to come from the environment, where it isn't set", key);
			continue;
		}
		json_object_set_new(out, key, json_string(said));
	}
	value = json_object_get(s->in, "x-unsetenv");
	for (size_t i = 0; i < count(value); i++)
		json_object_set_new(out, scalar(nth(value, i)), json_null());
	/* What env_file said counts less. */
	value = json_object_get(s->out, "env");
	if (value)
		json_object_update(value, out);
	else if (json_object_size(out))
		json_object_set(s->out, "env", out);
	json_decref(out);
	json_decref(map);
}

static void
take_unset(struct service *s, const json_t *v)
{
	(void)v;
	if (!json_object_get(s->in, "environment"))
		take_environment(s, NULL);
}

/* Variables of a file that are written as only compose reads them. */
static void
add_variables(struct service *s, const struct pairs *all)
{
	json_t *env = json_object_get(s->out, "env"), *out = json_object();

	for (size_t i = 0; i < all->n; i++) {
		const char *value = all->v[i].value ? all->v[i].value : getenv(all->v[i].key);

		if (value)
			json_object_set_new(out, all->v[i].key, text(value));
	}
	if (env)
		json_object_update_missing(env, out);
	else
		json_object_set(s->out, "env", out);
	json_decref(out);
}

static void
take_env_file(struct service *s, const json_t *v)
{
	struct pairs all = {0};
	struct words files = {0};
	bool plain, as_they_are = true;

	for (size_t i = 0; i < count(v); i++) {
		const json_t *one = nth(v, i);
		const char *name = json_is_object(one) ? member(one, "path") : scalar(one);
		const char *path = absolute(s, name ? name : "");

		if (!name || access(path, R_OK)) {
			import_note(s->im, s->name, "env_file", "there is no file '%s'",
			    name ? name : "");
			continue;
		}
		words_add(&files, path);
		if (!s->im->fill.put || s->im->started)
			continue;
		if (import_env(path, &s->im->fill, &all, &plain) == 0 && !plain) {
			as_they_are = false;
			import_note(s->im, s->name, "env_file",
			    "'%s' has quotes, comments or variables: what it says is in env",
			    name);
		}
	}
	if (!as_they_are)
		add_variables(s, &all);
	for (size_t i = 0; as_they_are && i < files.n; i++)
		append(s->out, "env_files", json_string(files.w[i]));
}

static void
take_labels(struct service *s, const json_t *v)
{
	json_t *map = import_map(v), *out = json_object();
	const char *key;
	json_t *value;

	json_object_foreach (map, key, value)
		json_object_set_new(out, key, json_string(scalar(value) ? scalar(value) : ""));
	if (json_object_size(out))
		json_object_set(s->out, "labels", out);
	json_decref(out);
	json_decref(map);
}

/* ---- plain values ---- */

static void
list_into(json_t *o, const char *key, const json_t *v)
{
	for (size_t i = 0; i < count(v); i++)
		if (scalar(nth(v, i)))
			append(o, key, json_string(scalar(nth(v, i))));
}

static void
list_as(struct service *s, const char *key, const json_t *v)
{
	list_into(s->out, key, v);
}

static void
take_user(struct service *s, const json_t *v)
{
	set_text(s->out, "user", scalar(v));
}

static void
not_started(struct service *s, const char *key)
{
	note(s, key,
	    "isn't taken over: it may run commands on this host; d import takes it, for you to "
	    "read first");
}

static void
take_groups(struct service *s, const json_t *v)
{
	list_as(s, "groups", v);
}

static void
take_extra(struct service *s, const json_t *v)
{
	if (s->im->started) {
		not_started(s, "x-extra");
		return;
	}
	list_as(s, "extra_docker", v);
}

static void
take_init(struct service *s, const json_t *v)
{
	if (json_is_true(v))
		json_object_set_new(s->out, "init", json_true());
}

static void
take_rm(struct service *s, const json_t *v)
{
	if (json_is_true(v))
		json_object_set_new(s->out, "rm", json_true());
}

static void
take_memory(struct service *s, const json_t *v)
{
	set_text(s->out, "memory", scalar(v));
}

static void
take_cpus(struct service *s, const json_t *v)
{
	set_text(s->out, "cpus", scalar(v));
}

static void
take_pids(struct service *s, const json_t *v)
{
	const char *n = scalar(v);

	set_text(s->out, "pids", n && *n == '-' ? "0" : n);
}

static void
take_shm(struct service *s, const json_t *v)
{
	set_text(s->out, "shm_size", scalar(v));
}

static void
take_stop_signal(struct service *s, const json_t *v)
{
	set_text(s->out, "stop_signal", scalar(v));
}

static void
take_stop_timeout(struct service *s, const json_t *v)
{
	set_text(s->out, "stop_timeout", scalar(v));
}

static void
take_dns(struct service *s, const json_t *v)
{
	list_as(s, "dns", v);
}

static void
take_devices(struct service *s, const json_t *v)
{
	list_as(s, "devices", v);
}

static void
take_workdir(struct service *s, const json_t *v)
{
	if (scalar(v)) {
		append(s->out, "extra_docker", json_string("--workdir"));
		append(s->out, "extra_docker", json_string(scalar(v)));
	}
}

static void
take_hosts(struct service *s, const json_t *v)
{
	json_t *map = json_is_object(v) ? import_map(v) : NULL;
	const char *key;
	json_t *value;

	json_object_foreach (map, key, value)
		append(s->out, "extra_hosts",
		    json_string(pool_printf("%s:%s", key, scalar(value))));
	for (size_t i = 0; !map && i < count(v); i++) {
		char *line = pool_dup(scalar(nth(v, i)) ? scalar(nth(v, i)) : "");
		char *sign = strchr(line, '=');

		if (sign && !memchr(line, ':', (size_t)(sign - line)))
			*sign = ':';
		append(s->out, "extra_hosts", json_string(line));
	}
	json_decref(map);
}

static void
take_sysctls(struct service *s, const json_t *v)
{
	json_t *map = import_map(v);

	if (json_object_size(map))
		json_object_set(s->out, "sysctls", map);
	json_decref(map);
}

static const char *
limit(const char *n)
{
	return !n || strcmp(n, "-1") == 0 ? "unlimited" : n;
}

static void
take_ulimits(struct service *s, const json_t *v)
{
	json_t *out = json_object(), *value;
	const char *key;

	json_object_foreach ((json_t *)v, key, value)
		json_object_set_new(out, key,
		    json_string(json_is_object(value)
				    ? pool_printf("%s:%s", limit(member(value, "soft")),
					  limit(member(value, "hard")))
				    : limit(scalar(value))));
	if (json_object_size(out))
		json_object_set(s->out, "ulimits", out);
	json_decref(out);
}

/* ---- privileges ---- */

static void
take_caps(struct service *s, const json_t *v)
{
	for (size_t i = 0; i < count(v); i++) {
		const char *cap = scalar(nth(v, i));

		if (cap && strcasecmp(cap, "ALL") == 0)
			note(s, "cap_add", "ALL isn't taken over: name those that it needs");
		else if (cap)
			append(s->out, "caps", json_string(cap));
	}
}

static void
take_read_only(struct service *s, const json_t *v)
{
	if (json_is_false(v) && s->ours)
		json_object_set_new(s->out, "read_only", json_false());
}

static void
take_security(struct service *s, const json_t *v)
{
	for (size_t i = 0; i < count(v); i++) {
		const char *option = scalar(nth(v, i));
		const char *value = option ? strpbrk(option, ":=") : NULL;

		if (!option || strncmp(option, "no-new-privileges", 17) == 0)
			continue;
		if (strncmp(option, "seccomp", 7) == 0 && value)
			set_text(s->out, "seccomp",
			    strcmp(value + 1, "unconfined") == 0 ? value + 1
								 : absolute(s, value + 1));
		else
			import_note(
			    s->im, s->name, "security_opt", "'%s' isn't taken over", option);
	}
}

static void
take_privileged(struct service *s, const json_t *v)
{
	if (json_is_true(v))
		note(s, "privileged",
		    "isn't taken over: caps, devices and seccomp say what it needs");
}

static void
take_userns(struct service *s, const json_t *v)
{
	static const char *const known[] = {"host", "auto", "keep-id", "nomap"};
	const char *mode = scalar(v);

	for (size_t i = 0; mode && i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(mode, known[i]) == 0) {
			set_text(s->out, "userns", mode);
			return;
		}
	note(s, "userns_mode", "isn't taken over: userns says the map");
}

/* ---- storage ---- */

/* The directory that stands for an engine's volume; one that several services mount is beside
 * theirs. */
static const char *
volume_source(struct service *s, const char *name)
{
	json_t *services = json_object_get(s->all, "services"), *service;
	const char *key;
	int users = 0;

	json_object_foreach (services, key, service) {
		const json_t *list = json_object_get(service, "volumes");
		bool used = false;

		for (size_t i = 0; i < count(list); i++) {
			const json_t *one = nth(list, i);
			const char *source =
			    json_is_object(one) ? member(one, "source") : scalar(one);
			size_t len = strlen(name);

			used |= source && strncmp(source, name, len) == 0 &&
				(!source[len] || source[len] == ':');
		}
		users += used;
	}
	return users < 2 ? name
			 : pool_printf("%s/%s/%s", s->im->vol_base, s->im->project, name);
}

static bool
has_vol(const struct service *s, const char *path)
{
	const json_t *list = json_object_get(s->out, "vols");

	for (size_t i = 0; i < count(list); i++)
		if (strcmp(json_string_value(nth(list, i)), path) == 0)
			return true;
	return false;
}

static void
add_mount(struct service *s, const char *source, const char *target, bool read_only)
{
	if (strstr(source, "docker.sock") || strstr(source, "podman.sock"))
		import_note(s->im, s->name, "volumes",
		    "'%s' gives it the engine, and with that the host", source);
	append(s->out, read_only ? "mount_ro" : "mount_rw",
	    json_string(pool_printf("%s:%s", source, target)));
}

/* A path of the host's, which an engine would make where it isn't there. */
static void
add_bind(struct service *s, const char *path, const char *target, bool read_only)
{
	const char *source = absolute(s, path);

	if (!s->im->started && access(source, F_OK))
		import_note(s->im, s->name, "volumes",
		    "'%s' isn't there: make it, for whom it runs as", source);
	add_mount(s, source, target, read_only);
}

/* A volume of the engine's, by name; NULL: one without. */
static void
add_volume(struct service *s, const char *name, const char *target, bool read_only)
{
	const char *source = name ? volume_source(s, name) : NULL;
	char *own;

	/* The image's own ones are found again by the image. */
	if (s->ours)
		return;
	if (!source) {
		own = pool_dup(target + strspn(target, "/"));
		for (char *p = own; *p; p++)
			if (*p == '/')
				*p = '-';
		source = own;
	}
	if (!has_vol(s, source))
		append(s->out, "vols", json_string(source));
	if (name)
		import_note(s->im, s->name, "volumes",
		    "what is in the volume '%s' has to be copied to '%s'", name, source);
	add_mount(s, source, target, read_only);
}

static void
set_relabel(struct service *s, const char *options)
{
	char *list = pool_dup(options), *save = NULL;

	for (char *p = strtok_r(list, ",", &save); p; p = strtok_r(NULL, ",", &save))
		if (strcmp(p, "z") == 0 || strcmp(p, "Z") == 0)
			set_text(s->out, "relabel", *p == 'z' ? "shared" : "private");
}

/* How mounts that come later are passed on. */
static void
note_propagation(struct service *s, const char *target, const char *options)
{
	char *list = pool_dup(options), *save = NULL;

	for (char *p = strtok_r(list, ",", &save); p; p = strtok_r(NULL, ",", &save))
		if (strstr(p, "shared") || strstr(p, "slave"))
			import_note(s->im, s->name, "volumes", "'%s' of '%s' isn't taken over",
			    p, target);
}

static bool
is_read_only(const char *options)
{
	char *list = pool_dup(options), *save = NULL;

	for (char *p = strtok_r(list, ",", &save); p; p = strtok_r(NULL, ",", &save))
		if (strcmp(p, "ro") == 0 || strcmp(p, "readonly") == 0)
			return true;
	return false;
}

/* SOURCE:TARGET[:OPTIONS], or TARGET. */
static void
short_volume(struct service *s, const char *line)
{
	const char *colon = strchr(line, ':'), *options, *source, *target;

	if (!colon) {
		add_volume(s, NULL, line, false);
		return;
	}
	source = pool_dupn(line, (size_t)(colon - line));
	options = strchr(colon + 1, ':');
	target = options ? pool_dupn(colon + 1, (size_t)(options - colon - 1)) : colon + 1;
	options = options ? options + 1 : "";
	set_relabel(s, options);
	note_propagation(s, target, options);
	if (strchr("./~", *source))
		add_bind(s, source, target, is_read_only(options));
	else
		add_volume(s, source, target, is_read_only(options));
}

static json_t *
tmpfs_of(const char *path, const char *size, const char *mode, bool exec)
{
	json_t *o = json_pack("{s:s}", "path", path);

	if (size)
		json_object_set_new(o, "size", json_string(size));
	if (mode)
		json_object_set_new(o, "mode", json_string(mode));
	if (exec)
		json_object_set_new(o, "exec", json_true());
	return o;
}

static void
long_volume(struct service *s, const json_t *o)
{
	const char *type = member(o, "type"), *source = member(o, "source"),
		   *target = member(o, "target");
	const json_t *bind = json_object_get(o, "bind"), *memory = json_object_get(o, "tmpfs");
	bool read_only = json_is_true(json_object_get(o, "read_only"));

	if (!target)
		return;
	if (type && strcmp(type, "tmpfs") == 0)
		append(s->out, "tmpfs",
		    tmpfs_of(target, member(memory, "size"), member(memory, "mode"),
			json_is_true(json_object_get(memory, "exec"))));
	else if (type && strcmp(type, "bind") == 0 && source)
		add_bind(s, source, target, read_only);
	else if (!type || strcmp(type, "volume") == 0)
		add_volume(s, source, target, read_only);
	else
		import_note(s->im, s->name, "volumes", "a mount of type '%s'", type);
	if (member(bind, "propagation"))
		note_propagation(s, target, member(bind, "propagation"));
	if (member(bind, "selinux"))
		set_relabel(s, member(bind, "selinux"));
}

static void
take_volumes(struct service *s, const json_t *v)
{
	for (size_t i = 0; i < count(v); i++)
		if (json_is_object(nth(v, i)))
			long_volume(s, nth(v, i));
		else if (scalar(nth(v, i)))
			short_volume(s, scalar(nth(v, i)));
}

static void
take_tmpfs(struct service *s, const json_t *v)
{
	for (size_t i = 0; i < count(v); i++) {
		char *line = pool_dup(scalar(nth(v, i)) ? scalar(nth(v, i)) : ""), *save = NULL;
		char *options = strchr(line, ':'), *p;
		const char *size = NULL, *mode = NULL;
		bool exec = false;

		if (options)
			*options++ = '\0';
		for (p = options ? strtok_r(options, ",", &save) : NULL; p;
		     p = strtok_r(NULL, ",", &save)) {
			if (strncmp(p, "size=", 5) == 0)
				size = p + 5;
			else if (strncmp(p, "mode=", 5) == 0)
				mode = p + 5;
			exec |= strcmp(p, "exec") == 0;
		}
		append(s->out, "tmpfs", tmpfs_of(line, size, mode, exec));
	}
}

/* Files that compose mounts: those of its own text become files of settings.yaml. */
static void
take_configs(struct service *s, const json_t *v)
{
	for (size_t i = 0; i < count(v); i++) {
		const json_t *one = nth(v, i), *from;
		const char *source = json_is_object(one) ? member(one, "source") : scalar(one);
		const char *target = json_is_object(one) ? member(one, "target") : NULL, *path;

		from =
		    json_object_get(json_object_get(s->all, "configs"), source ? source : "");
		if (!target)
			target = pool_printf("/%s", source ? source : "");
		if (member(from, "file")) {
			add_mount(s, absolute(s, member(from, "file")), target, true);
		} else if (member(from, "content")) {
			path = pool_printf("configs/%s", source);
			append(s->out, "vols",
			    json_pack("{s:s, s:s, s:s}", "path", path, "perm", "0444",
				"contents", member(from, "content")));
			add_mount(s, path, target, true);
		} else {
			import_note(s->im, s->name, "configs", "'%s' isn't in this file",
			    source ? source : "");
		}
	}
}

static void
take_secrets(struct service *s, const json_t *v)
{
	json_t *out = json_object();

	for (size_t i = 0; i < count(v) && !s->ours; i++) {
		const json_t *one = nth(v, i), *from;
		const char *source = json_is_object(one) ? member(one, "source") : scalar(one);
		const char *target = json_is_object(one) ? member(one, "target") : NULL;

		from =
		    json_object_get(json_object_get(s->all, "secrets"), source ? source : "");
		if (member(from, "file") && (!target || *target != '/'))
			json_object_set_new(out, target ? target : source,
			    json_string(absolute(s, member(from, "file"))));
		else
			import_note(s->im, s->name, "secrets",
			    "'%s' isn't a file below /run/secrets", source ? source : "");
	}
	if (json_object_size(out))
		json_object_set(s->out, "secrets", out);
	json_decref(out);
}

/* ---- needs ---- */

static void
need(struct service *s, const char *name, const char *shares)
{
	json_t *list = json_object_get(s->needs, name);

	if (!list) {
		list = json_array();
		json_object_set_new(s->needs, name, list);
	}
	if (shares)
		json_array_append_new(list, json_string(shares));
}

static bool
is_service(const struct service *s, const char *name)
{
	return json_object_get(json_object_get(s->all, "services"), name) != NULL;
}

static void
take_depends(struct service *s, const json_t *v)
{
	json_t *value;
	const char *key, *condition;

	for (size_t i = 0; json_is_array(v) && i < json_array_size(v); i++)
		need(s, scalar(json_array_get(v, i)), NULL);
	if (!json_is_object(v))
		return;
	json_object_foreach ((json_t *)v, key, value) {
		condition = member(value, "condition");
		if (condition && strcmp(condition, "service_completed_successfully") == 0)
			import_note(s->im, s->name, "depends_on",
			    "'%s' is to end first: run it by hand", key);
		else
			need(s, key, NULL);
	}
}

static void
take_links(struct service *s, const json_t *v)
{
	for (size_t i = 0; i < count(v); i++) {
		const char *link = scalar(nth(v, i));
		const char *name = link ? pool_dupn(link, strcspn(link, ":")) : "";

		if (is_service(s, name))
			need(s, name, NULL);
		if (link && strchr(link, ':'))
			import_note(s->im, s->name, "links",
			    "the name '%s' is an alias of %s's: aliases there",
			    strchr(link, ':') + 1, name);
	}
}

/* "service:NAME", "container:NAME". */
static void
share(struct service *s, const char *key, const char *mode, const char *what)
{
	const char *name = strchr(mode, ':') ? strchr(mode, ':') + 1 : NULL;

	if (name && (is_service(s, name) || strncmp(mode, "container:", 10) == 0))
		need(s, name, what);
	else
		import_note(s->im, s->name, key, "'%s' isn't taken over", mode);
}

static void
take_pid(struct service *s, const json_t *v)
{
	if (scalar(v))
		share(s, "pid", scalar(v), "pid");
}

static void
finish_needs(struct service *s)
{
	const char *key;
	json_t *shares;

	json_object_foreach (s->needs, key, shares)
		append(s->out, "needs",
		    json_array_size(shares)
			? json_pack("{s:s, s:O}", "name", key, "shares", shares)
			: json_string(key));
}

/* ---- networks ---- */

static const char *
subnet_of(const struct service *s, const char *network)
{
	const json_t *o = json_object_get(json_object_get(s->all, "networks"), network);

	return member(
	    json_array_get(json_object_get(json_object_get(o, "ipam"), "config"), 0), "subnet");
}

static bool
is_own(const struct service *s, const char *network)
{
	const char *name = member(s->in, "container_name");

	return strncmp(network, "whittle-", 8) == 0 &&
	       strcmp(network + 8, name ? name : s->name) == 0;
}

/* By what the others of a composition call it, where its container has another name. */
static const char *
called(const struct service *s)
{
	const char *name = member(s->in, "container_name");

	return s->all && !s->ours && name && strcmp(name, s->name) != 0 ? s->name : NULL;
}

static void
first_network(struct service *s, const char *key, const char *name, const json_t *o)
{
	const json_t *aliases = json_object_get(o, "aliases");
	const char *ip =
	    member(o, "ipv4_address") ? member(o, "ipv4_address") : member(o, "ipv6_address");

	if (!is_own(s, name))
		set_text(s->out, "network", name);
	list_as(s, "aliases", aliases);
	if (called(s))
		append(s->out, "aliases", json_string(called(s)));
	set_text(s->out, "ip", ip);
	set_text(s->out, "subnet", subnet_of(s, key));
}

static void
further_network(struct service *s, const char *name, const json_t *o)
{
	json_t *map = json_pack("{s:s}", "name", name);

	set_text(map, "ip", member(o, "ipv4_address"));
	list_into(map, "aliases", json_object_get(o, "aliases"));
	if (called(s))
		append(map, "aliases", json_string(called(s)));
	append(s->out, "networks",
	    json_object_size(map) > 1 ? json_incref(map) : json_string(name));
	json_decref(map);
}

static void
note_network(struct service *s, const char *name)
{
	const json_t *o = json_object_get(json_object_get(s->all, "networks"), name);

	if (json_is_true(json_object_get(o, "internal")))
		import_note(s->im, s->name, "networks",
		    "'%s' is internal there: here it leads outside", name);
	if (member(o, "driver") && strcmp(member(o, "driver"), "bridge") != 0)
		import_note(s->im, s->name, "networks", "'%s' has the driver %s: make it first",
		    name, member(o, "driver"));
}

static const char *
network_called(const struct service *s, const char *name)
{
	const json_t *o = json_object_get(json_object_get(s->all, "networks"), name), *external;

	if (member(o, "name"))
		return member(o, "name");
	if (strcmp(name, "default") == 0)
		return s->im->project;
	/* Another composition's of that name is another one. */
	external = json_object_get(o, "external");
	return s->ours || !o || (external && !json_is_false(external))
		   ? name
		   : pool_printf("%s-%s", s->im->project, name);
}

static void
take_networks(struct service *s, const json_t *v)
{
	json_t *map = json_is_object(v) ? json_incref((json_t *)v) : json_object(), *o;
	const char *key;
	bool first = true;

	for (size_t i = 0; !json_is_object(v) && i < count(v); i++)
		json_object_set_new(map, scalar(nth(v, i)), json_null());
	json_object_foreach (map, key, o) {
		note_network(s, key);
		if (first)
			first_network(s, key, network_called(s, key), o);
		else
			further_network(s, network_called(s, key), o);
		first = false;
	}
	json_decref(map);
}

static void
take_network_mode(struct service *s, const json_t *v)
{
	const char *mode = scalar(v);

	if (!mode || strcmp(mode, "bridge") == 0 || strcmp(mode, "default") == 0)
		return;
	if (strchr(mode, ':'))
		share(s, "network_mode", mode, "network");
	else
		set_text(s->out, "network", mode);
}

/* Services that name no network share one. */
static void
default_network(struct service *s)
{
	const json_t *services = json_object_get(s->all, "services"),
		     *said = json_object_get(json_object_get(s->all, "networks"), "default");

	if ((json_object_size(services) < 2 && !said) || json_object_get(s->in, "networks") ||
	    json_object_get(s->in, "network_mode"))
		return;
	note_network(s, "default");
	first_network(s, "default", network_called(s, "default"), NULL);
}

static void
take_ports(struct service *s, const json_t *v)
{
	bool open = false;

	for (size_t i = 0; i < count(v); i++) {
		const json_t *one = nth(v, i);
		const char *line = scalar(one), *at, *host, *protocol;

		if (json_is_object(one)) {
			at = member(one, "host_ip");
			host = member(one, "published");
			protocol = member(one, "protocol");
			line = pool_printf("%s%s%s%s%s%s%s", at ? at : "", at ? ":" : "",
			    host ? host : "", host || at ? ":" : "", member(one, "target"),
			    protocol && strcmp(protocol, "tcp") != 0 ? "/" : "",
			    protocol && strcmp(protocol, "tcp") != 0 ? protocol : "");
		}
		if (!line)
			continue;
		at = strchr(line, ':');
		open |= !at || (!strchr(at + 1, ':') && *line != '[');
		append(s->out, "ports", json_string(line));
	}
	if (open)
		note(s, "ports",
		    "published on 127.0.0.1 here: 0.0.0.0:PORT:PORT is what compose does");
}

/* ---- life ---- */

static void
take_restart(struct service *s, const json_t *v)
{
	const char *mode = scalar(v);

	if (json_is_false(v))
		mode = "no";
	set_text(s->out, "restart", mode);
	if (!s->ours && mode &&
	    (strcmp(mode, "always") == 0 || strcmp(mode, "unless-stopped") == 0))
		set_text(s->out, "autostart", "1");
}

static void
take_logging(struct service *s, const json_t *v)
{
	const char *driver = member(v, "driver");
	const char *address = member(json_object_get(v, "options"), "syslog-address");

	if (!driver || strcmp(driver, "json-file") == 0 || strcmp(driver, "local") == 0 ||
	    strcmp(driver, "k8s-file") == 0)
		return;
	if (strcmp(driver, "syslog") == 0 && address)
		set_text(s->out, "log", pool_printf("syslog:%s", address));
	else if (strcmp(driver, "none") == 0 || strcmp(driver, "journald") == 0 ||
		 strcmp(driver, "syslog") == 0 || strcmp(driver, "passthrough") == 0)
		set_text(s->out, "log", driver);
	else
		import_note(s->im, s->name, "logging", "the driver '%s'", driver);
}

static void
take_health(struct service *s, const json_t *v)
{
	static const char *const times[] = {"interval", "timeout", "retries", "start_period"};
	const json_t *test = json_object_get(v, "test");
	const char *first = json_is_array(test) ? scalar(json_array_get(test, 0)) : NULL;
	json_t *o = json_object(), *command = json_array();

	if (s->ours)
		goto out;
	if (json_is_true(json_object_get(v, "disable")) ||
	    (first && strcmp(first, "NONE") == 0)) {
		set_text(s->out, "health", "none");
		goto out;
	}
	if (first && strcmp(first, "CMD") == 0) {
		for (size_t i = 1; i < json_array_size(test); i++)
			json_array_append_new(command, text(scalar(json_array_get(test, i))));
	} else if (test) {
		const char *line = first ? scalar(json_array_get(test, 1)) : scalar(test);

		json_array_append_new(command, json_string("/bin/sh"));
		json_array_append_new(command, json_string("-c"));
		json_array_append_new(command, text(line));
	}
	if (!json_array_size(command)) {
		note(s, "healthcheck", "without a test of its own it is the image's");
		goto out;
	}
	json_object_set(o, "command", command);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		set_text(o, times[i], member(v, times[i]));
	json_object_set(s->out, "health", o);
out:
	json_decref(command);
	json_decref(o);
}

static void
take_gpus(struct service *s, const char *how_many)
{
	if (!s->ours)
		set_text(s->out, "gpus",
		    how_many && strspn(how_many, "0123456789") == strlen(how_many) ? how_many
										   : "all");
}

static void
take_gpus_key(struct service *s, const json_t *v)
{
	take_gpus(s, scalar(v));
}

static void
take_deploy(struct service *s, const json_t *v)
{
	const json_t *resources = json_object_get(v, "resources"),
		     *limits = json_object_get(resources, "limits"),
		     *devices =
			 json_object_get(json_object_get(resources, "reservations"), "devices");
	const char *replicas = member(v, "replicas");

	set_text(s->out, "memory", member(limits, "memory"));
	set_text(s->out, "cpus", member(limits, "cpus"));
	set_text(s->out, "pids", member(limits, "pids"));
	for (size_t i = 0; i < count(devices); i++)
		take_gpus(s, member(nth(devices, i), "count"));
	if (replicas && strcmp(replicas, "1") != 0)
		note(s, "deploy", "one of each runs here, no replicas");
}

static void
ignore(struct service *s, const json_t *v)
{
	(void)s;
	(void)v;
}

/* ---- the table ---- */

static const struct {
	const char *key;
	void (*take)(struct service *s, const json_t *v);
} keys[] = {
    {"build", take_build},
    {"cap_add", take_caps},
    {"cap_drop", ignore},
    {"command", take_command},
    {"configs", take_configs},
    {"container_name", take_name},
    {"cpus", take_cpus},
    {"depends_on", take_depends},
    {"deploy", take_deploy},
    {"devices", take_devices},
    {"dns", take_dns},
    {"entrypoint", take_entrypoint},
    {"env_file", take_env_file},
    {"environment", take_environment},
    {"expose", ignore},
    {"extra_hosts", take_hosts},
    {"gpus", take_gpus_key},
    {"group_add", take_groups},
    {"healthcheck", take_health},
    {"hostname", take_hostname},
    {"image", take_image},
    {"init", take_init},
    {"labels", take_labels},
    {"links", take_links},
    {"logging", take_logging},
    {"mem_limit", take_memory},
    {"network_mode", take_network_mode},
    {"networks", take_networks},
    {"pid", take_pid},
    {"pids_limit", take_pids},
    {"ports", take_ports},
    {"privileged", take_privileged},
    {"pull_policy", ignore},
    {"read_only", take_read_only},
    {"restart", take_restart},
    {"secrets", take_secrets},
    {"security_opt", take_security},
    {"shm_size", take_shm},
    {"stop_grace_period", take_stop_timeout},
    {"stop_signal", take_stop_signal},
    {"sysctls", take_sysctls},
    {"tmpfs", take_tmpfs},
    {"ulimits", take_ulimits},
    {"user", take_user},
    {"userns_mode", take_userns},
    {"volumes", take_volumes},
    {"working_dir", take_workdir},
    {"x-extra", take_extra},
    {"x-rm", take_rm},
    {"x-unsetenv", take_unset},
};

static void
take_key(struct service *s, const char *key, const json_t *value)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i].key, key) == 0) {
			keys[i].take(s, value);
			return;
		}
	if (s->im->started && strcmp(key, "x-whittle") == 0)
		not_started(s, key);
	if (strncmp(key, "x-", 2) != 0 && !json_is_false(value))
		import_note(s->im, s->name, key, "isn't taken over");
}

/* "${" is a variable in settings, and "$${" stands for it: what came from elsewhere means it as
 * it stands. */
static json_t *
literal_text(const char *text)
{
	struct strbuf b = STRBUF_INIT;
	const char *dollar;
	json_t *got;

	for (; (dollar = strstr(text, "${")); text = dollar + 2) {
		strbuf_add(&b, text, (size_t)(dollar - text));
		strbuf_puts(&b, "$${");
	}
	strbuf_puts(&b, text);
	got = json_string(b.s);
	strbuf_free(&b);
	return got;
}

static json_t *
literal(json_t *v)
{
	json_t *copy, *value;
	const char *key;
	size_t i;

	if (json_is_string(v))
		return literal_text(json_string_value(v));
	if (!json_is_object(v) && !json_is_array(v))
		return json_incref(v);
	copy = json_is_object(v) ? json_object() : json_array();
	json_object_foreach (v, key, value)
		json_object_set_new(copy, key, literal(value));
	json_array_foreach (v, i, value)
		json_array_append_new(copy, literal(value));
	return copy;
}

/* What our own export leaves out is off, and not d's default. */
static void
finish_ours(struct service *s)
{
	static const char *const limits[][2] = {
	    {"mem_limit", "memory"}, {"cpus", "cpus"}, {"pids_limit", "pids"}};
	/* What went into the words of another key. */
	static const char *const made_of[][2] = {{"extra_init", "cmd"}, {"env_files", "env"},
	    {"mount_devices", "devices"}, {"port_offset", "ports"}, {"gpus", "devices"}};
	static const char *const as_written[] = {"groups", "restart", "user"};
	bool confined = false;
	const json_t *options = json_object_get(s->in, "security_opt");

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (!json_object_get(s->in, limits[i][0]))
			set_text(s->out, limits[i][1], "0");
	for (size_t i = 0; i < count(options); i++)
		confined |= strncmp(scalar(nth(options, i)), "no-new-privileges", 17) == 0;
	if (!confined)
		json_object_set_new(s->out, "no_new_privileges", json_false());
	if (!json_is_true(json_object_get(s->in, "read_only")))
		json_object_set_new(s->out, "read_only", json_false());
	for (size_t i = 0; i < sizeof(made_of) / sizeof(made_of[0]); i++)
		if (json_object_get(s->ours, made_of[i][0]))
			json_object_del(s->out, made_of[i][1]);
	/* Its own words count where it has some. */
	for (size_t i = 0; i < sizeof(as_written) / sizeof(as_written[0]); i++)
		if (!json_object_get(s->ours, as_written[i]))
			json_object_del(s->out, as_written[i]);
	json_object_update(s->out, (json_t *)s->ours);
}

void
import_service(struct import *im, const char *name, const json_t *service, const json_t *all)
{
	struct service s = {.im = im, .name = name, .in = service, .all = all};
	const char *key;
	json_t *value;

	s.ours = im->started ? NULL : json_object_get(service, "x-whittle");
	s.out = json_object();
	s.needs = json_object();
	*GROW(im->items) = (struct import_item){.name = pool_dup(name)};
	json_object_foreach ((json_t *)service, key, value)
		take_key(&s, key, value);
	default_network(&s);
	finish_needs(&s);
	value = s.out;
	s.out = literal(value);
	json_decref(value);
	im->items.v[im->items.n - 1].settings = s.out;
	if (s.ours)
		finish_ours(&s);
	json_decref(s.needs);
}
