#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "host.h"
#include "report.h"
#include "run.h"
#include "strbuf.h"

enum { MESSAGE_MAX = 600, CALL_MS = 15 * 60 * 1000, LIST_TRIES = 5 };

/* ---- running it ---- */

static int
kind_of(const char *word, enum engine_kind *kind)
{
	const char *slash = strrchr(word, '/');

	word = slash ? slash + 1 : word;
	if (strcmp(word, "podman") == 0)
		*kind = PODMAN;
	else if (strcmp(word, "docker") == 0)
		*kind = DOCKER;
	else
		return -1;
	return 0;
}

/* infra/engine says once how it would run the engine, so that each call is only that. */
static int
ask_how(struct engine *e)
{
	struct strbuf out = STRBUF_INIT;
	const char *const how[] = {e->command, "--how", NULL};
	int status = run(&(struct run){.argv = how, .out = &out});
	char *line, *save = NULL, *sign;

	if (status < 0 || status > 125)
		report("start '%s': status %d", e->command, status);
	if (status) {
		strbuf_free(&out);
		return -1;
	}
	line = out.s ? strtok_r(out.s, "\n", &save) : NULL;
	e->program = pool_dup(line ? line : "");
	while (line && (line = strtok_r(NULL, "\n", &save)))
		if ((sign = strchr(line, '='))) {
			*sign = '\0';
			setenv(line, sign + 1, 1);
		}
	strbuf_free(&out);
	return 0;
}

int
engine_find(struct engine *e, const struct host *h)
{
	*e = (struct engine){.command = h->engine, .program = h->engine};
	e->no_timers = access("/run/systemd/system", F_OK) != 0;
	if (kind_of(h->engine, &e->kind) == 0)
		return 0;
	if (ask_how(e))
		return -1;
	if (kind_of(e->program, &e->kind)) {
		report(
		    "'%s --how' names neither podman nor docker: '%s'", h->engine, e->program);
		return -1;
	}
	return 0;
}

const char *
engine_name(const struct engine *e)
{
	return e->kind == PODMAN ? "podman" : "docker";
}

/* podman's own complaints about systemd's absence are no reason for anything. */
static bool
is_noise(const char *line, size_t len)
{
	static const char *const noise[] = {"systemd connection", "failed to connect to syslog",
	    "Emulate Docker CLI", "legacy builder is deprecated"};
	cleanup_free char *copy = xstrndup(line, len);

	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++)
		if (strstr(copy, noise[i]))
			return true;
	return len == 0;
}

/* What the engine said, on one line, its end where it is long. */
static char *
gist(const struct strbuf *err)
{
	struct strbuf b = STRBUF_INIT;
	const char *p = err->s ? err->s : "";
	char *got;

	while (*p) {
		size_t len = strcspn(p, "\n");

		if (!is_noise(p, len)) {
			if (b.len)
				strbuf_puts(&b, "; ");
			strbuf_add(&b, p, len);
		}
		p += len + (p[len] == '\n');
	}
	got = pool_dup(!b.s                  ? "it says nothing"
		       : b.len > MESSAGE_MAX ? b.s + (b.len - MESSAGE_MAX)
					     : b.s);
	strbuf_free(&b);
	return got;
}

static int
call(const struct engine *e, struct strbuf *out, const struct words *args, bool quietly)
{
	struct strbuf err = STRBUF_INIT;
	struct words argv = {0};
	int status;

	words_add(&argv, e->program);
	words_add_all(&argv, args);
	/* The limit also gives it a process group of its own: Ctrl-C is for d to handle. */
	status = run(&(struct run){.argv = (const char *const *)argv.w,
	    .out = out,
	    .err = &err,
	    .discard_out = !out,
	    .timeout_ms = CALL_MS});
	if (status < 0)
		report("start '%s':", e->program);
	else if (status > 0 && !quietly)
		report("%s %s%s%s: %s", engine_name(e), args->n ? args->w[0] : "",
		    args->n > 1 ? " " : "", args->n > 1 ? args->w[args->n - 1] : "",
		    gist(&err));
	strbuf_free(&err);
	return status;
}

int
engine_words(const struct engine *e, struct strbuf *out, const struct words *args)
{
	return call(e, out, args, false);
}

int
engine_words_try(const struct engine *e, struct strbuf *out, const struct words *args)
{
	return call(e, out, args, true);
}

