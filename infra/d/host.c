#include "host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine.h"
#include "file.h"
#include "report.h"
#include "self.h"
#include "strbuf.h"
#include "values_names.h"

/* Room for a container, its successor, and what joins them for a while. */
enum { SUBNET_BITS = 28, TEXT_MAX = 1 << 20 };

static bool
is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static const char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !slash ? "." : slash == path ? "/" : pool_dupn(path, (size_t)(slash - path));
}

/* A variable that says something. */
static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* ---- where the project is ---- */

static bool
is_project(const char *directory)
{
	return is_file(pool_printf("%s/infra/engine", directory));
}

/* Found from the program's own file, which is in infra/d of a project; make install-tools
 * leaves a link to the one that it was installed from. */
static const char *
project_by_program(void)
{
	const char *at = program_path();
	const char *link = pool_printf("%s/../share/whittle/project", directory_of(at));
	cleanup_free char *linked = realpath(link, NULL);

	for (int up = 0; up < 5 && strcmp(at, "/") != 0; up++) {
		at = directory_of(at);
		if (is_project(at))
			return at;
	}
	return linked && is_project(linked) ? pool_dup(linked) : NULL;
}

static const char *
user_file(void)
{
	const char *config = variable("XDG_CONFIG_HOME"), *home = variable("HOME");

	if (config)
		return pool_printf("%s/whittle/settings.yaml", config);
	return home ? pool_printf("%s/.config/whittle/settings.yaml", home) : NULL;
}

/* ---- one file ---- */

struct source {
	struct host *h;
	struct settings *s;
	const char *base; /* what relative paths in it stand below */
};

static const char *
path_in(const struct source *f, const char *path)
{
	const char *home = variable("HOME");

	if (*path == '/')
		return pool_dup(path);
	if (strncmp(path, "~/", 2) == 0 && home)
		return pool_printf("%s/%s", home, path + 2);
	return pool_printf("%s/%s", f->base, path);
}

/* The key's text; NULL where it isn't there or is empty. */
static const char *
text_at(const struct source *f, const char *key)
{
	const struct node *n = settings_get(f->s->root, key);
	const char *text;

	if (!n || settings_string(f->s, n, &text) || !*text)
		return NULL;
	return pool_dup(text);
}

static void
list_at(const struct source *f, const char *key, bool paths, struct words *out)
{
	const struct node *n = settings_get(f->s->root, key);
	const char *text;

	if (!n)
		return;
	out->n = 0;
	for (size_t i = 0; i < (n->kind == NODE_LIST ? n->count : 1); i++) {
		if (settings_string(f->s, n->kind == NODE_LIST ? n->item[i] : n, &text) ||
		    !*text)
			continue;
		words_add(out, paths ? path_in(f, text) : text);
	}
}

/* Volumes stand below it as well where nothing else is said. */
static void
set_state(struct host *h, const char *directory)
{
	h->state = pool_printf("%s/d", directory);
	h->vol_base = pool_printf("%s/volumes", directory);
}

static void
take_paths(const struct source *f)
{
	const char *text;

	list_at(f, "containers", true, &f->h->directories);
	if ((text = text_at(f, "state")))
		set_state(f->h, path_in(f, text));
	if ((text = text_at(f, "vol_base")))
		f->h->vol_base = path_in(f, text);
	if ((text = text_at(f, "verify_key")))
		f->h->verify_key = path_in(f, text);
	text = text_at(f, "base");
	if (text || settings_get(f->s->root, "base"))
		f->h->base = text ? path_in(f, text) : NULL;
	if ((text = text_at(f, "engine")))
		f->h->engine = strchr(text, '/') ? path_in(f, text) : text;
}

/* subnets: a range; empty: the engine chooses. subnet_bits: how large a part one gets. */
static void
take_subnets(const struct source *f)
{
	const struct node *range = settings_get(f->s->root, "subnets");
	const struct node *each = settings_get(f->s->root, "subnet_bits");
	int64_t bits = f->h->subnets.each ? f->h->subnets.each : SUBNET_BITS;
	const char *text = f->h->subnets_text;

	if (each && settings_integer(f->s, each, 20, 30, &bits))
		return;
	if (range) {
		if (settings_string(f->s, range, &text))
			return;
		f->h->subnets_text = text = pool_dup(text);
	}
	if (!*text)
		f->h->subnets = (struct subnet_range){0};
	else if (subnet_range_parse(text, (unsigned)bits, &f->h->subnets))
		settings_error(f->s, range ? range : each,
		    "'%s': want a range of IPv4 addresses, such as 10.213.0.0/16, with room "
		    "for a "
		    "subnet of /%d",
		    text, (int)bits);
}

