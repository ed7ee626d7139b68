#include "values_life.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "settings.h"
#include "values_network.h"

int
take_log(struct reader *r, const struct node *n)
{
	const char *text;

	r->c->log = LOG_JSON;
	r->c->log_address = NULL;
	if (is_empty(n))
		return 0;
	if (text_value(r, n, &text))
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
		return wrong_value(
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
	if (text_value(r, n, &text))
		return -1;
	if (strncmp(text, "on-failure:", 11) == 0) {
		char *end;

		times = strtol(text + 11, &end, 10);
		if (end == text + 11 || *end || times < 1 || times > 1000)
			return wrong_value(r, n, "on-failure:N, N from 1 to 1000");
	} else if (strcmp(text, "no") != 0 && strcmp(text, "on-failure") != 0 &&
		   strcmp(text, "always") != 0 && strcmp(text, "unless-stopped") != 0) {
		return wrong_value(r, n, "no, on-failure[:N], always or unless-stopped");
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
	if (text_value(r, n, &text))
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
	if (text_value(r, n, &text))
		return -1;
	if (*text < '0' || *text > '9')
		return wrong_value(r, n, want);
	r->c->wave = strtol(text, &end, 10);
	if (r->c->wave > 99)
		return wrong_value(r, n, want);
	rest = end;
	if (strncmp(rest, ";host=", 6) == 0 && is_name(rest + 6))
		r->c->wave_host = rest + 6;
	else if (*rest)
		return wrong_value(r, n, want);
	return 0;
}

/* Which hosts there are only the host's settings know. */
int
take_on(struct reader *r, const struct node *n)
{
	const char *text;

	if (text_value(r, n, &text))
		return -1;
	if (!is_name(text))
		return wrong_value(r, n, "the name of a host, or a label of several");
	words_add(&r->c->on, text);
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
		return wrong_value(r, n, "pid or network");
	return 0;
}

int
take_need(struct reader *r, const struct node *n)
{
	static const char *const known[] = {"name", "shares", NULL};
	struct need need = {0};
	const struct node *shares;

	if (n->kind == NODE_MAP) {
		if (known_map(r, n, known, "name, shares") || text_in(r, n, "name", &need.name))
			return -1;
		shares = settings_get(n, "shares");
		if (shares && shares->kind == NODE_LIST) {
			for (size_t i = 0; i < shares->count; i++)
				if (add_share(r, shares->item[i], &need))
					return -1;
		} else if (shares && add_share(r, shares, &need)) {
			return -1;
		}
	} else if (text_value(r, n, &need.name)) {
		return -1;
	}
	if (!need.name || !is_name(need.name))
		return wrong_value(r, n, "the name of a container's directory");
	if (r->c->key && strcmp(need.name, r->c->key) == 0)
		return wrong_value(r, n, "another container than itself");
	*GROW(r->c->needs) = need;
	return 0;
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
			return wrong_value(
			    r, n, "none, or a map: command, interval, timeout, retries");
		r->c->health.off = true;
		return 0;
	}
	if (known_map(r, n, known, "command, interval, timeout, retries, start_period"))
		return -1;
	command = settings_get(n, "command");
	if (!command || is_empty(command)) {
		settings_error(r->s, n, "a health check without a command");
		return -1;
	}
	if (take_words(r, command, &h.command) || duration_in(r, n, "interval", &h.interval) ||
	    duration_in(r, n, "timeout", &h.timeout) ||
	    duration_in(r, n, "start_period", &h.start_period) ||
	    integer_in(r, n, "retries", 1, 100, &h.retries))
		return -1;
	r->c->health = h;
	return 0;
}

static bool
has_prefix(const char **text, const char *prefix)
{
	size_t len = strlen(prefix);

	if (strncmp(*text, prefix, len) != 0)
		return false;
	*text += len;
	return true;
}

/* "HOST:PORT", "[HOST]:PORT", ":PORT", "PORT", and where there is a default port "HOST". A host
 * is an address; localhost and none are either loopback address. */
static int
authority(const char *text, const char *default_port, struct ready *out)
{
	const char *end = *text == '[' ? strchr(text, ']') : NULL;
	const char *colon =
	    *text == '[' ? (end && end[1] == ':' ? end + 1 : NULL) : strrchr(text, ':');
	const char *port = colon ? colon + 1 : default_port ? default_port : text;
	size_t len = colon ? (size_t)(colon - text) : default_port ? strlen(text) : 0;
	long number;

	if (end)
		out->host = pool_dupn(text + 1, (size_t)(end - text - 1));
	else
		out->host = pool_dupn(text, len);
	if (!*out->host || strcmp(out->host, "localhost") == 0)
		out->host = NULL;
	if (!port_number(port, strlen(port), &number) ||
	    (out->host && !is_address(out->host)) || (*text == '[' && !end))
		return -1;
	out->port = (uint16_t)number;
	return 0;
}

/* "[http[s]://]AUTHORITY[/PATH]"; for tcp an authority alone. */
static int
endpoint(struct reader *r, const struct node *n, struct ready *out, bool http)
{
	const char *want = http ? "a URL such as http://:8080/healthz" : "PORT or HOST:PORT";
	const char *text, *slash, *default_port = NULL;

	if (text_value(r, n, &text))
		return -1;
	out->tls = http && has_prefix(&text, "https://");
	if (out->tls)
		default_port = "443";
	else if (http && has_prefix(&text, "http://"))
		default_port = "80";
	slash = http ? strchr(text, '/') : NULL;
	out->path = slash ? slash : "/";
	if (authority(pool_dupn(text, slash ? (size_t)(slash - text) : strlen(text)),
		default_port, out))
		return wrong_value(r, n, want);
	for (const char *p = out->path; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return wrong_value(r, n, want);
	return 0;
}

static int
ready_pattern(struct reader *r, const struct node *n, struct ready *out)
{
	char reason[128];
	regex_t re;
	int code;

	if (text_value(r, n, &out->pattern))
		return -1;
	code = regcomp(&re, out->pattern, REG_EXTENDED | REG_NOSUB);
	if (code) {
		regerror(code, &re, reason, sizeof(reason));
		settings_error(r->s, n, "'%s' is not a valid extended regular expression: %s",
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
		return text_value(r, n, &out->path) || take_target(r, n, &out->path);
	case READY_LOG:
		return ready_pattern(r, n, out);
	case READY_COMMAND:
		return take_words(r, n, &out->command) ||
		       (out->command.n == 0 && wrong_value(r, n, "a command"));
	case READY_NONE:
		break;
	}
	return 0;
}

/* host, ca and pin. */
static int
tls_of(struct reader *r, const struct node *n, struct ready *out)
{
	const struct node *host = settings_get(n, "host"), *pin = settings_get(n, "pin");

	if (text_in(r, n, "host", &out->name) || text_in(r, n, "ca", &out->ca) ||
	    text_in(r, n, "pin", &out->pin))
		return -1;
	if (host && (out->kind != READY_HTTP || !is_name(out->name)))
		return wrong_value(r, host, "the name of a host, with http");
	if ((out->ca || out->pin) && !out->tls) {
		settings_error(r->s, n, "ca and pin go with an https:// URL");
		return -1;
	}
	if (pin && strncmp(out->pin, "sha256//", 8) != 0)
		return wrong_value(r, pin, "sha256// and the base64 digest of a public key");
	if (out->ca && *out->ca != '/' && r->c->directory)
		out->ca = pool_printf("%s/%s", r->c->directory, out->ca);
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
	static const char *const known[] = {"http", "tcp", "unix", "log", "command", "ca",
	    "expect", "host", "pin", "status", "within", "stable", NULL};
	struct ready out = {.within = 30000, .stable = 5000};

	r->c->ready = out;
	if (is_empty(n))
		return 0;
	if (known_map(r, n, known,
		"one of http, tcp, unix, log, command; ca, expect, host, pin, status, within, "
		"stable"))
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
	if (tls_of(r, n, &out) || text_in(r, n, "expect", &out.expect) ||
	    integer_in(r, n, "status", 100, 599, &out.status) ||
	    duration_in(r, n, "within", &out.within) ||
	    duration_in(r, n, "stable", &out.stable))
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
		return wrong_value(r, n, "a pattern of absolute paths, such as /var/log/**");
	words_add(&r->c->scan_allow, text);
	return 0;
}

int
take_scan(struct reader *r, const struct node *n)
{
	static const char *const known[] = {"allow", NULL};
	const struct node *allow;

	r->c->scan_allow = (struct words){0};
	if (is_empty(n))
		return 0;
	if (known_map(r, n, known, "allow"))
		return -1;
	allow = settings_get(n, "allow");
	return allow ? each_value(r, allow, one_allow) : 0;
}