#define COLLECT(args, last)                                                                    \
	do {                                                                                   \
		va_list ap;                                                                    \
		const char *word;                                                              \
		va_start(ap, last);                                                            \
		while ((word = va_arg(ap, const char *)))                                      \
			words_add(&(args), word);                                              \
		va_end(ap);                                                                    \
	} while (0)

int
engine_call(const struct engine *e, struct strbuf *out, ...)
{
	struct words args = {0};

	COLLECT(args, out);
	return call(e, out, &args, false);
}

int
engine_try(const struct engine *e, struct strbuf *out, ...)
{
	struct words args = {0};

	COLLECT(args, out);
	return call(e, out, &args, true);
}

int
engine_quiet(
    const struct engine *e, struct strbuf *out, unsigned timeout_ms, const struct words *args)
{
	struct words argv = {0};

	words_add(&argv, e->program);
	words_add_all(&argv, args);
	return run(&(struct run){.argv = (const char *const *)argv.w,
	    .out = out,
	    .err = out,
	    .discard_out = !out,
	    .discard_err = !out,
	    .timeout_ms = timeout_ms});
}

int
engine_remove(const struct engine *e, const char *id, bool throwaway)
{
	const char *how = throwaway ? "-fv" : "-f";
	/* podman would ask it to end and wait; docker never does. */
	int bad = e->kind == PODMAN ? engine_call(e, NULL, "rm", how, "-t", "0", id, NULL)
				    : engine_call(e, NULL, "rm", how, id, NULL);

	return bad ? -1 : 0;
}

