#include "import_run.h"

#include <stdio.h>
#include <string.h>

#include "report.h"

struct line {
	json_t *service;
	json_t *network; /* the first one's options; NULL: none is named yet */
};

/* ---- options with a form of their own ---- */

static json_t *
child(json_t *o, const char *key, json_t *empty)
{
	json_t *got = json_object_get(o, key);

	if (got) {
		json_decref(empty);
		return got;
	}
	json_object_set_new(o, key, empty);
	return empty;
}

static void
append(struct line *l, const char *key, const char *value)
{
	json_array_append_new(child(l->service, key, json_array()), json_string(value));
}

static void
add_network(struct line *l, const char *value)
{
	char *name = pool_dup(value), *options, *save = NULL;
	json_t *o;

	if (strcmp(value, "host") == 0 || strcmp(value, "none") == 0 ||
	    strcmp(value, "bridge") == 0 || strncmp(value, "container:", 10) == 0 ||
	    strncmp(value, "slirp4netns", 11) == 0 || strncmp(value, "pasta", 5) == 0) {
		if (*value != 's' && *value != 'p')
			json_object_set_new(l->service, "network_mode", json_string(value));
		return;
	}
	options = strchr(name, ':');
	if (options)
		*options++ = '\0';
	o = json_object();
	for (char *p = options ? strtok_r(options, ",", &save) : NULL; p;
	     p = strtok_r(NULL, ",", &save)) {
		if (strncmp(p, "alias=", 6) == 0)
			json_array_append_new(
			    child(o, "aliases", json_array()), json_string(p + 6));
		else if (strncmp(p, "ip=", 3) == 0 || strncmp(p, "ip6=", 4) == 0)
			json_object_set_new(o, "ipv4_address", json_string(strchr(p, '=') + 1));
	}
	json_object_set_new(child(l->service, "networks", json_object()), name, o);
	if (!l->network)
		l->network = o;
}

/* What is said of the one network, wherever it stands in the line. */
static void
add_ip(struct line *l, const char *value)
{
	json_object_set_new(l->service, "x-ip", json_string(value));
}

static void
add_alias(struct line *l, const char *value)
{
	append(l, "x-aliases", value);
}

