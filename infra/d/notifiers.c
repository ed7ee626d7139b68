#include "notifiers.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"
#include "settings.h"
#include "strbuf.h"

/* Every event that there is, in what `events` may name. */
static const char *const known_events[] = {"adopted", "all", "built", "changed",
    "data-restored", "failed", "gone-back", "job-done", "job-ended", "job-failed", "outdated",
    "promoted", "quarantined", "refused", "reloaded", "scan", "started", "stopped", "tested",
    "update", NULL};

/* Those that somebody has to look at, and what was done while nobody looked. */
static const char *const usual_events[] = {"data-restored", "failed", "gone-back", "job-failed",
    "outdated", "refused", "update", NULL};

/* What a template may name. */
static const char *const variables[] = {
    "EVENT", "HOST", "IMAGE", "NAME", "TEXT", "TIME", "TITLE", NULL};

static const char *const kinds[] = {"ntfy", "gotify", "mail", "webhook"};

struct reading {
	struct settings *s;
	const char *base;
	struct notifiers *all;
};

/* ---- single values ---- */

/* The key's text; NULL where it isn't there, is empty or wrong. */
static const char *
text_at(struct reading *r, const struct node *map, const char *key)
{
	const struct node *n = settings_get(map, key);
	const char *text;

	if (!n || settings_string(r->s, n, &text) || !*text)
		return NULL;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' && strcmp(key, "template") != 0) {
			settings_error(r->s, n, "%s: want one line of text", key);
			return NULL;
		}
	return pool_dup(text);
}

static const char *
path_at(struct reading *r, const struct node *map, const char *key)
{
	const char *path = text_at(r, map, key), *home = getenv("HOME");

	if (!path || *path == '/')
		return path;
	return strncmp(path, "~/", 2) == 0 && home ? pool_printf("%s/%s", home, path + 2)
						   : pool_printf("%s/%s", r->base, path);
}

static void
list_at(struct reading *r, const struct node *map, const char *key, struct words *out)
{
	const struct node *n = settings_get(map, key);
	const char *text;

	for (size_t i = 0; n && i < (n->kind == NODE_LIST ? n->count : 1); i++)
		if (settings_string(r->s, n->kind == NODE_LIST ? n->item[i] : n, &text) == 0 &&
		    *text)
			words_add(out, text);
}

static void
url_at(struct reading *r, const struct node *map, const char *key, const char *const *schemes,
    struct notifier *out)
{
	const struct node *n = settings_get(map, key);
	const char *text = text_at(r, map, key);

	for (size_t i = 0; text && schemes[i]; i++)
		if (strncmp(text, schemes[i], strlen(schemes[i])) == 0 &&
		    text[strlen(schemes[i])] && !strpbrk(text, " \"\\")) {
			out->url = text;
			return;
		}
	settings_error(r->s, n ? n : map, "%s: want an address that begins with %s or %s", key,
	    schemes[0], schemes[1]);
}

/* ---- events and quiet hours ---- */

static void
events_at(struct reading *r, const struct node *map, const char *key, struct words *out)
{
	const struct node *n = settings_get(map, key);
	struct words said = {0};
	const char *near;

	list_at(r, map, key, &said);
	for (size_t i = 0; i < said.n; i++) {
		if (!among(said.w[i], known_events)) {
			near = nearest_word(said.w[i], known_events);
			settings_error(r->s, n, "there is no event '%s'%s%s%s", said.w[i],
			    near ? "; is '" : "", near ? near : "", near ? "' meant?" : "");
		}
		words_add(out, said.w[i]);
	}
	if (!n && strcmp(key, "events") == 0)
		for (size_t i = 0; usual_events[i]; i++)
			words_add(out, usual_events[i]);
}

/* "22:00-07:00" */
static void
quiet_at(struct reading *r, const struct node *map, struct notifier *out)
{
	const char *text = text_at(r, map, "quiet");
	int h[2], m[2], end = 0;

	if (!text)
		return;
	if (sscanf(text, "%2d:%2d-%2d:%2d%n", &h[0], &m[0], &h[1], &m[1], &end) != 4 ||
	    text[end] || h[0] < 0 || h[0] > 23 || h[1] < 0 || h[1] > 24 || m[0] < 0 ||
	    m[0] > 59 || m[1] < 0 || m[1] > 59 || h[1] * 60 + m[1] > 24 * 60) {
		settings_error(r->s, settings_get(map, "quiet"),
		    "'%s': want quiet hours such as \"22:00-07:00\"", text);
		return;
	}
	out->quiet_from = h[0] * 60 + m[0];
	out->quiet_to = h[1] * 60 + m[1];
}

/* ---- a template ---- */

static bool
is_json(const struct notifier *n)
{
	return strstr(n->type, "json") != NULL;
}

