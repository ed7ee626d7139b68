#include "outdated.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calendar.h"
#include "cleanup.h"
#include "dockerfile.h"
#include "engine_call.h"
#include "engine_inspect.h"
#include "path.h"
#include "registry.h"
#include "report.h"
#include "run.h"
#include "self.h"
#include "state.h"
#include "strbuf.h"
#include "tag_range.h"

enum { PROGRAM_MS = 300000 };

const char *const found_names[] = {"tag", "held", "digest", "package", "pin", "trouble"};

static const char file[] = "outdated.json"; /* {"SUBJECT WANT": SINCE} */

/* ---- images ---- */

/* Whether the image of the settings comes from a registry. */
static bool
image_is_pulled(const struct container *c)
{
	const char *image = container_image(c);

	return strncmp(image, "localhost/", 10) != 0 && !path_below(c->repo1, image);
}

static bool
is_ours(const struct app *a, const char *image)
{
	return strncmp(image, "localhost/", 10) == 0 || path_below(a->host.repo1, image);
}

/* The images of a Dockerfile that come from registries, as they are written there. */
static void
images_from(const struct app *a, const struct place *p, struct words *out)
{
	const char *name = pool_printf("%s/Dockerfile", p->directory);
	struct dockerfile d;
	char **images = NULL;

	if (!p->dockerfile || !p->makefile)
		return;
	if (dockerfile_read(&d, name, NULL) == 0)
		images = dockerfile_images(&d);
	for (char **i = images; i && *i; i++)
		if (!is_ours(a, *i) && !words_have(out, *i))
			words_add(out, *i);
	free_strings(images);
	dockerfile_free(&d);
}

/* The range for an image: its own, else the one for all. */
static const char *
range_for(const struct container *c, const char *repository)
{
	const char *all = NULL, *last = strrchr(repository, '/');

	last = last ? last + 1 : repository;
	for (size_t i = 0; i < c->tags.n; i++) {
		const char *key = c->tags.v[i].key;

		if (strcmp(key, repository) == 0 || strcmp(key, last) == 0)
			return c->tags.v[i].value;
		if (!*key)
			all = c->tags.v[i].value;
	}
	return all;
}

/* Whether the image that is here under that name or ID was pulled as that digest. -1: it isn't
 * here, or wasn't pulled. */
static int
has_digest(struct app *a, const char *image, const char *digest)
{
	struct strbuf out = STRBUF_INIT;
	int got = -1;

	if (engine_try(&a->engine, &out, "image", "inspect", "--format",
		"{{json .RepoDigests}}", image, NULL) == 0 &&
	    out.s && strstr(out.s, "@sha256:"))
		got = strstr(out.s, digest) != NULL;
	strbuf_free(&out);
	return got;
}

struct looking {
	struct app *a;
	const struct place *p;
	const struct container *c;
	struct findings *out;
	json_t *since, *still; /* what was known before, and what of that is still found */
};

static void
add(struct looking *l, struct finding f)
{
	const char *key = pool_printf("%s %s", f.subject, f.want ? f.want : "");
	time_t now = time(NULL),
	       known = calendar_believed(
		   (time_t)json_integer_value(json_object_get(l->since, key)), now);

	f.name = l->p->name;
	f.since = known ? known : now;
	if (f.kind != FOUND_TROUBLE)
		json_object_set_new(l->still, key, json_integer((json_int_t)f.since));
	*GROW(*l->out) = f;
}

static void
trouble(struct looking *l, const char *subject, const char *why)
{
	/* What couldn't be asked this time isn't forgotten. */
	json_object_update(l->still, l->since);
	add(l, (struct finding){.kind = FOUND_TROUBLE, .subject = subject, .text = why});
}

