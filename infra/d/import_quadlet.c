#include "import_quadlet.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "import_run.h"
#include "report.h"

/* WORDS: several in one value; NAME: without what Quadlet calls a unit by; TWO: joined with
 * another. */
enum kind { ONE, WORDS, YES_NO, NAME, PASSED_OVER, OURSELVES };

static const struct {
	const char *key, *option;
	enum kind kind;
} keys[] = {
    {"AddCapability", "--cap-add", WORDS},
    {"AddDevice", "--device", ONE},
    {"AddHost", "--add-host", ONE},
    {"AutoUpdate", NULL, PASSED_OVER},
    {"ContainerName", "--name", ONE},
    {"DNS", "--dns", ONE},
    {"DropCapability", "--cap-drop", WORDS},
    {"Entrypoint", "--entrypoint", ONE},
    {"Environment", "--env", WORDS},
    {"EnvironmentFile", "--env-file", ONE},
    {"Exec", NULL, OURSELVES},
    {"ExposeHostPort", NULL, PASSED_OVER},
    {"GIDMap", "--gidmap", ONE},
    {"Group", NULL, OURSELVES},
    {"GroupAdd", "--group-add", ONE},
    {"HealthCmd", "--health-cmd", ONE},
    {"HealthInterval", "--health-interval", ONE},
    {"HealthRetries", "--health-retries", ONE},
    {"HealthStartPeriod", "--health-start-period", ONE},
    {"HealthTimeout", "--health-timeout", ONE},
    {"HostName", "--hostname", ONE},
    {"IP", "--ip", ONE},
    {"IP6", "--ip6", ONE},
    {"Image", NULL, OURSELVES},
    {"Label", "--label", WORDS},
    {"LogDriver", "--log-driver", ONE},
    {"LogOpt", "--log-opt", ONE},
    {"Memory", "--memory", ONE},
    {"Mount", "--mount", ONE},
    {"Network", "--network", NAME},
    {"NetworkAlias", "--network-alias", ONE},
    {"NoNewPrivileges", "--security-opt", YES_NO},
    {"Notify", NULL, PASSED_OVER},
    {"PidsLimit", "--pids-limit", ONE},
    {"PodmanArgs", NULL, OURSELVES},
    {"PublishPort", "--publish", ONE},
    {"Pull", NULL, PASSED_OVER},
    {"ReadOnly", "--read-only", YES_NO},
    {"ReadOnlyTmpfs", NULL, PASSED_OVER},
    {"RunInit", "--init", YES_NO},
    {"SeccompProfile", "--security-opt", ONE},
    {"Secret", "--secret", ONE},
    {"ShmSize", "--shm-size", ONE},
    {"StopSignal", "--stop-signal", ONE},
    {"StopTimeout", "--stop-timeout", ONE},
    {"Sysctl", "--sysctl", WORDS},
    {"Timezone", "--tz", ONE},
    {"Tmpfs", "--tmpfs", ONE},
    {"UIDMap", "--uidmap", ONE},
    {"Ulimit", "--ulimit", ONE},
    {"User", NULL, OURSELVES},
    {"UserNS", "--userns", ONE},
    {"Volume", "--volume", NAME},
    {"WorkingDir", "--workdir", ONE},
};

struct unit {
	struct import *im;
	const char *file, *name, *beside;
	const char *section;
	struct words args, command, needs, extra;
	const char *image, *user, *group, *restart;
	json_t *ours;
	bool boots;
};

/* "%%" and "$$" stand for one. */
static const char *
plain(const char *s)
{
	char *out = pool_dup(s), *p = out;

	for (; *s; s++) {
		*p++ = *s;
		if ((s[0] == '%' && s[1] == '%') || (s[0] == '$' && s[1] == '$'))
			s++;
	}
	*p = '\0';
	return out;
}