/* The value as it may stand between the quotes of a JSON string. */
static void
put_value(const struct notifier *n, struct strbuf *out, const char *value)
{
	struct strbuf json = STRBUF_INIT;

	if (!is_json(n)) {
		strbuf_puts(out, value);
		return;
	}
	strbuf_put_json(&json, value, strlen(value));
	strbuf_add(out, json.s + 1, json.len - 2);
	strbuf_free(&json);
}

char *
template_fill(const struct notifier *n, const char *const *values)
{
	struct strbuf b = STRBUF_INIT;
	const char *p = n->template, *dollar;
	char *got;

	for (; (dollar = strstr(p, "${")); p = dollar + strcspn(dollar, "}") + 1) {
		size_t len = strcspn(dollar + 2, "}");

		strbuf_add(&b, p, (size_t)(dollar - p));
		for (size_t i = 0; values[i]; i += 2)
			if (strlen(values[i]) == len &&
			    strncmp(values[i], dollar + 2, len) == 0)
				put_value(n, &b, values[i + 1]);
	}
	strbuf_puts(&b, p);
	got = pool_dup(b.s ? b.s : "");
	strbuf_free(&b);
	return got;
}

/* Its variables are known, and what comes out is what it says to be. */
static void
check_template(struct reading *r, const struct node *at, const struct notifier *n)
{
	const char *values[sizeof(variables) / sizeof(variables[0]) * 2] = {NULL}, *p;
	json_error_t why;
	json_t *got;

	for (p = n->template; (p = strstr(p, "${")); p += 2) {
		const char *name = pool_dupn(p + 2, strcspn(p + 2, "}"));

		if (!among(name, variables)) {
			settings_error(r->s, at,
			    "template: there is no '${%s}': want EVENT, HOST, IMAGE, NAME, "
			    "TEXT, "
			    "TIME or TITLE",
			    name);
			return;
		}
	}
	for (size_t i = 0; variables[i]; i++) {
		values[2 * i] = variables[i];
		values[2 * i + 1] = "\"";
	}
	if (!is_json(n))
		return;
	got = json_loads(template_fill(n, values), JSON_DECODE_ANY, &why);
	if (!got)
		settings_error(r->s, at, "template: what comes out isn't JSON: %s", why.text);
	json_decref(got);
}

static void
webhook(struct reading *r, const struct node *map, struct notifier *n)
{
	static const char *const schemes[] = {"https://", "http://", NULL};
	const struct node *template = settings_get(map, "template");
	const struct node *headers = settings_get(map, "headers");
	const char *text;

	url_at(r, map, "webhook", schemes, n);
	n->template = text_at(r, map, "template");
	if (!n->template)
		n->template = "{\"title\": \"${TITLE}\", \"text\": \"${TEXT}\", \"event\": "
			      "\"${EVENT}\", \"name\": \"${NAME}\", \"host\": \"${HOST}\"}";
	n->type = text_at(r, map, "type");
	if (!n->type)
		n->type = strchr("{[", *n->template) ? "application/json"
						     : "text/plain; charset=utf-8";
	check_template(r, template ? template : map, n);
	if (headers && headers->kind != NODE_MAP)
		settings_error(r->s, headers, "headers: want a map of NAME: VALUE");
	for (size_t i = 0; headers && headers->kind == NODE_MAP && i < headers->count; i++) {
		const char *name = headers->key[i]->text;

		if (!is_name(name) || settings_string(r->s, headers->item[i], &text) ||
		    strpbrk(text, "\r\n"))
			settings_error(
			    r->s, headers->key[i], "headers: want NAME: VALUE, one line each");
		else
			words_addf(&n->headers, "%s: %s", name, text);
	}
}

static bool
is_mail_address(const char *s)
{
	const char *at = strchr(s, '@');

	for (const char *p = s; *p; p++)
		if ((unsigned char)*p <= ' ' || strchr("<>,;\"\\", *p))
			return false;
	return *s != '-' && at && at > s && at[1] && !strchr(at + 1, '@');
}

static void
mail(struct reading *r, const struct node *map, struct notifier *n)
{
	static const char *const schemes[] = {"smtps://", "smtp://", NULL};

	list_at(r, map, "mail", &n->to);
	n->from = text_at(r, map, "from");
	for (size_t i = 0; i < n->to.n; i++)
		if (!is_mail_address(n->to.w[i]))
			settings_error(r->s, settings_get(map, "mail"),
			    "'%s': want an address such as me@example.org", n->to.w[i]);
	if (!n->to.n)
		settings_error(r->s, map, "mail: want an address such as me@example.org");
	if (n->from && !is_mail_address(n->from))
		settings_error(r->s, settings_get(map, "from"),
		    "'%s': want an address such as me@example.org", n->from);
	if (settings_get(map, "smtp")) {
		url_at(r, map, "smtp", schemes, n);
		if (!n->from)
			settings_error(r->s, map, "smtp needs from as well");
		if (settings_get(map, "sendmail"))
			settings_error(r->s, map, "either smtp or sendmail");
		return;
	}
	list_at(r, map, "sendmail", &n->sendmail);
	if (!n->sendmail.n)
		words_add(&n->sendmail, "sendmail");
}