/* A later file's win. */
static void
take_variables_of(const struct source *f)
{
	const struct node *map = settings_get(f->s->root, "variables");
	const char *text;

	if (map && map->kind != NODE_MAP) {
		settings_error(f->s, map, "want a map of NAME: VALUE");
		return;
	}
	for (size_t i = 0; map && i < map->count; i++) {
		const char *name = map->key[i]->text;

		if (!is_variable(name, strlen(name)))
			settings_error(f->s, map->key[i],
			    "'%s': want a name of letters, digits and '_'", name);
		else if (settings_string(f->s, map->item[i], &text) == 0)
			put_pair(
			    &f->h->variables, (struct pair){pool_dup(name), pool_dup(text)});
	}
}

/* A map of texts, and tls; each of those that are known has a place in out. */
static void
take_cluster(const struct source *f, const char *key, const char *const *known,
    const char *const want, const char **const *out, bool *plain)
{
	const struct node *map = settings_get(f->s->root, key), *n;
	const char *text;
	bool tls = true;

	if (map && map->kind != NODE_MAP) {
		settings_error(f->s, map, "want a map: %s", want);
		return;
	}
	settings_known(f->s, map, known, NULL);
	for (size_t i = 0; out[i]; i++)
		if ((n = settings_get(map, known[i])) && settings_string(f->s, n, &text) == 0)
			*out[i] = *text ? pool_dup(text) : NULL;
	if ((n = settings_get(map, "tls")) && settings_bool(f->s, n, &tls) == 0)
		*plain = !tls;
}

static void
take_clusters(const struct source *f)
{
	static const char *const of_swarm[] = {"docker", "registry", "tls", NULL};
	static const char *const of_kube[] = {"context", "namespace", "registry", "tls", NULL};
	struct host *h = f->h;
	const char **const swarm[] = {&h->swarm.docker, &h->swarm.registry, NULL};
	const char **const kube[] = {
	    &h->kube.context, &h->kube.namespace, &h->kube.registry, NULL};

	take_cluster(f, "swarm", of_swarm, "docker, registry, tls", swarm, &h->swarm.plain);
	take_cluster(
	    f, "kube", of_kube, "context, namespace, registry, tls", kube, &h->kube.plain);
}

static void
take_file(const struct source *f, struct layer *defaults)
{
	static const char *const known[] = {"base", "containers", "defaults", "engine", "hook",
	    "hosts", "keep", "kube", "notify", "parallel", "project", "repo1", "repo2", "state",
	    "subnet_bits", "subnets", "swarm", "toolkit", "variables", "verify_key", "vol_base",
	    NULL};
	const struct node *n;
	const char *text;

	*defaults = (struct layer){f->s, NULL};
	if (!f->s->root)
		return;
	if (f->s->root->kind != NODE_MAP) {
		settings_error(f->s, f->s->root, "want a map of settings");
		return;
	}
	settings_known(f->s, f->s->root, known, NULL);
	take_paths(f);
	list_at(f, "hook", false, &f->h->hook);
	notifiers_read(f->s, f->base, &f->h->notifiers);
	fleet_read(f->s, &f->h->fleet);
	take_clusters(f);
	if ((text = text_at(f, "repo1")))
		f->h->repo1 = text;
	if ((text = text_at(f, "repo2")))
		f->h->repo2 = text;
	if ((text = text_at(f, "toolkit")))
		f->h->toolkit = text;
	if ((n = settings_get(f->s->root, "keep")))
		settings_integer(f->s, n, 1, 100, &f->h->keep);
	if ((n = settings_get(f->s->root, "parallel")))
		settings_integer(f->s, n, 1, 64, &f->h->parallel);
	take_subnets(f);
	take_variables_of(f);
	defaults->map = settings_get(f->s->root, "defaults");
}

/* A file that isn't there says nothing; one that can't be read, as a link that leads nowhere,
 * might say where everything is. */
static int
read_file(struct host *h, size_t i, const char *file, const char *base)
{
	struct source f = {h, &h->settings[i], base};
	struct stat st;

	h->defaults[i] = (struct layer){f.s, NULL};
	if (!file || (lstat(file, &st) && (errno == ENOENT || errno == ENOTDIR)))
		return 0;
	words_add(&h->files, file);
	if (settings_read(f.s, file))
		return -1;
	take_file(&f, &h->defaults[i]);
	return f.s->errors ? -1 : 0;
}