/* What a quoted word says by a backslash and a letter, words_split() leaves to us. */
static void
split(const char *value, struct words *out)
{
	struct words raw = {0};
	char *text = pool_zero(strlen(value) + 1, 1), *p = text;

	for (const char *s = value; *s; s++)
		if (s[0] == '\\' && s[1] == 'n') {
			*p++ = '\n';
			s++;
		} else {
			*p++ = *s;
			if (s[0] == '\\' && s[1])
				*p++ = *++s;
		}
	words_split(&raw, text);
	for (size_t i = 0; i < raw.n; i++)
		words_add(out, plain(raw.w[i]));
}

static bool
is_yes(const char *value)
{
	return strcasecmp(value, "true") == 0 || strcasecmp(value, "yes") == 0 ||
	       strcasecmp(value, "on") == 0 || strcmp(value, "1") == 0;
}

/* "NAME.network:options" is NAME:options, "NAME.volume:/path" NAME:/path. */
static const char *
without_suffix(const char *value)
{
	static const char *const suffixes[] = {".network", ".volume", ".container"};
	const char *colon = value + strcspn(value, ":");

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t len = strlen(suffixes[i]);

		if ((size_t)(colon - value) > len &&
		    strncmp(colon - len, suffixes[i], len) == 0)
			return pool_printf(
			    "%.*s%s", (int)((size_t)(colon - value) - len), value, colon);
	}
	return value;
}

static char *
read_text(const char *path)
{
	enum { UNIT_MAX = 1 << 20 };
	cleanup_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char *text = pool_zero(UNIT_MAX, 1);

	return fd < 0 || read(fd, text, UNIT_MAX - 1) < 0 ? NULL : text;
}

/* Image=NAME.image means the unit of that name. */
static const char *
image_of_unit(const struct unit *u, const char *value)
{
	size_t len = strlen(value);
	const char *text, *at;

	if (len < 7 || strcmp(value + len - 6, ".image") != 0)
		return value;
	text = read_text(pool_printf("%s/%s", u->beside, value));
	at = text ? strstr(text, "\nImage=") : NULL;
	return at ? pool_dupn(at + 7, strcspn(at + 7, "\n")) : value;
}

/* Options that aren't known here, with the words behind them, are extra_docker's. */
static void
podman_args(struct unit *u, const char *value)
{
	struct words words = {0}, *to = &u->args;

	split(value, &words);
	for (size_t i = 0; i < words.n; i++) {
		if (words.w[i][0] == '-')
			to = import_run_knows(words.w[i]) ? &u->args : &u->extra;
		words_add(to, words.w[i]);
	}
}

static void
container_key(struct unit *u, const char *key, const char *value)
{
	struct words words = {0};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *option = keys[i].option;

		if (strcmp(keys[i].key, key) != 0)
			continue;
		if (keys[i].kind == WORDS)
			split(value, &words);
		for (size_t k = 0; k < words.n; k++)
			words_addf(&u->args, "%s=%s", option, words.w[k]);
		if (strcmp(key, "SeccompProfile") == 0)
			words_addf(&u->args, "%s=seccomp=%s", option, plain(value));
		else if (keys[i].kind == ONE)
			words_addf(&u->args, "%s=%s", option, plain(value));
		else if (keys[i].kind == NAME)
			words_addf(&u->args, "%s=%s", option, without_suffix(plain(value)));
		else if (strcmp(key, "NoNewPrivileges") == 0 && is_yes(value))
			words_addf(&u->args, "%s=no-new-privileges", option);
		else if (keys[i].kind == YES_NO && option &&
			 strcmp(key, "NoNewPrivileges") != 0)
			words_addf(&u->args, "%s=%s", option, is_yes(value) ? "true" : "false");
		if (keys[i].kind != OURSELVES)
			return;
	}
	if (strcmp(key, "Image") == 0)
		u->image = image_of_unit(u, plain(value));
	else if (strcmp(key, "User") == 0)
		u->user = plain(value);
	else if (strcmp(key, "Group") == 0)
		u->group = plain(value);
	else if (strcmp(key, "Exec") == 0)
		split(value, &u->command);
	else if (strcmp(key, "PodmanArgs") == 0)
		podman_args(u, value);
	else
		import_note(u->im, u->name, key, "isn't taken over");
}

