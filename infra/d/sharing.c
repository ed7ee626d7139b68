#include "sharing.h"

#include <string.h>

#include "engine_call.h"
#include "engine_inspect.h"
#include "report.h"
#include "say.h"
#include "select.h"
#include "service.h"

static bool
shares_with(const struct container *c, const char *name)
{
	for (size_t i = 0; i < c->needs.n; i++)
		if (strcmp(c->needs.v[i].name, name) == 0 &&
		    (c->needs.v[i].pid || c->needs.v[i].network))
			return true;
	return false;
}

void
sharing_with(struct app *a, const struct place *p, struct words *running, struct words *stopped)
{
	struct container c;
	struct seen now;

	for (size_t i = 0; i < a->places.n; i++) {
		const struct place *other = &a->places.v[i];

		if (!other->settings || strcmp(other->name, p->name) == 0)
			continue;
		/* Another's wrong settings are no reason to leave this one as it is. */
		if (host_container(&a->host, other, false, NULL, NULL, &c))
			report("%s: whether it shares %s's namespaces isn't known", other->name,
			    p->name);
		else if (shares_with(&c, p->name) && engine_see(&a->engine, c.name, &now) == 1)
			words_add(now.running ? running : stopped, other->name);
	}
}

void
stop_for_another(struct app *a, const char *name)
{
	const struct place *p = place_find(a, name);
	struct container c;
	struct seen now;

	if (!p || describe(a, p, false, &c) || engine_see(&a->engine, c.name, &now) != 1)
		return;
	say("STOP", "%s (shares its namespaces)", name);
	if (now.running)
		engine_stop(&a->engine, now.id, c.stop_timeout);
	engine_remove(&a->engine, now.id, false);
}