/* ---- all together ---- */

static void
builtin(struct host *h)
{
	const char *home = variable("HOME"), *state = variable("XDG_STATE_HOME");

	h->repo1 = "localhost/whittle";
	h->toolkit = "localhost/whittle/toolkit:live";
	h->subnets_text = "10.213.0.0/16";
	subnet_range_parse(h->subnets_text, SUBNET_BITS, &h->subnets);
	h->keep = 3;
	h->parallel = 2;
	/* Root in rootless podman's namespace is still that user. */
	if (geteuid() == 0 && !variable("WHITTLE_OUTER_UID"))
		set_state(h, "/var/lib/whittle");
	else
		set_state(h,
		    pool_printf("%s/whittle",
			state ? state : pool_printf("%s/.local/state", home ? home : "/tmp")));
	if (variable("WHITTLE_STATE"))
		set_state(h, variable("WHITTLE_STATE"));
}

/* Returns -1 for a number that is none. */
static int
number_from(const char *name, int64_t min, int64_t max, int64_t *out)
{
	const char *text = variable(name);
	char *end;
	long long n;

	if (!text)
		return 0;
	n = strtoll(text, &end, 10);
	if (*end || n < min || n > max) {
		report("%s is '%s': want a number from %lld to %lld", name, text,
		    (long long)min, (long long)max);
		return -1;
	}
	*out = n;
	return 0;
}

static int
take_variables(struct host *h)
{
	const char *text;

	if ((text = variable("WHITTLE_CONTAINERS"))) {
		char *copy = pool_dup(text), *save = NULL;

		h->directories.n = 0;
		for (char *p = strtok_r(copy, ":", &save); p; p = strtok_r(NULL, ":", &save))
			words_add(&h->directories, p);
	}
	if ((text = variable("WHITTLE_STATE")))
		h->state = pool_printf("%s/d", text);
	if ((text = variable("WHITTLE_VOLUMES")))
		h->vol_base = text;
	if ((text = variable("WHITTLE_ENGINE")))
		h->engine = text;
	if ((text = variable("WHITTLE_TOOLKIT")))
		h->toolkit = text;
	if ((text = variable("WHITTLE_VERIFY_KEY")))
		h->verify_key = text;
	if ((text = variable("WHITTLE_HOOK"))) {
		h->hook.n = 0;
		words_add(&h->hook, text);
	}
	return number_from("WHITTLE_KEEP", 1, 100, &h->keep) |
	       number_from("WHITTLE_PARALLEL", 1, 64, &h->parallel);
}

const char *
host_engine_script(const struct host *h)
{
	cleanup_free char *beside = h->project ? NULL : engine_beside();

	return h->project ? pool_printf("%s/infra/engine", h->project) : pool_dup(beside);
}

/* infra/engine knows the hosts where defaults fail; without either the bare engine. */
static void
choose_engine(struct host *h)
{
	const char *script = host_engine_script(h);

	if (h->engine && !strchr(h->engine, '/') && script) {
		if (!variable("ENGINE"))
			setenv("ENGINE", h->engine, 1);
		h->engine = script;
	}
	if (!h->engine)
		h->engine = script               ? script
			    : variable("ENGINE") ? variable("ENGINE")
						 : "podman";
}

/* Where the user's file says that the project is, before anything else is read. */
static const char *
project_by_user(const char *file)
{
	struct settings s = {0};
	const struct node *n;
	const char *got = NULL;

	if (file && access(file, F_OK) == 0 && settings_read(&s, file) == 0 &&
	    (n = settings_get(s.root, "project")) && n->kind == NODE_SCALAR) {
		struct source f = {NULL, &s, directory_of(file)};

		got = path_in(&f, n->text);
	}
	settings_free(&s);
	return got;
}

int
host_load(struct host *h)
{
	const char *only = variable("WHITTLE_SETTINGS"), *user = only ? NULL : user_file();
	const char *first = only, *home = variable("WHITTLE_HOME");

	*h = (struct host){0};
	builtin(h);
	h->project = home ? pool_dup(home) : project_by_user(user);
	if (!h->project)
		h->project = project_by_program();
	else if (!is_project(h->project)) {
		report("'%s' is not a whittle project: there is no infra/engine in it",
		    h->project);
		return -1;
	}
	if (h->project) {
		words_addf(&h->directories, "%s/containers", h->project);
		if (is_directory(pool_printf("%s/baseline", h->project)))
			h->base = pool_printf("%s/baseline", h->project);
		if (!first)
			first = pool_printf("%s/etc/settings.yaml", h->project);
	}
	if (only && access(only, R_OK)) {
		report("open '%s':", only);
		return -1;
	}
	if (read_file(h, 0, first,
		only || !h->project ? directory_of(first ? first : "") : h->project) ||
	    read_file(h, 1, user, user ? directory_of(user) : "") || take_variables(h))
		return -1;
	choose_engine(h);
	return 0;
}

