#include "values_rollout.h"

#include <string.h>

#include "container.h"
#include "settings.h"

enum { MONITOR_BY_READY = -1, MOST = 1000 };

const struct rollout rollout_defaults = {.replicas = 1,
    .parallelism = 1,
    .monitor = MONITOR_BY_READY,
    .within = 10 * 60 * 1000,
    .failure = "rollback"};

/* One of two or three words; *out is left alone where the key isn't there. */
static int
word_in(struct reader *r, const struct node *map, const char *key, const char *const *known,
    const char **out)
{
	const struct node *n = settings_get(map, key);

	return n && (text_value(r, n, out) || known_word(r, n, key, *out, known)) ? -1 : 0;
}

/* "node.labels.disk == ssd", as docker service create --constraint takes it. */
static int
take_constraint(struct reader *r, const struct node *n)
{
	const char *text;

	if (text_value(r, n, &text))
		return -1;
	if (!strstr(text, "==") && !strstr(text, "!="))
		return wrong_value(r, n, "a constraint such as node.labels.disk == ssd");
	words_add(&r->c->rollout.placement, text);
	return 0;
}

static int
take_lossy(struct reader *r, const struct node *n)
{
	const char *text;

	if (text_value(r, n, &text))
		return -1;
	words_add(&r->c->rollout.lossy, text);
	return 0;
}

static int
take_map(struct reader *r, const struct node *n)
{
	static const char *const known[] = {"replicas", "order", "parallelism", "delay",
	    "monitor", "within", "failure", "publish", "placement", "lossy", NULL};
	static const char *const orders[] = {"stop-first", "start-first", NULL};
	static const char *const failures[] = {"rollback", "pause", "continue", NULL};
	static const char *const publishes[] = {"ingress", "host", NULL};
	const char *order = orders[0], *publish = publishes[0];
	struct rollout *o = &r->c->rollout;
	const struct node *placement, *lossy;

	if (known_map(r, n, known,
		"replicas, order, parallelism, delay, monitor, within, failure, publish, "
		"placement, lossy") ||
	    integer_in(r, n, "replicas", 1, MOST, &o->replicas) ||
	    integer_in(r, n, "parallelism", 1, MOST, &o->parallelism) ||
	    duration_in(r, n, "delay", &o->delay) ||
	    duration_in(r, n, "monitor", &o->monitor) ||
	    duration_in(r, n, "within", &o->within) || word_in(r, n, "order", orders, &order) ||
	    word_in(r, n, "failure", failures, &o->failure) ||
	    word_in(r, n, "publish", publishes, &publish))
		return -1;
	o->start_first = strcmp(order, "start-first") == 0;
	o->host_ports = strcmp(publish, "host") == 0;
	placement = settings_get(n, "placement");
	lossy = settings_get(n, "lossy");
	return (placement && each_value(r, placement, take_constraint)) ||
		       (lossy && each_value(r, lossy, take_lossy))
		   ? -1
		   : 0;
}

int
take_rollout(struct reader *r, const struct node *n)
{
	r->c->rollout = rollout_defaults;
	if (is_empty(n))
		return 0;
	r->c->rollout.given = true;
	return take_map(r, n);
}