/* A newer tag; true where there is one that may be taken. */
static bool
look_for_tag(struct looking *l, const char *image, const struct reference *r, bool from)
{
	static const enum tag_step most[] = {STEP_MAJOR, STEP_MINOR, STEP_PATCH};
	const char *range = range_for(l->c, r->repository), *why, *newest, *any, *digest = NULL;
	const struct words *tags;

	if (registry_tags(r->repository, &tags, &why) != ANSWER_YES) {
		trouble(l, image, why);
		return false;
	}
	newest = tag_newest(range, r->tag, tags, most[l->c->update.hold]);
	any = tag_newest(range, r->tag, tags, STEP_MAJOR);
	if (any && (!newest || strcmp(any, newest) != 0))
		add(l, (struct finding){.kind = FOUND_HELD,
			   .subject = image,
			   .from = from,
			   .have = r->tag,
			   .want = any});
	if (!newest)
		return false;
	if (r->digest && registry_digest(r->repository, newest, &digest, &why) != ANSWER_YES) {
		trouble(l, image, pool_printf("%s: %s", newest, why));
		return false;
	}
	add(l, (struct finding){.kind = FOUND_TAG,
		   .subject = image,
		   .from = from,
		   .have = r->tag,
		   .want = newest,
		   .digest = digest});
	return true;
}

/* here: what to compare with, an image's name or ID; NULL: the reference itself. */
static void
look_at_image(struct looking *l, const char *image, const char *here, bool from)
{
	struct reference r = reference_parse(image);
	const char *digest, *why;
	size_t before = l->out->n;
	enum answer answer;
	bool same;

	if (!r.tag && r.digest)
		return; /* nothing says what would be newer */
	if (!r.tag)
		r.tag = "latest";
	if (look_for_tag(l, image, &r, from))
		return;
	answer = registry_digest(r.repository, r.tag, &digest, &why);
	if (answer != ANSWER_YES) {
		/* Where the registry can't be asked for its tags, that is told already. */
		if (answer == ANSWER_GONE || l->out->n == before)
			trouble(l, image, why);
		return;
	}
	same = r.digest ? strcmp(r.digest, digest) == 0
			: has_digest(l->a, here ? here : image, digest) != 0;
	if (!same)
		add(l, (struct finding){.kind = FOUND_DIGEST,
			   .subject = image,
			   .from = from,
			   .have = r.digest ? r.digest : "another image",
			   .want = digest,
			   .digest = digest});
}

/* ---- packages ---- */

/* Of "infra/packages outdated --json", one of its updates. */
static void
look_at_package(struct looking *l, const json_t *one)
{
	const char *name = json_string_value(json_object_get(one, "name")),
		   *have = json_string_value(json_object_get(one, "from")),
		   *want = json_string_value(json_object_get(one, "to"));

	if (!name)
		return;
	add(l, (struct finding){.kind = FOUND_PACKAGE,
		   .security = json_is_true(json_object_get(one, "security")),
		   .subject = pool_dup(name),
		   .have = pool_dup(have ? have : "none"),
		   .want = pool_dup(want ? want : "none")});
}

static void
look_at_packages(struct looking *l)
{
	const struct host *h = &l->a->host;
	const char *argv[] = {pool_printf("%s/infra/packages", h->project ? h->project : ""),
	    "outdated", "--json", NULL};
	struct strbuf out = STRBUF_INIT, err = STRBUF_INIT;
	json_t *answer = NULL, *updates, *one;
	size_t i;
	int status;

	if (!h->project || access(pool_printf("%s/packages.lock", l->p->directory), F_OK))
		return;
	status = run(&(struct run){.argv = argv,
	    .cwd = l->p->directory,
	    .out = &out,
	    .err = &err,
	    .timeout_ms = PROGRAM_MS});
	if (status == 0 || status == 1)
		answer = json_loadb(out.s ? out.s : "", out.len, 0, NULL);
	updates = json_object_get(answer, "updates");
	if (!json_is_array(updates)) {
		cleanup_free char *said = engine_gist(&err);

		trouble(l, "packages.lock", pool_dup(said));
	}
	json_array_foreach (updates, i, one)
		look_at_package(l, one);
	json_decref(answer);
	strbuf_free(&out);
	strbuf_free(&err);
}

/* ---- one container ---- */