static void
add_mount(struct line *l, const char *value)
{
	char *text = pool_dup(value), *save = NULL;
	json_t *o = json_object(), *memory = json_object();

	for (char *p = strtok_r(text, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		char *sign = strchr(p, '=');

		if (sign)
			*sign++ = '\0';
		if (strcmp(p, "type") == 0)
			json_object_set_new(o, "type", json_string(sign ? sign : ""));
		else if (strcmp(p, "source") == 0 || strcmp(p, "src") == 0)
			json_object_set_new(o, "source", json_string(sign ? sign : ""));
		else if (strcmp(p, "target") == 0 || strcmp(p, "destination") == 0 ||
			 strcmp(p, "dst") == 0)
			json_object_set_new(o, "target", json_string(sign ? sign : ""));
		else if ((strcmp(p, "readonly") == 0 || strcmp(p, "ro") == 0) &&
			 (!sign || strcmp(sign, "true") == 0))
			json_object_set_new(o, "read_only", json_true());
		else if (strcmp(p, "tmpfs-size") == 0 && sign)
			json_object_set_new(memory, "size", json_string(sign));
		else if (strcmp(p, "tmpfs-mode") == 0 && sign)
			json_object_set_new(memory, "mode", json_string(sign));
		else if (strcmp(p, "noexec") == 0)
			json_object_set_new(memory, "exec", json_false());
		else if (strcmp(p, "relabel") == 0 && sign)
			json_object_set_new(o, "bind",
			    json_pack(
				"{s:s}", "selinux", strcmp(sign, "shared") == 0 ? "z" : "Z"));
	}
	/* Programs there may be run unless it is said otherwise. */
	if (!json_object_get(memory, "exec"))
		json_object_set_new(memory, "exec", json_true());
	json_object_set_new(o, "tmpfs", memory);
	json_array_append_new(child(l->service, "volumes", json_array()), o);
}

static void
add_security(struct line *l, const char *value)
{
	char *text = pool_dup(value), *sign = strchr(text, '=');

	if (sign)
		*sign = ':';
	append(l, "security_opt", text);
}

static void
add_ulimit(struct line *l, const char *value)
{
	const char *sign = strchr(value, '='), *colon = sign ? strchr(sign, ':') : NULL;

	if (!sign)
		return;
	json_object_set_new(child(l->service, "ulimits", json_object()),
	    pool_dupn(value, (size_t)(sign - value)),
	    json_pack("{s:s, s:s}", "soft",
		pool_dupn(sign + 1, colon ? (size_t)(colon - sign - 1) : strlen(sign + 1)),
		"hard", colon ? colon + 1 : sign + 1));
}

/* podman's forms: an array of words, with a keyword or without, and "CMD WORD...". Otherwise it
 * is a shell's line: NULL. */
static json_t *
health_words(const char *value)
{
	json_t *list = *value == '[' ? json_loads(value, 0, NULL) : NULL;
	const char *first = json_string_value(json_array_get(list, 0));
	struct words words = {0};

	if (first && strncmp(first, "CMD", 3) != 0 && strcmp(first, "NONE") != 0) {
		json_array_insert_new(list, 0, json_string("CMD"));
	} else if (!list && strncmp(value, "CMD ", 4) == 0 && words_split(&words, value) == 0) {
		list = json_array();
		for (size_t i = 0; i < words.n; i++)
			json_array_append_new(list, json_string(words.w[i]));
	}
	return list;
}

static void
add_health(struct line *l, const char *value)
{
	json_t *list = health_words(value),
	       *health = child(l->service, "healthcheck", json_object());

	if (strcmp(value, "none") == 0)
		json_object_set_new(health, "disable", json_true());
	else
		json_object_set_new(health, "test",
		    json_is_array(list) ? json_incref(list) : json_string(value));
	json_decref(list);
}

static void
no_health(struct line *l, const char *value)
{
	(void)value;
	json_object_set_new(
	    child(l->service, "healthcheck", json_object()), "disable", json_true());
}

#define HEALTH(name, key)                                                                      \
	static void name(struct line *l, const char *value)                                    \
	{                                                                                      \
		json_object_set_new(                                                           \
		    child(l->service, "healthcheck", json_object()), key, json_string(value)); \
	}

HEALTH(health_interval, "interval")
HEALTH(health_timeout, "timeout")
HEALTH(health_retries, "retries")
HEALTH(health_start, "start_period")

static void
add_log_driver(struct line *l, const char *value)
{
	json_object_set_new(
	    child(l->service, "logging", json_object()), "driver", json_string(value));
}

static void
add_log_option(struct line *l, const char *value)
{
	const char *sign = strchr(value, '=');
	json_t *logging = child(l->service, "logging", json_object());

	if (sign)
		json_object_set_new(child(logging, "options", json_object()),
		    pool_dupn(value, (size_t)(sign - value)), json_string(sign + 1));
}

static void
add_stop_timeout(struct line *l, const char *value)
{
	json_object_set_new(
	    l->service, "stop_grace_period", json_string(pool_printf("%ss", value)));
}

static void
add_time_zone(struct line *l, const char *value)
{
	append(l, "environment", pool_printf("TZ=%s", value));
}

/* ---- the table ---- */

enum kind { TEXT, LIST, FLAG, FORM, SWITCH, PASSED_OVER, PASSED_OVER_VALUE };

static const struct option_word {
	const char *option;
	char letter;
	enum kind kind;
	const char *key; /* compose's */
	void (*form)(struct line *l, const char *value);
} options[] = {
    {"add-host", 0, LIST, "extra_hosts", NULL},
    {"annotation", 0, LIST, "annotations", NULL},
    {"cap-add", 0, LIST, "cap_add", NULL},
    {"cap-drop", 0, LIST, "cap_drop", NULL},
    {"cgroups", 0, PASSED_OVER_VALUE, NULL, NULL},
    {"cpus", 0, TEXT, "cpus", NULL},
    {"detach", 'd', PASSED_OVER, NULL, NULL},
    {"device", 0, LIST, "devices", NULL},
    {"dns", 0, LIST, "dns", NULL},
    {"dns-search", 0, LIST, "dns_search", NULL},
    {"entrypoint", 0, TEXT, "entrypoint", NULL},
    {"env", 'e', LIST, "environment", NULL},
    {"env-file", 0, LIST, "env_file", NULL},
    {"expose", 0, PASSED_OVER_VALUE, NULL, NULL},
    {"gidmap", 0, TEXT, "gidmap", NULL},
    {"gpus", 0, TEXT, "gpus", NULL},
    {"group-add", 0, LIST, "group_add", NULL},
    {"health-cmd", 0, FORM, NULL, add_health},
    {"health-interval", 0, FORM, NULL, health_interval},
    {"health-retries", 0, FORM, NULL, health_retries},
    {"health-start-period", 0, FORM, NULL, health_start},
    {"health-timeout", 0, FORM, NULL, health_timeout},
    {"hostname", 'h', TEXT, "hostname", NULL},
    {"init", 0, FLAG, "init", NULL},
    {"interactive", 'i', PASSED_OVER, NULL, NULL},
    {"ip", 0, FORM, NULL, add_ip},
    {"ip6", 0, FORM, NULL, add_ip},
    {"ipc", 0, TEXT, "ipc", NULL},
    {"label", 'l', LIST, "labels", NULL},
    {"log-driver", 0, FORM, NULL, add_log_driver},
    {"log-opt", 0, FORM, NULL, add_log_option},
    {"memory", 'm', TEXT, "mem_limit", NULL},
    {"memory-swap", 0, TEXT, "memswap_limit", NULL},
    {"mount", 0, FORM, NULL, add_mount},
    {"name", 0, TEXT, "container_name", NULL},
    {"net", 0, FORM, NULL, add_network},
    {"network", 0, FORM, NULL, add_network},
    {"network-alias", 0, FORM, NULL, add_alias},
    {"no-healthcheck", 0, SWITCH, NULL, no_health},
    {"pid", 0, TEXT, "pid", NULL},
    {"pids-limit", 0, TEXT, "pids_limit", NULL},
    {"platform", 0, TEXT, "platform", NULL},
    {"privileged", 0, FLAG, "privileged", NULL},
    {"publish", 'p', LIST, "ports", NULL},
    {"publish-all", 'P', FLAG, "publish_all", NULL},
    {"pull", 0, PASSED_OVER_VALUE, NULL, NULL},
    {"quiet", 'q', PASSED_OVER, NULL, NULL},
    {"read-only", 0, FLAG, "read_only", NULL},
    {"read-only-tmpfs", 0, PASSED_OVER, NULL, NULL},
    {"replace", 0, PASSED_OVER, NULL, NULL},
    {"restart", 0, TEXT, "restart", NULL},
    {"rm", 0, FLAG, "x-rm", NULL},
    {"sdnotify", 0, PASSED_OVER_VALUE, NULL, NULL},
    {"secret", 0, LIST, "secrets", NULL},
    {"security-opt", 0, FORM, NULL, add_security},
    {"shm-size", 0, TEXT, "shm_size", NULL},
    {"stop-signal", 0, TEXT, "stop_signal", NULL},
    {"stop-timeout", 0, FORM, NULL, add_stop_timeout},
    {"sysctl", 0, LIST, "sysctls", NULL},
    {"tmpfs", 0, LIST, "tmpfs", NULL},
    {"tty", 't', PASSED_OVER, NULL, NULL},
    {"tz", 0, FORM, NULL, add_time_zone},
    {"uidmap", 0, TEXT, "uidmap", NULL},
    {"ulimit", 0, FORM, NULL, add_ulimit},
    {"unsetenv", 0, LIST, "x-unsetenv", NULL},
    {"user", 'u', TEXT, "user", NULL},
    {"userns", 0, TEXT, "userns_mode", NULL},
    {"volume", 'v', LIST, "volumes", NULL},
    {"workdir", 'w', TEXT, "working_dir", NULL},
};

static bool
takes_value(const struct option_word *o)
{
	return o->kind != FLAG && o->kind != SWITCH && o->kind != PASSED_OVER;
}

static void
apply(struct line *l, const struct option_word *o, const char *value)
{
	switch (o->kind) {
	case TEXT:
		json_object_set_new(l->service, o->key, json_string(value));
		break;
	case LIST:
		append(l, o->key, value);
		break;
	case FLAG:
		json_object_set_new(
		    l->service, o->key, json_boolean(!value || strcmp(value, "false") != 0));
		break;
	case FORM:
	case SWITCH:
		o->form(l, value);
		break;
	case PASSED_OVER:
	case PASSED_OVER_VALUE:
		break;
	}
}

static const struct option_word *
option_named(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strncmp(options[i].option, name, len) == 0 && !options[i].option[len])
			return &options[i];
	return NULL;
}

