#include "export_set.h"

#include <string.h>

#include "strbuf.h"
#include "yaml_json.h"

const char *const target_names[TARGETS + 1] = {"quadlet", "compose", "kube", "swarm", NULL};

const struct export_item *
export_item(const struct export *x, const char *key)
{
	for (size_t i = 0; i < x->items.n; i++)
		if (strcmp(x->items.v[i].c->key, key) == 0)
			return &x->items.v[i];
	return NULL;
}

void
export_add(struct export *x, const char *path, const char *bytes, size_t n, mode_t mode)
{
	*GROW(x->files) = (struct export_file){path, bytes, n, mode};
}

void
export_add_yaml(
    struct export *x, const char *path, const char *head, json_t *const *docs, size_t n)
{
	struct strbuf b = STRBUF_INIT;

	strbuf_puts(&b, head);
	for (size_t i = 0; i < n; i++) {
		if (n > 1)
			strbuf_puts(&b, "---\n");
		yaml_from_json(&b, docs[i]);
	}
	export_add(x, path, pool_dupn(b.s, b.len), b.len, 0644);
	strbuf_free(&b);
}

void
export_put(json_t *o, const char *key, json_t *value)
{
	if ((json_is_array(value) && !json_array_size(value)) ||
	    (json_is_object(value) && !json_object_size(value)))
		json_decref(value);
	else
		json_object_set_new(o, key, value);
}

json_t *
export_map(const struct pairs *list, json_t *(*text)(const char *))
{
	json_t *map = json_object();

	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].value)
			json_object_set_new(map, list->v[i].key, text(list->v[i].value));
	return map;
}

const char *
export_vol_source(const struct container *c, const struct volume *v)
{
	return v->path[0] == '/' ? v->path
				 : pool_printf("%s/%s/%s", c->vol_base, c->key, v->path);
}

const char *
export_seccomp_path(const struct export *x, const struct export_item *i)
{
	const char *s = i->c->seccomp;

	if (!s || *s != '/' || !i->seccomp_text || !x->dir)
		return s;
	return pool_printf("%s/seccomp/%s.json", x->dir, i->c->key);
}

const char *
export_user(const struct export_item *i)
{
	if (i->who)
		return pool_printf("%u:%u", (unsigned)i->who->uid, (unsigned)i->who->gid);
	return i->c->user;
}

const struct words *
export_groups(const struct export_item *i)
{
	return i->who ? &i->who->groups : &i->c->groups;
}

const char *
export_secret_name(const struct export_item *i, size_t k)
{
	return i->secrets.n ? i->secrets.w[k]
			    : pool_printf("%s-%s", i->c->key, i->c->secrets.v[k].name);
}

const char *
export_config(const struct export_item *i, const char *target)
{
	for (size_t k = 0; k < i->configs.n; k++)
		if (strcmp(i->configs.v[k].key, target) == 0)
			return i->configs.v[k].value;
	return NULL;
}

bool
export_has_places(const struct export_item *i)
{
	return i->c->mount_rw.n || i->c->mount_ro.n > i->configs.n || i->volumes.n;
}

void
export_command(const struct container *c, struct words *out)
{
	words_add_all(out, &c->cmd);
	words_add_all(out, &c->extra_init);
}
