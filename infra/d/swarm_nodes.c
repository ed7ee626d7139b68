#include "swarm_nodes.h"

#include <string.h>
#include <sys/utsname.h>

#include "far.h"
#include "report.h"
#include "run.h"
#include "self.h"
#include "strbuf.h"

enum { ANSWER_MAX = 64 << 20 };

static const char *
address_of(struct app *a, const char *node)
{
	struct strbuf out = STRBUF_INIT;
	const char *got = "";

	if (swarm_do(a, &out, "node", "inspect", "--format", "{{.Status.Addr}}", node, NULL) ==
		0 &&
	    out.s)
		got = pool_dupn(out.s, strcspn(out.s, "\n"));
	strbuf_free(&out);
	return got;
}

/* root@attic.lan is the node "attic" as well as the node "attic.lan". */
static bool
is_at(const struct fleet_host *h, const char *node, const char *address)
{
	const char *at = strrchr(h->ssh, '@');
	size_t len = strlen(node);

	at = at ? at + 1 : h->ssh;
	return strcmp(at, address) == 0 ||
	       (strncmp(at, node, len) == 0 && (!at[len] || at[len] == '.'));
}

static const struct fleet_host *
host_of(struct app *a, const char *node)
{
	const struct fleet *all = &a->host.fleet;
	const struct fleet_host *named = fleet_host(all, node);
	const char *address = named ? NULL : address_of(a, node);

	for (size_t i = 0; !named && i < all->n; i++)
		if (is_at(&all->v[i], node, address))
			named = &all->v[i];
	return named;
}

static json_t *
ask_far(const struct fleet_host *h, const struct words *words)
{
	struct fleet_host docker = *h;
	struct far_text text;
	json_t *list;

	/* A host may have podman as well, for its own containers. */
	if (!h->engine || !strchr(h->engine, '/'))
		docker.engine = "docker";
	far_all(&(struct fleet){&docker, 1}, words, FAR_QUESTION, &text);
	list = far_list(h, &text);
	far_close(&text);
	return list;
}

static json_t *
ask_here(struct app *a, const char *node, const struct words *words)
{
	const char *docker = a->host.swarm.docker;
	struct strbuf out = STRBUF_INIT, err = STRBUF_INIT;
	struct words argv = {0};
	json_t *list = NULL;
	int status;

	words_add(&argv, "env");
	words_add(&argv, "ENGINE=docker");
	words_add(&argv, "WHITTLE_ENGINE=docker");
	if (docker && strncmp(docker, "unix:", 5) == 0)
		words_addf(&argv, "DOCKER_HOST=%s", docker);
	words_add(&argv, program_path());
	words_add_all(&argv, words);
	status = run(&(struct run){
	    .argv = (const char *const *)argv.w, .out = &out, .err = &err, .most = ANSWER_MAX});
	if (status == EXIT_YES || status == EXIT_NO)
		list = json_loads(out.s ? out.s : "", 0, NULL);
	if (!json_is_array(list)) {
		report("%s: d: %s", node,
		    err.len ? pool_dupn(err.s, strcspn(err.s, "\n")) : "no answer");
		json_decref(list);
		list = NULL;
	}
	strbuf_free(&out);
	strbuf_free(&err);
	return list;
}

static json_t *
ask_node(struct app *a, const char *node, const struct words *words)
{
	const struct fleet_host *h = host_of(a, node);
	struct utsname here;

	if (h)
		return ask_far(h, words);
	uname(&here);
	if (strcmp(here.nodename, node) == 0)
		return ask_here(a, node, words);
	report(
	    "the node '%s' is none of the hosts of settings.yaml(5), by name or address", node);
	return NULL;
}

json_t *
swarm_nodes_ask(
    struct app *a, const struct swarm_service *s, const struct words *words, bool *trouble)
{
	json_t *all = json_array(), *one;
	size_t k;

	*trouble = false;
	for (size_t i = 0; i < s->tasks.n; i++) {
		const struct swarm_task *t = &s->tasks.v[i];
		struct words more = {0};
		json_t *list;

		if (!t->wanted || strcmp(t->state, "running") != 0)
			continue;
		words_add_all(&more, words);
		words_add(&more, t->container);
		list = ask_node(a, t->node, &more);
		if (!list)
			*trouble = true;
		json_array_foreach (list, k, one)
			json_object_set_new(one, "node", json_string(t->node));
		json_array_extend(all, list);
		json_decref(list);
	}
	return all;
}