static const struct option_word *
option_lettered(char letter)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].letter == letter)
			return &options[i];
	return NULL;
}

bool
import_run_knows(const char *word)
{
	if (word[0] != '-')
		return false;
	return word[1] == '-' ? option_named(word + 2, strcspn(word + 2, "=")) != NULL
			      : option_lettered(word[1]) != NULL;
}

static int
no_value(const char *word)
{
	report("option '%s' requires a value", word);
	return -1;
}

/* --NAME, --NAME=VALUE or --NAME VALUE. */
static int
long_option(struct line *l, const struct words *words, size_t *i)
{
	const char *word = words->w[*i], *sign = strchr(word, '=');
	size_t len = sign ? (size_t)(sign - word) - 2 : strlen(word) - 2;
	const struct option_word *o = option_named(word + 2, len);

	if (!o) {
		report("'%s' isn't an option of run that is known here", word);
		return -1;
	}
	if (!sign && takes_value(o) && ++*i == words->n)
		return no_value(word);
	apply(l, o, sign ? sign + 1 : takes_value(o) ? words->w[*i] : NULL);
	return 0;
}

/* -dit, -p VALUE or -pVALUE. */
static int
short_options(struct line *l, const struct words *words, size_t *i)
{
	const char *word = words->w[*i];

	for (const char *p = word + 1; *p; p++) {
		const struct option_word *o = option_lettered(*p);

		if (!o) {
			report("'%s' isn't an option of run that is known here", word);
			return -1;
		}
		if (!takes_value(o)) {
			apply(l, o, NULL);
			continue;
		}
		if (!p[1] && ++*i == words->n)
			return no_value(word);
		apply(l, o, p[1] ? p + 1 : words->w[*i]);
		break;
	}
	return 0;
}