/* ---- containers' directories ---- */

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct place *)a)->name, ((const struct place *)b)->name);
}

static bool
look_at(const char *directory, const char *name, struct place *p)
{
	const char *path = pool_printf("%s/%s", directory, name);
	struct stat st;

	*p = (struct place){.name = pool_dup(name), .directory = path};
	/* Whatever has that name: one that can't be read is said to be when it is read. */
	p->settings = lstat(pool_printf("%s/settings.yaml", path), &st) == 0;
	p->makefile = is_file(pool_printf("%s/Makefile", path));
	p->dockerfile = is_file(pool_printf("%s/Dockerfile", path));
	p->tests = is_file(pool_printf("%s/test.bats", path));
	return p->settings || p->dockerfile;
}

static const struct place *
place_named(const struct places *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i].name, name) == 0)
			return &all->v[i];
	return NULL;
}

static int
places_in(const char *directory, struct places *all, size_t *cap, struct words *duplicates)
{
	cleanup_dir DIR *d = opendir(directory);
	struct dirent *e;
	struct place p;

	if (!d && errno != ENOENT) {
		report("read the directory '%s':", directory);
		return 1;
	}
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || !look_at(directory, e->d_name, &p))
			continue;
		if (!is_name(p.name) || place_named(all, p.name)) {
			words_add(duplicates, p.directory);
			continue;
		}
		if (all->n == *cap) {
			struct place *v = pool_zero(*cap ? *cap * 2 : 16, sizeof(*v));

			if (all->n)
				memcpy(v, all->v, all->n * sizeof(*v));
			all->v = v;
			*cap = *cap ? *cap * 2 : 16;
		}
		all->v[all->n++] = p;
	}
	return 0;
}

/* Where directories stand that another host brought: host_load() knows the state. */
static const char *
host_brought(const struct host *h)
{
	return pool_printf(
	    "%.*s/containers", (int)(strrchr(h->state, '/') - h->state), h->state);
}

int
host_places(const struct host *h, struct places *all, struct words *duplicates)
{
	struct words ignored = {0}, *others = duplicates ? duplicates : &ignored;
	size_t cap = 0, own;
	int unread = 0;

	*all = (struct places){0};
	for (size_t i = 0; i < h->directories.n; i++)
		unread += places_in(h->directories.w[i], all, &cap, others);
	own = all->n;
	unread += places_in(host_brought(h), all, &cap, others);
	for (size_t i = own; i < all->n; i++)
		all->v[i].brought = true;
	if (all->n)
		qsort(all->v, all->n, sizeof(*all->v), by_name);
	return unread;
}

/* ---- one container ---- */

/* "--memory 1g" as the YAML that it stands for, so that it meets the same checks. */
static char *
flags_as_yaml(const struct words *flags)
{
	struct strbuf b = STRBUF_INIT;
	char *got;

	for (size_t i = 0; i + 1 < flags->n; i += 2)
		strbuf_printf(&b, "%s: %s\n", flags->w[i] + 2, flags->w[i + 1]);
	got = pool_dup(b.s ? b.s : "");
	strbuf_free(&b);
	return got;
}

/* A file of text; 0, or -1 after a message. */
static int
read_text(const char *file, struct strbuf *out)
{
	cleanup_fd int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0) {
		report("open '%s':", file);
		return -1;
	}
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		report("'%s' isn't a regular file", file);
		return -1;
	}
	if (file_read(fd, TEXT_MAX, out)) {
		report("read '%s':", file);
		return -1;
	}
	return 0;
}

/* The text of the directory's settings.yaml; "" where there is none, NULL after a message. */
static char *
place_settings(const struct place *p)
{
	const char *file = pool_printf("%s/settings.yaml", p->directory);
	struct strbuf b = STRBUF_INIT;
	struct settings s;
	char *got = NULL;

	if (!p->settings)
		return pool_dup("");
	if (read_text(file, &b) == 0)
		got = pool_dupn(b.s ? b.s : "", b.len);
	/* As text it would end at a NUL byte: the parser says where that is. */
	if (got && strlen(got) != b.len) {
		settings_parse(&s, file, b.s, b.len);
		settings_free(&s);
		got = NULL;
	}
	strbuf_free(&b);
	return got;
}

