#include "kube.h"

#include <inttypes.h>
#include <jansson.h>
#include <nettle/base64.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cluster_call.h"
#include "digest.h"
#include "engine_json.h"
#include "export_kube.h"
#include "export_look.h"
#include "report.h"
#include "say.h"
#include "secrets.h"
#include "signals.h"
#include "strbuf.h"
#include "swarm_store.h"

enum { CALL_MS = 60000, GRACE_MS = 10000, BACK_MS = 120 * 1000 };

/* Annotations of the pods' template, which an undo brings back with the rest of it. */
static const char image_note[] = "whittle/image", digest_note[] = "whittle/digest",
		  transaction_note[] = "whittle/transaction";

/* ---- calls ---- */

void
kube_words(const struct app *a, struct words *out)
{
	words_add(out, "kubectl");
	if (a->host.kube.context) {
		words_add(out, "--context");
		words_add(out, a->host.kube.context);
	}
	if (a->host.kube.namespace) {
		words_add(out, "--namespace");
		words_add(out, a->host.kube.namespace);
	}
}

/* The exit status; where it isn't 0 after a message, unless quiet. An interrupt ends the call.
 */
static int
call(struct app *a, const struct words *args, const struct strbuf *in, struct strbuf *out,
    unsigned limit_ms, bool quiet)
{
	struct strbuf err = STRBUF_INIT;
	struct cluster_call c = {.on = "kube",
	    .in = in ? in->s : NULL,
	    .in_len = in ? in->len : 0,
	    .out = out,
	    .err = &err,
	    .limit_ms = limit_ms,
	    .hurry = true};
	char *gist;
	int status;

	kube_words(a, &c.argv);
	words_add_all(&c.argv, args);
	status = cluster_call(&c);
	gist = engine_gist(&err);
	if (status > 0 && !quiet && !interrupted)
		report(
		    "kubectl %s: %s", args->w[0], status == 124 ? "no answer in time" : gist);
	free(gist);
	strbuf_free(&err);
	return status;
}

static int
ask(struct app *a, struct strbuf *out, unsigned limit_ms, bool quiet, ...)
{
	struct words args = {0};
	va_list ap;

	va_start(ap, quiet);
	words_add_each(&args, ap);
	va_end(ap);
	return call(a, &args, NULL, out, limit_ms, quiet);
}

/* ---- what there is ---- */

const char *
kube_name(const struct container *c)
{
	return export_kube_name(c->key);
}

static const char *
resource(const struct container *c)
{
	return pool_printf("deployment/%s", kube_name(c));
}

