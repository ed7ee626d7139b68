#include "swarm_see.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cluster_call.h"
#include "report.h"
#include "strbuf.h"

enum { CALL_MS = 60000 };

const char swarm_stack[] = "whittle";

const char *
swarm_name(const struct container *c)
{
	return pool_printf("%s_%s", swarm_stack, c->key);
}

void
swarm_words(const struct app *a, struct words *out)
{
	words_add(out, "docker");
	if (a->host.swarm.docker) {
		words_add(out, "-H");
		words_add(out, a->host.swarm.docker);
	}
}

/* The exit status; what it wrote to standard error in err. */
static int
call(struct app *a, const struct words *args, const char *in, size_t in_len, struct strbuf *out,
    struct strbuf *err)
{
	struct cluster_call c = {.on = "swarm",
	    .in = in,
	    .in_len = in_len,
	    .out = out,
	    .err = err,
	    .limit_ms = CALL_MS};

	swarm_words(a, &c.argv);
	words_add_all(&c.argv, args);
	return cluster_call(&c);
}

static void
tell(const struct words *args, int status, const struct strbuf *err)
{
	char *gist = engine_gist(err);
	bool other = strstr(gist, "not a swarm manager") != NULL;

	report("docker %s %s: %s", args->w[0], args->w[1],
	    status == 124 ? "no answer within a minute"
	    : other
		? "this docker manages no swarm; swarm.docker in the host's settings names one"
		: gist);
	free(gist);
}

int
swarm_call(
    struct app *a, const struct words *args, const char *in, size_t in_len, struct strbuf *out)
{
	struct strbuf err = STRBUF_INIT;
	int status = call(a, args, in, in_len, out, &err);

	if (status > 0)
		tell(args, status, &err);
	strbuf_free(&err);
	return status;
}

int
swarm_do(struct app *a, struct strbuf *out, ...)
{
	struct words args = {0};
	va_list ap;

	va_start(ap, out);
	words_add_each(&args, ap);
	va_end(ap);
	return swarm_call(a, &args, NULL, 0, out);
}

int
swarm_try(struct app *a, ...)
{
	struct strbuf err = STRBUF_INIT;
	struct words args = {0};
	va_list ap;
	int status;

	va_start(ap, a);
	words_add_each(&args, ap);
	va_end(ap);
	status = call(a, &args, NULL, 0, NULL, &err);
	strbuf_free(&err);
	return status;
}

/* ---- what it tells ---- */

static const json_t *
below(const json_t *o, const char *one, const char *two, const char *three)
{
	o = json_object_get(json_object_get(o, one), two);
	return three ? json_object_get(o, three) : o;
}

static void
take_service(const json_t *o, struct swarm_service *s)
{
	const json_t *spec = json_object_get(o, "Spec"),
		     *labels = json_object_get(spec, "Labels");
	const json_t *contained = below(spec, "TaskTemplate", "ContainerSpec", NULL);
	const json_t *update = json_object_get(o, "UpdateStatus");

	s->image = text_member(contained, "Image");
	contained = json_object_get(contained, "Labels");
	s->transaction = text_member(contained, SWARM_TRANSACTION);
	s->contained = text_member(contained, SWARM_DIGEST);
	s->key = text_member(labels, SWARM_KEY);
	s->image_id = text_member(labels, SWARM_IMAGE);
	s->digest = text_member(labels, SWARM_DIGEST);
	s->replicas = json_integer_value(below(spec, "Mode", "Replicated", "Replicas"));
	s->update = text_member(update, "State");
	s->message = text_member(update, "Message");
}

static void
take_task(const json_t *o, struct swarm_task *t)
{
	const json_t *status = json_object_get(o, "Status");
	const json_t *contained = below(o, "Spec", "ContainerSpec", NULL);

	t->state = text_member(status, "State");
	t->error = text_member(status, "Err");
	t->container = text_member(json_object_get(status, "ContainerStatus"), "ContainerID");
	t->wanted = strcmp(text_member(o, "DesiredState"), "running") == 0;
	t->image = text_member(contained, "Image");
	t->transaction = text_member(json_object_get(contained, "Labels"), SWARM_TRANSACTION);
}

