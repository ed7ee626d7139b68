#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "imageid.h"
#include "report.h"
#include "run.h"
#include "strbuf.h"

enum {
	MESSAGE_MAX = 600,
	LIMIT_S = 15 * 60,
	QUESTION_S = 60,
	HURRY_MS = 60000,
	TIMED_OUT = 124
};

/* ---- which engine ---- */

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

/* infra/engine says once how to run the engine, so that later calls run it directly. */
static int
ask_how(struct engine *e)
{
	struct strbuf out = STRBUF_INIT;
	const char *const how[] = {e->command, "--how", NULL};
	static const char *const question[] = {"version", NULL};
	int status = run(
	    &(struct run){.argv = how, .out = &out, .timeout_ms = engine_limit_for(question)});
	char *line, *save = NULL, *sign;

	if (status == TIMED_OUT)
		report("'%s --how': no answer in time", e->command);
	else if (status < 0 || status > 125)
		report("start '%s': status %d", e->command, status);
	if (status) {
		strbuf_free(&out);
		return -1;
	}
	line = out.s ? strtok_r(out.s, "\n", &save) : NULL;
	e->program = xstrdup(line ? line : "");
	while (line && (line = strtok_r(NULL, "\n", &save)))
		if ((sign = strchr(line, '='))) {
			*sign = '\0';
			setenv(line, sign + 1, 1);
		}
	strbuf_free(&out);
	return 0;
}

/* Whether systemd would time health checks: the user's own where podman isn't root's, which a
 * user without a session and without lingering doesn't have. */
static bool
has_timers(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	cleanup_free char *private = runtime && *runtime
					 ? xasprintf("%s/systemd/private", runtime)
					 : xasprintf("/run/user/%u/systemd/private", geteuid());

	return access("/run/systemd/system", F_OK) == 0 &&
	       (geteuid() == 0 || access(private, F_OK) == 0);
}

char *
engine_beside(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	cleanup_free char *beside = NULL;

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	beside = xasprintf("%.*s/whittle-engine", (int)(strrchr(path, '/') - path), path);
	return access(beside, X_OK) == 0 ? steal_pointer(&beside) : NULL;
}

int
engine_open(struct engine *e, const char *command)
{
	*e = (struct engine){.command = command, .no_timers = !has_timers()};
	if (kind_of(command, &e->kind) == 0) {
		e->program = xstrdup(command);
		return 0;
	}
	if (ask_how(e))
		return -1;
	if (kind_of(e->program, &e->kind) == 0)
		return 0;
	report("'%s --how' names neither podman nor docker: '%s'", command, e->program);
	engine_close(e);
	return -1;
}

void
engine_close(struct engine *e)
{
	free(e->program);
	e->program = NULL;
}

const char *
engine_name(const struct engine *e)
{
	return e->kind == PODMAN ? "podman" : "docker";
}

/* ---- running it ---- */

unsigned
engine_limit_ms(void)
{
	const char *text = getenv("WHITTLE_ENGINE_LIMIT");
	double seconds = text ? strtod(text, NULL) : 0;

	return seconds > 0 && seconds < 86400 ? (unsigned)(seconds * 1000) : LIMIT_S * 1000;
}

static bool
is_among(const char *word, const char *const *list)
{
	while (word && *list && strcmp(word, *list) != 0)
		list++;
	return word && *list;
}

/* Whether it only asks, which takes an engine no time. */
static bool
is_question(const char *const *args)
{
	static const char *const of_nothing[] = {
	    "ps", "images", "info", "version", "inspect", NULL};
	static const char *const things[] = {"container", "image", "network", "volume", NULL};
	static const char *const of_things[] = {"inspect", "exists", "ls", NULL};

	return is_among(args[0], of_nothing) ||
	       (is_among(args[0], things) && is_among(args[1], of_things));
}

unsigned
engine_limit_for(const char *const *args)
{
	unsigned most = engine_limit_ms();

	return is_question(args) && most > QUESTION_S * 1000 ? QUESTION_S * 1000 : most;
}

char **
engine_argv(const struct engine *e, const char *const *args)
{
	char **argv;
	size_t n = 0;

	while (args[n])
		n++;
	argv = xcalloc(n + 2, sizeof(*argv));
	argv[0] = xstrdup(e->program);
	for (size_t i = 0; i < n; i++)
		argv[i + 1] = imageid_own(e, args[i]);
	return argv;
}