static int64_t
number_in(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

int
kube_see(struct app *a, const struct container *c, struct kube_state *out)
{
	struct strbuf said = STRBUF_INIT;
	const json_t *spec, *status, *notes;
	json_t *o = NULL;
	int got = ask(a, &said, CALL_MS, false, "get", "deployment", kube_name(c), "-o", "json",
	    "--ignore-not-found", NULL);

	*out = (struct kube_state){0};
	if (got == 0 && said.len && !(o = json_loads(said.s, 0, NULL))) {
		report("kubectl get: what it says of '%s' can't be read", kube_name(c));
		got = -1;
	}
	strbuf_free(&said);
	if (got || !o)
		return got ? -1 : 0;
	spec = json_object_get(o, "spec");
	status = json_object_get(o, "status");
	notes = json_object_get(
	    json_object_get(json_object_get(spec, "template"), "metadata"), "annotations");
	out->image_id = text_member(notes, image_note);
	out->digest = text_member(notes, digest_note);
	out->transaction = text_member(notes, transaction_note);
	out->replicas = number_in(spec, "replicas");
	out->ready = number_in(status, "readyReplicas");
	out->current = number_in(status, "observedGeneration") >=
			   number_in(json_object_get(o, "metadata"), "generation") &&
		       number_in(status, "updatedReplicas") >= out->replicas;
	json_decref(o);
	return 1;
}

/* A pod of that version ran and ended; others may have, long ago. */
static bool
crashed(struct app *a, const struct container *c, const char *digest)
{
	struct strbuf said = STRBUF_INIT;
	json_t *o = NULL, *pod, *box;
	bool any = false;
	size_t i, k;

	if (ask(a, &said, CALL_MS, true, "get", "pods", "-l",
		pool_printf("app.kubernetes.io/name=%s", kube_name(c)), "-o", "json",
		NULL) == 0)
		o = json_loads(said.s ? said.s : "", 0, NULL);
	json_array_foreach (json_object_get(o, "items"), i, pod) {
		const json_t *notes =
		    json_object_get(json_object_get(pod, "metadata"), "annotations");

		if (strcmp(text_member(notes, digest_note), digest) != 0)
			continue;
		json_array_foreach (
		    json_object_get(json_object_get(pod, "status"), "containerStatuses"), k,
		    box)
			any |= number_in(box, "restartCount") > 0 ||
			       json_object_get(json_object_get(box, "state"), "terminated");
	}
	json_decref(o);
	strbuf_free(&said);
	return any;
}

/* ---- what it is to be ---- */

struct wanted {
	struct container c;
	struct export_item item;
	char digest[SHA256_HEX];
};

/* Of what its pods read: rollout undo brings back a template, not what that names. */
static const char *
version_of(const char *digest)
{
	return pool_dupn(digest, 10);
}

static const char *
manifest(const struct export_item *i)
{
	struct export x = {.to = TO_KUBE};

	*GROW(x.items) = *i;
	export_kube(&x);
	return x.files.v[0].bytes;
}

static int
want(struct app *a, const struct container *c, const struct image *image, struct wanted *w)
{
	struct strbuf b = STRBUF_INIT;

	*w = (struct wanted){.c = *c};
	w->c.settings = NULL; /* nothing is kept for a way back from there */
	w->item = (struct export_item){.c = &w->c, .facts = image, .image = image->id};
	if (export_look(a, TO_KUBE, &w->item) || swarm_store_secrets(a, &w->item))
		return -1;
	strbuf_puts(&b, manifest(&w->item));
	for (size_t i = 0; i < w->item.secrets.n; i++)
		strbuf_printf(&b, "%s\n", w->item.secrets.w[i]);
	sha256_bytes(b.s, b.len, w->digest);
	strbuf_free(&b);
	w->item.version = version_of(w->digest);
	return 0;
}

/* The Secret, in JSON, which is YAML. */
static int
add_secrets(const struct container *c, const char *version, struct strbuf *out)
{
	json_t *data = json_object(), *o;
	char *text;
	int bad = 0;

	for (size_t i = 0; !bad && i < c->secrets.n; i++) {
		struct strbuf value = STRBUF_INIT;
		char *coded;

		bad = secret_read(c, &c->secrets.v[i], &value);
		coded = pool_zero(BASE64_ENCODE_RAW_LENGTH(value.len) + 1, 1);
		if (!bad)
			base64_encode_raw(coded, value.len, (const uint8_t *)value.s);
		json_object_set_new(data, c->secrets.v[i].name, json_string(coded));
		explicit_bzero(coded, strlen(coded));
		secret_free(&value);
	}
	o = json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "v1", "kind", "Secret", "metadata",
	    export_kube_meta(pool_printf("%s-secrets-%s", kube_name(c), version), kube_name(c)),
	    "data", data);
	text = bad || !c->secrets.n ? NULL : json_dumps(o, JSON_COMPACT);
	if (text) {
		strbuf_printf(out, "---\n%s\n", text);
		explicit_bzero(text, strlen(text));
	}
	free(text);
	json_decref(o);
	return bad;
}

static int
apply(struct journal *j, struct wanted *w, const char *transaction)
{
	static const char *const words[] = {"apply", "--server-side", "--field-manager=whittle",
	    "--force-conflicts", "-f", "-", NULL};
	struct strbuf in = STRBUF_INIT;
	struct words args = {0};
	int bad;

	*GROW(w->item.labels) = (struct pair){image_note, w->item.facts->id};
	*GROW(w->item.labels) = (struct pair){digest_note, w->digest};
	*GROW(w->item.labels) = (struct pair){transaction_note, transaction};
	strbuf_puts(&in, manifest(&w->item));
	for (size_t i = 0; words[i]; i++)
		words_add(&args, words[i]);
	bad = add_secrets(&w->c, w->item.version, &in) ||
	      call(j->a, &args, &in, NULL, CALL_MS, false);
	secret_free(&in);
	return bad ? -1 : 0;
}

/* ---- watching it ---- */

/* Until it has rolled out; kubectl's exit status. */
static int
watch(struct app *a, const struct container *c, int64_t ms)
{
	return ask(a, NULL, (unsigned)(ms + GRACE_MS), true, "rollout", "status", resource(c),
	    pool_printf("--timeout=%" PRId64 "s", ms / 1000), NULL);
}

