#include "roll.h"

#include <string.h>

#include "engine_json.h"
#include "export_look.h"
#include "export_table.h"
#include "report.h"
#include "say.h"

/* d does these here, whatever runs it. */
static bool
done_here(const char *key)
{
	static const char *const keys[] = {"keep", "repo2", "require_signature", "tags",
	    "update", "verify_key", "waive", NULL};

	for (size_t i = 0; keys[i]; i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

int
roll_losses(enum target to, const struct export_item *i)
{
	const struct words *meant = &i->c->rollout.lossy;
	struct export x = {.to = to};
	struct losses l = {0};
	int bad = 0;

	export_losses(&x, i, &l);
	for (size_t k = 0; k < l.n; k++) {
		if (done_here(l.v[k].key) || words_have(meant, l.v[k].key))
			continue;
		if (!l.v[k].secures) {
			say("WITHOUT", "%s: %s: %s", i->c->key, l.v[k].key, l.v[k].why);
			continue;
		}
		report("%s: %s: less secure there: %s", i->c->key, l.v[k].key, l.v[k].why);
		bad = -1;
	}
	if (bad)
		report("%s: refusing to run it there; keys that 'rollout: {lossy: [KEY...]}' "
		       "names "
		       "may be lost",
		    i->c->key);
	return bad;
}

/* By somebody else's registry and a digest: nodes pull it from there. */
static bool
pinned(const struct container *c)
{
	return strchr(container_image(c), '@') != NULL;
}

bool
roll_reachable(
    const struct journal *j, const struct roll *r, const char *where, const char *registry)
{
	if (pinned(r->c))
		return true;
	if (!registry)
		report("%s: on: %s needs a registry that all nodes pull from: '%s: {registry: "
		       "HOST/PATH}' in the host's settings",
		    r->c->key, where, where);
	else if (!j->place->makefile)
		report("%s: nodes would pull '%s' each by themselves, at any time: name it by "
		       "digest, NAME@sha256:...",
		    r->c->key, container_image(r->c));
	else
		return true;
	return false;
}

const char *
roll_image(struct app *a, const struct roll *r, const char *registry, bool plain)
{
	return pinned(r->c) ? container_image(r->c)
			    : export_push(a, r->c, r->image->id, registry, plain);
}

const char *
roll_todo(const struct container *c, const struct image *live, int got, const char *image_id)
{
	if (got < 0)
		return "can't be told";
	if (!live)
		return pool_printf("upgrade: there is no image %s", container_image(c));
	if (!got)
		return pool_printf("up: the %s", container_in_kube(c)
						     ? "cluster has no such Deployment"
						     : "swarm has no such service");
	return pool_printf("restart: runs %s, %s is %s",
	    *image_id ? short_id(image_id) : "another image", container_image(c),
	    short_id(live->id));
}