static void
other_key(struct unit *u, const char *key, const char *value)
{
	struct words words = {0};

	if (strcmp(u->section, "X-Whittle") == 0 && strcmp(key, "Settings") == 0) {
		u->ours = json_loads(value, 0, NULL);
	} else if (strcmp(u->section, "Service") == 0 && strcmp(key, "Restart") == 0) {
		u->restart = strcmp(value, "always") == 0    ? "always"
			     : strncmp(value, "on-", 3) == 0 ? "on-failure"
							     : "no";
	} else if (strcmp(u->section, "Install") == 0 && strcmp(key, "WantedBy") == 0) {
		u->boots = true;
	} else if (strcmp(u->section, "Unit") == 0 &&
		   (strcmp(key, "Requires") == 0 || strcmp(key, "BindsTo") == 0)) {
		split(value, &words);
		for (size_t i = 0; i < words.n; i++) {
			const char *dot = strstr(words.w[i], ".service");

			if (dot)
				words_add(&u->needs,
				    pool_dupn(words.w[i], (size_t)(dot - words.w[i])));
		}
	}
}

static void
take_line(struct unit *u, char *line)
{
	char *sign = strchr(line, '='), *end;

	line += strspn(line, " \t");
	if (!*line || *line == '#' || *line == ';')
		return;
	if (*line == '[') {
		u->section = pool_dupn(line + 1, strcspn(line + 1, "]"));
		return;
	}
	if (!sign)
		return;
	for (end = sign; end > line && strchr(" \t", end[-1]); end--)
		;
	*end = '\0';
	sign += 1 + strspn(sign + 1, " \t");
	if (strcmp(u->section, "Container") == 0)
		container_key(u, line, sign);
	else
		other_key(u, line, sign);
}

/* Lines that end in a backslash go on in the next one. */
static void
take_lines(struct unit *u, const char *text)
{
	char *copy = pool_dup(text), *line = copy, *p = copy;

	for (; *p; p++) {
		if (p[0] == '\\' && p[1] == '\n') {
			p[0] = p[1] = ' ';
		} else if (*p == '\n') {
			*p = '\0';
			take_line(u, line);
			line = p + 1;
		}
	}
	take_line(u, line);
}

static void
add_rest(struct unit *u, json_t *service)
{
	json_t *needs = json_array(), *extra = json_array();

	if (u->restart)
		json_object_set_new(service, "restart",
		    json_string(
			u->boots && strcmp(u->restart, "no") != 0 ? "always" : u->restart));
	for (size_t i = 0; i < u->needs.n; i++)
		json_array_append_new(needs, json_string(u->needs.w[i]));
	if (json_array_size(needs))
		json_object_set(service, "depends_on", needs);
	json_decref(needs);
	for (size_t i = 0; i < u->extra.n; i++)
		json_array_append_new(extra, json_string(u->extra.w[i]));
	if (json_array_size(extra))
		json_object_set(service, "x-extra", extra);
	json_decref(extra);
	if (u->ours)
		json_object_set_new(service, "x-whittle", u->ours);
	/* Quadlet removes what has ended, whatever the unit says. */
	json_object_del(service, "x-rm");
}

int
import_quadlet(struct import *im, const char *file, const char *text, const char *beside)
{
	const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file, *name;
	struct unit u = {.im = im, .file = file, .beside = beside, .section = ""};
	json_t *service;

	u.name = pool_dupn(base, strcspn(base, "."));
	take_lines(&u, text);
	if (!u.image) {
		report("%s: no Image= in a section [Container]", file);
		return -1;
	}
	if (u.user)
		words_addf(&u.args, "--user=%s%s%s", u.user, u.group ? ":" : "",
		    u.group ? u.group : "");
	words_add(&u.args, "--");
	words_add(&u.args, u.image);
	words_add_all(&u.args, &u.command);
	service = import_run(&u.args, &name);
	if (!service)
		return -1;
	add_rest(&u, service);
	import_service(im, u.name, service, NULL);
	json_decref(service);
	return 0;
}