/* ---- ${NAME} ---- */

static const char *
value_of(const struct pairs *variables, const char *name, size_t len)
{
	for (size_t i = 0; i < variables->n; i++)
		if (strncmp(variables->v[i].key, name, len) == 0 && !variables->v[i].key[len])
			return variables->v[i].value;
	return NULL;
}

/* The text with values for names; "$${" is "${". What a value holds isn't looked at again. */
static void
expand_text(const struct host *h, struct settings *s, struct node *n)
{
	struct strbuf b = STRBUF_INIT;
	const char *p = n->text, *dollar;

	while ((dollar = strstr(p, "${"))) {
		const char *name = dollar + 2, *value;
		size_t len = strcspn(name, "}");

		if (dollar > p && dollar[-1] == '$') {
			strbuf_add(&b, p, (size_t)(dollar - 1 - p));
			strbuf_puts(&b, "${");
			p = name;
			continue;
		}
		value = name[len] ? value_of(&h->variables, name, len) : NULL;
		if (!value) {
			settings_error(s, n,
			    "the host's settings have no variable '%.*s' (a literal ${ is "
			    "written $${)",
			    (int)len, name);
			strbuf_free(&b);
			return;
		}
		strbuf_add(&b, p, (size_t)(dollar - p));
		strbuf_puts(&b, value);
		p = name + len + 1;
	}
	if (p != n->text) {
		strbuf_puts(&b, p);
		free(n->text);
		n->text = xstrdup(b.s);
	}
	strbuf_free(&b);
}

/* Values, not keys. */
static void
expand(const struct host *h, struct settings *s, struct node *n)
{
	if (!n)
		return;
	if (n->kind == NODE_SCALAR)
		expand_text(h, s, n);
	for (size_t i = 0; n->kind != NODE_SCALAR && i < n->count; i++)
		expand(h, s, n->item[i]);
}

/* A directory that another host brought runs here, and says nothing about whom this host
 * trusts. */
static void
keep_own_rules(const struct host *h, struct container *c)
{
	bool must = false;

	for (size_t i = 0; i < 2; i++) {
		const struct node *n = settings_get(h->defaults[i].map, "require_signature");

		if (n)
			settings_bool(h->defaults[i].settings, n, &must);
	}
	c->on = (struct words){0};
	c->verify_key = NULL;
	c->update.at = NULL; /* whoever brought it brings its updates */
	c->require_signature |= must;
}

int
host_container(const struct host *h, const struct place *p, bool test,
    const struct words *flags, const char *text, struct container *out)
{
	struct settings own = {0}, line = {0};
	const char *file =
	    pool_printf("%s/settings.yaml", p->directory ? p->directory : p->name);
	struct layer layer[4];
	const char *yaml;
	int bad = 0;

	*out = (struct container){.key = p->name,
	    .directory = p->directory,
	    .test = test,
	    .repo1 = h->repo1,
	    .repo2 = h->repo2,
	    /* A test instance's are d's own to remove. */
	    .vol_base =
		test ? pool_printf("%s/%s/test/volumes", h->state, p->name) : h->vol_base};
	if (text)
		bad = settings_parse(&own, pool_printf("%s (kept)", file), text, strlen(text));
	else if (p->settings)
		bad = !(text = place_settings(p)) ||
		      settings_parse(&own, file, text, strlen(text));
	else
		own.file = xstrdup(file);
	if (!bad)
		expand(h, &own, own.root);
	yaml = flags && flags->n ? flags_as_yaml(flags) : "";
	bad |= settings_parse(&line, "command line", yaml, strlen(yaml));
	layer[0] = h->defaults[0];
	layer[1] = h->defaults[1];
	layer[2] = (struct layer){&own, own.root};
	layer[3] = (struct layer){&line, line.root};
	out->settings = text ? text : "";
	if (!bad)
		bad = container_apply(out, layer, 4, 3);
	if (!bad && p->brought)
		keep_own_rules(h, out);
	settings_free(&own);
	settings_free(&line);
	return bad ? -1 : 0;
}

bool
wave_is_here(const struct container *c)
{
	char name[256] = "";

	if (c->wave < 0 || c->on.n)
		return false;
	if (!c->wave_host)
		return true;
	gethostname(name, sizeof(name) - 1);
	return strncmp(name, c->wave_host, strlen(c->wave_host)) == 0 &&
	       (name[strlen(c->wave_host)] == '\0' || name[strlen(c->wave_host)] == '.');
}