/* ---- one of them ---- */

static void
credentials(struct reading *r, const struct node *map, struct notifier *n)
{
	const char *token = path_at(r, map, "token"), *password = path_at(r, map, "password");

	n->user = text_at(r, map, "user");
	n->secret = token ? token : password;
	if (token && password)
		settings_error(r->s, map, "either token or user and password");
	else if (!n->user != !password)
		settings_error(r->s, map, "user and password go together");
	else if (n->user && strchr(n->user, ':'))
		settings_error(
		    r->s, settings_get(map, "user"), "user: want a name without ':'");
	else if (n->kind == NOTIFY_GOTIFY && !token)
		settings_error(r->s, map, "gotify needs token, the file of an application's");
	else if (n->kind == NOTIFY_MAIL && (token || (password && !n->url)))
		settings_error(r->s, map, "mail: user and password go with smtp");
}

static const char *
name_for(const struct notifiers *all, const char *wanted)
{
	const char *name = wanted;

	for (size_t i = 0, next = 2; i < all->n; i++)
		if (strcmp(all->v[i].name, name) == 0) {
			name = pool_printf("%s-%zu", wanted, next++);
			i = (size_t)-1;
		}
	return name;
}

static void
read_one(struct reading *r, const struct node *map)
{
	static const char *const known[4][16] = {
	    {"ntfy", "token", "user", "password", "events", "urgent", "quiet", "name", NULL},
	    {"gotify", "token", "events", "urgent", "quiet", "name", NULL},
	    {"mail", "from", "smtp", "sendmail", "user", "password", "events", "urgent",
		"quiet", "name", NULL},
	    {"webhook", "template", "type", "headers", "token", "user", "password", "events",
		"urgent", "quiet", "name", NULL}};
	static const char *const schemes[] = {"https://", "http://", NULL};
	struct notifier n = {0};
	size_t kind = 0;

	while (kind < 4 && !settings_get(map, kinds[kind]))
		kind++;
	if (map->kind != NODE_MAP || kind == 4) {
		settings_error(
		    r->s, map, "notify: want a map with ntfy, gotify, mail or webhook");
		return;
	}
	settings_known(r->s, map, known[kind], NULL);
	n.kind = (enum notifier_kind)kind;
	if (n.kind == NOTIFY_WEBHOOK)
		webhook(r, map, &n);
	else if (n.kind == NOTIFY_MAIL)
		mail(r, map, &n);
	else
		url_at(r, map, kinds[kind], schemes, &n);
	credentials(r, map, &n);
	events_at(r, map, "events", &n.events);
	events_at(r, map, "urgent", &n.urgent);
	quiet_at(r, map, &n);
	n.name = text_at(r, map, "name");
	if (n.name && (!is_name(n.name) || strcmp(name_for(r->all, n.name), n.name) != 0))
		settings_error(r->s, settings_get(map, "name"),
		    "'%s': want a name that no other notifier has", n.name);
	if (!n.name)
		n.name = name_for(r->all, kinds[kind]);
	*GROW(*r->all) = n;
}

void
notifiers_read(struct settings *s, const char *base, struct notifiers *out)
{
	const struct node *n = settings_get(s->root, "notify");
	struct reading r = {s, base, out};

	if (!n)
		return;
	*out = (struct notifiers){0};
	if (n->kind == NODE_MAP)
		read_one(&r, n);
	else if (n->kind == NODE_LIST)
		for (size_t i = 0; i < n->count; i++)
			read_one(&r, n->item[i]);
	else if (!is_empty(n))
		read_one(&r, n);
}

/* ---- which events ---- */

bool
notifier_hears(const struct notifier *n, const char *event)
{
	return words_have(&n->events, "all") || words_have(&n->events, event);
}

bool
notifier_is_quiet(const struct notifier *n, const char *event, const struct tm *now)
{
	int at = now->tm_hour * 60 + now->tm_min;

	if (n->quiet_from == n->quiet_to || words_have(&n->urgent, "all") ||
	    words_have(&n->urgent, event))
		return false;
	return n->quiet_from < n->quiet_to ? at >= n->quiet_from && at < n->quiet_to
					   : at >= n->quiet_from || at < n->quiet_to;
}
