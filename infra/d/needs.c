#include "needs.h"

#include <stdlib.h>
#include <string.h>

#include "generations.h"
#include "report.h"

/* One container's needs, read when they are first asked for. */
struct needs_node {
	bool known;
	struct words all, shared; /* names; of the second kind the namespaces are shared */
	int depth;                /* 0: not known yet; more than those that it needs */
};

/* A container whose settings are wrong is taken for one that needs nothing: that is told,
 * and no reason to leave the others as they are. */
static struct needs_node *
node_of(struct app *a, const char *name)
{
	struct needs_node *node;
	struct container c;
	const char *text;

	if (!a->needs)
		a->needs = pool_zero(a->places.n + 1, sizeof(*a->needs));
	for (size_t i = 0; i < a->places.n; i++) {
		const struct place *p = &a->places.v[i];

		if (strcmp(p->name, name) != 0)
			continue;
		node = &a->needs[i];
		if (node->known)
			return node;
		node->known = true;
		text = settings_gone_back_to(&a->host, name);
		if (!p->settings && !text)
			return node;
		if (host_container(&a->host, p, false, NULL, text, &c)) {
			report("%s: can't tell what it needs", name);
			return node;
		}
		for (size_t k = 0; k < c.needs.n; k++) {
			words_add(&node->all, c.needs.v[k].name);
			if (c.needs.v[k].pid || c.needs.v[k].network)
				words_add(&node->shared, c.needs.v[k].name);
		}
		return node;
	}
	return NULL;
}

/* Follows the needs of the last one in way; true where one is in it already. */
static bool
leads_back(struct app *a, struct words *way)
{
	const struct needs_node *node = node_of(a, way->w[way->n - 1]);

	for (size_t i = 0; node && i < node->all.n; i++) {
		bool met = words_have(way, node->all.w[i]);

		words_add(way, node->all.w[i]);
		if (met || leads_back(a, way))
			return true;
		way->n--;
	}
	return false;
}

/* "a -> b -> a" where what it needs leads back to a container on the way; else NULL. */
static const char *
needs_cycle(struct app *a, const char *name)
{
	struct words way = {0};
	const char *text;
	size_t from = 0;

	words_add(&way, name);
	if (!leads_back(a, &way))
		return NULL;
	/* The way there is no part of the cycle. */
	while (strcmp(way.w[from], way.w[way.n - 1]) != 0)
		from++;
	text = way.w[from];
	while (++from < way.n)
		text = pool_printf("%s -> %s", text, way.w[from]);
	return text;
}

int
needs_check(struct app *a, const char *name)
{
	const char *cycle = needs_cycle(a, name);

	if (cycle)
		report("%s: dependency cycle: %s", name, cycle);
	return cycle ? -1 : 0;
}

static int
depth_of(struct app *a, const char *name, int limit)
{
	struct needs_node *node = node_of(a, name);

	if (!node || limit == 0)
		return 0;
	if (node->depth)
		return node->depth;
	for (size_t i = 0; i < node->all.n; i++) {
		int below = depth_of(a, node->all.w[i], limit - 1);

		node->depth = below > node->depth ? below : node->depth;
	}
	return ++node->depth;
}

void
needs_sort(struct app *a, struct words *names)
{
	int limit = (int)a->places.n + 1;

	words_sort(names);
	for (size_t i = 1; i < names->n; i++)
		for (size_t k = i; k > 0 && depth_of(a, names->w[k - 1], limit) >
						depth_of(a, names->w[k], limit);
		     k--) {
			char *swap = names->w[k];

			names->w[k] = names->w[k - 1];
			names->w[k - 1] = swap;
		}
}

void
needs_owners(struct app *a, const char *name, struct words *out)
{
	struct words todo = {0};
	const struct needs_node *node;

	words_add(&todo, name);
	for (size_t i = 0; i < todo.n; i++) {
		node = node_of(a, todo.w[i]);
		for (size_t k = 0; node && k < node->shared.n; k++)
			if (!words_have(&todo, node->shared.w[k]))
				words_add(&todo, node->shared.w[k]);
	}
	for (size_t i = 1; i < todo.n; i++)
		words_add(out, todo.w[i]);
	needs_sort(a, out);
}

void
needs_sharers(struct app *a, const char *name, struct words *out)
{
	struct words todo = {0};

	words_add(&todo, name);
	for (size_t i = 0; i < todo.n; i++)
		for (size_t k = 0; k < a->places.n; k++) {
			const char *other = a->places.v[k].name;
			const struct needs_node *node = node_of(a, other);

			if (node && words_have(&node->shared, todo.w[i]) &&
			    !words_have(&todo, other))
				words_add(&todo, other);
		}
	for (size_t i = 1; i < todo.n; i++)
		words_add(out, todo.w[i]);
	needs_sort(a, out);
}
