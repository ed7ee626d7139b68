#include "once.h"

#include "engine_call.h"
#include "engine_inspect.h"
#include "networks.h"
#include "report.h"
#include "secrets.h"
#include "service.h"
#include "start.h"
#include "volumes.h"

static int
describe_once(struct app *a, const struct place *p, const struct words *flags,
    const char *suffix, struct container *c)
{
	const char *const own[] = {"--port_offset", "free", "--rm", "true", "--ip", "0",
	    "--networks", "[]", "--aliases", "[]"};
	struct words all = {0};
	struct container service;

	if (host_container(&a->host, p, false, flags, NULL, &service))
		return -1;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		words_add(&all, own[i]);
	words_add(&all, "--name");
	words_addf(&all, "%s-%s", service.name, suffix);
	words_add(&all, "--network");
	words_add(&all, network_name(&service) ? network_name(&service) : service.network);
	for (size_t i = 0; flags && i + 1 < flags->n; i += 2)
		if (!words_have(&all, flags->w[i])) {
			words_add(&all, flags->w[i]);
			words_add(&all, flags->w[i + 1]);
		}
	return host_container(&a->host, p, false, &all, NULL, c) || resolve_needs(a, c) ? -1
											: 0;
}

static int
find_image(struct app *a, const struct container *c, const char *id, struct image *out)
{
	if (!id)
		return wanted_image(a, c, out);
	return engine_image(&a->engine, id, out) == 1 ? 0 : -1;
}

int
once_prepare(struct app *a, const struct place *p, const struct words *flags, const char *image,
    const char *suffix, struct once *out)
{
	const char *why;

	if (describe_once(a, p, flags, suffix, &out->c))
		return -1;
	why = engine_refusal(&a->engine, &out->c);
	if (why)
		report("%s: %s", p->name, why);
	if (why || find_image(a, &out->c, image, &out->image) || network_ensure(a, &out->c) ||
	    volumes_before(a, &out->c, &out->image))
		return -1;
	out->start.verb = "run";
	out->start.image = out->image.id;
	out->start.facts = &out->image;
	if (start_complete(a, &out->c, NULL, &out->start) ||
	    secrets_place(a, &out->c, &out->start)) {
		secrets_forget(out->c.name, NULL);
		return -1;
	}
	engine_args(&out->args, &a->engine, &out->c, &out->start);
	return 0;
}

void
once_end(struct app *a, const char *name)
{
	engine_try(&a->engine, NULL, "rm", "-f", name, NULL);
	secrets_forget(name, NULL);
}