static int
look(struct looking *l)
{
	struct words from = {0};
	struct seen now;
	int got;

	if (image_is_pulled(l->c)) {
		got = engine_see(&l->a->engine, l->c->name, &now);
		if (got < 0)
			return -1;
		look_at_image(l, container_image(l->c), got == 1 ? now.image : NULL, false);
	}
	images_from(l->a, l->p, &from);
	for (size_t i = 0; i < from.n; i++)
		look_at_image(l, from.w[i], NULL, true);
	look_at_packages(l);
	return 0;
}

/* What was found last, for the page. */
static void
remember(struct app *a, const struct place *p, const struct findings *all, size_t from)
{
	json_t *list = json_array(), *o;

	for (size_t i = from; i < all->n; i++)
		json_array_append_new(list, finding_json(&all->v[i]));
	o = json_pack("{s:s, s:o}", "time", state_now(), "found", list);
	state_write(&a->host, p->name, "updates.json", o);
	json_decref(o);
}

int
outdated_find(
    struct app *a, const struct place *p, const struct container *c, struct findings *out)
{
	struct looking l = {.a = a, .p = p, .c = c, .out = out};
	size_t before;
	int bad;

	l.since = state_read(&a->host, p->name, file);
	l.still = json_object();
	before = out->n;
	bad = look(&l);
	if (!bad)
		remember(a, p, out, before);
	if (!bad && (l.since || json_object_size(l.still)) && !json_equal(l.since, l.still))
		state_write(&a->host, p->name, file, l.still);
	json_decref(l.since);
	json_decref(l.still);
	return bad;
}

/* ---- the project's pins ---- */

void
outdated_pins(struct app *a, struct findings *out)
{
	const char *top = a->host.project;
	const char *argv[] = {pack_program(top), "outdated", "--json", NULL};
	struct strbuf text = STRBUF_INIT;
	json_t *answer, *one;
	size_t i;

	if (!top || access(pool_printf("%s/etc/upstreams", top), F_OK))
		return;
	run(&(struct run){.argv = argv,
	    .cwd = top,
	    .out = &text,
	    .discard_err = 1,
	    .timeout_ms = PROGRAM_MS});
	answer = json_loadb(text.s ? text.s : "", text.len, 0, NULL);
	json_array_foreach (json_object_get(answer, "pinned"), i, one)
		if (json_is_true(json_object_get(one, "outdated")))
			*GROW(*out) = (struct finding){.name = "",
			    .kind = FOUND_PIN,
			    .subject =
				pool_dup(json_string_value(json_object_get(one, "name"))),
			    .have = pool_dup(json_string_value(json_object_get(one, "pinned"))),
			    .want =
				pool_dup(json_string_value(json_object_get(one, "newest")))};
	if (!answer)
		*GROW(*out) = (struct finding){.name = "",
		    .kind = FOUND_TROUBLE,
		    .subject = "etc/sources.lock",
		    .text = "what upstreams have can't be found out: pack outdated says why"};
	json_decref(answer);
	strbuf_free(&text);
}

const char *
finding_text(const struct finding *f)
{
	if (f->text)
		return pool_printf("%s: %s", f->subject, f->text);
	if (f->kind == FOUND_DIGEST)
		return pool_printf("%s is another image now, %.19s", f->subject, f->want);
	return pool_printf("%s%s%s -> %s%s%s", f->subject,
	    f->kind == FOUND_TAG || f->kind == FOUND_HELD ? "" : " ",
	    f->kind == FOUND_TAG || f->kind == FOUND_HELD ? "" : f->have, f->want,
	    f->security ? " (security)" : "",
	    f->kind == FOUND_HELD ? " (held back: update: hold)" : "");
}

static json_t *
text_or_null(const char *s)
{
	json_t *got = s ? json_string(s) : json_null();

	return got ? got : json_string("?");
}

json_t *
finding_json(const struct finding *f)
{
	return json_pack("{s:o, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:I}", "name",
	    text_or_null(*f->name ? f->name : NULL), "kind", found_names[f->kind], "security",
	    f->security, "subject", text_or_null(f->subject), "have", text_or_null(f->have),
	    "want", text_or_null(f->want), "digest", text_or_null(f->digest), "text",
	    text_or_null(finding_text(f)), "since", (json_int_t)f->since);
}