int
engine_attached(const struct engine *e, const struct words *args)
{
	struct words argv = {0};
	int status;
	pid_t pid;

	words_add(&argv, e->program);
	words_add_all(&argv, args);
	pid = fork();
	if (pid < 0) {
		report("fork:");
		return EXIT_TROUBLE;
	}
	if (pid == 0) {
		execvp(argv.w[0], argv.w);
		report("start '%s':", argv.w[0]);
		_exit(errno == ENOENT ? 127 : 126);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- what it tells ---- */

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

static const char *
full_id(const char *id)
{
	return !id ? "" : strncmp(id, "sha256:", 7) == 0 ? id : pool_printf("sha256:%s", id);
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
see_object(const json_t *o, struct seen *out)
{
	const char *name = text_at(o, "Name");

	*out = (struct seen){0};
	out->id = text_at(o, "Id");
	out->name = !name ? "" : *name == '/' ? name + 1 : name;
	out->image = full_id(text_at(o, "Image"));
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
	see_addresses(o, out);
	see_ports(o, out);
	out->key = label(o, "whittle.name");
	out->role = label(o, "whittle.role");
	out->digest = label(o, "whittle.settings");
	out->transaction = label(o, "whittle.transaction");
	out->owner = label(o, "whittle.owner");
}

static json_t *
parse(const struct engine *e, const struct strbuf *out)
{
	json_error_t why;
	json_t *got = json_loadb(out->s ? out->s : "", out->len, 0, &why);

	if (!got)
		report("%s inspect: no JSON: %s", engine_name(e), why.text);
	return got;
}

static bool
says_gone(const struct strbuf *err)
{
	return err->s && (strstr(err->s, "o such") || strstr(err->s, "not known"));
}

/* One object of "inspect": 1, 0 where there is none, -1 after a message. */
static int
inspect(const struct engine *e, const char *type, const char *name, json_t **list)
{
	struct strbuf out = STRBUF_INIT, err = STRBUF_INIT;
	const char *const argv[] = {e->program, type, "inspect", name, NULL};
	int status = run(&(struct run){.argv = argv, .out = &out, .err = &err}), got = -1;

	*list = NULL;
	if (status == 0)
		*list = parse(e, &out);
	if (*list && json_array_size(*list) > 0)
		got = 1;
	else if (status > 0 && says_gone(&err))
		got = 0;
	else if (status > 0)
		report("%s %s inspect %s: %s", engine_name(e), type, name, gist(&err));
	else if (status < 0)
		report("start '%s':", e->program);
	strbuf_free(&out);
	strbuf_free(&err);
	return got;
}

int
engine_see(const struct engine *e, const char *name, struct seen *out)
{
	json_t *list;
	int got = inspect(e, "container", name, &list);

	if (got == 1)
		see_object(json_array_get(list, 0), out);
	json_decref(list);
	return got;
}

/* Every line of standard output becomes a word of args. podman fails to list at all where
 * somebody removes a thing while it looks: then it is asked again. */
static int
add_lines(const struct engine *e, struct words *args, const struct words *query)
{
	struct strbuf out = STRBUF_INIT;
	char *line, *save = NULL;
	int status = -1;

	for (int i = 0; i < LIST_TRIES && status; i++) {
		strbuf_cut(&out, 0);
		status = call(e, &out, query, i + 1 < LIST_TRIES);
	}
	if (status == 0 && out.s)
		for (line = strtok_r(out.s, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			if (!words_have(args, line))
				words_add(args, line);
	strbuf_free(&out);
	return status == 0 ? 0 : -1;
}

/* All objects of what the ids name. One that is gone by now is left out: the engine then
 * fails, but tells of the others all the same. */
static json_t *
inspect_all(const struct engine *e, const struct words *args)
{
	struct strbuf out = STRBUF_INIT;
	struct words argv = {0};
	json_t *list;

	words_add(&argv, e->program);
	words_add_all(&argv, args);
	run(&(struct run){.argv = (const char *const *)argv.w, .out = &out, .discard_err = 1});
	list = parse(e, &out);
	strbuf_free(&out);
	return list;
}

int
engine_see_all(const struct engine *e, struct seens *all)
{
	struct words query = {0}, args = {0};
	json_t *list, *o;
	size_t i;

	*all = (struct seens){0};
	words_add(&query, "ps");
	words_add(&query, "-aq");
	words_add(&query, "--no-trunc");
	words_add(&args, "container");
	words_add(&args, "inspect");
	if (add_lines(e, &args, &query))
		return -1;
	if (args.n == 2)
		return 0;
	list = inspect_all(e, &args);
	if (!list)
		return -1;
	all->v = pool_zero(json_array_size(list) + 1, sizeof(*all->v));
	json_array_foreach (list, i, o)
		see_object(o, &all->v[all->n++]);
	json_decref(list);
	return 0;
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

static void
listed_object(const json_t *o, struct seen *out)
{
	const json_t *name;
	size_t i;

	*out = (struct seen){0};
	out->id = text_at(o, "Id");
	name = json_array_get(json_object_get(o, "Names"), 0);
	out->name = pool_dup(json_string_value(name) ? json_string_value(name) : "");
	out->image = full_id(text_at(o, "ImageID"));
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
}

int
engine_list(const struct engine *e, struct seens *all)
{
	struct strbuf out = STRBUF_INIT;
	json_t *list = NULL, *o;
	size_t i;

	if (e->kind == DOCKER)
		return engine_see_all(e, all);
	*all = (struct seens){0};
	if (engine_call(e, &out, "ps", "-a", "--no-trunc", "--format", "json", NULL) == 0)
		list = parse(e, &out);
	strbuf_free(&out);
	if (!list)
		return -1;
	all->v = pool_zero(json_array_size(list) + 1, sizeof(*all->v));
	json_array_foreach (list, i, o)
		listed_object(o, &all->v[all->n++]);
	json_decref(list);
	return 0;
}

const struct seen *
seen_named(const struct seens *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i].name, name) == 0)
			return &all->v[i];
	return NULL;
}

static bool
has_test(const json_t *check)
{
	const char *first =
	    json_string_value(json_array_get(json_object_get(check, "Test"), 0));

	return first && strcmp(first, "NONE") != 0;
}

static void
image_object(const json_t *o, struct image *out)
{
	json_t *tag;
	size_t i;

	*out = (struct image){0};
	out->id = full_id(text_at(o, "Id"));
	out->user = text_at(o, "Config/User");
	out->created = engine_time(text_at(o, "Created"));
	out->health = has_test(at(o, "Config/Healthcheck")) || has_test(at(o, "Healthcheck")) ||
		      has_test(at(o, "HealthCheck"));
	json_array_foreach (at(o, "RepoTags"), i, tag)
		if (json_string_value(tag))
			words_add(&out->tags, json_string_value(tag));
}

int
engine_image(const struct engine *e, const char *reference, struct image *out)
{
	json_t *list;
	int got = inspect(e, "image", reference, &list);

	if (got == 1)
		image_object(json_array_get(list, 0), out);
	json_decref(list);
	return got;
}

/* "ID\tNAME:TAG\tCREATED\tSIZE": one line a name. */
static void
add_image(struct images *all, char *line)
{
	char *save = NULL, *id = strtok_r(line, "\t", &save),
	     *tag = strtok_r(NULL, "\t", &save);
	char *created = strtok_r(NULL, "\t", &save), *size = strtok_r(NULL, "\t", &save);
	struct image *i = NULL;
	struct tm tm = {0};

	if (!size)
		return;
	for (size_t k = 0; k < all->n && !i; k++)
		if (strcmp(all->v[k].id, full_id(id)) == 0)
			i = &all->v[k];
	if (!i) {
		i = &all->v[all->n++];
		i->id = full_id(pool_dup(id));
		i->size = pool_dup(size);
		if (strptime(created, "%Y-%m-%d %H:%M:%S", &tm))
			i->created = timegm(&tm);
	}
	if (!strstr(tag, "<none>"))
		words_add(&i->tags, tag);
}

int
engine_images(const struct engine *e, bool dangling, struct images *all)
{
	static const char format[] =
	    "{{.ID}}\t{{.Repository}}:{{.Tag}}\t{{.CreatedAt}}\t{{.Size}}";
	struct words query = {0}, lines = {0};

	*all = (struct images){0};
	words_add(&query, "images");
	words_add(&query, "--no-trunc");
	if (!dangling) {
		words_add(&query, "-f");
		words_add(&query, "dangling=false");
	}
	words_add(&query, "--format");
	words_add(&query, format);
	if (add_lines(e, &lines, &query))
		return -1;
	all->v = pool_zero(lines.n + 1, sizeof(*all->v));
	for (size_t i = 0; i < lines.n; i++)
		add_image(all, lines.w[i]);
	return 0;
}

/* Starts the engine and doesn't wait; what it says goes to the descriptor *out. */
static pid_t
start_beside(const struct engine *e, const struct words *args, int *out)
{
	struct words argv = {0};
	pid_t pid;

	words_add(&argv, e->program);
	words_add_all(&argv, args);
	*out = memfd_create("engine", MFD_CLOEXEC);
	pid = *out < 0 ? -1 : fork();
	if (pid == 0) {
		int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (dup2(nowhere, STDIN_FILENO) < 0 || dup2(*out, STDOUT_FILENO) < 0 ||
		    dup2(nowhere, STDERR_FILENO) < 0)
			_exit(126);
		execvp(argv.w[0], argv.w);
		_exit(127);
	}
	return pid;
}

static int
end_of(pid_t pid, int from, struct strbuf *out)
{
	char chunk[65536];
	off_t at = 0;
	ssize_t n;

	while (waitpid(pid, NULL, 0) < 0)
		if (errno != EINTR)
			return -1;
	for (; (n = pread(from, chunk, sizeof(chunk), at)) > 0; at += n)
		strbuf_add(out, chunk, (size_t)n);
	return (int)n;
}

int
engine_list_with_images(
    const struct engine *e, const struct words *names, struct seens *all, struct images *images)
{
	struct strbuf out = STRBUF_INIT;
	struct words args = {0};
	json_t *list = NULL, *o;
	cleanup_fd int from = -1;
	pid_t pid;
	size_t i;
	int bad;

	*images = (struct images){0};
	if (!names->n)
		return engine_list(e, all);
	words_add(&args, "image");
	words_add(&args, "inspect");
	words_add_all(&args, names);
	pid = start_beside(e, &args, &from);
	bad = engine_list(e, all);
	if (pid < 0 || end_of(pid, from, &out))
		report("start '%s':", e->program);
	else if (!bad)
		list = parse(e, &out);
	strbuf_free(&out);
	images->v = pool_zero(json_array_size(list) + 1, sizeof(*images->v));
	json_array_foreach (list, i, o)
		image_object(o, &images->v[images->n++]);
	bad = bad || !list;
	json_decref(list);
	return bad ? -1 : 0;
}

const struct image *
image_tagged(const struct images *all, const char *tag)
{
	for (size_t i = 0; tag && i < all->n; i++)
		if (words_have(&all->v[i].tags, tag))
			return &all->v[i];
	return NULL;
}
