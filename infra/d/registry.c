#include "registry.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "engine.h"
#include "run.h"
#include "strbuf.h"

/* skopeo itself takes no manifest of more than 4 MiB: what is cut off is a list of tags, which
 * is no JSON then. */
enum { ASK_MS = 60000, SAID_MAX = 64 << 20 };

struct asked {
	const char *question; /* "inspect host/repo:tag" */
	enum answer answer;
	const char *digest, *why;
	struct words tags;
};

static struct {
	struct asked **v;
	size_t n;
} all_asked;

static struct words busy; /* registries */

struct reference
reference_parse(const char *text)
{
	const char *at = strchr(text, '@'), *end = at ? at : text + strlen(text), *slash,
		   *colon;
	struct reference r = {.digest = at ? pool_dup(at + 1) : NULL};
	char *name = pool_dupn(text, (size_t)(end - text));

	slash = strrchr(name, '/');
	colon = strchr(slash ? slash : name, ':');
	r.tag = colon ? pool_dup(colon + 1) : NULL;
	r.repository = colon ? pool_dupn(name, (size_t)(colon - name)) : name;
	return r;
}

static const char *
host_of(const char *repository)
{
	size_t len = strcspn(repository, "/");
	const char *host = pool_dupn(repository, len);

	return repository[len] && strpbrk(host, ".:")       ? host
	       : strncmp(repository, "localhost/", 10) == 0 ? host
							    : "docker.io";
}

/* A registry on this very host is asked by HTTP where it has no TLS. */
static bool
is_loopback(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strncmp(host, "localhost:", 10) == 0 ||
	       strncmp(host, "[::1]", 5) == 0;
}

static enum answer
judge(const char *said)
{
	static const struct {
		const char *text;
		enum answer answer;
	} table[] = {{"toomanyrequests", ANSWER_BUSY}, {"too many requests", ANSWER_BUSY},
	    {"429", ANSWER_BUSY}, {"unauthorized", ANSWER_DENIED},
	    {"authentication required", ANSWER_DENIED}, {"invalid username", ANSWER_DENIED},
	    {"access denied", ANSWER_DENIED}, {"denied:", ANSWER_DENIED},
	    {"403", ANSWER_DENIED}, {"401", ANSWER_DENIED}, {"manifest unknown", ANSWER_GONE},
	    {"manifest_unknown", ANSWER_GONE}, {"name unknown", ANSWER_GONE},
	    {"name_unknown", ANSWER_GONE}, {"repository not found", ANSWER_GONE},
	    {"404", ANSWER_GONE}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcasestr(said, table[i].text))
			return table[i].answer;
	return ANSWER_FAILED;
}

/* In place of what skopeo says, which is long and for its makers. */
static const char *
explain(enum answer answer, const char *host, const char *said, int status)
{
	switch (answer) {
	case ANSWER_GONE:
		return "isn't there any more";
	case ANSWER_DENIED:
		return pool_printf(
		    "%s denies access: its credentials are missing or expired", host);
	case ANSWER_BUSY:
		return pool_printf("%s wants fewer requests; try again later", host);
	default:
		return status == 127   ? "skopeo is required, and isn't installed"
		       : status == 124 ? pool_printf("%s didn't answer in time", host)
		       : *said         ? pool_dup(said)
				       : pool_printf("skopeo failed with status %d", status);
	}
}

static enum answer
ask(struct asked *q, const char *verb, const char *raw, const char *repository,
    const char *name, struct strbuf *out)
{
	const char *host = host_of(repository);
	struct strbuf err = STRBUF_INIT;
	struct words argv = {0};
	char *said;
	int status;

	if (words_have(&busy, host)) {
		q->why = explain(ANSWER_BUSY, host, "", 0);
		return ANSWER_BUSY;
	}
	words_add(&argv, "skopeo");
	words_add(&argv, verb);
	if (raw)
		words_add(&argv, raw);
	if (is_loopback(host))
		words_add(&argv, "--tls-verify=false");
	words_addf(&argv, "docker://%s", name);
	status = run(&(struct run){.argv = (const char *const *)argv.w,
	    .out = out,
	    .err = &err,
	    .most = SAID_MAX,
	    .timeout_ms = ASK_MS});
	if (!status) {
		strbuf_free(&err);
		return ANSWER_YES;
	}
	q->answer = judge(err.s ? err.s : "");
	said = engine_gist(&err);
	q->why = explain(q->answer, host, said, status);
	free(said);
	strbuf_free(&err);
	if (q->answer == ANSWER_BUSY)
		words_add(&busy, host);
	return q->answer;
}

static struct asked *
asked_before(const char *question, bool *before)
{
	struct asked *q;

	for (size_t i = 0; i < all_asked.n; i++)
		if (strcmp(all_asked.v[i]->question, question) == 0) {
			*before = true;
			return all_asked.v[i];
		}
	*before = false;
	q = pool_zero(1, sizeof(*q));
	q->question = question;
	*GROW(all_asked) = q;
	return q;
}

enum answer
registry_digest(const char *repository, const char *tag, const char **digest, const char **why)
{
	const char *name = pool_printf("%s:%s", repository, tag);
	struct strbuf out = STRBUF_INIT;
	char hex[SHA256_HEX];
	struct asked *q;
	bool before;

	q = asked_before(pool_printf("inspect %s", name), &before);
	if (!before) {
		q->answer = ask(q, "inspect", "--raw", repository, name, &out);
		if (q->answer == ANSWER_YES) {
			sha256_bytes(out.s ? out.s : "", out.len, hex);
			q->digest = pool_printf("sha256:%s", hex);
		}
		strbuf_free(&out);
	}
	*digest = q->digest;
	*why = q->why;
	return q->answer;
}

enum answer
registry_tags(const char *repository, const struct words **tags, const char **why)
{
	struct strbuf out = STRBUF_INIT;
	json_t *answer, *tag;
	struct asked *q;
	bool before;
	size_t i;

	q = asked_before(pool_printf("list-tags %s", repository), &before);
	if (!before) {
		q->answer = ask(q, "list-tags", NULL, repository, repository, &out);
		answer = q->answer == ANSWER_YES
			     ? json_loadb(out.s ? out.s : "", out.len, 0, NULL)
			     : NULL;
		if (q->answer == ANSWER_YES &&
		    !json_is_array(json_object_get(answer, "Tags"))) {
			q->answer = ANSWER_FAILED;
			q->why = "skopeo's list of tags can't be read";
		}
		json_array_foreach (json_object_get(answer, "Tags"), i, tag)
			if (json_is_string(tag))
				words_add(&q->tags, json_string_value(tag));
		json_decref(answer);
		strbuf_free(&out);
	}
	*tags = &q->tags;
	*why = q->why;
	return q->answer;
}