/* "ID NODE" of each, the node's name being empty where it has none yet. */
static int
list_tasks(struct app *a, const char *name, struct words *ids, struct words *nodes)
{
	struct strbuf out = STRBUF_INIT;
	int status = swarm_do(a, &out, "service", "ps", "--no-trunc", "--format",
	    "{{.ID}} {{.Node}}", name, NULL);
	char *save = NULL;

	for (char *line = status ? NULL : strtok_r(out.s, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		size_t len = strcspn(line, " ");

		words_add(ids, pool_dupn(line, len));
		words_add(nodes, line[len] ? line + len + 1 : "");
	}
	strbuf_free(&out);
	return status ? -1 : 0;
}

static int
see_tasks(struct app *a, const char *name, struct swarm_service *s)
{
	struct words ids = {0}, nodes = {0}, args = {0};
	struct strbuf out = STRBUF_INIT, err = STRBUF_INIT;
	json_t *all = NULL, *one;
	bool bad;
	size_t i;

	if (list_tasks(a, name, &ids, &nodes))
		return -1;
	words_add(&args, "inspect");
	words_add(&args, "--type");
	words_add(&args, "task");
	words_add_all(&args, &ids);
	/* One that was forgotten meanwhile is an error beside the others' answers. */
	if (ids.n && call(a, &args, NULL, 0, &out, &err) >= 0)
		all = json_loads(out.s ? out.s : "", 0, NULL);
	json_array_foreach (all, i, one) {
		struct swarm_task *t = GROW(s->tasks);

		*t = (struct swarm_task){.id = text_member(one, "ID"), .node = ""};
		for (size_t k = 0; k < ids.n; k++)
			if (strcmp(ids.w[k], t->id) == 0)
				t->node = nodes.w[k];
		take_task(one, t);
	}
	bad = ids.n && !all;
	if (bad)
		report("docker inspect: the tasks of '%s' can't be read", name);
	json_decref(all);
	strbuf_free(&out);
	strbuf_free(&err);
	return bad ? -1 : 0;
}

static bool
says_none(const struct strbuf *err)
{
	return err->s && (strstr(err->s, "no such service") || strstr(err->s, "not found"));
}

int
swarm_see(struct app *a, const struct container *c, struct swarm_service *out)
{
	struct strbuf said = STRBUF_INIT, err = STRBUF_INIT;
	struct words args = {0};
	const char *name = swarm_name(c);
	json_t *all = NULL;
	int status, got = -1;

	*out = (struct swarm_service){0};
	words_add(&args, "service");
	words_add(&args, "inspect");
	words_add(&args, name);
	status = call(a, &args, NULL, 0, &said, &err);
	if (status == 0)
		all = json_loads(said.s ? said.s : "", 0, NULL);
	if (status == 1 && says_none(&err)) {
		got = 0;
	} else if (status > 0) {
		tell(&args, status, &err);
	} else if (status == 0 && json_array_size(all) == 1) {
		take_service(json_array_get(all, 0), out);
		got = see_tasks(a, name, out) ? -1 : 1;
	} else if (status == 0) {
		report("docker service inspect: what it says of '%s' can't be read", name);
	}
	json_decref(all);
	strbuf_free(&said);
	strbuf_free(&err);
	return got;
}

int64_t
swarm_running(const struct swarm_service *s, const char *transaction)
{
	int64_t n = 0;

	for (size_t i = 0; i < s->tasks.n; i++) {
		const struct swarm_task *t = &s->tasks.v[i];

		n += t->wanted && strcmp(t->state, "running") == 0 &&
		     (!transaction || strcmp(t->transaction, transaction) == 0);
	}
	return n;
}