/* "KIND/NAME" of what has these labels; -1 after a message. */
static int
list(struct app *a, const char *labels, const char *kinds, struct words *out)
{
	struct strbuf said = STRBUF_INIT;
	char *save = NULL;
	int bad = ask(a, &said, CALL_MS, false, "get", kinds, "-l", labels, "-o", "name", NULL);

	for (char *line = bad || !said.s ? NULL : strtok_r(said.s, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		words_add(out, line);
	strbuf_free(&said);
	return bad ? -1 : 0;
}

/* Of the container, and made by d: the name alone is a label that others use as well. */
static const char *
labels_of(const struct container *c)
{
	return pool_printf(
	    "app.kubernetes.io/name=%s,app.kubernetes.io/managed-by=whittle", kube_name(c));
}

/* The first of these, "KIND/NAME", that has a name which d gives the container's objects. */
static const char *
named_as_ours(const struct container *c, const struct words *there, size_t *from)
{
	struct words names = {0};

	words_add(&names, kube_name(c));
	export_kube_services(c, &names);
	while (*from < there->n) {
		const char *one = there->w[(*from)++], *slash = strchr(one, '/');

		if (slash && words_have(&names, slash + 1))
			return one;
	}
	return NULL;
}

/* Applying takes over what has the name, and undoing removes it. */
static bool
others_are_there(struct app *a, const struct container *c)
{
	struct words there = {0};
	const char *one;
	size_t at = 0;

	if (list(a, "app.kubernetes.io/managed-by!=whittle", "service,networkpolicy", &there))
		return true;
	one = named_as_ours(c, &there, &at);
	if (one)
		report("%s: the cluster has a '%s' that d didn't make", c->key, one);
	return one;
}

static int
delete_all(struct app *a, const struct words *names)
{
	struct words args = {0};

	words_add(&args, "delete");
	words_add(&args, "--ignore-not-found");
	words_add(&args, "--wait=false");
	words_add_all(&args, names);
	return names->n && call(a, &args, NULL, NULL, CALL_MS, false) ? -1 : 0;
}

/* What only pods of versions that no longer run read. keep: the digest of the one that does;
 * "": none does. */
static void
tidy(struct app *a, const struct container *c, const char *keep)
{
	const char *prefixes[] = {pool_printf("configmap/%s-files-", kube_name(c)),
	    pool_printf("secret/%s-secrets-", kube_name(c))};
	struct words there = {0}, old = {0};

	list(a, labels_of(c), "configmap,secret", &there);
	for (size_t i = 0; i < there.n; i++)
		for (size_t k = 0; k < 2; k++) {
			size_t len = strlen(prefixes[k]);

			if (strncmp(there.w[i], prefixes[k], len) == 0 &&
			    strcmp(there.w[i] + len, version_of(keep)) != 0)
				words_add(&old, there.w[i]);
		}
	delete_all(a, &old);
}

/* Once it has come to an end. */
static enum roll_end
settle(struct journal *j, struct roll *r, enum roll_end end)
{
	struct kube_state s;
	int got = end == ROLL_DONE || end == ROLL_BACK ? kube_see(j->a, r->c, &s) : -1;

	if (got >= 0)
		tidy(j->a, r->c, got ? s.digest : "");
	return end;
}

/* What a first version brought, but for claims: they may hold data. Another's is left alone. */
static enum roll_end
remove_first(struct journal *j, struct roll *r)
{
	struct words there = {0}, ours = {0};
	struct kube_state s;
	int got = kube_see(j->a, r->c, &s);
	const char *one;
	size_t at = 0;

	if (got < 0 || (got == 1 && strcmp(s.digest, journal_text(j, "kube")) != 0))
		return got < 0 ? ROLL_OPEN : ROLL_BACK;
	if (list(j->a, labels_of(r->c), "deployment,service,networkpolicy", &there))
		return ROLL_OPEN;
	while ((one = named_as_ours(r->c, &there, &at)))
		words_add(&ours, one);
	return delete_all(j->a, &ours) ? ROLL_OPEN : ROLL_BACK;
}

/* As it was, by kubectl's own memory of it. */
static enum roll_end
undo(struct journal *j, struct roll *r)
{
	r->image_failed = crashed(j->a, r->c, journal_text(j, "kube"));
	if (!journal_true(j, "had"))
		return remove_first(j, r);
	/* The one before is another version, and what its pods read is gone. */
	if (journal_true(j, "same"))
		return ROLL_BACK;
	report("%s: %s: rolling back", r->c->key, r->why);
	if (ask(j->a, NULL, CALL_MS, false, "rollout", "undo", resource(r->c), NULL) ||
	    watch(j->a, r->c, BACK_MS))
		return ROLL_OPEN;
	return ROLL_BACK;
}

/* What the cluster has is it: until it has rolled out, or the time is up. */
static enum roll_end
await(struct journal *j, struct roll *r)
{
	if (watch(j->a, r->c, r->c->rollout.within) == 0 && !interrupted)
		return ROLL_DONE;
	r->why = "interrupted";
	if (interrupted)
		return ROLL_OPEN;
	r->why =
	    pool_printf("it wasn't there within %" PRId64 " s", r->c->rollout.within / 1000);
	return undo(j, r);
}

/* 1 where what it has is what this run applied, 0 where it isn't, -1 after a message. */
static int
has_it(struct journal *j, struct roll *r)
{
	struct kube_state s;
	int got = kube_see(j->a, r->c, &s);

	if (got < 0)
		r->why = "the cluster can't be asked how it went";
	return got < 1 ? got
		       : strcmp(s.digest, journal_text(j, "kube")) == 0 &&
			     strcmp(s.transaction, journal_text(j, "applied")) == 0;
}

/* Of several objects some may have been taken. */
static enum roll_end
not_all_taken(struct journal *j, struct roll *r)
{
	int got = has_it(j, r);

	return got < 0 ? ROLL_OPEN : got || !journal_true(j, "had") ? undo(j, r) : ROLL_BACK;
}

enum roll_end
kube_deploy(struct journal *j, struct roll *r)
{
	const struct kube_access *to = &j->a->host.kube;
	const char *transaction = j->id;
	struct kube_state now;
	struct wanted w;
	bool same;
	int had;

	if (!roll_reachable(j, r, "kube", to->registry))
		return ROLL_REFUSED;
	had = kube_see(j->a, r->c, &now);
	if (had < 0 || want(j->a, r->c, r->image, &w) || roll_losses(TO_KUBE, &w.item))
		return ROLL_REFUSED;
	if (had && !*now.digest) {
		report("%s: the cluster has a Deployment '%s' that d didn't make", r->c->key,
		    kube_name(r->c));
		return ROLL_REFUSED;
	}
	if (!had && others_are_there(j->a, r->c))
		return ROLL_REFUSED;
	same = had && !r->again && strcmp(now.digest, w.digest) == 0;
	if (same && now.current && now.ready)
		return ROLL_SAME;
	if (same)
		transaction = now.transaction;
	w.item.image = roll_image(j->a, r, to->registry, to->plain);
	if (!w.item.image || interrupted)
		return ROLL_REFUSED;
	json_object_set_new(j->o, "kube", json_string(w.digest));
	json_object_set_new(j->o, "applied", json_string(transaction));
	json_object_set_new(j->o, "had", json_boolean(had));
	json_object_set_new(j->o, "same", json_boolean(same));
	if (journal_step(j, "deploy"))
		return ROLL_REFUSED;
	say("DEPLOY", "%s %s to the cluster", r->c->key, short_id(r->image->id));
	r->why = "the cluster didn't take it";
	if (apply(j, &w, transaction))
		return settle(j, r, not_all_taken(j, r));
	r->why = "the journal couldn't be written";
	return journal_step(j, "wait") ? ROLL_OPEN : settle(j, r, await(j, r));
}

enum roll_end
kube_look(struct journal *j, struct roll *r)
{
	int got;

	r->why = "the cluster has another version";
	got = has_it(j, r);
	return settle(j, r, got == 1 ? await(j, r) : not_all_taken(j, r));
}

/* ---- the others ---- */

int
kube_stop(struct app *a, const struct container *c)
{
	struct kube_state s;
	int got = kube_see(a, c, &s);

	if (got == 0 || (got == 1 && !s.replicas)) {
		say("DOWN", "%s doesn't run", c->key);
		return EXIT_YES;
	}
	say("STOP", "%s", c->key);
	return got < 0 ||
		       ask(a, NULL, CALL_MS, false, "scale", "--replicas=0", resource(c), NULL)
		   ? EXIT_TROUBLE
		   : EXIT_YES;
}

const char *
kube_todo(struct app *a, const struct container *c, const struct image *live)
{
	struct kube_state s;
	struct wanted w;
	int got = kube_see(a, c, &s);

	if (got < 1 || !live || strcmp(s.image_id, live->id) != 0)
		return roll_todo(c, live, got, s.image_id);
	if (want(a, c, live, &w))
		return "can't be told";
	if (strcmp(s.digest, w.digest) != 0)
		return "restart: its settings or secrets changed";
	return s.ready ? NULL : "up: it isn't ready";
}
