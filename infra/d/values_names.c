#include "values_names.h"

#include <string.h>

#include "container.h"
#include "settings.h"

int
take_name(struct reader *r, const struct node *n)
{
	if (text_value(r, n, &r->c->name))
		return -1;
	if (!is_name(r->c->name))
		return wrong_value(r, n, "a name of letters, digits, '_', '.' and '-'");
	return 0;
}

int
take_hostname(struct reader *r, const struct node *n)
{
	if (text_value(r, n, &r->c->hostname))
		return -1;
	if (*r->c->hostname && (!is_name(r->c->hostname) || strlen(r->c->hostname) > 64 ||
				   strchr(r->c->hostname, '_')))
		return wrong_value(r, n, "a host name: letters, digits, '.' and '-'");
	return 0;
}

static bool
is_reference(const char *s)
{
	return s[strspn(s,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/:@")] ==
		   '\0' &&
	       *s != '-' && *s != '/';
}

/* NULL where nothing is written. */
static int
reference(struct reader *r, const struct node *n, const char **out)
{
	*out = NULL;
	if (is_empty(n))
		return 0;
	if (text_value(r, n, out))
		return -1;
	if (!is_reference(*out))
		return wrong_value(
		    r, n, "a part of an image's name: letters, digits, and _.-/:@");
	return 0;
}

int
take_image(struct reader *r, const struct node *n)
{
	int bad = reference(r, n, &r->c->image);

	if (!r->c->image)
		r->c->image = r->c->key;
	return bad;
}

int
take_tag(struct reader *r, const struct node *n)
{
	int bad = reference(r, n, &r->c->tag);

	if (!r->c->tag)
		r->c->tag = r->c->test ? "latest" : "live";
	return bad;
}

int
take_repo1(struct reader *r, const struct node *n)
{
	if (is_empty(n))
		return wrong_value(r, n, "a repository");
	return reference(r, n, &r->c->repo1);
}

int
take_repo2(struct reader *r, const struct node *n)
{
	return reference(r, n, &r->c->repo2);
}

int
take_user(struct reader *r, const struct node *n)
{
	const char *user;

	r->c->user = NULL;
	if (is_empty(n))
		return 0;
	if (text_value(r, n, &user))
		return -1;
	if (user[strspn(user, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "0123456789_.-:")] ||
	    *user == ':' || *user == '-')
		return wrong_value(r, n, "USER or USER:GROUP, by name or number");
	r->c->user = user;
	return 0;
}

static int
pair_of_text(struct reader *r, const struct node *n, struct pair *p)
{
	const char *text, *sign;

	if (settings_string(r->s, n, &text))
		return -1;
	sign = strchr(text, '=');
	if (!sign || sign == text)
		return wrong_value(r, n, "NAME=VALUE");
	p->key = pool_dupn(text, (size_t)(sign - text));
	p->value = pool_dup(sign + 1);
	return 0;
}

/* A null of a map has a value of NULL: that name is taken away. */
static int
pair_of_map(struct reader *r, const struct node *map, size_t i, struct pair *p)
{
	const struct node *value = map->item[i];

	p->key = pool_dup(map->key[i]->text);
	if (!*p->key || strchr(p->key, '='))
		return wrong_value(r, map->key[i], "a name, not empty and without '='");
	if (value->kind == NODE_SCALAR && *value->text && is_empty(value))
		return 0;
	return text_value(r, value, &p->value);
}

/* The pair of that name, or a new one: the last that is said counts. */
static void
put_pair(struct pairs *list, struct pair p)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].key, p.key) == 0) {
			list->v[i] = p;
			return;
		}
	*GROW(*list) = p;
}

/* One element: NAME=VALUE, or a map of them. */
static int
take_pairs(struct reader *r, const struct node *n, struct pairs *list)
{
	size_t count = n->kind == NODE_MAP ? n->count : 1;

	for (size_t i = 0; i < count; i++) {
		struct pair p = {0};

		if (n->kind == NODE_MAP ? pair_of_map(r, n, i, &p) : pair_of_text(r, n, &p))
			return -1;
		put_pair(list, p);
	}
	return 0;
}

int
take_env(struct reader *r, const struct node *n)
{
	return take_pairs(r, n, &r->c->env);
}

int
take_label(struct reader *r, const struct node *n)
{
	return take_pairs(r, n, &r->c->labels);
}