int
engine_run(
    const struct engine *e, const char *const *args, struct strbuf *out, struct strbuf *err)
{
	char **argv = engine_argv(e, args);
	int status, error;

	/* The limit also gives it a process group of its own: Ctrl-C is for us to handle. */
	status = run(&(struct run){.argv = (const char *const *)argv,
	    .out = out,
	    .err = err,
	    .discard_out = !out,
	    .discard_err = !err,
	    .timeout_ms = engine_limit_for(args),
	    .hurry = e->interrupted,
	    .hurry_ms = HURRY_MS});
	error = errno;
	for (char **word = argv; *word; word++)
		free(*word);
	free(argv);
	errno = error;
	return status;
}

/* ---- does it exist: yes, no, or unknown ---- */

/* "get NAME: no such volume", "network NAME not found": newer docker's, behind "Error …: ". */
static bool
is_newer_way(const char *type, const char *line)
{
	size_t len = strcspn(line, "\n");
	const char *begin = strcmp(type, "volume") == 0 ? "get " : "network ";
	const char *end = strcmp(type, "volume") == 0 ? ": no such volume" : " not found";
	size_t begins = strlen(begin), ends = strlen(end);

	return (strcmp(type, "volume") == 0 || strcmp(type, "network") == 0) &&
	       len > begins + ends && strncmp(line, begin, begins) == 0 &&
	       strncmp(line + len - ends, end, ends) == 0;
}

bool
engine_says_missing(const char *type, const char *err)
{
	static const char *const before[] = {"Error: ", "Error response from daemon: "};
	cleanup_free char *exact = xasprintf("no such %s: ", type);
	const char *const after[] = {exact, "no such object: "};
	bool found = false;

	for (const char *line = err; line && !found; line = strchr(line, '\n')) {
		line += *line == '\n';
		for (size_t i = 0; i < 4; i++) {
			size_t len = strlen(before[i / 2]);

			if (strncasecmp(line, before[i / 2], len) == 0 &&
			    (strncasecmp(line + len, after[i % 2], strlen(after[i % 2])) == 0 ||
				is_newer_way(type, line + len)))
				found = true;
		}
	}
	return found;
}

int
engine_missing(const struct engine *e, const char *type, const char *name, int status,
    const struct strbuf *err)
{
	const char *const args[] = {type, "exists", name, NULL};
	cleanup_free char *gist = NULL;

	if (status < 0) {
		report("start '%s':", e->program);
		return -1;
	}
	if (e->kind == DOCKER ? engine_says_missing(type, err->s)
			      : status != TIMED_OUT && engine_run(e, args, NULL, NULL) == 1)
		return 0;
	gist = engine_gist(err);
	report("%s %s inspect %s: %s", engine_name(e), type, name,
	    status == TIMED_OUT ? "no answer in time" : gist);
	return -1;
}

int
engine_exists(const struct engine *e, const char *type, const char *name)
{
	const char *const args[] = {type, e->kind == PODMAN ? "exists" : "inspect", name, NULL};
	struct strbuf err = STRBUF_INIT;
	int status = engine_run(e, args, NULL, &err), got;

	if (e->kind == PODMAN && status == 1)
		got = 0;
	else
		got = status == 0 ? 1 : engine_missing(e, type, name, status, &err);
	strbuf_free(&err);
	return got;
}

/* ---- error messages ---- */

/* podman's warnings that systemd is missing never explain a failure. */
static bool
is_noise(const char *line, size_t len)
{
	static const char *const noise[] = {"systemd connection", "failed to connect to syslog",
	    "Emulate Docker CLI", "legacy builder is deprecated"};

	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++)
		if (memmem(line, len, noise[i], strlen(noise[i])))
			return true;
	return len == 0;
}

char *
engine_gist(const struct strbuf *err)
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
	got = xstrdup(!b.s                  ? "no error message"
		      : b.len > MESSAGE_MAX ? b.s + (b.len - MESSAGE_MAX)
					    : b.s);
	strbuf_free(&b);
	return got;
}

/* locating item named "manifest" for image with ID "…" (consider removing the image to resolve
 * the issue): file does not exist. In a warning the quotes stand behind backslashes. */
const char *
engine_half_made(const char *err, char id[IMAGE_HEX + 1])
{
	static const char begin[] = "image with ID ", end[] = " (consider removing the image";

	while (err && (err = strstr(err, begin))) {
		err += sizeof(begin) - 1;
		err += strspn(err, "\\\"");
		if (strspn(err, "0123456789abcdef") == IMAGE_HEX) {
			const char *after = err + IMAGE_HEX;

			after += strspn(after, "\\\"");
			if (strncmp(after, end, sizeof(end) - 1) == 0) {
				memcpy(id, err, IMAGE_HEX);
				id[IMAGE_HEX] = '\0';
				return after;
			}
		}
	}
	return NULL;
}
