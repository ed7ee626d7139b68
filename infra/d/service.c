#include "service.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine_args.h"
#include "engine_call.h"
#include "engine_inspect.h"
#include "engine_json.h"
#include "engine_list.h"
#include "generations.h"
#include "report.h"
#include "run.h"
#include "select.h"
#include "self.h"
#include "strbuf.h"

int
settings_in_force(struct app *a, const struct place *p, struct container *out)
{
	return host_container(
	    &a->host, p, false, NULL, settings_gone_back_to(&a->host, p->name), out);
}

int
describe(struct app *a, const struct place *p, bool test, struct container *out)
{
	const char *why;

	if (test ? host_container(&a->host, p, true, NULL, NULL, out)
		 : settings_in_force(a, p, out))
		return -1;
	why = container_in_cluster(out) ? NULL : engine_refusal(&a->engine, out);
	if (why)
		report("%s: %s", p->name, why);
	return why ? -1 : 0;
}

int
resolve_needs(struct app *a, struct container *c)
{
	for (size_t i = 0; i < c->needs.n; i++) {
		struct need *need = &c->needs.v[i];
		const struct place *p = place_find(a, need->name);
		struct container other;
		bool test;

		if (!p) {
			report("%s needs '%s', which isn't among the containers", c->key,
			    need->name);
			return -1;
		}
		/* A test instance shares with another test instance, never with production. */
		test = c->test && (need->pid || need->network);
		if (test ? host_container(&a->host, p, true, NULL, NULL, &other)
			 : settings_in_force(a, p, &other))
			return -1;
		need->target = other.name;
	}
	return 0;
}

int
resolve_address(struct container *c)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	char text[64];

	if (!c->ip || strcmp(c->ip, "-") != 0)
		return 0;
	if (getaddrinfo(c->hostname, NULL, &hints, &found) ||
	    getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), NULL, 0,
		NI_NUMERICHOST)) {
		report("%s: no address is known for the host name '%s'", c->key, c->hostname);
		if (found)
			freeaddrinfo(found);
		return -1;
	}
	c->ip = pool_dup(text);
	freeaddrinfo(found);
	return 0;
}

int
see_running(struct app *a, const struct place *p, struct container *c, struct seen *now)
{
	struct container own;
	int got;

	if (!c)
		c = &own;
	if (describe(a, p, false, c))
		return EXIT_TROUBLE;
	got = engine_see(&a->engine, c->name, now);
	if (got < 0)
		return EXIT_TROUBLE;
	if (got == 1 && now->running)
		return EXIT_YES;
	report("%s doesn't run", p->name);
	return EXIT_NO;
}

/* ---- its image ---- */

int
image_of(struct app *a, const struct container *c, const char **reference, struct image *out)
{
	const char *const repos[] = {c->repo1, c->repo2};
	const char *at;
	int got = 0;

	*reference = NULL;
	for (size_t i = 0; i < 2 && got == 0; i++) {
		at = i == 0 || c->repo2 ? container_reference(c, repos[i], c->tag) : NULL;
		if (!at)
			continue;
		got = engine_image(&a->engine, at, out);
		if (!*reference || got == 1)
			*reference = at;
	}
	return got;
}

bool
signature_suffices(struct app *a, const struct container *c, const char *image)
{
	struct words argv = {0};
	struct strbuf out = STRBUF_INIT;
	int status;

	if (!c->require_signature)
		return true;
	words_add(&argv, a->engine.pack);
	words_add(&argv, "verify");
	words_add(&argv, "--require-signature");
	if (c->verify_key || a->host.verify_key) {
		words_add(&argv, "-p");
		words_add(&argv, c->verify_key ? c->verify_key : a->host.verify_key);
	}
	words_add(&argv, image);
	status =
	    run(&(struct run){.argv = (const char *const *)argv.w, .out = &out, .err = &out});
	if (status < 0)
		report("start '%s':", argv.w[0]);
	else if (status)
		report("%s: require_signature is set, and %s isn't signed as it should be: %s",
		    c->key, short_id(image),
		    out.len ? pool_dupn(out.s, strcspn(out.s, "\n")) : "pack says nothing");
	strbuf_free(&out);
	return status == 0;
}

int
wanted_image(struct app *a, const struct container *c, struct image *image)
{
	const char *reference;
	int got = image_of(a, c, &reference, image);

	if (got == 0)
		report("%s: there is no image '%s': build and promote it first (d u %s)",
		    c->key, reference ? reference : c->image, c->key);
	return got == 1 && signature_suffices(a, c, image->id) ? 0 : -1;
}

/* ---- many at once ---- */

static const char *
second_reference(const struct container *c)
{
	return c->repo2 && !strchr(c->image, '/') ? container_reference(c, c->repo2, c->tag)
						  : NULL;
}

int
look_at_all(struct app *a, const struct container *c, size_t n, struct seen_list *seen,
    struct images *images)
{
	struct words names = {0};

	for (size_t i = 0; i < n; i++) {
		const char *both[] = {container_image(&c[i]), second_reference(&c[i])};

		for (size_t k = 0; k < 2; k++)
			if (both[k] && !words_have(&names, both[k]))
				words_add(&names, both[k]);
	}
	return engine_list_with_images(&a->engine, &names, seen, images);
}

int
image_among(
    struct app *a, const struct images *images, const struct container *c, struct image *out)
{
	const char *first = container_image(c), *reference;
	const struct image *got = image_tagged(images, first);

	if (!got)
		got = image_tagged(images, second_reference(c));
	if (got)
		*out = *got;
	/* Engines may know an image by a longer or shorter name than the one that found it. */
	return got ? 1
	       : strncmp(first, "localhost/", 10) == 0 && !second_reference(c)
		   ? 0
		   : image_of(a, c, &reference, out);
}

/* ---- as whoever may ---- */

bool
again_unshared(struct app *a, int argc, char **argv, int *status)
{
	struct words args = {0};

	if (geteuid() == 0 || a->engine.kind != PODMAN)
		return false;
	setenv("WHITTLE_OUTER_UID", pool_printf("%d", (int)geteuid()), 1);
	words_add(&args, "unshare");
	words_add(&args, program_path());
	words_add(&args, a->called_as);
	for (int i = 1; i < argc; i++)
		words_add(&args, argv[i]);
	*status = engine_attached(&a->engine, &args);
	return true;
}
