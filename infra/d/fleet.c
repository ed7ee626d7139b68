#include "fleet.h"

#include <ctype.h>
#include <string.h>

#include "reader.h"
#include "settings.h"
#include "values_names.h"

static int
words_at(struct settings *s, const struct node *map, const char *key, struct words *out)
{
	const struct node *n = settings_get(map, key);
	const char *text;

	for (size_t i = 0; n && i < (n->kind == NODE_LIST ? n->count : 1); i++) {
		if (settings_string(s, n->kind == NODE_LIST ? n->item[i] : n, &text))
			return -1;
		words_add(out, text);
	}
	return 0;
}

static int
text_at(struct settings *s, const struct node *map, const char *key, const char **out)
{
	const struct node *n = settings_get(map, key);
	const char *text;

	if (!n)
		return 0;
	if (settings_string(s, n, &text))
		return -1;
	*out = *text ? pool_dup(text) : NULL;
	return 0;
}

static int
env_at(struct settings *s, const struct node *map, struct pairs *out)
{
	const struct node *n = settings_get(map, "env");
	const char *text;

	if (n && n->kind != NODE_MAP) {
		settings_error(s, n, "want a map of NAME: VALUE");
		return -1;
	}
	for (size_t i = 0; n && i < n->count; i++) {
		if (!is_variable(n->key[i]->text, strlen(n->key[i]->text))) {
			settings_error(s, n->key[i],
			    "'%s': want a name of letters, digits and '_'", n->key[i]->text);
			return -1;
		}
		if (settings_string(s, n->item[i], &text))
			return -1;
		put_pair(out, (struct pair){pool_dup(n->key[i]->text), pool_dup(text)});
	}
	return 0;
}

/* HOST[:PORT][/PATH], as names of images begin: what has no '.' and no port is no host. */
static bool
is_registry(const char *text)
{
	size_t host = strcspn(text, ":/"), end = strcspn(text, "/");
	const char *port = text + host + 1, *path = text + end;

	for (size_t i = 0; i < host; i++)
		if (!isalnum((unsigned char)text[i]) && (!i || !strchr(".-", text[i])))
			return false;
	if (end == host && !memchr(text, '.', host))
		return false;
	if (end > host && (port == path || strspn(port, "0123456789") != (size_t)(path - port)))
		return false;
	return host && !strstr(path, "//") && text[strlen(text) - 1] != '/' &&
	       !path[strspn(path, "abcdefghijklmnopqrstuvwxyz0123456789._-/")];
}

/* An argument that begins with "-" would be an option to ssh. */
static int
read_one(struct settings *s, const struct node *key, const struct node *n, struct fleet_host *h)
{
	static const char *const known[] = {"engine", "env", "labels", "options", "registry",
	    "ssh", "state", "tls", "wave", NULL};
	const struct node *wave, *tls;
	bool secure = true;
	static const char *const clusters[] = {"swarm", "kube"};
	const char *text;

	*h = (struct fleet_host){.name = pool_dup(key->text), .wave = 1};
	if (!is_name(h->name)) {
		settings_error(s, key, "'%s' is no name for a host", h->name);
		return -1;
	}
	if (n->kind == NODE_SCALAR) {
		if (settings_string(s, n, &text))
			return -1;
		h->ssh = pool_dup(text);
	} else if (n->kind == NODE_MAP) {
		settings_known(s, n, known, NULL);
		if (text_at(s, n, "ssh", &h->ssh) || words_at(s, n, "options", &h->options) ||
		    text_at(s, n, "state", &h->state) || text_at(s, n, "engine", &h->engine) ||
		    words_at(s, n, "labels", &h->labels) || env_at(s, n, &h->env) ||
		    text_at(s, n, "registry", &h->registry))
			return -1;
		tls = settings_get(n, "tls");
		if (tls && settings_bool(s, tls, &secure))
			return -1;
		h->plain = !secure;
		wave = settings_get(n, "wave");
		if (wave && settings_integer(s, wave, 0, 1000, &h->wave))
			return -1;
	}
	for (size_t i = 0; i < 2; i++)
		if (strcmp(h->name, clusters[i]) == 0 || words_have(&h->labels, clusters[i])) {
			settings_error(s, key,
			    "'%s' in 'on' is what runs containers on many hosts, and no host "
			    "or "
			    "label",
			    clusters[i]);
			return -1;
		}
	if (!h->ssh || !*h->ssh || *h->ssh == '-') {
		settings_error(s, n, "want [USER@]HOST, or a map with it as ssh");
		return -1;
	}
	if (h->registry && !is_registry(h->registry)) {
		settings_error(s, n, "registry: '%s': want HOST[:PORT][/PATH], without a tag",
		    h->registry);
		return -1;
	}
	if (h->state && *h->state != '/') {
		settings_error(s, n, "state: '%s': want an absolute path", h->state);
		return -1;
	}
	return 0;
}

void
fleet_read(struct settings *s, struct fleet *out)
{
	const struct node *map = settings_get(s->root, "hosts");
	struct fleet_host h;

	if (map && map->kind != NODE_MAP) {
		settings_error(s, map, "want a map of hosts, by their names");
		return;
	}
	for (size_t i = 0; map && i < map->count; i++) {
		struct fleet_host *same = NULL;

		if (read_one(s, map->key[i], map->item[i], &h))
			continue;
		for (size_t k = 0; k < out->n; k++)
			if (strcmp(out->v[k].name, h.name) == 0)
				same = &out->v[k];
		if (same)
			*same = h;
		else
			*GROW(*out) = h;
	}
}

const struct fleet_host *
fleet_host(const struct fleet *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].name, name) == 0)
			return &f->v[i];
	return NULL;
}

bool
fleet_pick(const struct fleet *f, const char *word, struct fleet *out)
{
	const struct fleet_host *one = word ? fleet_host(f, word) : NULL;
	size_t at;

	*out = (struct fleet){0};
	if (one)
		*GROW(*out) = *one;
	for (size_t i = 0; !one && i < f->n; i++)
		if (!word || words_have(&f->v[i].labels, word)) {
			GROW(*out);
			for (at = out->n - 1; at && out->v[at - 1].wave > f->v[i].wave; at--)
				out->v[at] = out->v[at - 1];
			out->v[at] = f->v[i];
		}
	return out->n > 0;
}