/* An entry point may be a list in JSON. */
static void
finish_entrypoint(json_t *service)
{
	const char *text = json_string_value(json_object_get(service, "entrypoint"));
	json_t *list = text && *text == '[' ? json_loads(text, 0, NULL) : NULL;

	if (json_is_array(list))
		json_object_set(service, "entrypoint", list);
	else if (text)
		json_object_set_new(service, "entrypoint", json_pack("[s]", text));
	json_decref(list);
}

static void
finish_network(struct line *l)
{
	json_t *ip = json_object_get(l->service, "x-ip"),
	       *aliases = json_object_get(l->service, "x-aliases");

	if (l->network && ip)
		json_object_set(l->network, "ipv4_address", ip);
	if (l->network && aliases)
		json_object_set(l->network, "aliases", aliases);
}

/* "registry/path/name:tag" is called "name". */
static const char *
name_of_image(const char *image)
{
	const char *slash = strrchr(image, '/');

	image = slash ? slash + 1 : image;
	return pool_dupn(image, strcspn(image, ":@"));
}

json_t *
import_run(const struct words *words, const char **name)
{
	struct line l = {json_object(), NULL};
	json_t *command = json_array();
	size_t i = 0;
	int bad = 0;

	for (; !bad && i < words->n && words->w[i][0] == '-'; i++) {
		if (strcmp(words->w[i], "--") == 0) {
			i++;
			break;
		}
		bad = words->w[i][1] == '-' ? long_option(&l, words, &i)
					    : short_options(&l, words, &i);
	}
	if (!bad && i >= words->n) {
		report("the command line names no image");
		bad = -1;
	}
	if (bad) {
		json_decref(command);
		json_decref(l.service);
		return NULL;
	}
	json_object_set_new(l.service, "image", json_string(words->w[i]));
	*name = json_string_value(json_object_get(l.service, "container_name"));
	*name = *name ? pool_dup(*name) : name_of_image(words->w[i]);
	for (i++; i < words->n; i++)
		json_array_append_new(command, json_string(words->w[i]));
	if (json_array_size(command))
		json_object_set(l.service, "command", command);
	json_decref(command);
	finish_entrypoint(l.service);
	finish_network(&l);
	return l.service;
}
